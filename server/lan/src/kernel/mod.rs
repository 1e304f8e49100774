//! The kernel observer: what `ss -tui` would show on each host, recorded whenever it changes.
//!
//! Sockets are looked at right after frames moved, but not more often than every millisecond; at once when
//! a segment opens or ends a connection; and now and then while nothing moves.

mod change;
mod inet_diag;
mod sockets;
mod tcp_info;
mod watch;

use crate::Recorder;
use crate::activity::{Activity, Touched};
use crate::recorder::lock;
use api::trace::HostId;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
pub(crate) use watch::{Scope, Watch};

/// Shortest time between two looks at the same sockets.
const SHORTEST_PAUSE: Duration = Duration::from_millis(1);
/// Time between two looks at everything, for changes that no frame announces (a listener, a full receive
/// queue). It doubles while nothing moves.
const SHORTEST_IDLE: Duration = Duration::from_millis(10);
const LONGEST_IDLE: Duration = Duration::from_millis(160);
/// The observer rests at least this many times as long as a look took.
const REST: u32 = 9;

/// Shared by the observer's thread and the switch.
#[derive(Debug)]
pub(crate) struct KernelObserver {
    watches: Mutex<Vec<Arc<Watch>>>,
    recorder: Recorder,
    activity: Arc<Activity>,
    /// Numbers of sockets within the run.
    next_socket: AtomicU32,
    stop: AtomicBool,
}

impl KernelObserver {
    pub(crate) fn new(recorder: Recorder, activity: Arc<Activity>) -> Arc<Self> {
        Arc::new(Self {
            watches: Mutex::default(),
            recorder,
            activity,
            next_socket: AtomicU32::new(0),
            stop: AtomicBool::new(false),
        })
    }

    pub(crate) fn start(self: &Arc<Self>) -> std::io::Result<JoinHandle<()>> {
        let observer = Arc::clone(self);
        std::thread::Builder::new().name("kernel".into()).spawn(move || observer.run())
    }

    pub(crate) fn add(&self, watch: Watch) {
        lock(&self.watches).push(Arc::new(watch));
        self.activity.wake();
    }

    /// Looks at a host's sockets now: its connection is changing its state with the frame at hand.
    pub(crate) fn look(&self, host: HostId, touched: Touched) {
        let watch = lock(&self.watches).iter().find(|watch| watch.scope().is_host(host)).cloned();
        // With very many sockets the wire would wait too long.
        if !watch.is_some_and(|watch| watch.look_if_small(self, touched)) {
            self.activity.touch(host, touched);
        }
    }

    /// Looks at everything a last time, complete, and ends the thread.
    pub(crate) fn stop(&self, thread: JoinHandle<()>) {
        self.stop.store(true, Ordering::Release);
        self.activity.wake();
        let _ = thread.join();
        for watch in self.watches() {
            watch.look_finally(self);
        }
        lock(&self.watches).clear();
    }

    pub(crate) fn look_at_all(&self) {
        for watch in self.watches() {
            watch.look(self, Touched::ALL);
        }
    }

    fn watches(&self) -> Vec<Arc<Watch>> {
        lock(&self.watches).clone()
    }

    fn next_socket(&self) -> u32 {
        self.next_socket.fetch_add(1, Ordering::Relaxed)
    }

    fn run(&self) {
        let mut full_look = Instant::now();
        let mut idle = SHORTEST_IDLE;
        while !self.stop.load(Ordering::Acquire) {
            let watches = self.watches();
            self.wait(&watches, full_look);
            self.activity.slept();
            let began = Instant::now();
            let everything = began >= full_look;
            let mut moved = false;
            for watch in &watches {
                let touched = match watch.scope() {
                    // Nothing announces changes here.
                    Scope::Subnet { .. } => Some(Touched::ALL),
                    Scope::Host(host) => self.activity.take(*host),
                };
                moved |= touched.is_some();
                if let Some(touched) = if everything { Some(Touched::ALL) } else { touched } {
                    watch.look(self, touched);
                }
                watch.note_ended(self);
            }
            let took = began.elapsed();
            idle = if moved { SHORTEST_IDLE } else { idle };
            if everything {
                full_look = Instant::now() + idle.max(took * REST);
                idle = LONGEST_IDLE.min(idle * 2);
            }
            std::thread::sleep(SHORTEST_PAUSE.max(took * REST));
        }
    }

    /// Until something was touched, a socket ended, or it is time for a look at everything.
    fn wait(&self, watches: &[Arc<Watch>], full_look: Instant) {
        let mut polled = vec![PollFd::new(self.activity.waker(), PollFlags::POLLIN)];
        let ended = watches.iter().filter_map(|watch| watch.ended_socket());
        polled.extend(ended.map(|socket| PollFd::new(socket.fd().as_fd(), PollFlags::POLLIN)));
        let rest = full_look.saturating_duration_since(Instant::now());
        let timeout = PollTimeout::try_from(rest).unwrap_or(PollTimeout::ZERO);
        // An interrupted wait is a short one.
        let _ = poll(&mut polled, timeout);
    }
}
