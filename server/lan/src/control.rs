//! What stays with whoever started the run.

use crate::shared::Shared;
use api::line::{InvalidField, Line};
use api::trace::{HostInfo, LeftOut};
use std::sync::Arc;
use std::thread::JoinHandle;

/// Changes lines while the lab runs, and ends the LAN.
///
/// Every decision about a frame (lost? delayed by how much? which bit damaged?) is a function of the seed,
/// the host, the direction and the number of the frame on that cable, so the same seed decides alike about
/// the same frames, whatever the timing.
#[derive(Debug)]
pub struct Control {
    shared: Arc<Shared>,
    kernel: Option<JoinHandle<()>>,
}

impl Control {
    pub(crate) fn new(shared: Arc<Shared>, kernel: JoinHandle<()>) -> Self {
        Self { shared, kernel: Some(kernel) }
    }

    /// Changes a host's line from now on and records that. Its MTU does not change the host's interface any
    /// more: what is larger disappears, as in a black hole.
    ///
    /// # Errors
    /// No such host, a value out of bounds, or a tier without lines.
    pub fn set_line(&self, host: &str, line: Line) -> Result<(), InvalidField> {
        self.shared.set_line(host, line)
    }

    /// The hosts so far, by [`api::trace::HostId`].
    #[must_use]
    pub fn hosts(&self) -> Vec<HostInfo> {
        self.shared.infos()
    }

    /// Stops hosts, switch and observers, closes the recorder and returns what was left out.
    ///
    /// Blocking code that is still running on a host cannot be stopped from within the process: it keeps
    /// its thread and namespace until it returns or the process ends.
    pub fn finish(mut self) -> LeftOut {
        self.stop();
        self.shared.recorder.close()
    }

    fn stop(&mut self) {
        if let Some(kernel) = self.kernel.take() {
            self.shared.stop(kernel);
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.stop();
    }
}
