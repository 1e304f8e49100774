//! `udp-echo`: retries, duplicates, fragments, truncation, port unreachable.

use std::collections::BTreeMap;

use api::line::{Impairments, Line};
use serde_json::json;

use crate::Tests;
use crate::once::Once;
use crate::seen::Seen as _;

pub(crate) const TESTS: Tests = &[
    ("a_big_datagram_travels_in_fragments", a_big_datagram_travels_in_fragments),
    ("a_closed_port_is_answered_by_icmp", a_closed_port_is_answered_by_icmp),
    ("what_is_lost_is_asked_again", what_is_lost_is_asked_again),
    ("duplicates_are_told_apart", duplicates_are_told_apart),
    ("silence_is_not_an_error", silence_is_not_an_error),
    ("icmp_reaches_the_socket_loopback", icmp_reaches_the_socket_loopback),
];

const REFUSED: &str = "多久以后知道没有人监听";

/// In bytes; the header counts in units of 8 (RFC 791 section 3.1).
fn fragment_offset(frame: &[u8]) -> Option<u64> {
    let field = frame.get(14 + 6..)?.first_chunk()?;
    Some(u64::from(u16::from_be_bytes(*field) & 0x1fff) * 8)
}

fn on(impairments: Impairments) -> Once {
    let lines = Some(BTreeMap::from([("client".into(), Line::both(impairments))]));
    Once { lines, ..Once::new("udp-echo") }
}

fn a_big_datagram_travels_in_fragments() {
    let trace = Once::new("udp-echo").params(json!({ "big_bytes": 4000 })).perfect().run();
    trace.completed();
    let wires = trace.wires();
    for host in ["client", "server"] {
        let fragments: Vec<(u64, u64)> = wires
            .iter()
            .filter(|wire| wire.frame.from == trace.host(host))
            .filter_map(|wire| Some((fragment_offset(&wire.frame.bytes)?, wire.number("ip.flags.mf")?)))
            .filter(|fragment| *fragment != (0, 0))
            .collect();
        assert_eq!(fragments, [(0, 1), (1480, 1), (2960, 0)], "{host}");
    }
    assert_eq!(trace.measured("发了几次才完整地回来"), [1.0]);
    assert_eq!(trace.measured("数据报原本的长度"), [15.0]);
    assert_eq!(trace.measured("拿到手的长度"), [8.0]);
}

fn a_closed_port_is_answered_by_icmp() {
    let trace = Once::new("udp-echo").perfect().run();
    trace.completed();
    let unreachable = [("icmp.type", 3), ("icmp.code", 3)];
    let wires = trace.wires();
    let icmp: Vec<_> = wires.iter().filter(|wire| wire.is(&unreachable)).collect();
    assert_eq!(icmp.len(), 1);
    assert_eq!(icmp[0].frame.from, trace.host("server"));
    assert_eq!(trace.measured(REFUSED).len(), 1);
}

fn what_is_lost_is_asked_again() {
    let impairments = Impairments { loss_percent: 25.0, delay_ms: 5.0, ..Impairments::default() };
    let params = json!({ "count": 20, "timeout_ms": 200, "attempts": 10, "big_bytes": 4 });
    let trace = on(impairments).params(params).run();
    trace.completed();
    let lost = trace.deliveries().iter().filter(|delivery| delivery.fate == api::trace::Fate::Lost).count();
    assert!(lost > 0);
    // Not all of them for sure: a lost ARP request alone costs a second, three of them the patience.
    let (answered, sent) = (trace.measured("得到回答")[0], trace.measured("发出的数据报")[0]);
    assert!(answered >= 15.0 && sent > answered, "{answered} of {sent}");
}

fn duplicates_are_told_apart() {
    let impairments = Impairments { duplicate_percent: 100.0, ..Impairments::default() };
    let trace = on(impairments).params(json!({ "count": 10 })).run();
    trace.completed();
    assert!(trace.deliveries().iter().any(|delivery| delivery.duplicate));
    assert_eq!(trace.measured("得到回答"), [10.0]);
    assert!(trace.measured("迟到或重复、被丢弃的回答")[0] > 0.0);
}

fn silence_is_not_an_error() {
    let impairments = Impairments { loss_percent: 100.0, ..Impairments::default() };
    let params = json!({ "count": 2, "timeout_ms": 20, "attempts": 2 });
    let trace = on(impairments).params(params).run();
    trace.completed();
    assert_eq!(trace.measured("得到回答"), [0.0]);
    assert_eq!(trace.measured("发出的数据报"), [4.0]);
    assert!(trace.measured(REFUSED).is_empty());
}

fn icmp_reaches_the_socket_loopback() {
    let trace = Once::new("udp-echo").loopback().run();
    trace.completed();
    assert_eq!(trace.measured(REFUSED).len(), 1);
    assert_eq!(trace.measured("拿到手的长度"), [8.0]);
}
