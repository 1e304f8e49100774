//! Whatever a lab does ends with its own process, and the reader is told which limit it was.

use api::run::{FromRun, Limit, Limits, Outcome, Tier, ToRun};
use api::trace::{Body, Event, LeftOut, Level, Lifecycle};
use libtest_mimic::Trial;
use runner::collect;
use std::time::{Duration, Instant};

use crate::in_modes;
use crate::setup::{ALL, EVERY, ISOLATED, ISOLATED_NOBODY, Mode, RUNTIME, limits, run, shared};

pub(crate) fn trials() -> Vec<Trial> {
    [
        in_modes("completes", &EVERY, completes),
        in_modes("error", &ALL, error),
        in_modes("panic", &ALL, panic),
        in_modes("panic_in_host", &ALL, panic_in_host),
        in_modes("abort", &ALL, abort),
        in_modes("exit", &ALL, exit),
        in_modes("stack_overflow", &ALL, stack_overflow),
        in_modes("huge_allocation", &ALL, huge_allocation),
        in_modes("endless_loop", &ALL, endless_loop),
        in_modes("endless_loop_in_host", &ALL, endless_loop_in_host),
        in_modes("blocked_accept", &ALL, blocked_accept),
        in_modes("frozen", &ALL, frozen),
        in_modes("memory", &ALL, memory),
        in_modes("threads", &ALL, threads),
        in_modes("descriptors", &ALL, descriptors),
        in_modes("descriptors_unwrapped", &ALL, descriptors_unwrapped),
        in_modes("event_flood", &ALL, event_flood),
        in_modes("killed_after_a_flood", &ALL, killed_after_a_flood),
        in_modes("slow_reader", &[ISOLATED], slow_reader),
        in_modes("frame_flood", &[ISOLATED, ISOLATED_NOBODY], frame_flood),
        in_modes("unknown_lab", &ALL, unknown_lab),
        in_modes("invalid_parameter", &ALL, invalid_parameter),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Runs `deed` and checks what holds for every run.
fn outcome(mode: Mode, deed: &str, number: u32, limits: Limits) -> (Vec<Event>, Outcome, LeftOut) {
    let runner = shared(mode);
    let (_, events, outcome, left_out) = RUNTIME.block_on(async {
        let run = run(&runner, deed, number, limits).await;
        tokio::time::timeout(Duration::from_secs(30), collect(run)).await.expect("the run does not end")
    });
    let sentence = match &outcome {
        Outcome::Completed => "好",
        Outcome::Failed { message }
        | Outcome::Stopped { message }
        | Outcome::LimitReached { message, .. }
        | Outcome::Broken { message } => message,
    };
    assert!(sentence.chars().any(|c| ('一'..='鿿').contains(&c)), "not Chinese: {sentence}");
    assert!(events.len() as u64 <= u64::from(limits.events) + 100);
    for (index, event) in events.iter().enumerate() {
        assert_eq!(event.seq as usize, index, "events are numbered without gaps");
    }
    (events, outcome, left_out)
}

fn limit_of(outcome: &Outcome) -> Option<Limit> {
    match outcome {
        Outcome::LimitReached { limit, .. } => Some(*limit),
        _ => None,
    }
}

fn is_failed(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Failed { .. })
}

fn completes(mode: Mode) {
    let (events, outcome, left_out) = outcome(mode, "talk", 3, limits());
    assert_eq!(outcome, Outcome::Completed);
    assert_eq!(left_out, LeftOut::default());
    let count = |test: fn(&Body) -> bool| events.iter().filter(|event| test(&event.body)).count();
    assert_eq!(count(|body| matches!(body, Body::Code(code) if code.own && code.host == Some(1))), 3);
    assert_eq!(count(|body| matches!(body, Body::Lifecycle(Lifecycle::Started { .. }))), 1);
    assert_eq!(count(|body| matches!(body, Body::Lifecycle(Lifecycle::Returned))), 1);
    let frames = count(|body| matches!(body, Body::Frame(_)));
    match mode.tier {
        // Six datagrams, and ARP before them.
        Tier::Isolated => assert!(frames >= 8, "{frames} frames"),
        Tier::Loopback => assert_eq!(frames, 0),
    }
}

fn error(mode: Mode) {
    let (_, outcome, _) = outcome(mode, "error", 0, limits());
    assert!(is_failed(&outcome), "{outcome:?}");
}

/// The panic's place is in the trace, and so is its message.
fn panic(mode: Mode) {
    let (events, outcome, _) = outcome(mode, "panic", 0, limits());
    assert!(
        matches!(&outcome, Outcome::Failed { message } if message.contains("main thread")),
        "{outcome:?}"
    );
    let recorded = panics(&events);
    assert_eq!(recorded.len(), 1);
    assert_eq!(recorded[0].0, None);
    let line = include_str!("mischief.rs").lines().position(|line| line.contains("main thread")).unwrap() + 1;
    assert_eq!(recorded[0].1, Some(u32::try_from(line).unwrap()));
}

fn panic_in_host(mode: Mode) {
    for (deed, said) in [("panic_host", "host thread"), ("panic_blocking", "blocking thread")] {
        let (events, outcome, _) = outcome(mode, deed, 0, limits());
        assert!(matches!(&outcome, Outcome::Failed { message } if message.contains(said)), "{outcome:?}");
        let recorded = panics(&events);
        assert_eq!(recorded.len(), 1);
        assert_eq!(recorded[0].0, Some(0), "attributed to the host");
    }
}

/// Host and line of every recorded panic in our file.
fn panics(events: &[Event]) -> Vec<(Option<u8>, Option<u32>)> {
    events
        .iter()
        .filter_map(|event| match &event.body {
            Body::Code(code) if code.level == Level::Error => {
                assert!(code.file.as_ref().is_some_and(|file| file.ends_with("mischief.rs")), "{code:?}");
                assert!(code.own, "{code:?}");
                Some((code.host, code.line))
            }
            _ => None,
        })
        .collect()
}

fn abort(mode: Mode) {
    assert!(is_failed(&outcome(mode, "abort", 0, limits()).1));
}

fn exit(mode: Mode) {
    assert!(is_failed(&outcome(mode, "exit", 0, limits()).1));
}

fn stack_overflow(mode: Mode) {
    assert!(is_failed(&outcome(mode, "overflow", 0, limits()).1));
}

fn huge_allocation(mode: Mode) {
    assert!(is_failed(&outcome(mode, "huge", 0, limits()).1));
}

fn endless_loop(mode: Mode) {
    ends_by_wall_clock(mode, "spin");
}

fn endless_loop_in_host(mode: Mode) {
    ends_by_wall_clock(mode, "spin_host");
}

fn blocked_accept(mode: Mode) {
    ends_by_wall_clock(mode, "accept");
}

fn frozen(mode: Mode) {
    ends_by_wall_clock(mode, "freeze");
}

fn ends_by_wall_clock(mode: Mode, deed: &str) {
    let begun = Instant::now();
    let (_, outcome, _) = outcome(mode, deed, 0, Limits { wall_ms: 700, ..limits() });
    assert_eq!(limit_of(&outcome), Some(Limit::WallClock), "{outcome:?}");
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(700) && took < Duration::from_secs(5), "{took:?}");
}

