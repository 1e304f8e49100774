//! One run as its readers see it.

use std::net::IpAddr;
use std::sync::{Mutex, OnceLock, PoisonError};

use api::run::{Outcome, RunSpec, TierReport, ToRun};
use api::trace::{Event, HostInfo, LeftOut};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::ReaderId;
use super::log::{Entry, Log};

/// Inputs and line changes on their way to the run.
const COMMANDS: usize = 32;

/// One execution, from the queue to a while after its end.
pub struct Run {
    pub id: String,
    pub spec: RunSpec,
    owner: Mutex<Owner>,
    started: OnceLock<Started>,
    progress: watch::Sender<Progress>,
    log: Mutex<Log>,
    commands: mpsc::Sender<ToRun>,
    stop: CancellationToken,
}

/// Who may stop the run, type into it and change its lines.
#[derive(Debug)]
pub(super) struct Owner {
    /// `None` after the socket that started it has closed.
    pub(super) reader: Option<ReaderId>,
    pub(super) address: IpAddr,
}

/// Known once the run process is up.
#[derive(Clone, Debug)]
pub struct Started {
    pub tier: TierReport,
    /// Milliseconds since the Unix epoch.
    pub at_ms: u64,
}

/// Changes whenever there is something new for readers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    pub phase: Phase,
    /// Entries in the log.
    pub entries: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// So many runs are ahead, this one included: 1 = next.
    Queued(u32),
    Starting,
    Running,
    Finished,
}

impl Run {
    pub(super) fn new(id: String, owner: Owner, spec: RunSpec) -> (Self, mpsc::Receiver<ToRun>) {
        let (commands, receiver) = mpsc::channel(COMMANDS);
        let run = Self {
            id,
            spec,
            owner: Mutex::new(owner),
            started: OnceLock::new(),
            progress: watch::Sender::new(Progress { phase: Phase::Starting, entries: 0 }),
            log: Mutex::default(),
            commands,
            stop: CancellationToken::new(),
        };
        (run, receiver)
    }

    /// Hears of every change from now on. While nobody watches, a queued run is given up.
    pub fn watch(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    #[must_use]
    pub fn is_owned_by(&self, reader: ReaderId) -> bool {
        self.owner().reader == Some(reader)
    }

    /// A reader whose page was reloaded takes the run over, if the socket that had it is gone and the address
    /// is the same.
    pub fn claim(&self, reader: ReaderId, address: IpAddr) {
        let mut owner = self.owner();
        if owner.reader.is_none() && owner.address == address {
            owner.reader = Some(reader);
        }
    }

    /// The reader's socket has closed.
    pub fn release(&self, reader: ReaderId) {
        let mut owner = self.owner();
        if owner.reader == Some(reader) {
            owner.reader = None;
        }
    }

    #[must_use]
    pub fn started(&self) -> Option<&Started> {
        self.started.get()
    }

    /// Up to `most` entries of the log from number `from`.
    #[must_use]
    pub fn entries(&self, from: u32, most: u32) -> Vec<Entry> {
        let log = self.log();
        log.entries.iter().skip(from as usize).take(most as usize).cloned().collect()
    }

    /// Bytes and events in the log from number `from` on.
    #[must_use]
    pub fn behind(&self, from: u32) -> (u64, u32) {
        let log = self.log();
        log.entries.iter().skip(from as usize).fold((0, 0), |(bytes, events), entry| match entry {
            Entry::Events { count, text, .. } => (bytes + text.len() as u64, events + count),
            other => (bytes + other.text().len() as u64, events),
        })
    }

    /// Hands a message to the run.
    ///
    /// # Errors
    /// A sentence for the reader: too many are on their way, or the run is over.
    pub fn command(&self, message: ToRun) -> Result<(), &'static str> {
        self.commands.try_send(message).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => "发送得太快，程序还没来得及读，请稍等片刻",
            mpsc::error::TrySendError::Closed(_) => "这次运行已经结束",
        })
    }

    /// Asks the run to end, whether it waits or runs.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    pub(super) async fn stopped(&self) {
        self.stop.cancelled().await;
    }

    pub(super) fn weight(&self) -> u64 {
        self.log().bytes
    }

    pub(super) fn is_watched(&self) -> bool {
        self.progress.receiver_count() > 0
    }

    pub(super) fn phase(&self, phase: Phase) {
        self.progress.send_modify(|progress| progress.phase = phase);
    }

    pub(super) fn set_started(&self, started: Started) {
        // Set by the one task that drives the run, once.
        let _ = self.started.set(started);
        self.phase(Phase::Running);
    }

    pub(super) fn host(&self, info: HostInfo) {
        self.append(|log| log.host(&self.id, info));
    }

    pub(super) fn events(&self, events: Vec<Event>) {
        self.append(|log| log.events(&self.id, events));
    }

    pub(super) fn refused(&self, field: String, message: String) {
        self.append(|log| log.refused(&self.id, field, message));
    }

    pub(super) fn finished(&self, outcome: Outcome, left_out: LeftOut, trace: Option<String>) {
        self.append(|log| log.finished(&self.id, outcome, left_out, trace));
        self.phase(Phase::Finished);
    }

    /// Hosts and messages: all that a trace is made of.
    pub(super) fn recorded(&self) -> (Vec<HostInfo>, Vec<Entry>) {
        let log = self.log();
        (log.hosts.clone(), log.entries.clone())
    }

    /// What did not fit into the log.
    pub(super) fn left_out(&self) -> LeftOut {
        self.log().left_out
    }

    fn append(&self, write: impl FnOnce(&mut Log)) {
        let entries = {
            let mut log = self.log();
            write(&mut log);
            u32::try_from(log.entries.len()).unwrap_or(u32::MAX)
        };
        self.progress.send_modify(|progress| progress.entries = entries);
    }

    fn owner(&self) -> std::sync::MutexGuard<'_, Owner> {
        self.owner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log(&self) -> std::sync::MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
