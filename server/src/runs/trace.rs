//! From what a run reported to its trace.

use api::live::ServerMessage;
use api::run::{Limits, Outcome, RunSpec};
use api::trace::{Event, LeftOut, Trace, VERSION};

use super::drive::now_ms;
use super::engine::{Engine, StartError};
use super::log::Entry;
use super::run::{Run, Started};

/// The trace of a run that has ended. CPU-bound: it reads the log's JSON back, so that a run is kept in memory
/// only once while it is going on.
///
/// # Errors
/// Never in practice: the JSON is our own.
pub(super) fn of_run(
    run: &Run,
    started: &Started,
    outcome: Outcome,
    left_out: LeftOut,
) -> serde_json::Result<Trace> {
    let (hosts, entries) = run.recorded();
    let mut events: Vec<Event> = Vec::new();
    for entry in entries {
        let Entry::Events { text, .. } = entry else { continue };
        if let ServerMessage::Events { events: batch, .. } = serde_json::from_str(text.as_str())? {
            events.extend(batch);
        }
    }
    events.sort_by_key(|event| (event.time, event.seq));
    Ok(Trace {
        version: VERSION,
        id: run.id.clone(),
        lab: run.spec.lab.clone(),
        params: run.spec.params.clone(),
        lines: run.spec.lines.clone(),
        seed: run.spec.seed,
        tier: started.tier.tier,
        started_at_ms: started.at_ms,
        hosts,
        outcome,
        left_out,
        events,
    })
}

/// Runs a spec to its end with nobody watching.
///
/// # Errors
/// No process could be started.
pub async fn record(
    engine: &dyn Engine,
    id: String,
    spec: RunSpec,
    limits: Limits,
) -> Result<Trace, StartError> {
    use api::run::FromRun;

    let mut process = engine.start(spec.clone(), limits).await?;
    let started_at_ms = now_ms();
    let (mut hosts, mut events) = (Vec::new(), Vec::new());
    let (outcome, left_out) = loop {
        match process.next().await {
            Some(FromRun::Host { info }) => hosts.push(info),
            Some(FromRun::Events { events: mut batch }) => events.append(&mut batch),
            Some(FromRun::Refused { .. } | FromRun::LeftOut { .. }) => {}
            Some(FromRun::Finished { outcome, left_out }) => break (outcome, left_out),
            None => return Err(StartError("运行没有说明它是怎样结束的".into())),
        }
    };
    let collected = (hosts, events, outcome, left_out);
    Ok(runner::trace(id, spec, engine.tier().tier, started_at_ms, collected))
}

pub(super) fn sum(a: LeftOut, b: LeftOut) -> LeftOut {
    LeftOut {
        code_events: a.code_events + b.code_events,
        frames: a.frames + b.frames,
        frame_bytes: a.frame_bytes + b.frame_bytes,
        kernel_events: a.kernel_events + b.kernel_events,
        samples: a.samples + b.samples,
    }
}
