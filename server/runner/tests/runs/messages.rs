//! What can be said to a run while it runs.

use api::line::{Impairments, Line};
use api::run::{FromRun, Outcome, Tier, ToRun};
use api::trace::{Body, Lifecycle};
use libtest_mimic::Trial;
use runner::Run;
use std::time::{Duration, Instant};

use crate::in_modes;
use crate::setup::{ALL, Mode, RUNTIME, limits, run, shared};

pub(crate) fn trials() -> Vec<Trial> {
    [
        in_modes("input_and_stop", &ALL, input_and_stop),
        in_modes("refusals", &ALL, refusals),
        in_modes("stop_a_loop", &ALL, stop_a_loop),
        in_modes("stop_a_host_in_a_loop", &ALL, stop_a_host_in_a_loop),
        in_modes("stop_a_frozen_process", &ALL, stop_a_frozen_process),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Until `wanted` finds what it looks for.
async fn until<T>(run: &mut Run, mut wanted: impl FnMut(&FromRun) -> Option<T>) -> T {
    loop {
        let message = tokio::time::timeout(Duration::from_secs(10), run.next()).await.expect("nothing comes");
        let message = message.expect("it has ended");
        if let Some(found) = wanted(&message) {
            return found;
        }
    }
}

fn measured(message: &FromRun, wanted: &str) -> Option<f64> {
    let FromRun::Events { events } = message else { return None };
    events.iter().find_map(|event| match &event.body {
        Body::Lifecycle(Lifecycle::Measured { label, value, .. }) if label == wanted => Some(*value),
        _ => None,
    })
}

fn outcome(message: &FromRun) -> Option<Outcome> {
    match message {
        FromRun::Finished { outcome, .. } => Some(outcome.clone()),
        _ => None,
    }
}

fn is_stopped(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Stopped { .. })
}

/// A lab that reads input sees its end and may say goodbye; the run counts as stopped nevertheless.
fn input_and_stop(mode: Mode) {
    let runner = shared(mode);
    RUNTIME.block_on(async {
        let mut run = run(&runner, "echo_input", 0, limits()).await;
        run.send(ToRun::Input { text: "你好".into() }).await.unwrap();
        assert_eq!(until(&mut run, |message| measured(message, "length")).await, 6.0);
        let control = run.control();
        control.send(ToRun::Input { text: "abc".into() }).await.unwrap();
        assert_eq!(until(&mut run, |message| measured(message, "length")).await, 3.0);
        run.send(ToRun::Stop).await.unwrap();
        until(&mut run, |message| measured(message, "goodbye")).await;
        assert!(is_stopped(&until(&mut run, outcome).await));
        assert_eq!(run.next().await, None);
    });
}

fn refusals(mode: Mode) {
    let runner = shared(mode);
    RUNTIME.block_on(async {
        let mut run = run(&runner, "echo_input", 0, limits()).await;
        let field = |message: &FromRun| match message {
            FromRun::Refused { field, .. } => Some(field.clone()),
            _ => None,
        };
        until(&mut run, |message| matches!(message, FromRun::Host { .. }).then_some(())).await;
        run.send(ToRun::Input { text: "x".repeat(21) }).await.unwrap();
        assert_eq!(until(&mut run, field).await, "text");
        let line = Line::both(Impairments { loss_percent: 200.0, ..Impairments::default() });
        run.send(ToRun::Line { host: "server".into(), line }).await.unwrap();
        assert_eq!(until(&mut run, field).await, "up.loss_percent");
        run.send(ToRun::Line { host: "nobody".into(), line: Line::default() }).await.unwrap();
        until(&mut run, field).await;

        let line = Line::both(Impairments { delay_ms: 3.0, ..Impairments::default() });
        run.send(ToRun::Line { host: "server".into(), line: line.clone() }).await.unwrap();
        match mode.tier {
            Tier::Loopback => drop(until(&mut run, field).await),
            Tier::Isolated => {
                let changed = until(&mut run, |message| {
                    let FromRun::Events { events } = message else { return None };
                    events.iter().find_map(|event| match &event.body {
                        Body::Lifecycle(Lifecycle::LineChanged { host, line }) => Some((*host, line.clone())),
                        _ => None,
                    })
                });
                assert_eq!(changed.await, (0, line));
            }
        }
    });
}

fn stop_a_loop(mode: Mode) {
    stops(mode, "spin");
}

fn stop_a_host_in_a_loop(mode: Mode) {
    stops(mode, "spin_host");
}

fn stop_a_frozen_process(mode: Mode) {
    stops(mode, "freeze");
}

fn stops(mode: Mode, deed: &str) {
    let runner = shared(mode);
    RUNTIME.block_on(async {
        let mut run = run(&runner, deed, 0, limits()).await;
        until(&mut run, |message| matches!(message, FromRun::Events { .. }).then_some(())).await;
        let begun = Instant::now();
        run.send(ToRun::Stop).await.unwrap();
        assert!(is_stopped(&until(&mut run, outcome).await));
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    });
}
