//! One run, from its first message to its end.

use api::run::{FromRun, Limits, Outcome, ToRun};
use api::trace::LeftOut;
use std::io;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};

use super::lines::Lines;
use super::registry::Handle;
use super::{RunError, ending};
use crate::protocol::Ending;

/// Messages to a run that may wait for it to read them.
const QUEUE: usize = 32;

/// How long a sender waits for a place in that queue.
const PATIENCE: Duration = Duration::from_secs(1);

/// Time a run has to leave once it has been asked to.
const STOP_GRACE_MS: u32 = 2_000;

/// Time for what is left in the socket of a run whose process is gone.
const REST: Duration = Duration::from_millis(500);

/// Time the runner has to say how a run ended whose socket is closed: a process with many threads is slow to go.
const REPORT: Duration = Duration::from_secs(5);

/// Events a run may send beyond its limit: lifecycle events are never left out.
const EVENTS_BEYOND: u64 = 100_000;

/// One running process. Dropping it ends the process.
#[derive(Debug)]
pub struct Run {
    lines: Lines<OwnedReadHalf>,
    control: RunControl,
    limits: Limits,
    events: u64,
    /// What it has said it left out.
    left_out: LeftOut,
    /// Until the process is known to have ended.
    ending: Option<oneshot::Receiver<Ending>>,
    /// How it ended; `None` inside if the runner died with it.
    ended: Option<Option<Ending>>,
    /// Nothing more will come from its socket.
    silent: bool,
    /// When to give up waiting for the second of the two ends.
    give_up: Option<Instant>,
    finished: bool,
}

/// Talks to a run. Clones talk to the same one.
#[derive(Clone, Debug)]
pub struct RunControl {
    messages: mpsc::Sender<ToRun>,
    handle: Handle,
}

impl RunControl {
    /// Passes a message on. [`ToRun::Stop`] also sets a limit of two seconds for leaving.
    ///
    /// # Errors
    /// [`RunError::Ended`], or [`RunError::Busy`] if the run has not read earlier messages for a second.
    pub async fn send(&self, message: ToRun) -> Result<(), RunError> {
        if message == ToRun::Stop {
            self.handle.stop(STOP_GRACE_MS);
        }
        match timeout(PATIENCE, self.messages.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(RunError::Ended),
            Err(_) => Err(RunError::Busy),
        }
    }
}

impl Run {
    pub(super) fn new(
        near: std::os::unix::net::UnixStream,
        handle: Handle,
        ending: oneshot::Receiver<Ending>,
        start: ToRun,
        limits: Limits,
    ) -> io::Result<Self> {
        near.set_nonblocking(true)?;
        let (reading, writing) = UnixStream::from_std(near)?.into_split();
        let (messages, queue) = mpsc::channel(QUEUE);
        tokio::spawn(write(writing, start, queue));
        Ok(Self {
            lines: Lines::new(reading),
            control: RunControl { messages, handle },
            limits,
            events: 0,
            left_out: LeftOut::default(),
            ending: Some(ending),
            ended: None,
            silent: false,
            give_up: None,
            finished: false,
        })
    }

    /// What the run reports next. The last is always one [`FromRun::Finished`], whatever happened; `None` after it.
    ///
    /// May be cancelled at any time without loss. Not calling it makes the run's recorder wait and, in the end,
    /// thin its trace; it never blocks the lab.
    pub async fn next(&mut self) -> Option<FromRun> {
        if self.finished {
            return None;
        }
        loop {
            if let Some(line) = self.lines.take() {
                let Ok(message) = serde_json::from_slice::<FromRun>(line) else {
                    return Some(self.finish(ending::nonsense()));
                };
                match &message {
                    FromRun::Finished { .. } => self.finished = true,
                    FromRun::Events { events } => self.events += events.len() as u64,
                    FromRun::LeftOut { so_far } => self.left_out = *so_far,
                    FromRun::Host { .. } | FromRun::Refused { .. } => {}
                }
                if self.events > u64::from(self.limits.events) + EVENTS_BEYOND {
                    return Some(self.finish(ending::nonsense()));
                }
                return Some(message);
            }
            if let (true, Some(ended)) = (self.silent, &self.ended) {
                let outcome = ending::outcome(ended.as_ref(), &self.limits);
                return Some(self.finish(outcome));
            }
            self.progress().await;
        }
    }

    /// Passes a message on.
    ///
    /// # Errors
    /// As [`RunControl::send`].
    pub async fn send(&mut self, message: ToRun) -> Result<(), RunError> {
        self.control.send(message).await
    }

    /// A handle that can send messages while this one waits for the next report.
    #[must_use]
    pub fn control(&self) -> RunControl {
        self.control.clone()
    }

    /// Waits for bytes, for the end of the socket or for the end of the process, whichever is first.
    async fn progress(&mut self) {
        let give_up = self.give_up;
        tokio::select! {
            biased;
            read = self.lines.fill(), if !self.silent => {
                // A line that is too long counts as the end: the process is made to leave as well.
                if !matches!(read, Ok(true)) {
                    self.silent = true;
                    self.give_up = Some(Instant::now() + REPORT);
                    if read.is_err_and(|error| error.kind() == io::ErrorKind::InvalidData) {
                        self.control.handle.kill();
                    }
                }
            }
            ending = wait(&mut self.ending) => {
                self.ending = None;
                self.ended = Some(ending);
                self.give_up = Some(Instant::now() + REST);
            }
            () = sleep_until(give_up.unwrap_or_else(Instant::now)), if give_up.is_some() => {
                self.silent = true;
                self.ended.get_or_insert(None);
            }
        }
    }

    /// The end of a run that could not say so itself.
    fn finish(&mut self, outcome: Outcome) -> FromRun {
        self.finished = true;
        self.control.handle.kill();
        FromRun::Finished { outcome, left_out: self.left_out }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if self.ended.is_none() {
            self.control.handle.kill();
        }
    }
}

/// `None` if nobody will ever know.
async fn wait(ending: &mut Option<oneshot::Receiver<Ending>>) -> Option<Ending> {
    match ending {
        Some(ending) => ending.await.ok(),
        None => std::future::pending().await,
    }
}

/// Ends with the run's process or with the last [`RunControl`].
async fn write(mut stream: OwnedWriteHalf, start: ToRun, mut queue: mpsc::Receiver<ToRun>) {
    let mut next = Some(start);
    while let Some(message) = next {
        let Ok(mut line) = serde_json::to_vec(&message) else { return };
        line.push(b'\n');
        if stream.write_all(&line).await.is_err() {
            return;
        }
        next = queue.recv().await;
    }
}
