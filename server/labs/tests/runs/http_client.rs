//! `http-client`: how many handshakes the requests of one client need.

use api::trace::Trace;
use serde_json::json;

use crate::Tests;
use crate::once::Once;
use crate::seen::Seen as _;

pub(crate) const TESTS: Tests = &[
    ("the_pool_makes_one_handshake_of_all_requests", the_pool_makes_one_handshake_of_all_requests),
    ("without_the_pool_each_request_shakes_hands", without_the_pool_each_request_shakes_hands),
    ("a_timeout_costs_the_connection", a_timeout_costs_the_connection),
    ("too_many_redirects_are_not_followed", too_many_redirects_are_not_followed),
    ("counts_handshakes_loopback", counts_handshakes_loopback),
];

fn handshakes(trace: &Trace) -> usize {
    trace.count(&[("tcp.flags.syn", 1), ("tcp.flags.ack", 0)])
}

/// Payloads from a host that start like this.
fn payloads(trace: &Trace, host: &str, start: &[u8]) -> usize {
    let from = trace.host(host);
    let holds = |bytes: &[u8]| bytes.windows(start.len()).any(|window| window == start);
    trace.wires().iter().filter(|wire| wire.frame.from == from && holds(&wire.frame.bytes)).count()
}

fn the_pool_makes_one_handshake_of_all_requests() {
    let trace = Once::new("http-client").params(json!({ "gets": 5, "redirects": 3 })).run();
    trace.completed();
    assert_eq!(trace.measured_at("server", "超时之前的握手"), 1.0);
    // One for the shared connection, one after the timeout, one of the client that looks at the packed body.
    assert_eq!(handshakes(&trace), 3);
    // One for each GET and the last, four for the redirects, one slow, two for the poem.
    assert_eq!(payloads(&trace, "client", b"GET /"), 5 + 1 + 4 + 1 + 2);
    assert_eq!(payloads(&trace, "client", b"POST /post HTTP/1.1"), 1);
    assert_eq!(payloads(&trace, "server", b"HTTP/1.1 307 "), 3);
    // The first GET pays for the handshake: a round trip of 20 ms more than the next.
    let (first, second) = (trace.measured("第 1 次 GET")[0], trace.measured("第 2 次 GET")[0]);
    assert!(first > second + 15.0, "{first} {second}");
    let (packed, plain) = (trace.measured("压缩后的正文")[0], trace.measured("解压后的正文")[0]);
    assert!(packed * 5.0 < plain, "{packed} {plain}");
    assert_eq!(payloads(&trace, "server", b"content-encoding: gzip"), 2);
}

fn without_the_pool_each_request_shakes_hands() {
    let trace = Once::new("http-client").params(json!({ "gets": 5, "redirects": 3, "pool": false })).run();
    trace.completed();
    // GETs, POST, the chain of redirects.
    assert_eq!(trace.measured_at("server", "超时之前的握手"), 5.0 + 1.0 + 4.0);
}

fn a_timeout_costs_the_connection() {
    let trace = Once::new("http-client").run();
    trace.completed();
    assert_eq!(trace.measured("慢请求超时"), [1.0]);
    assert_eq!(trace.measured("超时之后重来的握手"), [1.0]);
    let waited = trace.measured("慢请求等了")[0];
    assert!((200.0..500.0).contains(&waited), "{waited}");

    let patient = Once::new("http-client").params(json!({ "delay_ms": 50, "timeout_ms": 2000 })).run();
    patient.completed();
    assert_eq!(patient.measured("慢请求超时"), [0.0]);
    assert_eq!(patient.measured("超时之后重来的握手"), [0.0]);
}

fn too_many_redirects_are_not_followed() {
    let trace = Once::new("http-client").params(json!({ "redirects": 8 })).run();
    trace.completed();
    // The request itself and the five that the policy allows.
    assert_eq!(payloads(&trace, "client", b"GET /redirect/"), 6);
    assert!(trace.complaints("client") >= 1);
}

fn counts_handshakes_loopback() {
    let pooled = Once::new("http-client").loopback().run();
    pooled.completed();
    assert_eq!(pooled.measured("超时之前的握手"), [1.0]);
    let single = Once::new("http-client").params(json!({ "pool": false })).loopback().run();
    single.completed();
    assert_eq!(single.measured("超时之前的握手"), [3.0 + 1.0 + 3.0]);
}
