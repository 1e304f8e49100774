//! What moved lately: how the switch and the code observer tell the kernel observer where to look.

use api::trace::HostId;
use nix::sys::eventfd::{EfdFlags, EventFd};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

/// Sockets that may have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Touched(u8);

impl Touched {
    pub(crate) const CONNECTIONS: Self = Self(1);
    pub(crate) const DATAGRAMS: Self = Self(2);
    pub(crate) const LISTENERS: Self = Self(4);
    pub(crate) const ALL: Self = Self(7);
    const NOTHING: Self = Self(0);

    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) fn contains(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// Shared by all observers of a run.
#[derive(Debug)]
pub(crate) struct Activity {
    touched: [AtomicU8; 256],
    wake: EventFd,
    /// When a frame last entered or left the switch, nanoseconds since the start.
    last_frame: AtomicU64,
    /// Frames on their way.
    travelling: AtomicU64,
    /// The lab's code has begun.
    begun: AtomicBool,
}

impl Activity {
    pub(crate) fn new() -> std::io::Result<Self> {
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        Ok(Self {
            touched: [const { AtomicU8::new(0) }; 256],
            wake: EventFd::from_value_and_flags(0, flags)?,
            last_frame: AtomicU64::new(0),
            travelling: AtomicU64::new(0),
            begun: AtomicBool::new(false),
        })
    }

    /// Marks sockets of a host as worth a look. Costs a system call only the first time.
    pub(crate) fn touch(&self, host: HostId, what: Touched) {
        if self.touched[usize::from(host)].fetch_or(what.0, Ordering::AcqRel) == 0 {
            self.wake();
        }
    }

    /// What was touched since the last call.
    pub(crate) fn take(&self, host: HostId) -> Option<Touched> {
        let touched = Touched(self.touched[usize::from(host)].swap(0, Ordering::AcqRel));
        (touched != Touched::NOTHING).then_some(touched)
    }

    pub(crate) fn wake(&self) {
        // A counter that is full wakes the reader as well.
        let _ = self.wake.write(1);
    }

    /// Readable after [`Self::wake`], until [`Self::slept`].
    pub(crate) fn waker(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }

    pub(crate) fn slept(&self) {
        let _ = self.wake.read();
    }

    /// True only the first time.
    pub(crate) fn begin(&self) -> bool {
        !self.begun.swap(true, Ordering::AcqRel)
    }

    /// Before the lab's code begins no cable is plugged in.
    pub(crate) fn has_begun(&self) -> bool {
        self.begun.load(Ordering::Acquire)
    }

    pub(crate) fn frame_moved(&self, time: u64, travelling: u64) {
        self.last_frame.store(time, Ordering::Relaxed);
        self.travelling.store(travelling, Ordering::Relaxed);
    }

    /// When a frame last moved, and how many are on their way.
    pub(crate) fn frames(&self) -> (u64, u64) {
        (self.last_frame.load(Ordering::Relaxed), self.travelling.load(Ordering::Relaxed))
    }
}
