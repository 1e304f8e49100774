use super::*;
use api::trace::{Event, Level};
use std::sync::mpsc;
use std::time::Duration;

fn collecting(limits: &Limits) -> (Recorder, mpsc::Receiver<FromRun>) {
    let (sender, receiver) = mpsc::channel();
    (Recorder::new(limits, move |message| drop(sender.send(message))), receiver)
}

fn code(message: &str) -> Code {
    Code {
        host: None,
        level: Level::Info,
        target: "labs::x".into(),
        file: None,
        line: None,
        message: message.into(),
        fields: Vec::new(),
        own: true,
    }
}

fn events(receiver: &mpsc::Receiver<FromRun>) -> Vec<Event> {
    receiver
        .try_iter()
        .flat_map(|message| match message {
            FromRun::Events { events } => events,
            _ => Vec::new(),
        })
        .collect()
}

#[test]
fn events_come_in_order_of_time_numbered_without_gaps() {
    let (recorder, receiver) = collecting(&Limits::default());
    let now = recorder.elapsed_ns();
    for offset in [300, 100, 200] {
        assert!(recorder.push(false, now + offset, Body::Code(code("x"))));
    }
    recorder.flush();
    let events = events(&receiver);
    assert_eq!(events.iter().map(|event| event.seq).collect::<Vec<_>>(), [0, 1, 2]);
    assert!(events.is_sorted_by_key(|event| event.time));
    assert!(recorder.close().is_empty());
}

#[test]
fn batches_come_without_a_flush_and_hosts_before_events() {
    let (recorder, receiver) = collecting(&Limits::default());
    recorder.host(HostInfo { name: "client".into(), interfaces: Vec::new() });
    recorder.code(code("x"));
    let wait = Duration::from_secs(5);
    assert!(matches!(receiver.recv_timeout(wait), Ok(FromRun::Host { .. })));
    assert!(matches!(receiver.recv_timeout(wait), Ok(FromRun::Events { .. })));
}

#[test]
fn the_event_limit_counts_what_it_leaves_out_but_keeps_lifecycle() {
    let (recorder, receiver) = collecting(&Limits { events: 3, ..Limits::default() });
    for _ in 0..5 {
        recorder.code(code("x"));
    }
    assert!(!recorder.reserve_frame(1));
    recorder.lifecycle(Lifecycle::Returned);
    let left_out = recorder.close();
    assert_eq!((left_out.code_events, left_out.frames), (2, 1));
    let events = events(&receiver);
    assert_eq!(events.len(), 4);
    assert!(matches!(events[3].body, Body::Lifecycle(Lifecycle::Returned)));
}

/// Who is killed cannot say it at the end.
#[test]
fn what_is_left_out_is_told_soon_also_if_nothing_else_comes() {
    let (recorder, receiver) = collecting(&Limits { events: 1, ..Limits::default() });
    recorder.code(code("kept"));
    recorder.frames_unseen(0);
    let wait = Duration::from_secs(5);
    assert!(matches!(receiver.recv_timeout(wait), Ok(FromRun::Events { .. })));
    for count in 1..=3 {
        recorder.code(code("lost"));
        let Ok(FromRun::LeftOut { so_far }) = receiver.recv_timeout(wait) else { panic!("not told") };
        assert_eq!(so_far.code_events, count);
    }
    assert_eq!(recorder.close().code_events, 3);
    assert!(receiver.try_recv().is_err(), "the end is not the recorder's to tell");
}

#[test]
fn samples_are_limited_as_all_events_are_and_always_finite() {
    let (recorder, receiver) = collecting(&Limits { events: 2, ..Limits::default() });
    for value in [f64::NAN, 1.0, f64::INFINITY, 2.0, 3.0] {
        recorder.sampled(Some(1), "队列", value, "个");
    }
    recorder.lifecycle(Lifecycle::Returned);
    assert_eq!(recorder.close(), LeftOut { samples: 3, ..LeftOut::default() });
    let values = events(&receiver).into_iter().filter_map(|event| match event.body {
        Body::Lifecycle(Lifecycle::Sampled { host: Some(1), value, .. }) => Some(value),
        _ => None,
    });
    assert_eq!(values.collect::<Vec<_>>(), [1.0, 2.0]);
}

#[test]
fn a_slow_sink_never_blocks_an_observer() {
    let (gate, wait) = mpsc::channel::<()>();
    let recorder = Recorder::new(&Limits { events: u32::MAX, ..Limits::default() }, move |_| {
        let _ = wait.recv();
    });
    recorder.code(code("first"));
    std::thread::sleep(Duration::from_millis(30));
    for _ in 0..QUEUE + 10 {
        recorder.code(code("x"));
    }
    recorder.lifecycle(Lifecycle::Returned);
    drop(gate);
    assert_eq!(recorder.close().code_events, 10);
}

#[test]
fn frame_bytes_have_a_limit_of_their_own() {
    let (recorder, _receiver) = collecting(&Limits { frame_bytes: 100, ..Limits::default() });
    assert!(recorder.reserve_bytes(60));
    assert!(!recorder.reserve_bytes(60));
    assert!(recorder.reserve_bytes(40));
    assert_eq!(recorder.close().frame_bytes, 60);
}
