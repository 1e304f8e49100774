//! `quic-streams`: one round trip, streams that do not wait for each other, a new address, early data.

use std::collections::BTreeSet;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::PrivatePkcs8KeyDer;
use serde_json::{Value, json};

use api::trace::Trace;

use crate::Tests;
use crate::once::Once;
use crate::seen::{Seen as _, Wire};

pub(crate) const TESTS: Tests = &[
    ("everything_travels_in_datagrams_that_fit", everything_travels_in_datagrams_that_fit),
    ("every_datagram_is_told_as_quic", every_datagram_is_told_as_quic),
    ("a_handshake_takes_one_round_trip", a_handshake_takes_one_round_trip),
    ("a_connection_survives_a_new_address", a_connection_survives_a_new_address),
    ("early_data_saves_a_round_trip_unless_it_must_not", early_data_saves_a_round_trip_unless_it_must_not),
    ("a_server_that_forgot_refuses_early_data", a_server_that_forgot_refuses_early_data),
    ("one_loss_delays_fewer_messages_than_in_tcp", one_loss_delays_fewer_messages_than_in_tcp),
    ("all_acts_but_the_losses_loopback", all_acts_but_the_losses_loopback),
    (
        "a_server_without_certificate_cannot_begin_loopback",
        a_server_without_certificate_cannot_begin_loopback,
    ),
];

/// Delay of the clean line, both ways.
const ROUND_TRIP: f64 = 30.0;
const FIRST_ANSWER: &str = "握手加第一次问答";
const SECOND_ANSWER: &str = "第二次连接到第一个回答";
const ACCEPTED: &str = "0-RTT 被接受";

fn run(params: Value) -> Trace {
    let mut all = json!({ "messages": 0 });
    all.as_object_mut().unwrap().extend(params.as_object().unwrap().clone());
    let trace = Once::new("quic-streams").params(all).run();
    trace.completed();
    trace
}

/// The least of three values: what a busy machine adds, it does not add every time.
fn least(params: &Value, label: &str) -> f64 {
    (0..3).map(|_| run(params.clone()).measured(label)[0]).fold(f64::INFINITY, f64::min)
}

fn everything_travels_in_datagrams_that_fit() {
    let trace = run(json!({ "streams": 8, "bytes": 20_000 }));
    let wires = trace.wires();
    // However many segments quinn hands to the kernel at once, a frame is at most an MTU and its header.
    assert!(wires.iter().all(|wire| wire.frame.length <= 1514));
    assert!(wires.iter().all(|wire| wire.number("tcp.srcport").is_none()));
    // An ICMP error quotes the datagram it is about: that one is not on its way.
    let datagram =
        |wire: &&Wire<'_>| wire.number("udp.length").is_some() && wire.number("icmp.type").is_none();
    let datagrams: Vec<_> = wires.iter().filter(datagram).collect();
    assert!(datagrams.len() > 100, "{}", datagrams.len());
    assert!(datagrams.iter().all(|wire| wire.number("ip.flags.df") == Some(1)));
    assert_eq!(trace.measured("回来的数据报"), [3.0]);
    assert!(trace.measured("一个数据报最多")[0] >= 1_100.0);
}

/// quinn sets the fixed bit at random, once its peer has said that it does not mind (RFC 9287). Without keys
/// nobody can tell whose packets those from a new address are, so nobody moves here.
fn every_datagram_is_told_as_quic() {
    let trace = run(json!({ "streams": 4, "bytes": 20_000, "migrate": false }));
    let wires = trace.wires();
    let is_quic = |wire: &Wire<'_>| wire.fields.layers.iter().any(|layer| layer.protocol == "quic");
    let server = |wire: &Wire<'_>| {
        let ports = [wire.number("udp.srcport"), wire.number("udp.dstport")];
        ports.into_iter().flatten().any(|port| (4433..=4435).contains(&port))
    };
    let (told, bare): (Vec<_>, Vec<_>) =
        wires.iter().filter(|wire| server(wire)).partition(|wire| is_quic(wire));
    assert!(told.len() > 60, "{}", told.len());
    assert!(told.iter().any(|wire| wire.number("quic.fixed_bit") == Some(0)), "nothing is greased any more");
    assert!(bare.is_empty(), "{:?}", bare.iter().map(|wire| wire.frame.frame).collect::<Vec<_>>());
}

