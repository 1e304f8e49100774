//! Every lab of the book runs inside the confinement of a run.

use api::run::{Limits, Outcome, RunSpec, Tier, ToRun};
use labs::Entry;
use libtest_mimic::Trial;
use runner::{Runner, collect};
use serde_json::Value;
use std::time::Duration;

use crate::in_modes;
use crate::setup::{EVERY, Mode, RUNTIME, start_with_book};

pub(crate) fn trials() -> Vec<Trial> {
    in_modes("every_lab", &EVERY, every_lab)
}

fn every_lab(mode: Mode) {
    RUNTIME.block_on(async {
        let runner = start_with_book(mode).await;
        let possible =
            labs::all().iter().filter(|lab| mode.tier == Tier::Isolated || !lab.info().needs_isolated);
        let running: Vec<_> =
            possible.map(|lab| (lab.slug(), tokio::spawn(run(runner.clone(), lab)))).collect();
        for (slug, run) in running {
            let outcome = run.await.unwrap();
            assert!(matches!(outcome, Outcome::Completed | Outcome::Stopped { .. }), "{slug}: {outcome:?}");
        }
    });
}

/// With defaults. A lab that waits for a reader's input is stopped, the others end by themselves.
async fn run(runner: Runner, lab: &'static Entry) -> Outcome {
    let info = lab.info();
    let spec = RunSpec {
        lab: info.slug,
        params: lab.check(&Value::Null).unwrap(),
        lines: info.lines,
        seed: 1,
        congestion: api::run::Congestion::default(),
    };
    let run = runner.run(spec, Limits { wall_ms: lab.wall_ms(), ..Limits::default() }).await.unwrap();
    if info.input.is_some() {
        let control = run.control();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            control.send(ToRun::Stop).await
        });
    }
    collect(run).await.2
}
