//! One number of each series, and each result that the lab reported, as bars: SVG, a string.

use super::series::{MOST, named};
use crate::islands::bench::format::fit;
use crate::islands::bench::markup::escaped;
use crate::islands::bench::model::{Measurement, Model, Series};
use crate::number;

/// Height of one bar with its label, of the bar alone, and of a unit's heading, pixels.
const ROW: i32 = 40;
const BAR: i32 = 14;
const HEAD: i32 = 26;
/// Room for the number behind a bar.
const VALUE: i32 = 110;

/// What a bar's length is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Statistic {
    Last,
    Mean,
    Sum,
    Max,
}

impl Statistic {
    pub(crate) const ALL: [Self; 4] = [Self::Last, Self::Mean, Self::Sum, Self::Max];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Last => "末值",
            Self::Mean => "平均值",
            Self::Sum => "合计",
            Self::Max => "最大值",
        }
    }

    /// For the address and for the options of a choice.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Last => "last",
            Self::Mean => "mean",
            Self::Sum => "sum",
            Self::Max => "max",
        }
    }

    pub(crate) fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.key() == key)
    }

    /// `None` of no values.
    pub(crate) fn of(self, values: &[f64]) -> Option<f64> {
        let sum = || values.iter().sum::<f64>();
        let last = *values.last()?;
        Some(match self {
            Self::Last => last,
            Self::Mean => sum() / values.len() as f64,
            Self::Sum => sum(),
            Self::Max => values.iter().copied().fold(last, f64::max),
        })
    }
}

/// The values of a series up to `time`, for each section that has any: its title and the values.
pub(crate) fn by_section<'a>(model: &'a Model, series: &Series, time: u64) -> Vec<(&'a str, Vec<f64>)> {
    let mut parts: Vec<(Option<usize>, Vec<f64>)> = Vec::new();
    for point in series.points.iter().take_while(|point| point.time <= time) {
        let section = model.section_at(point.time, point.seq);
        match parts.last_mut() {
            Some((last, values)) if *last == section => values.push(point.value),
            _ => parts.push((section, vec![point.value])),
        }
    }
    let title =
        |at: Option<usize>| at.and_then(|at| model.sections.get(at)).map_or("", |it| it.title.as_str());
    parts.into_iter().map(|(section, values)| (title(section), values)).collect()
}

/// A result in the section that it was reported in; of several under one name, all.
pub(crate) struct Reported<'a> {
    pub(crate) name: String,
    pub(crate) section: &'a str,
    pub(crate) unit: &'a str,
    /// In order of time.
    pub(crate) all: Vec<&'a Measurement>,
}

/// The results that have a unit: without one, a number is a code, not a quantity.
pub(crate) fn reported(model: &Model) -> Vec<Reported<'_>> {
    let mut list: Vec<(Option<usize>, Reported<'_>)> = Vec::new();
    for one in model.measured.iter().filter(|one| !one.unit.is_empty()) {
        let section = model.section_at(one.time, one.seq);
        let same = |known: &Measurement| {
            (known.host, &known.label, &known.unit) == (one.host, &one.label, &one.unit)
        };
        let known = list.iter_mut().find(|(at, it)| *at == section && it.all.iter().any(|known| same(known)));
        match known {
            Some((_, known)) => known.all.push(one),
            None => {
                let title = section.and_then(|at| model.sections.get(at)).map_or("", |it| it.title.as_str());
                let (name, unit) = (named(model, one.host, &one.label), one.unit.as_str());
                list.push((section, Reported { name, section: title, unit, all: vec![one] }));
            }
        }
    }
    list.into_iter().map(|(_, one)| one).take(MOST).collect()
}

/// Is there more than one bar of some unit? One alone compares nothing.
pub(crate) fn compares(model: &Model) -> bool {
    let mut units: Vec<&str> = Vec::new();
    reported(model).into_iter().any(|one| {
        let known = units.contains(&one.unit);
        units.push(one.unit);
        known
    })
}

struct Bar {
    label: String,
    class: usize,
    /// Up to the cursor; `None` if there is none yet.
    value: Option<f64>,
    /// The longest it gets.
    most: f64,
}

pub(crate) fn svg(model: &Model, statistic: Statistic, time: u64, width: i32) -> String {
    let units = bars(model, statistic, time);
    let rows: usize = units.iter().map(|(_, bars)| bars.len()).sum();
    let height = i32::try_from(units.len()).unwrap_or(1) * HEAD + i32::try_from(rows).unwrap_or(1) * ROW;
    let mut svg =
        format!("<svg class=\"chart-plot\" width=\"{width}\" height=\"{height}\" aria-hidden=\"true\">");
    let mut y = 0;
    for (unit, bars) in &units {
        svg.push_str(&format!(
            "<text class=\"chart-unit\" x=\"0\" y=\"{}\">{}</text>",
            y + 17,
            escaped(unit)
        ));
        y += HEAD;
        let most = bars.iter().map(|bar| bar.most).fold(0.0, f64::max);
        for bar in bars {
            draw(&mut svg, bar, unit, most, y, width);
            y += ROW;
        }
    }
    svg.push_str("</svg>");
    svg
}

