//! `http3`: the same site over TCP and over QUIC.

use api::trace::Trace;
use serde_json::json;

use crate::Tests;
use crate::once::Once;
use crate::seen::Seen as _;

pub(crate) const TESTS: Tests = &[
    ("http3_saves_a_round_trip", http3_saves_a_round_trip),
    ("requests_share_one_connection", requests_share_one_connection),
    ("a_path_that_is_not_there_is_404", a_path_that_is_not_there_is_404),
    ("objects_and_uploads_come_back_whole_loopback", objects_and_uploads_come_back_whole_loopback),
];

/// Delay of the line, both ways.
const ROUND_TRIP: f64 = 30.0;

fn http3_saves_a_round_trip() {
    let traces: Vec<Trace> = (0..3).map(|_| Once::new("http3").run()).collect();
    // The least of three: what a busy machine adds, it does not add every time.
    let least = |label: &str| {
        traces.iter().map(|trace| trace.completed().measured(label)[0]).fold(f64::INFINITY, f64::min)
    };
    let (old, new) = (least("HTTP/2：连接到第一个响应"), least("HTTP/3：连接到第一个响应"));
    // TCP, TLS, then the question; or both handshakes in one, then the question.
    assert!((3.0 * ROUND_TRIP..4.0 * ROUND_TRIP).contains(&old), "{old}");
    assert!((2.0 * ROUND_TRIP..3.0 * ROUND_TRIP).contains(&new), "{new}");
    assert!(traces[0].wires().iter().all(|wire| wire.frame.length <= 1514));
}

fn requests_share_one_connection() {
    let trace = Once::new("http3").params(json!({ "objects": 8, "bytes": 20_000, "upload": 20_000 })).run();
    trace.completed();
    assert_eq!(trace.measured("收到的字节"), [160_000.0]);
    assert_eq!(trace.measured("原样发回的字节"), [20_000.0]);
    let mut ports: Vec<u64> = trace
        .wires()
        .iter()
        .filter(|wire| wire.number("udp.dstport") == Some(443))
        .filter_map(|wire| wire.number("udp.srcport"))
        .collect();
    ports.dedup();
    assert_eq!(ports.len(), 1, "one UDP port, one connection: {ports:?}");
}

fn a_path_that_is_not_there_is_404() {
    let trace = Once::new("http3").params(json!({ "path": "/nowhere" })).run();
    trace.completed();
    assert_eq!(trace.measured("HTTP/3：状态码"), [404.0]);
}

fn objects_and_uploads_come_back_whole_loopback() {
    let trace = Once::new("http3").loopback().params(json!({ "bytes": 12_345, "upload": 0 })).run();
    trace.completed();
    assert_eq!(trace.measured("HTTP/3：状态码"), [200.0]);
    assert_eq!(trace.measured("收到的字节"), [3.0 * 12_345.0]);
    assert_eq!(trace.measured("原样发回的字节"), [0.0]);
}