fn a_handshake_takes_one_round_trip() {
    let trace = run(json!({}));
    let (handshake, answer) = (least(&json!({}), "握手"), least(&json!({}), FIRST_ANSWER));
    assert!((ROUND_TRIP..2.0 * ROUND_TRIP).contains(&handshake), "{handshake}");
    assert!((2.0 * ROUND_TRIP..3.0 * ROUND_TRIP).contains(&answer), "{answer}");
    // RFC 9000 section 14.1: a client pads what carries its first Initial to 1200 bytes at least.
    let wires = trace.wires();
    let first = wires.iter().find(|wire| wire.number("udp.dstport") == Some(4433)).unwrap();
    assert!(first.number("udp.length").unwrap() >= 1200 + 8);
}

fn a_connection_survives_a_new_address() {
    let addresses = |trace: &Trace| -> BTreeSet<String> {
        let wires = trace.wires();
        let from_client = wires.iter().filter(|wire| wire.number("udp.dstport") == Some(4433));
        from_client.filter_map(|wire| wire.text("ip.src")).collect()
    };
    let moved = run(json!({}));
    let stayed = run(json!({ "migrate": false }));
    assert_eq!(addresses(&moved), BTreeSet::from(["10.0.0.102".into(), "10.0.0.2".into()]));
    assert_eq!(addresses(&stayed), BTreeSet::from(["10.0.0.2".into()]));
    assert_eq!(moved.measured("换地址前后一条流收回"), ["换地址之前，换地址之后。".len() as f64]);
    // Nothing of the same connection leaves the old address any more.
    let (start, _) = moved.sections().into_iter().find(|(_, title)| *title == "换地址").unwrap();
    let wires = moved.wires();
    let after = wires.iter().filter(|wire| wire.time > start && wire.number("udp.dstport") == Some(4433));
    let sources: Vec<String> = after.filter_map(|wire| wire.text("ip.src")).collect();
    let first_new = sources.iter().position(|source| source == "10.0.0.102").unwrap();
    assert!(first_new <= 2, "{sources:?}");
    assert!(sources[first_new..].iter().all(|source| source == "10.0.0.102"), "{sources:?}");
}

fn early_data_saves_a_round_trip_unless_it_must_not() {
    let query = run(json!({}));
    assert_eq!(query.measured(ACCEPTED), [1.0]);
    let answer = least(&json!({}), SECOND_ANSWER);
    assert!((ROUND_TRIP..2.0 * ROUND_TRIP).contains(&answer), "{answer}");
    // What must not be replayed waits for the handshake.
    let payment = json!({ "early": "payment" });
    assert_eq!(run(payment.clone()).measured(ACCEPTED), [1.0]);
    let answer = least(&payment, SECOND_ANSWER);
    assert!((2.0 * ROUND_TRIP..3.0 * ROUND_TRIP).contains(&answer), "{answer}");
}

fn a_server_that_forgot_refuses_early_data() {
    let forgot = json!({ "forget": true });
    assert_eq!(run(forgot.clone()).measured(ACCEPTED), [0.0]);
    let answer = least(&forgot, SECOND_ANSWER);
    assert!((2.0 * ROUND_TRIP..3.0 * ROUND_TRIP).contains(&answer), "{answer}");
}

fn one_loss_delays_fewer_messages_than_in_tcp() {
    let late = |protocol: &str| -> f64 {
        (1..=3)
            .map(|seed| {
                let once = Once::new("quic-streams").params(json!({ "messages": 100 }));
                let trace = Once { seed, ..once }.run();
                trace.completed();
                assert_eq!(trace.measured(&format!("{protocol}：到达")), [100.0]);
                trace.measured(&format!("{protocol}：多等了 15 ms 以上"))[0]
            })
            .sum()
    };
    let (quic, tcp) = (late("QUIC"), late("TCP"));
    assert!(quic > 0.0 && quic < tcp, "QUIC {quic}, TCP {tcp}");
}

fn all_acts_but_the_losses_loopback() {
    let trace = Once::new("quic-streams").loopback().run();
    trace.completed();
    assert_eq!(trace.measured(ACCEPTED), [1.0]);
    assert_eq!(trace.measured("换地址前后一条流收回"), ["换地址之前，换地址之后。".len() as f64]);
    assert_eq!(trace.measured("QUIC：到达"), trace.measured("TCP：到达"));
    let second =
        |kernel: &&&api::trace::Kernel| kernel.host == trace.host("client") && kernel.local.contains(".102:");
    assert!(trace.kernel().iter().any(|kernel| second(&kernel)));
}

/// What the chapter says of `with_single_cert(vec![], PrivateKey(vec![]))`.
fn a_server_without_certificate_cannot_begin_loopback() {
    let builder = rustls::ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth();
    let key = PrivatePkcs8KeyDer::from(Vec::new());
    assert!(builder.with_single_cert(Vec::new(), key.into()).is_err());
}
