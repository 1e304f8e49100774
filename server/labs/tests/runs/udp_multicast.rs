//! `udp-multicast`: members receive, others do not, and IGMP says who is which.

use serde_json::json;

use crate::Tests;
use crate::once::Once;
use crate::seen::Seen as _;

pub(crate) const TESTS: Tests = &[
    ("members_receive_and_others_do_not", members_receive_and_others_do_not),
    ("igmp_reports_joining_and_leaving", igmp_reports_joining_and_leaving),
    ("the_time_to_live_is_in_the_header", the_time_to_live_is_in_the_header),
    ("without_the_loop_the_sender_hears_nothing", without_the_loop_the_sender_hears_nothing),
    ("members_receive_loopback", members_receive_loopback),
];

fn members_receive_and_others_do_not() {
    let trace = Once::new("udp-multicast").run();
    trace.completed();
    let wires = trace.wires();
    let datagrams: Vec<_> = wires.iter().filter(|wire| wire.number("udp.dstport").is_some()).collect();
    // With TTL 0 the third one never left.
    assert_eq!(datagrams.len(), 2);
    for wire in datagrams {
        assert_eq!(wire.text("eth.dst").as_deref(), Some("01:00:5e:07:07:07"));
        assert_eq!(wire.text("ip.dst").as_deref(), Some("239.7.7.7"));
        assert_eq!(wire.number("ip.ttl"), Some(1));
        assert_eq!(trace.arrivals(wire.frame.frame), 3, "the switch floods, carol's interface gets it too");
    }
    let received = |host| trace.measured_at(host, "收到");
    assert_eq!(["sender", "alice", "bob", "carol"].map(received), [3.0, 2.0, 1.0, 0.0]);
}

fn igmp_reports_joining_and_leaving() {
    const JOIN: u64 = 4; // CHANGE_TO_EXCLUDE_MODE of nobody
    const LEAVE: u64 = 3; // CHANGE_TO_INCLUDE_MODE of nobody
    let trace = Once::new("udp-multicast").run();
    let wires = trace.wires();
    let reported = |host: &str, record: u64| {
        wires.iter().any(|wire| {
            wire.frame.from == trace.host(host)
                && wire.is(&[("igmp.type", 0x22), ("igmp.record_type", record)])
                && wire.text("igmp.maddr").as_deref() == Some("239.7.7.7")
        })
    };
    assert!(["sender", "alice", "bob"].iter().all(|host| reported(host, JOIN)));
    assert!(!reported("carol", JOIN));
    assert!(reported("bob", LEAVE) && !reported("carol", LEAVE));
}

fn the_time_to_live_is_in_the_header() {
    let trace = Once::new("udp-multicast").params(json!({ "ttl": 7 })).run();
    trace.completed();
    assert_eq!(trace.count(&[("ip.ttl", 7)]), 2);
}

fn without_the_loop_the_sender_hears_nothing() {
    let trace = Once::new("udp-multicast").params(json!({ "loopback": false })).run();
    trace.completed();
    let received = |host| trace.measured_at(host, "收到");
    assert_eq!(["sender", "alice", "bob", "carol"].map(received), [0.0, 2.0, 1.0, 0.0]);
}

/// All hosts are one here, so TTL 0 reaches them; who is a member still decides.
fn members_receive_loopback() {
    let trace = Once::new("udp-multicast").loopback().run();
    trace.completed();
    let received = |host| trace.measured_at(host, "收到");
    assert_eq!(["sender", "alice", "bob", "carol"].map(received), [3.0, 3.0, 1.0, 0.0]);
}