fn draw(svg: &mut String, bar: &Bar, unit: &str, most: f64, y: i32, width: i32) {
    let part = bar.value.map_or(0.0, |value| if most > 0.0 { value.abs().min(most) / most } else { 0.0 });
    let length = (part * f64::from((width - VALUE).max(40))).round() as i32;
    let value = match bar.value {
        Some(value) => format!("{} {unit}", number::readable(value)),
        None => "—".to_owned(),
    };
    let class = bar.class;
    svg.push_str(&format!(
        "<text class=\"metrics-label\" x=\"0\" y=\"{}\">{}</text>\
         <rect class=\"metrics-bar metrics-bar-{class}\" x=\"0.5\" y=\"{}\" width=\"{}\" height=\"{BAR}\"/>\
         <text class=\"metrics-value\" x=\"{}\" y=\"{}\">{}</text>",
        y + 12,
        escaped(&fit(&bar.label, width)),
        y + 17,
        length.max(1),
        length + 8,
        y + 28,
        escaped(value.trim_end())
    ));
}

/// Unit by unit; a bar for each series in each section.
fn bars(model: &Model, statistic: Statistic, time: u64) -> Vec<(String, Vec<Bar>)> {
    let mut units: Vec<(String, Vec<Bar>)> = Vec::new();
    for (number, series) in model.series.iter().take(MOST).enumerate() {
        let known = by_section(model, series, time);
        let bars = by_section(model, series, u64::MAX).into_iter().enumerate().map(|(at, (section, all))| {
            let value = known.get(at).and_then(|(_, values)| statistic.of(values));
            let label = label(&named(model, series.host, &series.name), section);
            // While it grows, no number leaves the picture: a mean or a last value may have been greater before.
            let greatest = all.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
            let most =
                if statistic == Statistic::Sum { statistic.of(&all).unwrap_or(0.0).abs() } else { greatest };
            Bar { label, class: number % 8, value, most }
        });
        put(&mut units, &series.unit, bars.collect());
    }
    let mut names: Vec<String> = Vec::new();
    let mut results: Vec<_> = reported(model)
        .into_iter()
        .map(|one| {
            let known = names.iter().position(|name| *name == one.name).unwrap_or_else(|| {
                names.push(one.name.clone());
                names.len() - 1
            });
            (known, one)
        })
        .collect();
    // What sections have in common stands together.
    results.sort_by_key(|(known, _)| *known);
    for (known, one) in results {
        let past = one.all.iter().take_while(|result| result.time <= time).last();
        let bar = Bar {
            label: label(&one.name, one.section),
            class: (model.series.len() + known) % 8,
            value: past.map(|result| result.value),
            most: one.all.iter().fold(0.0, |most, result| most.max(result.value.abs())),
        };
        put(&mut units, one.unit, vec![bar]);
    }
    units
}

fn put(units: &mut Vec<(String, Vec<Bar>)>, unit: &str, bars: Vec<Bar>) {
    match units.iter_mut().find(|(known, _)| known == unit) {
        Some((_, known)) => known.extend(bars),
        None => units.push((unit.to_owned(), bars)),
    }
}

fn label(name: &str, section: &str) -> String {
    if section.is_empty() { name.to_owned() } else { format!("{name} · {section}") }
}

#[cfg(test)]
mod tests {
    use super::super::series::tests::{model, sampled};
    use super::*;
    use api::trace::Lifecycle;

    #[test]
    fn statistics() {
        let values = [1.0, 5.0, 3.0];
        assert_eq!(Statistic::ALL.map(|one| one.of(&values)), [Some(3.0), Some(3.0), Some(9.0), Some(5.0)]);
        assert_eq!(Statistic::Mean.of(&[]), None);
        assert!(Statistic::ALL.into_iter().all(|one| Statistic::from_key(one.key()) == Some(one)));
        assert_eq!(Statistic::from_key("median"), None);
    }

    #[test]
    fn results_are_bars_where_two_can_be_compared() {
        let section = |title: &str| Lifecycle::Section { title: title.into() };
        let measured = |label: &str, value: f64, unit: &str| Lifecycle::Measured {
            host: None,
            label: label.into(),
            value,
            unit: unit.into(),
        };
        let model = model(vec![
            section("TCP"),
            measured("状态码", 200.0, ""),
            measured("时延", 1.0, "ms"),
            measured("时延", 2.0, "ms"),
            section("UDP"),
            measured("时延", 3.0, "ms"),
        ]);
        let values = |time| {
            let [(unit, bars)] = bars(&model, Statistic::Sum, time).try_into().ok().unwrap();
            assert_eq!((unit.as_str(), bars[0].class), ("ms", bars[1].class), "one quantity, one look");
            bars.iter().map(|bar| bar.value).collect::<Vec<_>>()
        };
        assert_eq!(values(20), [Some(1.0), None]);
        assert_eq!(values(1_000), [Some(2.0), Some(3.0)], "the last that was said, not their sum");
        assert!(compares(&model));
        let codes = vec![measured("甲", 200.0, ""), measured("乙", 404.0, ""), measured("时延", 1.0, "ms")];
        assert!(!compares(&super::super::series::tests::model(codes)));
    }

    #[test]
    fn a_bar_grows_with_the_cursor_and_each_section_has_its_own() {
        let section = |title: &str| Lifecycle::Section { title: title.into() };
        let model = model(vec![
            section("甲"),
            sampled("队列", 1.0, "个"),
            sampled("队列", 3.0, "个"),
            section("乙"),
            sampled("队列", 4.0, "个"),
        ]);
        let values = |time| {
            let units = bars(&model, Statistic::Sum, time);
            units[0].1.iter().map(|bar| bar.value).collect::<Vec<_>>()
        };
        assert_eq!(values(10), [Some(1.0), None]);
        assert_eq!(values(1_000), [Some(4.0), Some(4.0)]);
        let svg = svg(&model, Statistic::Sum, 10, 400);
        assert!(svg.contains("队列 · 甲") && svg.contains(">1 个<") && svg.contains(">—<"), "{svg}");
    }
}
