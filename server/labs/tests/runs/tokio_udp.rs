//! `tokio-udp`: many peers on one socket, retries with growing patience, a timer that forgets the silent.

use std::collections::{BTreeMap, HashSet};

use api::line::{Impairments, Line};
use api::trace::Fate;
use serde_json::json;

use crate::Tests;
use crate::once::Once;
use crate::seen::Seen as _;

pub(crate) const TESTS: Tests = &[
    ("one_socket_serves_many_peers", one_socket_serves_many_peers),
    ("what_is_lost_is_asked_again", what_is_lost_is_asked_again),
    ("impatience_asks_in_vain", impatience_asks_in_vain),
    ("patience_doubles_and_ends", patience_doubles_and_ends),
    ("the_silent_are_forgotten_loopback", the_silent_are_forgotten_loopback),
];

fn one_socket_serves_many_peers() {
    let trace = Once::new("tokio-udp").params(json!({ "peers": 300, "requests": 1 })).perfect().run();
    trace.completed();
    assert_eq!(trace.measured("同时记着的最多对端"), [300.0]);
    // One who comes back after it was forgotten is forgotten again.
    assert!(trace.measured("因沉默而除名")[0] >= 300.0);
    assert_eq!(trace.measured("停机时还记着的对端"), [0.0]);
    // Three hundred sources, one destination.
    let (server, client) = (trace.host("server"), trace.host("client"));
    let wires = trace.wires();
    let ports = |host: u8| -> HashSet<u64> {
        wires
            .iter()
            .filter(|wire| wire.frame.from == host)
            .filter_map(|wire| wire.number("udp.srcport"))
            .collect()
    };
    assert_eq!((ports(client).len(), ports(server).len()), (300, 1));
}

fn what_is_lost_is_asked_again() {
    let trace = Once::new("tokio-udp").run();
    trace.completed();
    assert!(trace.deliveries().iter().any(|delivery| delivery.fate == Fate::Lost));
    let [sent, retries] = ["发出的数据报", "因超时而重发"].map(|label| trace.measured(label)[0]);
    assert!(retries > 0.0);
    assert_eq!(sent, 48.0 + retries);
    assert!(trace.measured("得到回答")[0] >= 46.0);
    // Question or answer, what is lost costs a further question, unless somebody gave up.
    let wires = trace.wires();
    let datagram = |frame: u32| {
        wires.iter().any(|wire| wire.frame.frame == frame && wire.number("udp.length").is_some())
    };
    let lost =
        trace.deliveries().iter().filter(|lost| lost.fate == Fate::Lost && datagram(lost.frame)).count();
    let given_up = 48.0 - trace.measured("得到回答")[0];
    assert!(retries + given_up >= lost as f64, "{retries} {lost}");
    assert!(trace.wires().len() < 400);
}

/// The exercise of the chapter: nothing is lost, but the answer takes 60 ms and the patience ends at 40.
fn impatience_asks_in_vain() {
    let slow = Line::both(Impairments { delay_ms: 30.0, ..Impairments::default() });
    let lines = Some(BTreeMap::from([("client".into(), slow)]));
    let trace = Once { lines, ..Once::new("tokio-udp") }.run();
    trace.completed();
    assert!(trace.deliveries().iter().all(|delivery| delivery.fate == Fate::Delivered));
    assert_eq!(trace.measured("得到回答"), [48.0]);
    assert!(trace.measured("因超时而重发")[0] >= 48.0);
    assert!(trace.measured("编号不对、被丢弃的回答")[0] > 0.0);
}

fn patience_doubles_and_ends() {
    let all_lost = Line::both(Impairments { loss_percent: 100.0, ..Impairments::default() });
    let lines = Some(BTreeMap::from([("client".into(), all_lost)]));
    let params = json!({ "peers": 2, "requests": 1, "timeout_ms": 20, "attempts": 4, "silence_ms": 50 });
    let trace = Once { lines, ..Once::new("tokio-udp").params(params) }.run();
    trace.completed();
    assert_eq!(trace.measured("得到回答"), [0.0]);
    assert_eq!(trace.measured("发出的数据报"), [8.0]);
    // 20 + 40 + 80 + 160 ms
    assert!(trace.measured("全部问完")[0] >= 300.0);
    assert!(trace.complaints("client") >= 2);
}

fn the_silent_are_forgotten_loopback() {
    let trace = Once::new("tokio-udp").loopback().run();
    trace.completed();
    assert_eq!(trace.measured("得到回答"), [48.0]);
    assert_eq!(trace.measured("因沉默而除名"), [16.0]);
    assert_eq!(trace.measured("停机时还记着的对端"), [0.0]);
}
