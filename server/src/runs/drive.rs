//! The task of one run: waits for its turn, starts the process, writes its log, saves its trace.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use api::run::{FromRun, Limits, Outcome, ToRun};
use api::trace::{Event, LeftOut};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::count::Place;
use super::engine::{Control, Process};
use super::run::{Phase, Run, Started};
use super::slots::Ticket;
use super::{ReaderId, Runs, trace};
use crate::store::Kind;

/// Events are gathered for so long before they go out together; with the recorder's own 8 ms still within 16.
const GATHER: Duration = Duration::from_millis(8);
/// More events than this do not wait.
const GATHER_EVENTS: usize = 256;
/// A process that was asked to stop and did not is dropped after this.
const STOP_GRACE: Duration = Duration::from_millis(2_500);
/// The runner enforces the wall clock; should it not, the process is dropped so much later.
const BEYOND_WALL: Duration = Duration::from_secs(10);

pub(super) struct Job {
    pub(super) runs: Runs,
    pub(super) run: Arc<Run>,
    pub(super) commands: mpsc::Receiver<ToRun>,
    pub(super) limits: Limits,
    pub(super) source_hash: String,
    /// Freed when the run has ended.
    pub(super) places: (Place<ReaderId>, Place<IpAddr>),
}

pub(super) async fn drive(mut job: Job, ticket: Ticket) {
    let (outcome, left_out) = in_turn(&mut job, ticket).await;
    let Job { runs, run, source_hash, places, commands, .. } = job;
    drop(commands);
    let left_out = trace::sum(left_out, run.left_out());
    let trace = save(&runs, &run, &outcome, left_out, &source_hash).await;
    run.finished(outcome, left_out, trace);
    drop(places);
    runs.retain(&run);
    tokio::select! {
        () = sleep(runs.inner.times.keep_finished) => {}
        () = runs.inner.stop.cancelled() => {}
    }
    runs.forget(&run);
}

/// Waits for a slot and uses it.
async fn in_turn(job: &mut Job, ticket: Ticket) -> (Outcome, LeftOut) {
    let run = Arc::clone(&job.run);
    let stop = job.runs.inner.stop.clone();
    let slot = tokio::select! {
        slot = ticket.wait(|position| run.phase(Phase::Queued(position))) => slot,
        () = run.stopped() => return (stopped("已取消排队"), LeftOut::default()),
        () = stop.cancelled() => return (stopped(SHUTDOWN), LeftOut::default()),
    };
    run.phase(Phase::Starting);
    if !run.is_watched() {
        return (stopped("轮到它时已经没有人在等"), LeftOut::default());
    }
    job.runs.inner.running.fetch_add(1, Ordering::Relaxed);
    let ended = execute(job).await;
    job.runs.inner.running.fetch_sub(1, Ordering::Relaxed);
    drop(slot);
    ended
}

const SHUTDOWN: &str = "服务器正在关闭，运行已提前结束";

/// From the start of the process to its end.
async fn execute(job: &mut Job) -> (Outcome, LeftOut) {
    let run = Arc::clone(&job.run);
    let inner = Arc::clone(&job.runs.inner);
    let mut process = match inner.engine.start(run.spec.clone(), job.limits).await {
        Ok(process) => process,
        Err(error) => return (Outcome::Broken { message: error.to_string() }, LeftOut::default()),
    };
    run.set_started(Started { tier: inner.engine.tier(), at_ms: now_ms() });
    let control = process.control();
    let wall = Duration::from_millis(job.limits.wall_ms.into()) + BEYOND_WALL;
    // What is known if the process is dropped before its end.
    let mut left_out = LeftOut::default();
    tokio::select! {
        ended = follow(&run, process.as_mut(), &mut left_out) => ended,
        never = pass_on(&run, control.as_ref(), &mut job.commands) => match never {},
        message = told_to_stop(&run, &inner.stop) => {
            // What it still reports belongs to the trace.
            let _ = timeout(STOP_GRACE, control.send(ToRun::Stop)).await;
            let rest = timeout(STOP_GRACE, follow(&run, process.as_mut(), &mut left_out)).await;
            rest.unwrap_or_else(|_| (stopped(message), left_out))
        }
        () = sleep(wall) => {
            (Outcome::Broken { message: "运行器没有按时结束这次运行，已强制终止".into() }, left_out)
        }
    }
}

