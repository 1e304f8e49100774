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
    ("in_most_of_ten_repeats_http3_is_through_first", in_most_of_ten_repeats_http3_is_through_first),
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
        assert_eq!(values, (0..=12).map(f64::from).collect::<Vec<_>>(), "{series}");
        // The curve and the results are the same story.
        let took = points[12].0 - points[0].0;
        let told = trace.measured_at(host, "全部收完");
        assert!((took - told).abs() < 20.0, "{series}: {took} ms, told {told} ms");
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
        // 96 KiB leave an initial window of 10 packets in four round trips of 40 ms.
        let all = trace.measured_at(host, "全部收完");
        assert!((120.0..400.0).contains(&all), "{host}: {all} ms");
    }
}

fn both_finish_loopback() {
    let trace = Once::new("head-of-line").loopback().params(json!({ "objects": 40 })).run();
    trace.completed();
    for (host, series) in SERIES {
        assert_eq!(trace.measured_at(host, "完成"), 40.0);
        assert_eq!(points(&trace, series).len(), 41);
    }
}

/// The claim of the chapter, and no more: it is the objects on the way that HTTP/3 does not let wait for each other.
fn in_most_of_ten_repeats_http3_is_through_first() {
    let trace = Once::new("head-of-line").params(json!({ "repeats": 10 })).run();
    trace.completed();
    for (host, series) in SERIES {
        assert_eq!(trace.measured_at(host, "完成"), 120.0);
        assert_eq!(points(&trace, series).len(), 130, "ten curves of 13 points");
    }
    let wins = SERIES.map(|(host, _)| trace.measured_at(host, "先全部收完"));
    assert_eq!(wins.iter().sum::<f64>(), 10.0);
    assert!(wins[1] > wins[0], "{wins:?}");
    let all = SERIES.map(|(host, _)| trace.measured_at(host, "全部收完"));
    assert!(all[1] < all[0], "medians {all:?}");
}
