//! Chapter 10: stopping in good order, limiting by client, counting what really happened.

use api::trace::{Body, Lifecycle, Trace};
use serde_json::json;

use crate::Tests;
use crate::once::Once;
use crate::seen::Seen as _;

pub(crate) const TESTS: Tests = &[
    ("stopping_lets_requests_finish", stopping_lets_requests_finish),
    ("waiting_ends_when_all_is_done", waiting_ends_when_all_is_done),
    ("stopping_lets_requests_finish_loopback", stopping_lets_requests_finish_loopback),
    ("one_client_cannot_slow_another", one_client_cannot_slow_another),
    ("one_client_cannot_slow_another_loopback", one_client_cannot_slow_another_loopback),
    ("what_is_counted_is_what_was_sent", what_is_counted_is_what_was_sent),
    ("what_is_counted_is_what_was_sent_loopback", what_is_counted_is_what_was_sent_loopback),
];

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window.eq_ignore_ascii_case(text.as_bytes()))
}

/// Values of a series in order.
fn series(trace: &Trace, wanted: &str) -> Vec<f64> {
    let points = trace.events.iter().filter_map(|event| match &event.body {
        Body::Lifecycle(Lifecycle::Sampled { series, value, .. }) if series == wanted => Some(*value),
        _ => None,
    });
    points.collect()
}

fn stopped_well(trace: &Trace) {
    trace.completed();
    // Six requests of 300 ms, one of 3 s; the grace is 800 ms.
    assert_eq!(trace.measured("正在办的请求"), [7.0, 7.0]);
    assert_eq!(trace.measured("得到回答"), [0.0, 6.0]);
    assert_eq!(trace.measured("喊停之后的新连接被谢绝"), [1.0, 1.0]);
    assert_eq!(trace.measured("写完的日志"), [0.0, 6.0]);
    let aborted = trace.measured("被中止的连接");
    assert!(aborted[0] >= 7.0, "{aborted:?}");
    assert_eq!(aborted[1], 1.0, "the slowest");
    let [at_once, bounded]: [f64; 2] = trace.measured("从喊停到停下").try_into().unwrap();
    assert!(at_once < 50.0, "{at_once}");
    assert!((800.0..1200.0).contains(&bounded), "{bounded}");
}

fn stopping_lets_requests_finish() {
    let trace = Once::new("graceful-shutdown").run();
    stopped_well(&trace);
    let (server, second) = (trace.host("server"), trace.sections()[1].0);
    let wires = trace.wires();
    let answers = wires.iter().filter(|wire| {
        wire.frame.from == server && wire.time > second && contains(&wire.frame.bytes, "HTTP/1.1 200 OK")
    });
    // Each answer says that it is the connection's last.
    let last = answers.clone().filter(|wire| contains(&wire.frame.bytes, "connection: close"));
    assert_eq!((answers.clone().count(), last.count()), (6, 6));
    assert!(wires.len() < 300, "{}", wires.len());
}

fn waiting_ends_when_all_is_done() {
    let trace = Once::new("graceful-shutdown").params(json!({ "slowest_ms": 400, "grace_ms": 2000 })).run();
    trace.completed();
    assert_eq!(trace.measured("得到回答"), [0.0, 7.0]);
    assert_eq!(trace.measured("被中止的连接")[1], 0.0);
    assert_eq!(trace.measured("写完的日志")[1], 7.0);
    let took = trace.measured("从喊停到停下")[1];
    assert!(took < 1000.0, "no longer than the last log entry: {took}");
    // Without grace the right way is as rough as the wrong one.
    let trace = Once::new("graceful-shutdown").params(json!({ "grace_ms": 0 })).run();
    trace.completed();
    assert_eq!(trace.measured("得到回答"), [0.0, 0.0]);
}

fn stopping_lets_requests_finish_loopback() {
    stopped_well(&Once::new("graceful-shutdown").loopback().run());
}

