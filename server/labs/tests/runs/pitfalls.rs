//! Chapter 9: each lab shows the harm, then the cure, on the same line with the same seed.

use api::trace::{Lifecycle, SocketState, Trace};
use serde_json::json;

use crate::Tests;
use crate::once::Once;
use crate::seen::{Seen as _, Wire};

pub(crate) const TESTS: Tests = &[
    ("close_leaks_connections_and_answers", close_leaks_connections_and_answers),
    ("close_leaks_descriptors_loopback", close_leaks_descriptors_loopback),
    ("bounds_trade_bytes_for_memory", bounds_trade_bytes_for_memory),
    ("bounds_trade_bytes_for_memory_loopback", bounds_trade_bytes_for_memory_loopback),
    ("blocking_makes_others_wait", blocking_makes_others_wait),
    ("computing_blocks_as_sleeping_does", computing_blocks_as_sleeping_does),
    ("blocking_makes_others_wait_loopback", blocking_makes_others_wait_loopback),
    ("silence_lasts_for_ever_without_a_deadline", silence_lasts_for_ever_without_a_deadline),
    ("silence_lasts_for_ever_loopback", silence_lasts_for_ever_loopback),
    ("errors_end_or_spin_a_server", errors_end_or_spin_a_server),
    ("with_descriptors_left_nothing_shows", with_descriptors_left_nothing_shows),
    ("errors_end_or_spin_a_server_loopback", errors_end_or_spin_a_server_loopback),
];

/// The two values of a label: of the wrong way, then of the right one.
fn both(trace: &Trace, label: &str) -> [f64; 2] {
    trace.measured(label).try_into().unwrap()
}

/// Start and end of the section at this place.
fn section(trace: &Trace, at: usize) -> std::ops::Range<u64> {
    let sections = trace.sections();
    sections[at].0..sections.get(at + 1).map_or(u64::MAX, |next| next.0)
}

/// How many of the host's sockets were in this state at some time in the section.
fn in_state(trace: &Trace, host: &str, state: SocketState, at: usize) -> usize {
    let (host, during) = (trace.host(host), section(trace, at));
    let mut sockets: Vec<u32> = trace
        .events
        .iter()
        .filter(|event| during.contains(&event.time))
        .filter_map(|event| match &event.body {
            api::trace::Body::Kernel(kernel) if kernel.host == host && kernel.state == Some(state) => {
                Some(kernel.socket)
            }
            _ => None,
        })
        .collect();
    sockets.sort_unstable();
    sockets.dedup();
    sockets.len()
}

