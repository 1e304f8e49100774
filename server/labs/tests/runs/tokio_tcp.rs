//! `tokio-tcp`: many connections on one thread, timeouts, what cancelling loses, stopping in good order.

use api::trace::Trace;
use serde_json::json;

use crate::Tests;
use crate::once::Once;
use crate::seen::{Seen as _, Wire};

pub(crate) const TESTS: Tests = &[
    ("one_thread_answers_all", one_thread_answers_all),
    ("hundreds_stay_within_the_limits", hundreds_stay_within_the_limits),
    ("cancelling_loses_what_the_future_knew", cancelling_loses_what_the_future_knew),
    ("stopping_lets_requests_finish", stopping_lets_requests_finish),
    ("an_impatient_stop_aborts", an_impatient_stop_aborts),
    ("the_same_without_namespaces_loopback", the_same_without_namespaces_loopback),
];

/// Length of an Ethernet header.
const ETHERNET: u64 = 14;

const ALL_ANSWERED: &str = "全部得到回答";
const WRONG: &str = "read_exact：完好的消息";
const RIGHT: &str = "缓冲区在外：完好的消息";

fn answered_together(trace: &Trace, connections: f64, work_ms: f64) {
    trace.completed();
    assert_eq!(trace.measured("同时在场的最多连接"), [connections]);
    assert_eq!(trace.measured("得到回答的客户端"), [connections]);
    assert_eq!(trace.measured("照看过它们的线程"), [1.0]);
    // One after the other would have taken `connections` times as long.
    let waited = trace.measured(ALL_ANSWERED)[0];
    assert!(waited >= work_ms && waited < work_ms * connections / 2.0, "{waited}");
}

fn one_thread_answers_all() {
    let trace = Once::new("tokio-tcp").run();
    answered_together(&trace, 24.0, 80.0);
    assert!(trace.wires().len() < 420, "{}", trace.wires().len());
    // The silent guest is sent away when the server's patience ends, not before.
    assert!(trace.measured("沉默多久以后被请走")[0] >= 195.0);
    assert_eq!(trace.measured("因沉默被请走的连接"), [1.0]);
}

/// The bounds of `connections` must not lead into the limits of a run (`api::run::Limits`).
fn hundreds_stay_within_the_limits() {
    let trace =
        Once::new("tokio-tcp").params(json!({ "connections": 400, "work_ms": 500, "idle_ms": 2000 })).run();
    answered_together(&trace, 400.0, 500.0);
}

fn cancelling_loses_what_the_future_knew() {
    let trace = Once::new("tokio-tcp").run();
    trace.completed();
    assert_eq!((trace.measured(WRONG), trace.measured(RIGHT)), (vec![0.0], vec![8.0]));
    // The first answer is taken for the second one's.
    assert_eq!(trace.measured("张冠李戴的回答"), [1.0]);
    assert!(trace.complaints("client") > 0);
    // What came over the wire is not what makes the difference.
    let sent: String = (1..=8).map(|number| format!("msg-{number:04}")).collect();
    assert_eq!(sent_by_connection(&trace, "取消与读到一半的消息"), [sent.as_bytes(), sent.as_bytes()]);
    // A timer that never rings in between hides the bug.
    let trace = Once::new("tokio-tcp").params(json!({ "tick_ms": 1000 })).run();
    trace.completed();
    assert_eq!((trace.measured(WRONG), trace.measured(RIGHT)), (vec![8.0], vec![8.0]));
}

/// What the server's side of each connection was sent in an act, in the order in which the connections began.
fn sent_by_connection(trace: &Trace, act: &str) -> Vec<Vec<u8>> {
    let sections = trace.sections();
    let at = sections.iter().position(|(_, title)| *title == act).unwrap();
    let (begin, end) = (sections[at].0, sections[at + 1].0);
    let client = trace.host("client");
    let mut sent: Vec<(u64, Vec<u8>)> = Vec::new();
    let meant = |wire: &&Wire<'_>| wire.frame.from == client && (begin..end).contains(&wire.time);
    for wire in trace.wires().iter().filter(meant) {
        let headers = ["ip.hdr_len", "tcp.hdr_len"].map(|field| wire.number(field));
        let (Some(port), [Some(ip), Some(tcp)]) = (wire.number("tcp.srcport"), headers) else { continue };
        let payload = &wire.frame.bytes[(ETHERNET + ip + tcp) as usize..];
        match sent.iter_mut().find(|(known, _)| *known == port) {
            Some((_, bytes)) => bytes.extend_from_slice(payload),
            None => sent.push((port, payload.to_vec())),
        }
    }
    // The act before may still be closing its connection.
    sent.into_iter().map(|(_, bytes)| bytes).filter(|bytes| !bytes.is_empty()).collect()
}

fn stopping_lets_requests_finish() {
    let trace = Once::new("tokio-tcp").run();
    trace.completed();
    assert_eq!(trace.measured("停机时正在办的请求得到回答"), [1.0]);
    assert_eq!(trace.measured("停机后的新连接被拒绝"), [1.0]);
    assert_eq!(trace.measured("宽限期满被中止的连接"), [0.0]);
    // The refusal is the kernel's.
    let server = trace.host("server");
    let refused = |wire: &Wire<'_>| {
        wire.frame.from == server
            && wire.is(&[("tcp.flags.reset", 1), ("tcp.flags.ack", 1), ("tcp.window_size_value", 0)])
    };
    assert!(trace.wires().iter().any(refused));
}

fn an_impatient_stop_aborts() {
    let trace =
        Once::new("tokio-tcp").params(json!({ "grace_ms": 10, "work_ms": 300, "idle_ms": 600 })).run();
    trace.completed();
    assert_eq!(trace.measured("停机时正在办的请求得到回答"), [0.0]);
    assert_eq!(trace.measured("宽限期满被中止的连接"), [1.0]);
    assert!(trace.measured("从喊停到全部结束")[0] < 250.0);
}

fn the_same_without_namespaces_loopback() {
    let trace = Once::new("tokio-tcp").loopback().run();
    answered_together(&trace, 24.0, 80.0);
    assert_eq!((trace.measured(WRONG), trace.measured(RIGHT)), (vec![0.0], vec![8.0]));
    assert_eq!(trace.measured("停机后的新连接被拒绝"), [1.0]);
}
