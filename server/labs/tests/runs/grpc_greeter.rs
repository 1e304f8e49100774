//! `grpc-greeter`: four kinds of call, and how each ends.

use serde_json::json;

use crate::Tests;
use crate::http2::{DATA, END_STREAM, HEADERS, RST_STREAM, frames, of};
use crate::once::Once;
use crate::seen::Seen as _;

pub(crate) const TESTS: Tests = &[
    ("messages_are_framed_inside_data", messages_are_framed_inside_data),
    ("a_stream_of_answers_ends_in_trailers", a_stream_of_answers_ends_in_trailers),
    ("mistakes_have_their_codes", mistakes_have_their_codes),
    ("a_deadline_is_kept_on_both_sides", a_deadline_is_kept_on_both_sides),
    ("dropping_a_stream_cancels_it", dropping_a_stream_cancels_it),
    ("calls_loopback", calls_loopback),
];

/// Everything of one direction of one stream, DATA joined.
fn data(frames: &[crate::http2::Frame], stream: u32) -> Vec<u8> {
    of(frames, DATA).iter().filter(|frame| frame.stream == stream).flat_map(|f| f.payload.clone()).collect()
}

fn messages_are_framed_inside_data() {
    let trace = Once::new("grpc-greeter").params(json!({ "name": "ada" })).run();
    trace.completed();
    let (client, server) = (frames(&trace, "client"), frames(&trace, "server"));
    // Five bytes before the message; field 1 of wire type 2, its length, its text.
    assert_eq!(data(&client, 1), [&[0, 0, 0, 0, 5, 0x0a, 3][..], b"ada"].concat());
    let reply = data(&server, 1);
    assert_eq!(reply[..5], [0, 0, 0, 0, (reply.len() - 5) as u8]);
    assert!(reply.ends_with(&[0x10, 1]), "field 2, a varint");
    // One stream: HEADERS, DATA, HEADERS again for the trailers, and only those end it.
    let shape: Vec<(u8, bool)> = server
        .iter()
        .filter(|frame| frame.stream == 1 && matches!(frame.kind, DATA | HEADERS))
        .map(|frame| (frame.kind, frame.flags & END_STREAM != 0))
        .collect();
    assert_eq!(shape, [(HEADERS, false), (DATA, false), (HEADERS, true)]);
    assert_eq!(trace.count(&[("tcp.flags.syn", 1), ("tcp.flags.ack", 0)]), 1, "one connection for all");
}

fn a_stream_of_answers_ends_in_trailers() {
    let trace = Once::new("grpc-greeter").params(json!({ "times": 5, "pause_ms": 40 })).run();
    trace.completed();
    assert_eq!(trace.measured("一问多答：收到"), [5.0]);
    assert_eq!(trace.measured("一问多答：状态码"), [0.0]);
    assert!(trace.measured("听完一问多答")[0] >= 160.0);
    let server = frames(&trace, "server");
    let count = of(&server, DATA).iter().filter(|frame| frame.stream == 3).count();
    assert_eq!(count, 5, "each message is sent when it is there");
    assert_eq!(trace.measured("双向：一来一回"), [3.0]);
    // Three turns take three round trips of 10 ms.
    assert!(trace.measured("双向三个来回")[0] >= 30.0);
}

fn mistakes_have_their_codes() {
    let trace = Once::new("grpc-greeter").params(json!({ "times": 60 })).run();
    trace.completed();
    assert_eq!(trace.measured("一问多答：收到"), [0.0]);
    assert_eq!(trace.measured("一问多答：状态码"), [3.0], "INVALID_ARGUMENT");
    assert_eq!(trace.measured("名字为空的状态码"), [3.0], "INVALID_ARGUMENT");
    let server = frames(&trace, "server");
    let shape: Vec<u8> = server.iter().filter(|f| f.stream == 3).map(|f| f.kind).collect();
    assert_eq!(shape, [HEADERS], "no message at all: the only HEADERS are the trailers");
}

fn a_deadline_is_kept_on_both_sides() {
    let trace = Once::new("grpc-greeter").params(json!({ "work_ms": 800, "deadline_ms": 60 })).run();
    trace.completed();
    assert_eq!(trace.measured("因为期限到了"), [1.0]);
    assert_eq!(trace.measured("期限一幕的状态码"), [1.0], "CANCELLED, which is tonic's word for it");
    assert_eq!(trace.measured("期限一幕：服务器中途停手"), [1.0]);
    let waited = trace.measured("有期限的调用")[0];
    assert!((60.0..400.0).contains(&waited), "{waited}");

    let patient = Once::new("grpc-greeter").params(json!({ "work_ms": 50, "deadline_ms": 1000 })).run();
    patient.completed();
    assert_eq!(patient.measured("因为期限到了"), [0.0]);
    assert_eq!(patient.measured("期限一幕的状态码"), [0.0]);
}

fn dropping_a_stream_cancels_it() {
    let trace = Once::new("grpc-greeter").run();
    trace.completed();
    assert_eq!(trace.measured("取消一幕：服务器中途停手"), [1.0]);
    let client = frames(&trace, "client");
    let resets: Vec<u32> = of(&client, RST_STREAM).iter().map(|frame| frame.number()).collect();
    assert!(resets.ends_with(&[8]), "CANCEL: {resets:?}");
    assert_eq!(trace.measured("反射列出的服务").len(), 1);
    assert!(trace.measured("反射列出的服务")[0] >= 3.0);
    assert_eq!(trace.measured("健康"), [1.0]);
}

fn calls_loopback() {
    let trace = Once::new("grpc-greeter").loopback().run();
    trace.completed();
    assert_eq!(trace.measured("一问多答：收到"), [4.0]);
    assert_eq!(trace.measured("双向：一来一回"), [3.0]);
    assert_eq!(trace.measured("名字为空的状态码"), [3.0]);
    assert_eq!(trace.measured("因为期限到了"), [1.0]);
}