fn memory(mode: Mode) {
    let (_, outcome, _) = outcome(mode, "memory", 0, Limits { memory_bytes: 96 << 20, ..limits() });
    assert_eq!(limit_of(&outcome), Some(Limit::Memory), "{outcome:?}");
}

fn threads(mode: Mode) {
    let (_, outcome, _) = outcome(mode, "threads", 0, Limits { threads: 300, ..limits() });
    assert_eq!(limit_of(&outcome), Some(Limit::Threads), "{outcome:?}");
}

fn descriptors(mode: Mode) {
    let (_, outcome, _) = outcome(mode, "descriptors", 0, limits());
    assert_eq!(limit_of(&outcome), Some(Limit::Descriptors), "{outcome:?}");
}

fn descriptors_unwrapped(mode: Mode) {
    let (_, outcome, _) = outcome(mode, "descriptors_panic", 0, limits());
    assert_eq!(limit_of(&outcome), Some(Limit::Descriptors), "{outcome:?}");
}

/// The lab runs to its end; what was not kept is counted.
fn event_flood(mode: Mode) {
    let (events, outcome, left_out) = outcome(mode, "events", 50_000, Limits { events: 2_000, ..limits() });
    assert_eq!(outcome, Outcome::Completed);
    let kept = events.iter().filter(|event| matches!(event.body, Body::Code(_))).count() as u64;
    assert_eq!(kept + left_out.code_events, 50_001);
    assert!(left_out.code_events >= 48_000);
}

