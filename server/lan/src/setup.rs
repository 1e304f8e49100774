//! How long bringing the LAN up took, told once, when the lab's code begins.

use crate::Recorder;
use api::trace::Lifecycle;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

#[derive(Debug)]
pub(crate) struct Setup {
    recorder: Recorder,
    spent_us: AtomicU64,
    announced: AtomicBool,
}

impl Setup {
    pub(crate) fn new(recorder: Recorder) -> Self {
        Self { recorder, spent_us: AtomicU64::new(0), announced: AtomicBool::new(false) }
    }

    /// Counts the time that `work` takes as set-up.
    pub(crate) fn time<T>(&self, work: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let result = work();
        self.add(began.elapsed());
        result
    }

    pub(crate) fn add(&self, time: Duration) {
        self.spent_us.fetch_add(time.as_micros() as u64, Ordering::Relaxed);
    }

    /// The lab's code begins. Only the first call records that.
    pub(crate) fn announce(&self) {
        if !self.announced.swap(true, Ordering::AcqRel) {
            let setup_us = u32::try_from(self.spent_us.load(Ordering::Relaxed)).unwrap_or(u32::MAX);
            self.recorder.lifecycle(Lifecycle::Started { setup_us });
        }
    }
}
