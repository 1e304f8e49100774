//! Every lab of the book runs inside the confinement of a run.

use api::run::{Limits, Outcome, RunSpec, Tier, ToRun};
use api::trace::{Body, Level};
use labs::Entry;
use libtest_mimic::Trial;
use runner::{Collected, Runner, collect};
use serde_json::Value;
use std::time::Duration;

use crate::in_modes;
use crate::setup::{EVERY, ISOLATED, LOOPBACK, Mode, RUNTIME, start_with_book};

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = in_modes("every_lab", &EVERY, every_lab);
    trials.extend(in_modes("what_crates_log", &[ISOLATED, LOOPBACK], what_crates_log));
    trials
}

/// tungstenite speaks through `log`: what it says is in the trace, with its host and its place.
fn what_crates_log(mode: Mode) {
    RUNTIME.block_on(async {
        let runner = start_with_book(mode).await;
        let lab = labs::all().iter().find(|lab| lab.slug() == "ws-echo").unwrap();
        let (hosts, events, outcome, _) = run(runner, lab).await;
        assert_eq!(outcome, Outcome::Completed);
        let said: Vec<_> = events
            .iter()
            .filter_map(|event| match &event.body {
                Body::Code(code) if code.target.starts_with("tungstenite::") => Some(code),
                _ => None,
            })
            .collect();
        for host in ["server", "client"] {
            let number = hosts.iter().position(|info| info.name == host).unwrap();
            let here = said.iter().filter(|code| code.host.map(usize::from) == Some(number));
            assert!(here.count() > 0, "nothing from {host}: {said:?}");
        }
        for code in &said {
            assert!(!code.own && code.level != Level::Trace, "{code:?}");
            assert!(code.file.as_ref().is_some_and(|file| file.ends_with(".rs")), "{code:?}");
            assert!(code.line.is_some(), "{code:?}");
        }
        assert!(said.len() < 40, "a reader has to read them: {}", said.len());
    });
}

fn every_lab(mode: Mode) {
    RUNTIME.block_on(async {
        let runner = start_with_book(mode).await;
        let possible =
            labs::all().iter().filter(|lab| mode.tier == Tier::Isolated || !lab.info().needs_isolated);
        let running: Vec<_> =
            possible.map(|lab| (lab.slug(), tokio::spawn(run(runner.clone(), lab)))).collect();
        for (slug, run) in running {
            let (.., outcome, _) = run.await.unwrap();
            assert!(matches!(outcome, Outcome::Completed | Outcome::Stopped { .. }), "{slug}: {outcome:?}");
        }
    });
}

/// With defaults. A lab that waits for a reader's input is stopped, the others end by themselves.
async fn run(runner: Runner, lab: &'static Entry) -> Collected {
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
    collect(run).await
}
