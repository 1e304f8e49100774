//! Many runs: at once, and one after another.

use api::run::{FromRun, Outcome};
use libtest_mimic::Trial;
use runner::{Runner, collect};
use std::time::{Duration, Instant};

use crate::in_modes;
use crate::processes::{children, descriptors, eventually, network_namespaces, resident};
use crate::setup::{ISOLATED, ISOLATED_NOBODY, LOOPBACK, Mode, RUNTIME, limits, run, start};

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = in_modes("100_runs_at_once", &[ISOLATED, LOOPBACK], hundred_at_once);
    trials.extend(in_modes("80_runs_leave_nothing", &[ISOLATED], |mode| flat(mode, 80)));
    let thousand =
        in_modes("1000_runs_leave_nothing", &[ISOLATED, ISOLATED_NOBODY, LOOPBACK], |mode| flat(mode, 1_000));
    trials.extend(thousand.into_iter().map(|trial| trial.with_ignored_flag(true)));
    let latency = in_modes("first_event_latency", &[ISOLATED, LOOPBACK], first_event_latency);
    trials.extend(latency.into_iter().map(|trial| trial.with_ignored_flag(true)));
    trials
}

/// From the wish to run a lab to its first event, one run at a time. Prints; what is fast depends on the machine.
fn first_event_latency(mode: Mode) {
    RUNTIME.block_on(async {
        let runner = start(mode).await;
        let mut times = Vec::new();
        for _ in 0..200 {
            let begun = Instant::now();
            let mut run = run(&runner, "talk", 3, limits()).await;
            while !matches!(run.next().await.unwrap(), FromRun::Events { .. }) {}
            times.push(begun.elapsed());
            assert_eq!(collect(run).await.2, Outcome::Completed);
        }
        times.sort_unstable();
        println!("first event ({mode}): p50 {:?}, p95 {:?}, worst {:?}", times[100], times[190], times[199]);
    });
}

async fn at_once(runner: &Runner, count: u32) {
    let mut runs = Vec::new();
    for _ in 0..count {
        runs.push(tokio::spawn(collect(run(runner, "talk", 5, limits()).await)));
    }
    for run in runs {
        let (hosts, events, outcome, _) = run.await.unwrap();
        assert_eq!(outcome, Outcome::Completed);
        assert_eq!(hosts.len(), 2);
        assert!(events.len() > 5);
    }
}

fn hundred_at_once(mode: Mode) {
    RUNTIME.block_on(async {
        let runner = start(mode).await;
        let begun = Instant::now();
        at_once(&runner, 100).await;
        println!("100 runs at once ({mode}): {:?}", begun.elapsed());
    });
}

/// Memory and descriptors of client and runner, and the machine's network namespaces, do not grow with runs.
fn flat(mode: Mode, runs: u32) {
    RUNTIME.block_on(async {
        let runner = start(mode).await;
        let process = runner.process().unwrap().to_string();
        let figures = || {
            (descriptors("self"), descriptors(&process), resident("self"), resident(&process), network_namespaces())
        };
        at_once(&runner, 20).await;
        let settled = || children(runner.process().unwrap()).is_empty();
        eventually("the first runs are gone", Duration::from_secs(3), settled);
        let before = figures();
        for _ in 0..runs / 20 {
            at_once(&runner, 20).await;
        }
        eventually("the runs are gone", Duration::from_secs(3), settled);
        // A socket's task may outlive by a moment the process at its other end.
        eventually("the descriptors are closed", Duration::from_secs(3), || {
            (descriptors("self"), descriptors(&process)) == (before.0, before.1)
        });
        let after = figures();
        println!("{runs} runs ({mode}): (own fds, runner fds, own KiB, runner KiB, namespaces) {before:?} → {after:?}");
        assert!(after.2 < before.2 + 8_192, "memory of the client");
        assert!(after.3 < before.3 + 1_024, "memory of the runner");
    });
}
