//! `tcp-chat-threads`: the wrong version stalls bob, the right one does not.

use api::trace::Trace;
use serde_json::json;

use crate::Tests;
use crate::once::Once;
use crate::seen::Seen as _;

pub(crate) const TESTS: Tests = &[
    ("holding_the_lock_stalls_everybody", holding_the_lock_stalls_everybody),
    ("a_mailbox_each_stalls_nobody", a_mailbox_each_stalls_nobody),
    ("without_a_slow_reader_both_work", without_a_slow_reader_both_work),
    ("typed_lines_are_spoken_by_alice", typed_lines_are_spoken_by_alice),
    ("the_stall_shows_too_loopback", the_stall_shows_too_loopback),
];

const SAID: &str = "alice 发出";
const HEARD: &str = "carol 离开之前 bob 收到";
const LONGEST: &str = "bob 等得最久的一条";

/// Times at which a frame with this text left the host.
fn spoken(trace: &Trace, host: &str, text: &str) -> Vec<u64> {
    let speaks = |bytes: &[u8]| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    let wires = trace.wires();
    let from_host =
        wires.iter().filter(|wire| wire.frame.from == trace.host(host) && speaks(&wire.frame.bytes));
    from_host.map(|wire| wire.time).collect()
}

fn holding_the_lock_stalls_everybody() {
    let trace = Once::new("tcp-chat-threads").params(json!({ "version": "wrong", "wait_seconds": 0 })).run();
    trace.completed();
    assert_eq!(trace.measured_at("bob", SAID), 20.0);
    assert!(trace.measured_at("bob", HEARD) < 15.0);
    assert!(trace.measured_at("bob", LONGEST) > 400.0);
    // The cause is on the wire: carol's window is closed …
    let carol = trace.host("carol");
    let closed = |wire: &crate::seen::Wire<'_>| {
        wire.frame.from == carol && wire.is(&[("tcp.window_size_value", 0), ("tcp.flags.reset", 0)])
    };
    assert!(trace.wires().iter().any(closed));
    // … and in the kernel: what was written for her stays where it is.
    assert!(trace.kernel().iter().any(|kernel| kernel.host == trace.host("server")
        && kernel.remote.starts_with("10.0.0.4:")
        && kernel.send_queue > 2_000));
}

fn a_mailbox_each_stalls_nobody() {
    let trace = Once::new("tcp-chat-threads").params(json!({ "version": "right", "wait_seconds": 0 })).run();
    trace.completed();
    assert_eq!(trace.measured_at("bob", HEARD), 20.0);
    assert!(trace.measured_at("bob", LONGEST) < 200.0);
    // The slow reader is sent away, once, by the server.
    assert!(trace.complaints("server") >= 1);
    assert_eq!(trace.complaints("bob") + trace.complaints("alice"), 0);
}

fn without_a_slow_reader_both_work() {
    let trace =
        Once::new("tcp-chat-threads").params(json!({ "slow_reader": false, "wait_seconds": 0 })).run();
    trace.completed();
    assert_eq!(trace.measured(HEARD), [20.0, 20.0]);
    assert!(trace.measured(LONGEST).iter().all(|ms| *ms < 200.0));
}

fn typed_lines_are_spoken_by_alice() {
    let mut once = Once::new("tcp-chat-threads").params(json!({ "version": "right", "lines": 2 }));
    once.inputs = vec![(900, "听得见吗".into())];
    let trace = once.run();
    trace.completed();
    let (alice, server) = (spoken(&trace, "alice", "听得见吗"), spoken(&trace, "server", "听得见吗"));
    assert_eq!(alice.len(), 1);
    assert!(server.len() >= 2 && server[0] > alice[0], "to alice and bob at least");
    assert_eq!(trace.measured_at("bob", HEARD), 3.0);
}

fn the_stall_shows_too_loopback() {
    let trace = Once::new("tcp-chat-threads").params(json!({ "wait_seconds": 0 })).loopback().run();
    trace.completed();
    let heard = trace.measured(HEARD);
    assert!(heard[0] < 18.0, "{heard:?}");
    assert_eq!(heard[1], 20.0);
}
