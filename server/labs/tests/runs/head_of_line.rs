//! `head-of-line`: two curves on one time axis, and what ten seeds say about them.

use api::line::{Impairments, Line};
use api::trace::{Body, Lifecycle, Trace};
use serde_json::{Value, json};

use crate::Tests;
use crate::once::Once;
use crate::seen::Seen as _;

pub(crate) const TESTS: Tests = &[
    ("both_curves_climb_from_nothing_to_everything", both_curves_climb_from_nothing_to_everything),
    ("without_loss_nobody_waits", without_loss_nobody_waits),
    ("both_finish_loopback", both_finish_loopback),
    ("by_hand_medians_of_ten_seeds", by_hand_medians_of_ten_seeds),
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

/// The table of the chapter: `cargo test -p labs --test runs -- --ignored by_hand --nocapture`.
fn by_hand_medians_of_ten_seeds() {
    let cases: [(&str, f64, Value); 4] = [
        ("5 %, 轮流", 5.0, json!({})),
        ("5 %, 不轮流", 5.0, json!({ "fair": false })),
        ("0 %", 0.0, json!({})),
        ("5 %, 40 × 32 KiB", 5.0, json!({ "objects": 40, "kilobytes": 32 })),
    ];
    for (case, loss_percent, params) in cases {
        let line = Line::both(Impairments { delay_ms: 20.0, loss_percent, ..Impairments::default() });
        let lines = Some(["http2", "http3"].map(|host| (host.into(), line.clone())).into());
        let traces: Vec<Trace> = (1..=10)
            .map(|seed| {
                let once = Once::new("head-of-line").params(params.clone());
                Once { seed, lines: lines.clone(), ..once }.run()
            })
            .collect();
        for label in ["第一个收完", "平均每个收完", "全部收完"] {
            for (host, _) in SERIES {
                let mut values: Vec<f64> =
                    traces.iter().map(|trace| trace.completed().measured_at(host, label)).collect();
                let each: Vec<String> = values.iter().map(|value| format!("{value:.0}")).collect();
                values.sort_by(f64::total_cmp);
                let median = f64::midpoint(values[4], values[5]);
                println!("{case:16} {label} {host} median {median:6.0} ms  ({})", each.join(" "));
            }
        }
        let wins = traces
            .iter()
            .filter(|trace| trace.measured_at("http3", "全部收完") < trace.measured_at("http2", "全部收完"))
            .count();
        println!("{case:16} HTTP/3 first in {wins} of 10");
    }
}
