//! How much may still be recorded, and what was not.

use api::run::Limits;
use api::trace::LeftOut;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counts down what the limits allow. All methods may be called from any thread.
#[derive(Debug)]
pub(super) struct Budget {
    events: AtomicU64,
    frame_bytes: AtomicU64,
    lifecycle: AtomicU64,
    lost_code: AtomicU64,
    lost_frames: AtomicU64,
    lost_frame_bytes: AtomicU64,
    lost_kernel: AtomicU64,
    lost_samples: AtomicU64,
}

impl Budget {
    pub(super) fn new(limits: &Limits, lifecycle: u32) -> Self {
        Self {
            events: u64::from(limits.events).into(),
            frame_bytes: limits.frame_bytes.into(),
            lifecycle: u64::from(lifecycle).into(),
            lost_code: 0.into(),
            lost_frames: 0.into(),
            lost_frame_bytes: 0.into(),
            lost_kernel: 0.into(),
            lost_samples: 0.into(),
        }
    }

    /// Takes one event from the limit; false if there is none left.
    pub(super) fn event(&self) -> bool {
        take(&self.events, 1)
    }

    /// Takes a frame and what will become of it, all or nothing.
    pub(super) fn frame(&self, deliveries: usize) -> bool {
        take(&self.events, 1 + deliveries as u64)
    }

    /// Takes the bytes of a frame, or counts them as left out.
    pub(super) fn frame_bytes(&self, length: usize) -> bool {
        take(&self.frame_bytes, length as u64) || {
            self.lost_frame_bytes.fetch_add(length as u64, Relaxed);
            false
        }
    }

    pub(super) fn lifecycle(&self) -> bool {
        take(&self.lifecycle, 1) || self.event()
    }

    pub(super) fn lost_code(&self) {
        self.lost_code.fetch_add(1, Relaxed);
    }

    pub(super) fn lost_kernel(&self) {
        self.lost_kernel.fetch_add(1, Relaxed);
    }

    pub(super) fn lost_sample(&self) {
        self.lost_samples.fetch_add(1, Relaxed);
    }

    pub(super) fn lost_frames(&self, count: u64) {
        self.lost_frames.fetch_add(count, Relaxed);
    }

    pub(super) fn left_out(&self) -> LeftOut {
        LeftOut {
            code_events: self.lost_code.load(Relaxed),
            frames: self.lost_frames.load(Relaxed),
            frame_bytes: self.lost_frame_bytes.load(Relaxed),
            kernel_events: self.lost_kernel.load(Relaxed),
            samples: self.lost_samples.load(Relaxed),
        }
    }
}

fn take(from: &AtomicU64, amount: u64) -> bool {
    from.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(amount)).is_ok()
}