/// A run that has to be killed cannot say at its end what it left out; it has said so before.
fn killed_after_a_flood(mode: Mode) {
    let (events, outcome, left_out) =
        outcome(mode, "events_then_hang", 1_000, Limits { events: 400, ..limits() });
    assert_eq!(limit_of(&outcome), Some(Limit::WallClock), "{outcome:?}");
    let kept = events.iter().filter(|event| matches!(event.body, Body::Code(_))).count() as u64;
    // One more: the deed is announced.
    assert_eq!(kept + left_out.code_events, 1_001, "{left_out:?}");
    assert!(left_out.code_events >= 600, "{left_out:?}");
}

/// A client that does not read makes neither the lab nor itself suffer: the trace is thinned, and says so.
fn slow_reader(mode: Mode) {
    let runner = shared(mode);
    let (_, events, outcome, left_out) = RUNTIME.block_on(async {
        let run = run(&runner, "events", 50_000, limits()).await;
        tokio::time::sleep(Duration::from_millis(1_000)).await;
        collect(run).await
    });
    assert_eq!(outcome, Outcome::Completed);
    let kept = events.iter().filter(|event| matches!(event.body, Body::Code(_))).count() as u64;
    assert_eq!(kept + left_out.code_events, 50_001);
    assert!(left_out.code_events > 0, "the socket's buffer held everything: {left_out:?}");
    let lifecycle = events.iter().filter(|event| matches!(event.body, Body::Lifecycle(_))).count();
    assert_eq!(lifecycle, 2, "begin and end are never left out");
}

fn frame_flood(mode: Mode) {
    let (events, outcome, left_out) =
        outcome(mode, "frames", 600, Limits { frame_bytes: 1 << 20, ..limits() });
    assert_eq!(outcome, Outcome::Completed);
    let kept: usize = events
        .iter()
        .map(|event| match &event.body {
            Body::Frame(frame) => frame.bytes.len(),
            _ => 0,
        })
        .sum();
    assert!(kept <= 1 << 20, "{kept} bytes kept");
    assert!(left_out.frame_bytes > 600_000, "{left_out:?}");
}

fn unknown_lab(mode: Mode) {
    let runner = shared(mode);
    let mut spec = crate::setup::spec("talk", 1, "");
    spec.lab = "nonsense".into();
    let (_, _, outcome, _) =
        RUNTIME.block_on(async { collect(runner.run(spec, limits()).await.unwrap()).await });
    assert!(matches!(outcome, Outcome::Broken { .. }), "{outcome:?}");
}

/// Checked again in the run, whatever the server checked; exactly one end, and nothing after it.
fn invalid_parameter(mode: Mode) {
    let runner = shared(mode);
    RUNTIME.block_on(async {
        let mut run = run(&runner, &"x".repeat(41), 0, limits()).await;
        assert!(matches!(run.next().await, Some(FromRun::Finished { outcome: Outcome::Broken { .. }, .. })));
        assert_eq!(run.next().await, None);
        assert_eq!(run.next().await, None);
        // Its process may or may not have gone; either answer is fine, hanging is not.
        let _ = run.send(ToRun::Stop).await;
    });
}
