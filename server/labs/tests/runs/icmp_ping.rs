//! `icmp-ping`: ARP, then echoes with sequence numbers and good checksums.

use std::collections::BTreeMap;

use api::line::{Impairments, Line};
use serde_json::json;

use crate::Tests;
use crate::once::Once;
use crate::seen::Seen as _;

pub(crate) const TESTS: Tests = &[
    ("arp_comes_first_then_numbered_echoes", arp_comes_first_then_numbered_echoes),
    ("lost_replies_time_out", lost_replies_time_out),
    ("nobody_home_is_host_unreachable", nobody_home_is_host_unreachable),
    ("own_address_never_meets_the_wire", own_address_never_meets_the_wire),
    ("a_big_echo_is_fragmented", a_big_echo_is_fragmented),
];

fn arp_comes_first_then_numbered_echoes() {
    let params = json!({ "count": 3, "size": 5, "ttl": 9, "interval_ms": 10 });
    let trace = Once::new("icmp-ping").params(params).run();
    trace.completed();
    let wires = trace.wires();
    let first = |field: &[(&str, u64)]| wires.iter().find(|wire| wire.is(field)).map(|wire| wire.time);
    let (asked, echo) = (first(&[("arp.opcode", 1)]), first(&[("icmp.type", 8)]));
    assert!(asked.is_some() && echo.is_some() && asked < echo);

    for (kind, host, ttl) in [(8, "client", Some(9)), (0, "server", None)] {
        let echoes: Vec<_> = wires.iter().filter(|wire| wire.number("icmp.type") == Some(kind)).collect();
        let sequence: Vec<_> = echoes.iter().filter_map(|wire| wire.number("icmp.seq")).collect();
        assert_eq!(sequence, [1, 2, 3], "{host}");
        for wire in echoes {
            assert_eq!(wire.frame.from, trace.host(host));
            assert_eq!(wire.number("icmp.checksum.status"), Some(1), "good");
            assert!(wire.frame.bytes.ends_with(b"abcde"));
            assert!(ttl.is_none() || wire.number("ip.ttl") == ttl);
        }
    }
    assert_eq!(trace.measured_at("client", "收到应答"), 3.0);
    // 10 ms each way.
    assert!(trace.measured_at("client", "序号 3 的往返时间") >= 20.0);
}

fn lost_replies_time_out() {
    let down = Impairments { loss_percent: 100.0, ..Impairments::default() };
    // Nothing the server says arrives, its ARP replies neither.
    let lines = BTreeMap::from([("server".into(), Line { up: down, ..Line::default() })]);
    let params = json!({ "count": 2, "timeout_ms": 60, "interval_ms": 0 });
    let trace = Once { lines: Some(lines), ..Once::new("icmp-ping").params(params) }.run();
    trace.completed();
    assert_eq!(trace.measured_at("client", "收到应答"), 0.0);
    assert_eq!(trace.measured_at("client", "超时"), 2.0);
}

fn nobody_home_is_host_unreachable() {
    let params = json!({ "target": "nobody", "count": 1, "timeout_ms": 4000 });
    let trace = Once::new("icmp-ping").params(params).run();
    trace.completed();
    assert_eq!(trace.measured_at("client", "主机不可达"), 1.0);
    assert!(trace.count(&[("arp.opcode", 1)]) >= 3, "the kernel asks three times");
    assert_eq!(trace.count(&[("arp.opcode", 2)]), 0);
    assert_eq!(trace.count(&[("icmp.type", 8)]), 0, "without a MAC address nothing can leave");
}

fn own_address_never_meets_the_wire() {
    let params = json!({ "target": "myself", "count": 2, "interval_ms": 0 });
    let trace = Once::new("icmp-ping").params(params).run();
    trace.completed();
    assert_eq!(trace.measured_at("client", "收到应答"), 2.0);
    assert_eq!(trace.count(&[("icmp.type", 8)]), 0);
}

fn a_big_echo_is_fragmented() {
    let trace = Once::new("icmp-ping")
        .params(json!({ "count": 1, "size": 2000, "timeout_ms": 4000 }))
        .perfect()
        .run();
    trace.completed();
    assert_eq!(trace.count(&[("ip.flags.mf", 1)]), 2, "one there, one back");
    assert_eq!(trace.measured_at("client", "收到应答"), 1.0);
}