fn limited(trace: &Trace) {
    trace.completed();
    let [open, limited, obeyed]: [f64; 3] = trace.measured("polite 往返时间的中位数").try_into().unwrap();
    // Behind six others at 30 ms each, or behind nobody.
    assert!(open > 120.0, "{open}");
    assert!(limited < open / 2.0 && obeyed < open / 2.0, "{open} {limited} {obeyed}");
    assert_eq!(trace.measured("polite 被谢绝"), [0.0, 0.0, 0.0]);
    // A bucket of 5, and 5 more a second, for 1.6 s: 13 at most.
    let [_, hammering, obeying]: [f64; 3] = trace.measured("greedy 得到回答").try_into().unwrap();
    assert!((10.0..=14.0).contains(&hammering), "{hammering}");
    assert!((6.0..=14.0).contains(&obeying), "{obeying}");
    let [none, many, few]: [f64; 3] = trace.measured("greedy 得到 429").try_into().unwrap();
    assert_eq!(none, 0.0);
    assert!(many > 2.0 * few && few >= 1.0, "{many} {few}");
    let refused = series(trace, "greedy 得到 429");
    assert!(refused.iter().any(|count| *count > 10.0), "{refused:?}");
}

fn one_client_cannot_slow_another() {
    let trace = Once::new("rate-limit").run();
    limited(&trace);
    let (server, wires) = (trace.host("server"), trace.wires());
    let refusals =
        wires.iter().filter(|w| w.frame.from == server && contains(&w.frame.bytes, "HTTP/1.1 429 "));
    let refusals: Vec<_> = refusals.collect();
    assert!(!refusals.is_empty());
    assert!(refusals.iter().all(|wire| contains(&wire.frame.bytes, "retry-after: 1\r\n")));
}

fn one_client_cannot_slow_another_loopback() {
    limited(&Once::new("rate-limit").loopback().run());
}

fn counted(trace: &Trace) {
    trace.completed();
    assert_eq!(trace.measured("客户端发出的请求"), [40.0]);
    assert_eq!(trace.measured("计数器数到的请求"), [40.0]);
    assert_eq!(trace.measured("客户端收到的 500"), [4.0]);
    assert_eq!(trace.measured("计数器数到的 500"), [4.0]);
    // Twelve of forty take 70 ms, so the 90th percentile does too: the bucket from 50 to 100 ms.
    assert_eq!(trace.measured("P90 所在的桶的上界"), [100.0]);
    let real = trace.measured("真正的 P90")[0];
    assert!((70.0..200.0).contains(&real), "{real}");
    // What is scraped only ever grows, and there were several scrapes.
    let totals = series(trace, "请求总数");
    assert!(totals.len() >= 4 && totals.is_sorted(), "{totals:?}");
    // Each request is a span of the server's, with its status and its times.
    let server = trace.host("server");
    let codes = trace.codes();
    let spans = codes.iter().filter(|code| {
        code.own && code.host == Some(server) && code.fields.iter().any(|(name, _)| name == "busy")
    });
    let slow = spans.clone().filter(|code| code.fields.iter().any(|(_, value)| value == "/slow"));
    assert_eq!((spans.clone().count(), slow.count()), (40, 12));
    let status = |code: &api::trace::Code| {
        code.fields.iter().find(|(name, _)| name == "status").map(|(_, value)| value.clone())
    };
    assert_eq!(spans.filter(|code| status(code).as_deref() == Some("500")).count(), 4);
}

fn what_is_counted_is_what_was_sent() {
    let trace = Once::new("observe").run();
    counted(&trace);
    let (server, wires) = (trace.host("server"), trace.wires());
    assert!(wires.iter().any(|wire| wire.frame.from == server
        && contains(&wire.frame.bytes, "http_requests_total{route=\"/fast\",status=\"200\",}")));
    // One series for all items, however many of them were asked for.
    assert!(
        !wires
            .iter()
            .any(|wire| wire.frame.from == server && contains(&wire.frame.bytes, "route=\"/items/9\""))
    );
}

fn what_is_counted_is_what_was_sent_loopback() {
    counted(&Once::new("observe").loopback().run());
}
