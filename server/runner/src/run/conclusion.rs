//! The end of a run, said exactly once.

use api::run::{FromRun, Outcome};
use lan::{Control, Recorder};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::key_log::Reader;
use super::link::Link;
use super::{SAID_ALL, process};

/// Whoever knows first how the run ends, concludes it; the process is gone then.
pub(super) struct Conclusion {
    link: Arc<Link>,
    recorder: Recorder,
    key_log: Arc<Reader>,
    control: Mutex<Option<Control>>,
    stopping: AtomicBool,
}

impl Conclusion {
    pub(super) fn new(link: Arc<Link>, recorder: Recorder, key_log: Arc<Reader>) -> Self {
        Self { link, recorder, key_log, control: Mutex::new(None), stopping: AtomicBool::new(false) }
    }

    /// The LAN is up; from now on ending the run means ending it too.
    pub(super) fn set_control(&self, control: Control) {
        *self.control() = Some(control);
    }

    /// The LAN's control, locked; `None` before it is up.
    pub(super) fn control(&self) -> MutexGuard<'_, Option<Control>> {
        self.control.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The reader wants it to end: whatever the lab's code returns from now on, the run was stopped.
    pub(super) fn stop_wanted(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    /// Lets the LAN come to rest, says what is left to say and leaves.
    pub(super) fn conclude(&self, outcome: Outcome) -> ! {
        // Held until the process is gone: a second caller waits here.
        let mut control = self.control();
        self.key_log.read();
        let left_out = match control.take() {
            Some(control) => control.finish(),
            None => self.recorder.close(),
        };
        let outcome = if self.stopping.load(Ordering::Acquire) { stopped() } else { outcome };
        self.link.send(FromRun::Finished { outcome, left_out });
        process::leave(SAID_ALL)
    }
}

pub(super) fn stopped() -> Outcome {
    Outcome::Stopped { message: "运行已停止".into() }
}