async fn told_to_stop(run: &Run, shutdown: &tokio_util::sync::CancellationToken) -> &'static str {
    tokio::select! {
        () = run.stopped() => "已停止",
        () = shutdown.cancelled() => SHUTDOWN,
    }
}

/// Hands readers' inputs to the process, one after the other.
async fn pass_on(
    run: &Run,
    control: &dyn Control,
    commands: &mut mpsc::Receiver<ToRun>,
) -> std::convert::Infallible {
    while let Some(command) = commands.recv().await {
        let field = match command {
            ToRun::Line { .. } => "line",
            _ => "text",
        };
        if let Err(message) = control.send(command).await {
            run.refused(field.into(), message);
        }
    }
    // The run itself holds a sender: this is only reached while it is being dropped.
    std::future::pending().await
}

/// Writes the log until the process has finished. Can be called again after it was cancelled: nothing is lost,
/// because whatever was gathered is in `Gathered`, which is written out when dropped. `known`: what the process has
/// said so far that it left out.
async fn follow(run: &Run, process: &mut dyn Process, known: &mut LeftOut) -> (Outcome, LeftOut) {
    let mut gathered = Gathered { run, events: Vec::new(), due: Instant::now(), open: false };
    loop {
        let message = tokio::select! {
            biased;
            () = sleep_until(gathered.due), if gathered.open => {
                gathered.write();
                continue;
            }
            message = process.next() => message,
        };
        match message {
            Some(FromRun::Events { events }) => gathered.add(events),
            Some(FromRun::Host { info }) => {
                gathered.write();
                run.host(info);
            }
            Some(FromRun::Refused { field, message }) => run.refused(field, message),
            Some(FromRun::LeftOut { so_far }) => *known = so_far,
            Some(FromRun::Finished { outcome, left_out }) => return (outcome, left_out),
            None => {
                let message = "运行没有说明它是怎样结束的".into();
                return (Outcome::Broken { message }, *known);
            }
        }
    }
}

/// Events that wait to go out together. The first after a pause goes at once.
struct Gathered<'a> {
    run: &'a Run,
    events: Vec<Event>,
    /// When the next message may go.
    due: Instant,
    /// True if events wait.
    open: bool,
}

impl Gathered<'_> {
    fn add(&mut self, mut events: Vec<Event>) {
        self.events.append(&mut events);
        self.open = !self.events.is_empty();
        if self.events.len() >= GATHER_EVENTS || Instant::now() >= self.due {
            self.write();
        }
    }

    fn write(&mut self) {
        self.open = false;
        if !self.events.is_empty() {
            self.run.events(std::mem::take(&mut self.events));
            self.due = Instant::now() + GATHER;
        }
    }
}

impl Drop for Gathered<'_> {
    fn drop(&mut self) {
        self.write();
    }
}

/// The id of the saved trace; `None` if nothing ran or it could not be saved.
async fn save(
    runs: &Runs,
    run: &Arc<Run>,
    outcome: &Outcome,
    left_out: LeftOut,
    source_hash: &str,
) -> Option<String> {
    let started = run.started()?.clone();
    let outcome = outcome.clone();
    let of = Arc::clone(run);
    let trace = tokio::task::spawn_blocking(move || trace::of_run(&of, &started, outcome, left_out)).await;
    let saved = match trace {
        Ok(Ok(trace)) => {
            runs.inner.store.save(trace, Kind::Run, source_hash).await.map_err(anyhow::Error::from)
        }
        Ok(Err(error)) => Err(error.into()),
        Err(error) => Err(error.into()),
    };
    match saved {
        Ok(()) => Some(run.id.clone()),
        Err(error) => {
            tracing::error!(?error, run = run.id, "the trace could not be saved");
            None
        }
    }
}

fn stopped(message: &str) -> Outcome {
    Outcome::Stopped { message: message.into() }
}

pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
