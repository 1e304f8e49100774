//! From the series of a trace to panels: one for each unit, and a curve for each series in it.

use crate::islands::bench::chart::panels::{Line, NO_EVENT, Panel, Panels};
use crate::islands::bench::model::{Model, Series};
use api::trace::HostId;

/// More series than this are not drawn.
pub(crate) const MOST: usize = 32;
/// Height of a panel, pixels.
const HEIGHT: i32 = 150;

/// The name of a series or a result, with its host if it has one.
pub(crate) fn named(model: &Model, host: Option<HostId>, name: &str) -> String {
    match host {
        Some(host) => format!("{name}（{}）", model.host_name(host)),
        None => name.to_owned(),
    }
}

/// All series of a trace.
pub(crate) fn panels(model: &Model) -> Panels {
    let mut panels = Panels {
        shown: shown(model),
        sections: model.sections.iter().map(|section| (section.time, section.title.clone())).collect(),
        ..Panels::default()
    };
    for (number, series) in model.series.iter().take(MOST).enumerate() {
        let line = line(model, series, number);
        match panels.list.iter_mut().find(|panel| panel.unit == series.unit) {
            Some(panel) => panel.lines.push(line),
            None => {
                panels.list.push(Panel { unit: series.unit.clone(), height: HEIGHT, lines: vec![line] });
            }
        }
    }
    panels
}

/// From the first sample (or 0, if that is not far) to the last.
fn shown(model: &Model) -> (u64, u64) {
    let points = || model.series.iter().flat_map(|series| &series.points).map(|point| point.time);
    let (first, last) = (points().min().unwrap_or(0), points().max().unwrap_or(0));
    let end = last.max(first + 1);
    let start = if first > (end - first) / 4 { first.saturating_sub((end - first) / 40) } else { 0 };
    (start, end + (end - start) / 40)
}

fn line(model: &Model, series: &Series, number: usize) -> Line {
    let (mut samples, mut seqs) = (Vec::new(), Vec::new());
    let mut section = None;
    for point in &series.points {
        let now = model.section_at(point.time, point.seq);
        // What another part of the run measured is another curve.
        if let Some(begun) = now.filter(|_| now != section && !samples.is_empty()) {
            samples.push((model.sections[begun].time, None));
            seqs.push(NO_EVENT);
        }
        section = now;
        samples.push((point.time, Some(point.value)));
        seqs.push(point.seq);
    }
    Line {
        name: named(model, series.host, &series.name),
        class: format!("chart-line-{}", number % 8),
        samples,
        seqs,
        until: model.end,
        holds: false,
        none: "—",
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use api::trace::{Body, Event, Lifecycle};

    pub(crate) fn sampled(series: &str, value: f64, unit: &str) -> Lifecycle {
        Lifecycle::Sampled { host: None, series: series.into(), value, unit: unit.into() }
    }

    /// One event each 10 ns.
    pub(crate) fn model(lifecycles: Vec<Lifecycle>) -> Model {
        let mut model = Model::default();
        let events = (0_u32..).zip(lifecycles);
        model.apply(
            events
                .map(|(seq, what)| Event { seq, time: u64::from(seq) * 10, body: Body::Lifecycle(what) })
                .collect(),
        );
        model
    }

    #[test]
    fn a_panel_for_each_unit_and_a_gap_between_sections() {
        let section = |title: &str| Lifecycle::Section { title: title.into() };
        let model = model(vec![
            section("互斥锁"),
            sampled("队列", 1.0, "个"),
            sampled("时延", 5.0, "ms"),
            section("通道"),
            sampled("队列", 2.0, "个"),
            sampled("在途", 3.0, "个"),
        ]);
        let panels = panels(&model);
        assert_eq!(
            panels.list.iter().map(|panel| (panel.unit.as_str(), panel.lines.len())).collect::<Vec<_>>(),
            [("个", 2), ("ms", 1)]
        );
        assert_eq!(panels.list[0].lines[0].samples, [(10, Some(1.0)), (30, None), (40, Some(2.0))]);
        assert_eq!(panels.list[0].lines[0].seqs, [1, NO_EVENT, 4]);
        assert_eq!(panels.sections, [(0, "互斥锁".to_owned()), (30, "通道".to_owned())]);
        assert!(panels.shown.0 <= 10 && panels.shown.1 >= 50, "{:?}", panels.shown);
        assert!(super::panels(&Model::default()).is_empty());
    }
}