/// Frames of the host in the section that fulfil a condition.
fn frames(trace: &Trace, host: &str, at: usize, wanted: impl Fn(&Wire<'_>) -> bool) -> usize {
    let (host, during) = (trace.host(host), section(trace, at));
    let wires = trace.wires();
    wires.iter().filter(|wire| wire.frame.from == host && during.contains(&wire.time) && wanted(wire)).count()
}

fn is_reset(wire: &Wire<'_>) -> bool {
    wire.is(&[("tcp.flags.reset", 1)])
}

fn close_leaks_connections_and_answers() {
    let trace = Once::new("pitfall-close").run();
    trace.completed();
    assert_eq!(both(&trace, "客户端都走了，还开着的连接"), [8.0, 0.0]);
    assert_eq!(both(&trace, "名册里还有"), [8.0, 0.0]);
    // The kernel says the same, and that the clients wait for a FIN.
    assert_eq!(in_state(&trace, "server", SocketState::CloseWait, 0), 8);
    assert_eq!(in_state(&trace, "client", SocketState::FinWait2, 0), 8);
    // In the right version CLOSE_WAIT may pass by, but every connection comes to its end.
    let fin = |wire: &Wire<'_>| wire.is(&[("tcp.flags.fin", 1)]);
    assert_eq!(frames(&trace, "server", 1, fin), 8);
    assert_eq!(in_state(&trace, "client", SocketState::TimeWait, 1), 8);

    let [short, whole] = both(&trace, "收到的回答");
    // The client takes 8 KiB at a time: what waited in the send queue is lost.
    assert!(short < 24_000.0, "{short}");
    assert_eq!(whole, 32_768.0);
    assert_eq!(both(&trace, "以 RST 收场"), [1.0, 0.0]);
    assert!(frames(&trace, "server", 2, is_reset) > 0);
    assert_eq!(frames(&trace, "server", 3, is_reset) + frames(&trace, "client", 3, is_reset), 0);
    assert!(trace.wires().len() < 400, "{}", trace.wires().len());

    // Nothing unread, nothing lost: the same code gets away with it.
    let trace = Once::new("pitfall-close").params(json!({ "unread_bytes": 0 })).run();
    trace.completed();
    assert_eq!(both(&trace, "收到的回答"), [32_768.0, 32_768.0]);
    assert_eq!(both(&trace, "以 RST 收场"), [0.0, 0.0]);
}

fn close_leaks_descriptors_loopback() {
    let trace = Once::new("pitfall-close").params(json!({ "clients": 20 })).loopback().run();
    trace.completed();
    assert_eq!(both(&trace, "客户端都走了，还开着的连接"), [20.0, 0.0]);
    assert_eq!(in_state(&trace, "server", SocketState::CloseWait, 0), 20);
    let [short, whole] = both(&trace, "收到的回答");
    assert!(short < 32_768.0 && whole == 32_768.0, "{short} {whole}");
}

fn bounds_show(trace: &Trace) {
    trace.completed();
    let [wrong, right] = both(trace, "多出的地址空间");
    assert!(wrong >= 64.0 && right < 8.0, "{wrong} {right}");
    assert_eq!(both(trace, "为一行攒下的字节"), [65_536.0, 1024.0]);
    let [wrong, right] = both(trace, "做好的回答");
    assert_eq!(wrong, 128.0);
    assert!(right <= 16.0, "{right}");
    let resident = trace.measured("多出的驻留内存");
    let [claimed, refused, piled, bounded] = resident[..] else { panic!("{resident:?}") };
    // A claim alone costs address space only; a full queue costs memory.
    assert!(claimed < 4.0 && refused < 4.0, "{resident:?}");
    assert!(piled > 24.0 && bounded < 8.0, "{resident:?}");
    let samples = trace.events.iter().filter(|event| {
        matches!(&event.body, api::trace::Body::Lifecycle(Lifecycle::Sampled { unit, .. }) if unit == "MiB")
    });
    assert!(samples.count() > 50);
}

fn bounds_trade_bytes_for_memory() {
    let trace = Once::new("pitfall-bounds").run();
    bounds_show(&trace);
    assert!(trace.wires().len() < 400, "{}", trace.wires().len());
    // The flood of replies is asked for by 512 bytes.
    assert_eq!(both(&trace, "发出的请求"), [512.0, 512.0]);
}

fn bounds_trade_bytes_for_memory_loopback() {
    bounds_show(&Once::new("pitfall-bounds").loopback().run());
}

fn others_wait(trace: &Trace, block_ms: f64) {
    trace.completed();
    let [wrong, right] = both(trace, "最慢的一次往返");
    // Two jobs one after the other on the only thread; a ping may start just after the first began.
    assert!(wrong > block_ms && wrong < block_ms * 2.5, "{wrong}");
    assert!(right < block_ms / 2.0, "{right}");
    let [wrong, right] = both(trace, "超过 100 ms 的往返");
    assert!(wrong >= 1.0 && right <= 1.0, "{wrong} {right}");
    // The work itself takes as long; two at a time take half.
    let [wrong, right] = both(trace, "全部活儿做完");
    assert!(wrong >= block_ms * 2.0 && right >= block_ms && right < block_ms * 1.9, "{wrong} {right}");
}

fn blocking_makes_others_wait() {
    let trace = Once::new("pitfall-blocking").run();
    others_wait(&trace, 200.0);
    assert!(trace.wires().len() < 420, "{}", trace.wires().len());
}

fn computing_blocks_as_sleeping_does() {
    let trace = Once::new("pitfall-blocking").params(json!({ "kind": "compute", "jobs": 1 })).run();
    trace.completed();
    let [wrong, right] = both(&trace, "最慢的一次往返");
    assert!(wrong > 150.0 && right < 100.0, "{wrong} {right}");
}

fn blocking_makes_others_wait_loopback() {
    others_wait(&Once::new("pitfall-blocking").loopback().run(), 200.0);
}

fn silence(trace: &Trace) {
    trace.completed();
    assert_eq!(both(trace, "还在等"), [1.0, 0.0]);
    let [forever, bounded] = both(trace, "已经等了");
    assert!(forever >= 1000.0, "{forever}");
    assert!((300.0..600.0).contains(&bounded), "{bounded}");
    // Sixteen drops, 60 ms apart: no step is late, the whole is.
    assert_eq!(both(trace, "按时得到回答"), [1.0, 0.0]);
    let [steps, budget] = both(trace, "用了");
    assert!(steps >= 15.0 * 60.0, "{steps}");
    assert!((300.0..600.0).contains(&budget), "{budget}");
}

fn silence_lasts_for_ever_without_a_deadline() {
    let trace = Once::new("pitfall-timeout").run();
    silence(&trace);
    // While it hangs, the client has nothing to send, until the lab lets go of it: no frame of its own would tell it.
    let changed = |event: &&api::trace::Event| {
        matches!(event.body, api::trace::Body::Lifecycle(Lifecycle::LineChanged { .. }))
    };
    let mut changes = trace.events.iter().filter(changed).map(|event| event.time);
    let (cut, mended) = (changes.next().unwrap(), changes.next().unwrap());
    assert!(mended - cut > 900_000_000, "{cut} {mended}");
    let silent = cut + 200_000_000..mended;
    let client = trace.host("client");
    let speaks = |wire: &Wire<'_>| wire.frame.from == client && wire.number("tcp.flags.fin") == Some(0);
    assert!(!trace.wires().iter().any(|wire| speaks(wire) && silent.contains(&wire.time)));
    // The server meanwhile sends its answer again and again, into the void.
    let server = trace.host("server");
    let void = trace.wires().iter().filter(|w| w.frame.from == server && silent.contains(&w.time)).count();
    assert!(void >= 2, "{void}");
    // Only the connection with keepalive learns of the cut, after 1 s of idleness and 2 probes.
    assert_eq!(trace.measured("开了 keepalive：发现断线"), [1.0]);
    assert_eq!(trace.measured("没开的：还以为连着"), [1.0]);
    let noticed = trace.measured("开了 keepalive：多久发现")[0];
    assert!((2500.0..4500.0).contains(&noticed), "{noticed}");
    assert!(trace.wires().len() < 300, "{}", trace.wires().len());
}

fn silence_lasts_for_ever_loopback() {
    let trace = Once::new("pitfall-timeout").loopback().run();
    silence(&trace);
    assert!(trace.measured("开了 keepalive：发现断线").is_empty());
}

fn errors_show(trace: &Trace) {
    trace.completed();
    let [give_up, spin, back_off]: [f64; 3] = trace.measured("得到回答的客户端").try_into().unwrap();
    assert!(give_up <= 3.0, "{give_up}");
    assert_eq!([spin, back_off], [9.0, 9.0]);
    assert_eq!(trace.measured("后来的人连得上"), [0.0, 1.0, 1.0]);
    let [once, spun, rested]: [f64; 3] = trace.measured("accept 失败").try_into().unwrap();
    assert_eq!(once, 1.0);
    assert!(spun > 1_000.0, "{spun}");
    assert!((1.0..40.0).contains(&rested), "{rested}");
    let [_, hot, cool]: [f64; 3] = trace.measured("服务器线程用去的处理器时间").try_into().unwrap();
    assert!(hot > 50.0 && cool < hot / 4.0, "{hot} {cool}");
}

fn errors_end_or_spin_a_server() {
    let trace = Once::new("pitfall-errors").run();
    errors_show(&trace);
    // Who waited in the backlog of the server that gave up is reset.
    assert!(frames(&trace, "server", 0, is_reset) >= 6);
    // The others waited in the kernel: the listener's queue was not empty.
    let server = trace.host("server");
    let waiting = |kernel: &&&api::trace::Kernel| {
        kernel.host == server && kernel.state == Some(SocketState::Listen) && kernel.receive_queue > 0
    };
    assert!(trace.kernel().iter().filter(waiting).count() > 0);
    assert!(trace.wires().len() < 400, "{}", trace.wires().len());
}

fn with_descriptors_left_nothing_shows() {
    let trace = Once::new("pitfall-errors").params(json!({ "clients": 4, "spare": 24 })).run();
    trace.completed();
    assert_eq!(trace.measured("得到回答的客户端"), [4.0, 4.0, 4.0]);
    assert_eq!(trace.measured("后来的人连得上"), [1.0, 1.0, 1.0]);
    assert_eq!(trace.measured("accept 失败"), [0.0, 0.0, 0.0]);
}

fn errors_end_or_spin_a_server_loopback() {
    errors_show(&Once::new("pitfall-errors").loopback().run());
}
