//! `tcp-echo`: the life of a connection, and the RST.

use std::collections::BTreeMap;

use api::line::{Impairments, Line};
use api::trace::SocketState::{CloseWait, Established, FinWait2, LastAck, Listen, TimeWait};
use serde_json::json;

use crate::Tests;
use crate::once::Once;
use crate::seen::Seen as _;

pub(crate) const TESTS: Tests = &[
    ("goes_from_handshake_to_time_wait", goes_from_handshake_to_time_wait),
    ("nobody_listening_is_answered_by_a_reset", nobody_listening_is_answered_by_a_reset),
    ("a_small_buffer_needs_many_reads", a_small_buffer_needs_many_reads),
    ("losses_are_repaired", losses_are_repaired),
    ("is_refused_loopback", is_refused_loopback),
];

fn goes_from_handshake_to_time_wait() {
    let trace = Once::new("tcp-echo").params(json!({ "message": "abc", "rounds": 3 })).run();
    trace.completed();
    assert_eq!(trace.count(&[("tcp.flags.syn", 1), ("tcp.flags.ack", 0)]), 1);
    assert_eq!(trace.count(&[("tcp.flags.syn", 1), ("tcp.flags.ack", 1)]), 1);
    assert_eq!(trace.count(&[("tcp.flags.fin", 1)]), 2);
    assert_eq!(trace.count(&[("tcp.flags.reset", 1)]), 0);
    for host in ["client", "server"] {
        let sent = |wire: &&crate::seen::Wire<'_>| {
            wire.frame.from == trace.host(host) && wire.frame.bytes.ends_with(b"abc")
        };
        assert_eq!(trace.wires().iter().filter(sent).count(), 3, "{host}");
        assert!(trace.had_state(host, Established), "{host}");
    }
    // Who closes first waits at the end.
    assert!(trace.had_state("server", Listen) && trace.had_state("client", TimeWait));
    assert!(trace.had_state("server", CloseWait) || trace.had_state("server", LastAck));
    assert!(!trace.had_state("server", TimeWait) && !trace.had_state("server", FinWait2));
    assert_eq!(trace.measured_at("client", "read 调用次数"), 3.0);
}

fn nobody_listening_is_answered_by_a_reset() {
    let trace = Once::new("tcp-echo").params(json!({ "nobody_listens": true })).run();
    trace.completed();
    let from_server = trace.wires();
    let mut resets = from_server.iter().filter(|wire| wire.is(&[("tcp.flags.reset", 1)]));
    assert_eq!(resets.next().map(|wire| wire.frame.from), Some(trace.host("server")));
    assert!(resets.next().is_none());
    assert_eq!(trace.count(&[("tcp.flags.syn", 1)]), 1);
    assert!(!trace.had_state("server", Listen) && !trace.had_state("client", Established));
    assert!(trace.measured_at("client", "从 SYN 到被拒绝") >= 10.0, "one round trip");
}

fn a_small_buffer_needs_many_reads() {
    let params = json!({ "message": "0123456789", "rounds": 1, "read_buffer": 3 });
    let trace = Once::new("tcp-echo").params(params).run();
    trace.completed();
    assert_eq!(trace.measured_at("client", "read 调用次数"), 4.0);
}

/// What the wire lost, the kernel sent again.
fn losses_are_repaired() {
    let line = Line::both(Impairments { loss_percent: 20.0, delay_ms: 5.0, ..Impairments::default() });
    let lines = Some(BTreeMap::from([("client".into(), line)]));
    let once = Once { lines, seed: 3, ..Once::new("tcp-echo").params(json!({ "rounds": 10 })) };
    let trace = once.run();
    trace.completed();
    let most = trace
        .kernel()
        .iter()
        .filter_map(|kernel| kernel.tcp.as_ref())
        .map(|tcp| tcp.total_retransmissions)
        .max();
    assert!(most > Some(0));
    assert_eq!(trace.measured("第 10 轮往返").len(), 1);
}

fn is_refused_loopback() {
    let trace = Once::new("tcp-echo").params(json!({ "nobody_listens": true })).loopback().run();
    trace.completed();
    assert_eq!(trace.measured("从 SYN 到被拒绝").len(), 1);
}
