//! `udp-broadcast`: one frame for all, delivered by those who listen.

use serde_json::json;

use crate::Tests;
use crate::once::Once;
use crate::seen::Seen as _;

pub(crate) const TESTS: Tests = &[
    ("one_frame_reaches_everybody", one_frame_reaches_everybody),
    ("three_receive_and_one_does_not_loopback", three_receive_and_one_does_not_loopback),
];

fn one_frame_reaches_everybody() {
    let trace = Once::new("udp-broadcast").params(json!({ "count": 3 })).run();
    trace.completed();
    let wires = trace.wires();
    let to = |address: &str| {
        let sent = wires.iter().filter(|wire| wire.number("udp.dstport").is_some());
        sent.filter(|wire| wire.text("ip.dst").as_deref() == Some(address)).collect::<Vec<_>>()
    };
    let (directed, limited) = (to("10.0.0.255"), to("255.255.255.255"));
    assert_eq!(directed.len(), 3);
    assert!(limited.len() >= 3);
    for wire in directed.iter().chain(&limited) {
        assert_eq!(wire.text("eth.dst").as_deref(), Some("ff:ff:ff:ff:ff:ff"));
        assert_eq!(trace.arrivals(wire.frame.frame), 4, "one frame, four receivers");
    }
    // Without SO_BROADCAST nothing left: every datagram comes after the second section began.
    let began = trace.sections()[1].0;
    assert!(wires.iter().filter(|wire| wire.number("udp.dstport").is_some()).all(|wire| wire.time > began));
    assert!(trace.complaints("sender") >= 1);

    let all = (directed.len() + limited.len()) as f64;
    assert_eq!(trace.measured("收到"), [all, all, all, 0.0]);
}

fn three_receive_and_one_does_not_loopback() {
    let trace = Once::new("udp-broadcast").params(json!({ "count": 3 })).loopback().run();
    trace.completed();
    assert_eq!(trace.measured("收到"), [3.0, 3.0, 3.0, 0.0]);
}
