//! How long bringing the LAN up took, told once, when the lab's code begins.

use crate::Recorder;
use crate::activity::Activity;
use api::trace::Lifecycle;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

#[derive(Debug)]
pub(crate) struct Setup {
    recorder: Recorder,
    activity: Arc<Activity>,
    spent_us: AtomicU64,
}

impl Setup {
    pub(crate) fn new(recorder: Recorder, activity: Arc<Activity>) -> Self {
        Self { recorder, activity, spent_us: AtomicU64::new(0) }
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
        if self.activity.begin() {
            let setup_us = u32::try_from(self.spent_us.load(Ordering::Relaxed)).unwrap_or(u32::MAX);
            self.recorder.lifecycle(Lifecycle::Started { setup_us });
        }
    }
}
