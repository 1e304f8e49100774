//! `tcp-vs-udp`: what is measured is what the wire shows.

use std::collections::BTreeMap;

use api::line::{Impairments, Line};
use serde_json::json;

use crate::Tests;
use crate::once::Once;
use crate::seen::Seen as _;

pub(crate) const TESTS: Tests = &[
    ("tcp_loses_nothing_and_udp_what_the_wire_lost", tcp_loses_nothing_and_udp_what_the_wire_lost),
    ("udp_arrives_out_of_order_and_tcp_does_not", udp_arrives_out_of_order_and_tcp_does_not),
    ("a_perfect_line_shows_only_the_overhead", a_perfect_line_shows_only_the_overhead),
];

fn on(impairments: Impairments) -> Once {
    let lines = Some(BTreeMap::from([("client".into(), Line::both(impairments))]));
    Once { lines, ..Once::new("tcp-vs-udp").params(json!({ "count": 60 })) }
}

fn tcp_loses_nothing_and_udp_what_the_wire_lost() {
    let trace = on(Impairments { loss_percent: 10.0, delay_ms: 10.0, ..Impairments::default() }).run();
    trace.completed();
    let wires = trace.wires();
    let datagrams: Vec<_> = wires.iter().filter(|wire| wire.number("udp.dstport") == Some(7878)).collect();
    let arrived = datagrams.iter().filter(|wire| trace.arrivals(wire.frame.frame) > 0).count();
    assert_eq!(datagrams.len(), 60);
    assert!(arrived < 60, "10 % of 60 lost nothing");
    assert_eq!(trace.measured("到达"), [60.0, arrived as f64]);
    assert_eq!(trace.measured("比后面的还晚到")[0], 0.0);
    let (waits, bytes) = (trace.measured("最久等待"), trace.measured("线上字节（双向）"));
    assert!(waits[0] > waits[1], "TCP waits for what was lost: {waits:?}");
    assert!(bytes[0] > bytes[1], "{bytes:?}");
}

fn udp_arrives_out_of_order_and_tcp_does_not() {
    let trace = on(Impairments { reorder_percent: 30.0, delay_ms: 30.0, ..Impairments::default() }).run();
    trace.completed();
    assert_eq!(trace.measured("到达"), [60.0, 60.0]);
    let late = trace.measured("比后面的还晚到");
    assert!(late[0] == 0.0 && late[1] > 0.0, "{late:?}");
}

fn a_perfect_line_shows_only_the_overhead() {
    let trace = on(Impairments::default()).run();
    trace.completed();
    // 60 datagrams of 200 bytes behind 8 bytes of UDP, 20 of IP and 14 of Ethernet, and nothing back.
    let bytes = trace.measured("线上字节（双向）");
    let expected = 60.0 * (200.0 + 8.0 + 20.0 + 14.0);
    assert!((expected..expected + 1_000.0).contains(&bytes[1]), "{bytes:?}");
    assert!(bytes[0] > expected + 60.0 * 12.0, "{bytes:?}");
}
