//! Where every observer puts its events.

use api::run::{FromRun, Limits};
use api::trace::{LeftOut, Lifecycle};

/// Orders, numbers, limits and batches events. Clones are the same recorder.
#[derive(Clone, Debug)]
pub struct Recorder {}

impl Recorder {
    /// Starts a recorder whose batches go to `sink`, on a thread of its own.
    pub fn new(_limits: &Limits, _sink: impl FnMut(FromRun) + Send + 'static) -> Self {
        Self {}
    }

    /// Records something about the run itself. Never left out.
    pub fn lifecycle(&self, _what: Lifecycle) {}

    /// Hands everything recorded so far to the sink before it returns.
    pub fn flush(&self) {}

    /// Nanoseconds since the start of the run.
    #[must_use]
    pub fn elapsed_ns(&self) -> u64 {
        0
    }

    /// Flushes, stops the recorder's thread and returns what was left out. Later events are ignored.
    /// [`crate::Control::finish`] does this; call it yourself only when there is no `Control`.
    pub fn close(&self) -> LeftOut {
        LeftOut::default()
    }
}
