//! What stays with whoever started the run.

use api::line::{InvalidField, Line};
use api::trace::{HostInfo, LeftOut};

/// Changes lines while the lab runs, and ends the LAN.
#[derive(Debug)]
pub struct Control {}

impl Control {
    /// Changes a host's line from now on and records that.
    ///
    /// # Errors
    /// No such host, a value out of bounds, or a tier without lines.
    pub fn set_line(&self, _host: &str, _line: Line) -> Result<(), InvalidField> {
        Err(InvalidField { field: "host".into(), message: "尚未实现".into() })
    }

    /// The hosts so far, by [`api::trace::HostId`].
    #[must_use]
    pub fn hosts(&self) -> Vec<HostInfo> {
        Vec::new()
    }

    /// Stops hosts, switch and observers, closes the recorder and returns what was left out.
    #[must_use]
    pub fn finish(self) -> LeftOut {
        LeftOut::default()
    }
}
