//! Where every observer puts its events: limited on the way in, ordered and numbered on the way out.

mod budget;
mod writer;

use crate::activity::{Activity, Touched};
use api::run::{FromRun, Limits};
use api::trace::{Body, Code, Frame, HostId, HostInfo, Kernel, LeftOut, Lifecycle, Secret, Signal};
use budget::Budget;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

/// Events that may wait for the recorder's thread. Beyond this the sink is too slow and events are left out.
const QUEUE: usize = 16_384;
/// Lifecycle events have this much room to themselves.
const LIFECYCLE_RESERVE: u32 = 4_096;
/// Different secrets that a run may write down: five for each side of a TLS 1.3 connection, and both sides write the same.
const SECRETS: usize = 4_096;

/// Orders, numbers, limits and batches events. Clones are the same recorder.
///
/// Observers never wait for the sink: when it falls behind, events are left out and counted.
#[derive(Clone, Debug)]
pub struct Recorder {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    start: Instant,
    budget: Budget,
    queue: Mutex<Queue>,
    /// Something came, or somebody waits for a flush.
    came: Condvar,
    /// Something was left out since the writer last told how much.
    lost: AtomicBool,
    /// A flush was carried out.
    written: Condvar,
    thread: Mutex<Option<JoinHandle<()>>>,
    activity: Option<Arc<Activity>>,
}

#[derive(Debug, Default)]
struct Queue {
    items: Vec<Item>,
    hosts: Vec<HostInfo>,
    /// Flushes asked for and carried out.
    asked: u64,
    done: u64,
    closing: bool,
    /// What was recorded of the key log already.
    secrets: HashSet<Secret>,
}

#[derive(Debug)]
struct Item {
    time: u64,
    body: Body,
}

impl Recorder {
    /// Starts a recorder whose batches go to `sink`, on a thread of its own, at most 8 ms after the event.
    pub fn new(limits: &Limits, sink: impl FnMut(FromRun) + Send + 'static) -> Self {
        let shared = Arc::new(Shared {
            start: Instant::now(),
            budget: Budget::new(limits, LIFECYCLE_RESERVE),
            queue: Mutex::default(),
            came: Condvar::new(),
            lost: AtomicBool::new(false),
            written: Condvar::new(),
            thread: Mutex::default(),
            // Without an eventfd only the moment of kernel samples gets worse.
            activity: Activity::new().ok().map(Arc::new),
        });
        let writer = Arc::clone(&shared);
        let thread =
            std::thread::Builder::new().name("recorder".into()).spawn(move || writer::run(&writer, sink));
        match thread {
            Ok(thread) => *lock(&shared.thread) = Some(thread),
            Err(_) => shared.queue().closing = true,
        }
        Self { shared }
    }

    /// Nanoseconds since the start of the run.
    #[must_use]
    pub fn elapsed_ns(&self) -> u64 {
        self.shared.elapsed_ns()
    }

    /// Records something about the run itself. Never left out by the limits of other events.
    pub fn lifecycle(&self, what: Lifecycle) {
        if self.shared.budget.lifecycle() {
            self.push(true, self.elapsed_ns(), Body::Lifecycle(what));
        }
    }

    /// Records a point of a time series, within the limit of all events. What is no finite number has no place in a
    /// chart (nor in JSON) and counts as left out.
    pub(crate) fn sampled(&self, host: Option<HostId>, series: &str, value: f64, unit: &str) {
        let body = || {
            let (series, unit) = (series.into(), unit.into());
            Body::Lifecycle(Lifecycle::Sampled { host, series, value, unit })
        };
        let room = value.is_finite() && self.shared.budget.event();
        if !room || !self.push(false, self.elapsed_ns(), body()) {
            self.shared.budget.lost_sample();
        }
    }

    /// Records a line that a program of the run wrote to its TLS key log. The two ends of a connection write the same
    /// secrets down: only the first is kept.
    pub fn secret(&self, secret: Secret) {
        let time = self.elapsed_ns();
        let mut queue = self.shared.queue();
        if queue.secrets.contains(&secret) {
            return;
        }
        let room = queue.secrets.len() < SECRETS && queue.secrets.insert(secret.clone());
        drop(queue);
        if !room || !self.push(true, time, Body::Secret(secret)) {
            self.shared.budget.lost_code();
        }
    }

