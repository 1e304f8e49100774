//! After runs of every kind, nothing is left of them.

use api::run::{Limits, Outcome};
use libtest_mimic::Trial;
use runner::{Runner, collect};
use std::sync::LazyLock;
use std::time::Duration;

use crate::in_modes;
use crate::processes::{children, companions, descriptors, eventually, is_alive};
use crate::setup::{ALL, EVERY, Mode, RUNTIME, limits, run, start};

pub(crate) fn trials() -> Vec<Trial> {
    [in_modes("nothing_is_left", &EVERY, nothing_is_left), in_modes("drop_ends_a_run", &ALL, drop_ends_a_run)]
        .into_iter()
        .flatten()
        .collect()
}

const SOON: Duration = Duration::from_secs(3);

fn nothing_is_left(mode: Mode) {
    // The runtime has descriptors of its own, and keeps them.
    LazyLock::force(&RUNTIME);
    let own_before = descriptors("self");
    let runner = RUNTIME.block_on(start(mode));
    let process = runner.process().unwrap();
    // The first run may make the allocator, tokio and the kernel set things up that stay.
    misbehave(&runner, &["talk"]);
    let rest = || {
        (children(process).len(), companions(process), descriptors(&process.to_string()), descriptors("self"))
    };
    eventually("the first run is gone", SOON, || children(process).is_empty());
    let before = rest();

    misbehave(
        &runner,
        &[
            "talk",
            "error",
            "panic",
            "panic_host",
            "abort",
            "exit",
            "overflow",
            "spin",
            "spin_host",
            "accept",
            "freeze",
            "memory",
            "threads",
            "descriptors",
            "events",
            "fork",
            "exec",
            "talk",
        ],
    );
    eventually("nothing is left", SOON, || rest() == before);

    drop(runner);
    eventually("the runner leaves", SOON, || !is_alive(process));
    eventually("the client closes all", SOON, || descriptors("self") <= own_before);
}

/// All at once, each with limits it meets soon.
fn misbehave(runner: &Runner, deeds: &[&str]) {
    let tight = Limits { wall_ms: 800, memory_bytes: 96 << 20, threads: 300, ..limits() };
    RUNTIME.block_on(async {
        let mut runs = Vec::new();
        for deed in deeds {
            runs.push((deed, tokio::spawn(collect(run(runner, deed, 3, tight).await))));
        }
        for (deed, run) in runs {
            let (.., outcome, _) = run.await.unwrap();
            assert!(!matches!(outcome, Outcome::Broken { .. }), "{deed}: {outcome:?}");
        }
    });
}

fn drop_ends_a_run(mode: Mode) {
    RUNTIME.block_on(async {
        let runner = start(mode).await;
        let process = runner.process().unwrap();
        for deed in ["spin", "freeze"] {
            let mut run = run(&runner, deed, 0, limits()).await;
            run.next().await.unwrap();
            assert_eq!(children(process).len(), 1);
            drop(run);
            eventually("the run is gone", SOON, || children(process).is_empty());
        }
    });
}
