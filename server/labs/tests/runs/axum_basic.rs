//! `axum-basic`: a user made and fetched, two counters of which one loses, and the panic of the old syntax.

use serde_json::json;

use crate::Tests;
use crate::once::Once;
use crate::seen::Seen as _;

pub(crate) const TESTS: Tests = &[
    ("answers_carry_the_right_status", answers_carry_the_right_status),
    ("only_the_atomic_counter_counts_all_loopback", only_the_atomic_counter_counts_all_loopback),
    ("the_old_syntax_panics_loopback", the_old_syntax_panics_loopback),
];

fn answers_carry_the_right_status() {
    let trace = Once::new("axum-basic").params(json!({ "username": "Ada", "visitors": 3 })).run();
    trace.completed();
    assert_eq!(trace.measured_at("client", "GET / 的状态码"), 200.0);
    assert_eq!(trace.measured_at("client", "POST /users 的状态码"), 201.0);
    assert_eq!(trace.measured_at("client", "再取回来的状态码"), 200.0);
    let wires = trace.wires();
    let from_server = |text: &[u8]| {
        let server = trace.host("server");
        let holds = |bytes: &[u8]| bytes.windows(text.len()).any(|window| window == text);
        wires.iter().filter(|wire| wire.frame.from == server && holds(&wire.frame.bytes)).count()
    };
    assert_eq!(from_server(b"location: /users/1\r\n"), 1);
    assert_eq!(from_server(br#"{"id":1,"username":"Ada"}"#), 2, "once created, once fetched");
    assert!(wires.len() < 300, "{} frames", wires.len());
}

fn only_the_atomic_counter_counts_all_loopback() {
    let trace = Once::new("axum-basic").params(json!({ "visitors": 12 })).loopback().run();
    trace.completed();
    assert_eq!(trace.measured("原子地加一，数到"), [12.0]);
    let lossy = trace.measured("先读后写，数到")[0];
    assert!((1.0..12.0).contains(&lossy), "{lossy}");
}

fn the_old_syntax_panics_loopback() {
    let trace = Once::new("axum-basic").loopback().run();
    assert_eq!(trace.completed().measured("旧写法 panic"), [1.0]);
    let without = Once::new("axum-basic").params(json!({ "old_syntax": false })).loopback().run();
    assert!(without.completed().measured("旧写法 panic").is_empty());
}
