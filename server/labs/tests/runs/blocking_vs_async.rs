//! `blocking-vs-async`: what a connection costs when nobody speaks on it.

use api::trace::Trace;
use serde_json::json;

use crate::Tests;
use crate::once::Once;
use crate::seen::Seen as _;

pub(crate) const TESTS: Tests = &[
    ("a_thread_each_against_one_for_all", a_thread_each_against_one_for_all),
    ("hundreds_stay_within_the_limits", hundreds_stay_within_the_limits),
    ("the_same_without_namespaces_loopback", the_same_without_namespaces_loopback),
];

fn costs(trace: &Trace, connections: f64) {
    trace.completed();
    // One for each connection and the one that accepts.
    assert_eq!(trace.measured("线程：多出的线程"), [connections + 1.0]);
    assert_eq!(trace.measured("任务：多出的线程"), [0.0]);
    let (stack, future) =
        (trace.measured("线程：每个栈真正占用的内存")[0], trace.measured("任务：每个 future 的大小")[0]);
    // The buffer of 1 KiB is in both; a stack comes in pages.
    assert!(stack >= 4.0 && (1.0..4.0).contains(&future), "{stack} {future}");
    let reserved = trace.measured("线程：每个栈预留的地址空间")[0];
    assert!(reserved > 1_000.0 && reserved > stack, "{reserved}");
    for side in ["线程", "任务"] {
        let (median, worst) = (
            trace.measured(&format!("{side}：往返时间的中位数"))[0],
            trace.measured(&format!("{side}：最慢的一次往返"))[0],
        );
        assert!(0.0 < median && median <= worst, "{side}: {median} {worst}");
    }
}

fn a_thread_each_against_one_for_all() {
    let trace = Once::new("blocking-vs-async").run();
    costs(&trace, 24.0);
    // Each connection is opened once for either server.
    assert_eq!(trace.count(&[("tcp.flags.syn", 1), ("tcp.flags.ack", 0)]), 48);
    assert!(trace.wires().len() < 420, "{}", trace.wires().len());
}

/// The bounds of `connections` must not lead into the limits of a run (`api::run::Limits`).
fn hundreds_stay_within_the_limits() {
    let trace = Once::new("blocking-vs-async").params(json!({ "connections": 400 })).run();
    costs(&trace, 400.0);
}

fn the_same_without_namespaces_loopback() {
    costs(&Once::new("blocking-vs-async").loopback().run(), 24.0);
}
