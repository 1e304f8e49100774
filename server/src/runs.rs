//! Runs in progress: who may start one, who waits, and what each has reported so far.
//!
//! ```text
//! live socket ──start──▶ Runs ──slot──▶ drive (one task a run) ──▶ Engine (the runner's client)
//!      ▲                                   │ appends
//!      └────────── reads at its own pace ──┴▶ Run: log of serialized messages, written once for all watchers
//! ```
//! A run belongs to nobody once started: its readers come and go, it ends by itself, by `stop` or by a limit.

mod count;
mod drive;
mod engine;
mod log;
mod run;
mod slots;
mod trace;

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use api::run::{Limits, RunSpec, TierReport};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Times;
use crate::store::{self, Store};
use count::Counts;
use run::Owner;
use slots::Slots;

pub(crate) use drive::now_ms;
pub use engine::{Control, Engine, Process, StartError};
pub use log::Entry;
pub(crate) use log::text;
pub use run::{Phase, Progress, Run, Started};
pub use trace::record;

/// Identifies a live socket for as long as it is open.
pub type ReaderId = u64;

/// Bytes of finished runs kept in memory for readers who resume.
const KEEP_BYTES: u64 = 128 << 20;

/// How many runs at once.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub running: u32,
    pub queued: u32,
    pub per_reader: u32,
    /// 0: unlimited.
    pub per_address: u32,
}

/// A run that a reader asked for; everything in it has been checked.
#[derive(Clone, Debug)]
pub struct Request {
    pub reader: ReaderId,
    pub address: IpAddr,
    pub spec: RunSpec,
    pub wall_ms: u32,
    /// SHA-256 of the lab's source.
    pub source_hash: String,
}

/// Why no run was started; a sentence for the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("你已有 {0} 个运行在进行或排队，请等它结束或先停止它")]
    Reader(u32),
    #[error("来自你这个网络地址的运行已达上限（{0} 个），请稍后再试")]
    Address(u32),
    #[error("排队的人太多了，请稍后再试")]
    QueueFull,
    #[error("服务器正在关闭，不再接受新的运行")]
    ShuttingDown,
}

/// All runs of this server. Cheap to clone.
#[derive(Clone)]
pub struct Runs {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Arc<dyn Engine>,
    store: Store,
    bounds: Bounds,
    limits: Limits,
    times: Times,
    slots: Slots,
    running: AtomicU32,
    readers: Counts<ReaderId>,
    addresses: Counts<IpAddr>,
    known: Mutex<Known>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

#[derive(Default)]
struct Known {
    by_id: HashMap<String, Arc<Run>>,
    /// Finished ones, oldest first.
    finished: VecDeque<Arc<Run>>,
}

/// Numbers for `/readyz`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Load {
    pub running: u32,
    pub queued: u32,
    pub limit: u32,
}

impl Runs {
    /// `limits` apply to every run, except for the wall clock, which is the lab's.
    #[must_use]
    pub fn new(engine: Arc<dyn Engine>, store: Store, bounds: Bounds, limits: Limits, times: Times) -> Self {
        Self {
            inner: Arc::new(Inner {
                engine,
                store,
                bounds,
                limits,
                times,
                slots: Slots::new(bounds.running),
                running: AtomicU32::new(0),
                readers: Counts::default(),
                addresses: Counts::default(),
                known: Mutex::default(),
                tasks: TaskTracker::new(),
                stop: CancellationToken::new(),
            }),
        }
    }

    /// What this machine permits.
    #[must_use]
    pub fn tier(&self) -> TierReport {
        self.inner.engine.tier()
    }

    /// Starts a run or puts it into the queue; the caller watches it from the start. Its id is also the id of
    /// its trace.
    ///
    /// # Errors
    /// A bound is reached.
    pub fn start(&self, request: Request) -> Result<(Arc<Run>, watch::Receiver<Progress>), Refusal> {
        let inner = &self.inner;
        let bounds = inner.bounds;
        if inner.stop.is_cancelled() {
            return Err(Refusal::ShuttingDown);
        }
        let reader = inner
            .readers
            .enter(request.reader, bounds.per_reader)
            .ok_or(Refusal::Reader(bounds.per_reader))?;
        let per_address = if bounds.per_address == 0 { u32::MAX } else { bounds.per_address };
        let address =
            inner.addresses.enter(request.address, per_address).ok_or(Refusal::Address(per_address))?;
        let ticket = inner.slots.ticket(bounds.queued).ok_or(Refusal::QueueFull)?;

        let owner = Owner { reader: Some(request.reader), address: request.address };
        let (run, commands) = Run::new(store::new_id(), owner, request.spec);
        let run = Arc::new(run);
        let progress = run.watch();
        self.known().by_id.insert(run.id.clone(), Arc::clone(&run));
        let job = drive::Job {
            runs: self.clone(),
            run: Arc::clone(&run),
            commands,
            limits: Limits { wall_ms: request.wall_ms, ..inner.limits },
            source_hash: request.source_hash,
            places: (reader, address),
        };
        inner.tasks.spawn(drive::drive(job, ticket));
        Ok((run, progress))
    }

    /// A run that is queued, running, or finished a short while ago.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<Arc<Run>> {
        self.known().by_id.get(id).cloned()
    }

    #[must_use]
    pub fn load(&self) -> Load {
        Load {
            running: self.inner.running.load(Ordering::Relaxed),
            queued: self.inner.slots.waiting(),
            limit: self.inner.bounds.running,
        }
    }

    /// The limits of every run.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.inner.limits
    }

    /// Runs a spec for the house itself (a recording), when a slot is free and nobody waits.
    pub(crate) async fn idle_slot(&self) -> Option<slots::Slot> {
        let ticket = self.inner.slots.ticket(u32::MAX)?;
        tokio::select! {
            slot = ticket.wait(|_| ()) => Some(slot),
            () = self.inner.stop.cancelled() => None,
        }
    }

    pub(crate) fn engine(&self) -> &Arc<dyn Engine> {
        &self.inner.engine
    }

    /// Stops every run, tells their readers, and waits until all are gone.
    pub async fn shutdown(&self) {
        self.inner.stop.cancel();
        self.inner.tasks.close();
        self.inner.tasks.wait().await;
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.inner.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a finished run for readers who resume, and lets go of the oldest beyond [`KEEP_BYTES`].
    fn retain(&self, run: &Arc<Run>) {
        let mut known = self.known();
        known.finished.push_back(Arc::clone(run));
        let mut bytes: u64 = known.finished.iter().map(|run| run.weight()).sum();
        while bytes > KEEP_BYTES
            && let Some(oldest) = known.finished.pop_front()
        {
            bytes -= oldest.weight();
            known.by_id.remove(&oldest.id);
        }
    }

    fn forget(&self, run: &Run) {
        let mut known = self.known();
        known.by_id.remove(&run.id);
        known.finished.retain(|other| other.id != run.id);
    }
}
