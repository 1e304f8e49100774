//! `bind-addr`: who can connect to what, dual stack, and TIME_WAIT in the way of a restart.

use api::trace::{SocketState, Trace};
use serde_json::json;

use crate::Tests;
use crate::once::Once;
use crate::seen::Seen as _;

pub(crate) const TESTS: Tests = &[
    ("what_is_bound_decides_who_connects", what_is_bound_decides_who_connects),
    ("dual_stack_takes_both_families", dual_stack_takes_both_families),
    ("time_wait_stands_in_the_way", time_wait_stands_in_the_way),
    ("who_closes_first_keeps_the_port", who_closes_first_keeps_the_port),
    ("the_same_without_namespaces_loopback", the_same_without_namespaces_loopback),
];

const DOORS: [(&str, f64); 3] = [
    ("绑定 127.0.0.1：三次来访连上", 1.0),
    ("绑定 0.0.0.0：三次来访连上", 3.0),
    ("绑定 主机自己的地址：三次来访连上", 2.0),
];
const PLAIN: &str = "没有 SO_REUSEADDR 重新绑定";
const REUSE: &str = "有 SO_REUSEADDR 重新绑定";

fn what_is_bound_decides_who_connects() {
    let trace = Once::new("bind-addr").run();
    trace.completed();
    for (label, doors) in DOORS {
        assert_eq!(trace.measured_at("server", label), doors, "{label}");
    }
    let ports = [trace.measured("内核第一次挑中的端口")[0], trace.measured("内核第二次挑中的端口")[0]];
    assert!(ports[0] != ports[1] && ports.iter().all(|port| *port > 1023.0), "{ports:?}");
    // The client is refused twice, by the server's kernel: 127.0.0.1 is not for it, and [::] for IPv6 only.
    let server = trace.host("server");
    let wires = trace.wires();
    let refusals =
        wires.iter().filter(|wire| wire.frame.from == server && wire.is(&[("tcp.flags.reset", 1)]));
    assert_eq!(refusals.count(), 2);
    let refused_at_client = trace.count(&[("tcp.flags.syn", 1), ("tcp.flags.ack", 0)])
        - trace.count(&[("tcp.flags.syn", 1), ("tcp.flags.ack", 1)]);
    assert_eq!(refused_at_client, 2);
}

fn dual_stack_takes_both_families() {
    let trace = Once::new("bind-addr").run();
    trace.completed();
    assert_eq!(trace.measured("双栈的 [::]：接到的地址族"), [2.0]);
    assert_eq!(trace.measured("双栈时绑定同端口的 0.0.0.0"), [0.0]);
    assert_eq!(trace.measured("仅 IPv6 的 [::]：接到的地址族"), [1.0]);
    assert_eq!(trace.measured("仅 IPv6 时绑定同端口的 0.0.0.0"), [1.0]);
    assert!(trace.count(&[("ip.version", 4), ("tcp.flags.syn", 1)]) > 0);
    assert!(trace.count(&[("ipv6.version", 6), ("tcp.flags.syn", 1)]) > 0);
}

/// The server also visits itself: only connections with the client count.
fn server_waits(trace: &Trace) -> bool {
    let server = trace.host("server");
    trace.kernel().iter().any(|kernel| {
        kernel.host == server
            && kernel.remote.starts_with("10.0.0.2:")
            && kernel.state == Some(SocketState::TimeWait)
    })
}

fn time_wait_stands_in_the_way() {
    let trace = Once::new("bind-addr").run();
    trace.completed();
    assert_eq!((trace.measured(PLAIN), trace.measured(REUSE)), (vec![0.0], vec![1.0]));
    assert!(server_waits(&trace));
}

fn who_closes_first_keeps_the_port() {
    let trace = Once::new("bind-addr").params(json!({ "first_to_close": "client" })).run();
    trace.completed();
    assert_eq!((trace.measured(PLAIN), trace.measured(REUSE)), (vec![1.0], vec![1.0]));
    assert!(!server_waits(&trace));
    assert!(trace.had_state("client", SocketState::TimeWait));
}

fn the_same_without_namespaces_loopback() {
    let trace = Once::new("bind-addr").loopback().run();
    trace.completed();
    for (label, doors) in DOORS {
        assert_eq!(trace.measured_at("server", label), doors, "{label}");
    }
    assert_eq!((trace.measured(PLAIN), trace.measured(REUSE)), (vec![0.0], vec![1.0]));
}