    /// Hands everything recorded so far to the sink before it returns.
    pub fn flush(&self) {
        let mut queue = self.shared.queue();
        queue.asked += 1;
        let wanted = queue.asked;
        self.shared.came.notify_one();
        while queue.done < wanted && !queue.closing {
            queue = self.shared.written.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Flushes, stops the recorder's thread and returns what was left out. Later events are ignored.
    /// [`crate::Control::finish`] does this; call it yourself only when there is no `Control`.
    pub fn close(&self) -> LeftOut {
        self.shared.queue().closing = true;
        self.shared.came.notify_one();
        let thread = lock(&self.shared.thread).take();
        if let Some(thread) = thread {
            // A sink that panicked has been reported by the panic itself.
            let _ = thread.join();
        }
        self.shared.budget.left_out()
    }

    pub(crate) fn activity(&self) -> Option<&Arc<Activity>> {
        self.shared.activity.as_ref()
    }

    /// Announces a host; it reaches the sink before any event that names it.
    pub(crate) fn host(&self, info: HostInfo) {
        let mut queue = self.shared.queue();
        if !queue.closing {
            queue.hosts.push(info);
            self.shared.came.notify_one();
        }
    }

    pub(crate) fn code(&self, code: Code) {
        if let (Some(activity), Some(host)) = (&self.shared.activity, code.host) {
            activity.touch(host, Touched::ALL);
        }
        if !self.shared.budget.event() || !self.push(false, self.elapsed_ns(), Body::Code(code)) {
            self.lost(Budget::lost_code);
        }
    }

    pub(crate) fn kernel(&self, time: u64, kernel: Kernel) {
        if !self.shared.budget.event() || !self.push(false, time, Body::Kernel(kernel)) {
            self.lost(Budget::lost_kernel);
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        if !self.shared.budget.event() || !self.push(false, self.elapsed_ns(), Body::Signal(signal)) {
            self.lost(Budget::lost_code);
        }
    }

    /// Room for a frame and its deliveries together, or none at all.
    pub(crate) fn reserve_frame(&self, deliveries: usize) -> bool {
        self.shared.budget.frame(deliveries) || {
            self.lost(|budget| budget.lost_frames(1));
            false
        }
    }

    /// True if there is room for the bytes of a frame too.
    pub(crate) fn reserve_bytes(&self, length: usize) -> bool {
        // The budget has counted them.
        self.shared.budget.frame_bytes(length) || {
            self.lost(|_| ());
            false
        }
    }

    /// Records a frame for which there was room. False if the sink is too slow.
    pub(crate) fn frame(&self, time: u64, frame: Frame) -> bool {
        self.push(false, time, Body::Frame(frame)) || {
            self.lost(|budget| budget.lost_frames(1));
            false
        }
    }

    /// Frames that were lost before the switch could see them.
    pub(crate) fn frames_unseen(&self, count: u64) {
        if count > 0 {
            self.lost(|budget| budget.lost_frames(count));
        }
    }

    /// Records what became of a recorded frame.
    pub(crate) fn delivery(&self, time: u64, delivery: api::trace::Delivery) {
        self.push(true, time, Body::Delivery(delivery));
    }

    /// Counts what was left out; the writer tells it soon, also if nothing else comes.
    fn lost(&self, count: impl FnOnce(&Budget)) {
        count(&self.shared.budget);
        if !self.shared.lost.swap(true, Ordering::AcqRel) {
            // Locked, so that the writer is not just between looking and waiting.
            let _queue = self.shared.queue();
            self.shared.came.notify_one();
        }
    }

    fn push(&self, always: bool, time: u64, body: Body) -> bool {
        let mut queue = self.shared.queue();
        if queue.closing {
            // After the end nothing is missed.
            return true;
        }
        if !always && queue.items.len() >= QUEUE {
            return false;
        }
        queue.items.push(Item { time, body });
        let waiting = queue.items.len();
        drop(queue);
        if waiting == 1 || waiting == QUEUE / 2 {
            self.shared.came.notify_one();
        }
        true
    }
}

impl Shared {
    fn elapsed_ns(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        lock(&self.queue)
    }
}

/// A panic while holding one of our locks leaves plain data behind.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
