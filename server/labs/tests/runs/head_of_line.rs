//! `head-of-line`: two curves on one time axis, and what ten repeats say about them.

use api::line::{Impairments, Line};
use api::trace::{Body, Lifecycle, Trace};
use serde_json::json;

use crate::Tests;
use crate::once::Once;
use crate::seen::Seen as _;

pub(crate) const TESTS: Tests = &[
    ("both_curves_climb_from_nothing_to_everything", both_curves_climb_from_nothing_to_everything),
    ("without_loss_nobody_waits", without_loss_nobody_waits),
    ("both_finish_loopback", both_finish_loopback),
    (
        "in_ten_repeats_a_loss_holds_up_fewer_objects_of_http3",
        in_ten_repeats_a_loss_holds_up_fewer_objects_of_http3,
    ),
];

const SERIES: [(&str, &str); 2] = [("http2", "HTTP/2 完成"), ("http3", "HTTP/3 完成")];

/// Time and value of each point of a series, milliseconds.
fn points(trace: &Trace, wanted: &str) -> Vec<(f64, f64)> {
    trace
        .events
        .iter()
        .filter_map(|event| match &event.body {
            Body::Lifecycle(Lifecycle::Sampled { series, value, .. }) if series == wanted => {
                Some((event.time as f64 / 1e6, *value))
            }
            _ => None,
        })
        .collect()
}

fn both_curves_climb_from_nothing_to_everything() {
    let trace = Once::new("head-of-line").run();
    trace.completed();
    for (host, series) in SERIES {
        let points = points(&trace, series);
        let values: Vec<f64> = points.iter().map(|(_, value)| *value).collect();
        assert_eq!(values, (0..=30).map(f64::from).collect::<Vec<_>>(), "{series}");
        // The curve and the results are the same story.
        let took = points[30].0 - points[0].0;
        let told = trace.measured_at(host, "全部收完");
        assert!((took - told).abs() < 20.0, "{series}: {took} ms, told {told} ms");
        assert!(told > 29.0 * 20.0, "{series}: the last is asked for after 29 intervals: {told} ms");
    }
    assert!(trace.deliveries().iter().any(|delivery| delivery.fate == api::trace::Fate::Lost));
    assert!(trace.wires().iter().all(|wire| wire.frame.length <= 1514));
}

fn without_loss_nobody_waits() {
    let line = Line::both(Impairments { delay_ms: 20.0, ..Impairments::default() });
    let lines = ["http2", "http3"].map(|host| (host.into(), line.clone()));
    let trace = Once { lines: Some(lines.into()), ..Once::new("head-of-line") }.run();
    trace.completed();
    for (host, _) in SERIES {
        // A round trip of 40 ms, and what a busy machine adds.
        let mean = trace.measured_at(host, "平均等了");
        assert!((40.0..60.0).contains(&mean), "{host}: {mean} ms");
    }
}

fn both_finish_loopback() {
    let params = json!({ "objects": 40, "kilobytes": 8, "every_ms": 0, "fair": false });
    let trace = Once::new("head-of-line").loopback().params(params).run();
    trace.completed();
    for (host, series) in SERIES {
        assert_eq!(trace.measured_at(host, "完成"), 40.0);
        assert_eq!(points(&trace, series).len(), 41);
    }
}

/// The claim of the chapter, and no more: a loss makes those objects wait that lost something, not the others. Who is
/// through first is another matter.
fn in_ten_repeats_a_loss_holds_up_fewer_objects_of_http3() {
    let trace = Once::new("head-of-line").params(json!({ "repeats": 10 })).run();
    trace.completed();
    for (host, series) in SERIES {
        assert_eq!(trace.measured_at(host, "完成"), 300.0);
        assert_eq!(points(&trace, series).len(), 310, "ten curves of 31 points");
    }
    assert_eq!(SERIES.map(|(host, _)| trace.measured_at(host, "先全部收完")).iter().sum::<f64>(), 10.0);
    let [http2, http3] = SERIES.map(|(host, _)| trace.measured_at(host, "多等了 20 ms 以上"));
    assert!(http3 < http2, "HTTP/2 {http2}, HTTP/3 {http3}");
}
