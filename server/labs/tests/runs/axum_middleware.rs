//! `axum-middleware`: how deep each request gets, and that what was entered is left in the opposite order.

use api::trace::{Code, Trace};
use serde_json::json;

use crate::Tests;
use crate::once::Once;
use crate::seen::Seen as _;

pub(crate) const TESTS: Tests = &[
    ("each_request_turns_back_where_it_should", each_request_turns_back_where_it_should),
    ("layers_are_left_as_they_were_entered_loopback", layers_are_left_as_they_were_entered_loopback),
    ("a_timeout_drops_what_is_inside_loopback", a_timeout_drops_what_is_inside_loopback),
    ("a_token_outside_cors_refuses_preflights", a_token_outside_cors_refuses_preflights),
    ("limits_are_the_readers_loopback", limits_are_the_readers_loopback),
];

/// Status and number of layers.
fn answer(trace: &Trace, title: &str) -> (f64, f64) {
    let layers = trace.measured_at("server", &format!("{title}，进入的层数"));
    (trace.measured_at("client", &format!("{title}，状态码")), layers)
}

/// `("enter", "CORS")` and so on, in order.
fn edges(trace: &Trace) -> Vec<(&str, &str)> {
    fn field<'a>(code: &'a Code, wanted: &str) -> Option<&'a str> {
        code.fields.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
    }
    trace.codes().into_iter().filter_map(|code| Some((field(code, "edge")?, field(code, "layer")?))).collect()
}

fn each_request_turns_back_where_it_should() {
    let trace = Once::new("axum-middleware").run();
    trace.completed();
    assert_eq!(answer(&trace, "普通的请求"), (200.0, 6.0));
    assert_eq!(answer(&trace, "预检"), (200.0, 2.0));
    assert_eq!(answer(&trace, "陌生来源的预检"), (200.0, 2.0));
    assert_eq!(answer(&trace, "没有令牌"), (401.0, 3.0));
    assert_eq!(answer(&trace, "处理得太慢"), (504.0, 6.0));
    assert_eq!(answer(&trace, "正文太长"), (413.0, 5.0));
    // Of the two preflights only the stranger's is worth a warning.
    assert_eq!(trace.complaints("client"), 1);
    assert!(trace.wires().len() < 100, "{} frames", trace.wires().len());
}

fn layers_are_left_as_they_were_entered_loopback() {
    let trace = Once::new("axum-middleware").loopback().run();
    trace.completed();
    let mut open = Vec::new();
    let (mut entered, mut ended) = (0, 0);
    for (edge, layer) in edges(&trace) {
        if edge == "enter" {
            entered += 1;
            open.push(layer);
        } else {
            ended += 1;
            assert_eq!(open.pop(), Some(layer), "{edge}");
        }
    }
    assert!(open.is_empty(), "{open:?}");
    assert_eq!((entered, ended), (24, 24));
}

fn a_timeout_drops_what_is_inside_loopback() {
    let trace = Once::new("axum-middleware").loopback().run();
    let dropped: Vec<_> = edges(&trace).into_iter().filter(|(edge, _)| *edge == "drop").collect();
    assert_eq!(dropped, [("drop", "处理函数"), ("drop", "正文上限")]);
    let patient = json!({ "slow_ms": 20, "timeout_ms": 1500 });
    let trace = Once::new("axum-middleware").params(patient).loopback().run();
    assert_eq!(answer(trace.completed(), "处理得太慢"), (200.0, 6.0));
    assert!(edges(&trace).iter().all(|(edge, _)| *edge != "drop"));
}

fn a_token_outside_cors_refuses_preflights() {
    let trace = Once::new("axum-middleware").params(json!({ "order": "token_outside" })).run();
    trace.completed();
    assert_eq!(answer(&trace, "预检"), (401.0, 2.0));
    assert_eq!(answer(&trace, "普通的请求"), (200.0, 6.0));
    let (server, wires) = (trace.host("server"), trace.wires());
    let header = b"access-control-allow-origin";
    let permitted = wires.iter().filter(|wire| wire.frame.from == server);
    let permitted =
        permitted.filter(|wire| wire.frame.bytes.windows(header.len()).any(|bytes| bytes == header));
    // Neither the preflights nor the 401 without token say anything about origins.
    assert_eq!(permitted.count(), 3);
}

fn limits_are_the_readers_loopback() {
    for (limit, bytes, expected) in [(64, 64, (200.0, 6.0)), (64, 65, (413.0, 5.0)), (1, 0, (200.0, 6.0))] {
        let params = json!({ "body_limit": limit, "body_bytes": bytes });
        let trace = Once::new("axum-middleware").params(params).loopback().run();
        assert_eq!(answer(trace.completed(), "正文太长"), expected, "{bytes} of {limit}");
    }
}
