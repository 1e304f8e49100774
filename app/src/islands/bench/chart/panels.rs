//! What a chart shows, before it is drawn: panels of lines over one time axis.

use super::path::{Plot, Sample, at};
use crate::islands::bench::format;
use crate::number;

/// Left margin for the numbers, right margin, room above a panel for its unit, and below the last for times, pixels.
const LEFT: i32 = 52;
const RIGHT: i32 = 10;
const ABOVE: i32 = 22;
pub(crate) const BELOW: i32 = 24;
/// Height of the row of section titles, pixels.
pub(crate) const TITLES: i32 = 18;

/// Several panels with the same time axis.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Panels {
    pub(crate) list: Vec<Panel>,
    /// Times at the left and the right edge, ns.
    pub(crate) shown: (u64, u64),
    /// Where parts of the run begin, ascending, with their titles.
    pub(crate) sections: Vec<(u64, String)>,
}

/// Lines that share a unit. Two units on one axis would invent crossings.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Panel {
    pub(crate) unit: String,
    /// Of the plot itself, pixels.
    pub(crate) height: i32,
    pub(crate) lines: Vec<Line>,
}

/// One curve.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line {
    pub(crate) name: String,
    /// Gives stroke and dashes: `chart-cwnd`, `chart-line-3`.
    pub(crate) class: String,
    /// Ascending in time.
    pub(crate) samples: Vec<Sample>,
    /// The event of each sample; [`NO_EVENT`] for a gap.
    pub(crate) seqs: Vec<u32>,
    /// Until when the last sample holds, ns.
    pub(crate) until: u64,
    /// A value holds until the next (a state), or it was so only then (a measurement): steps, or points with slopes.
    pub(crate) holds: bool,
    /// What a missing value means.
    pub(crate) none: &'static str,
}

pub(crate) const NO_EVENT: u32 = u32::MAX;

impl Line {
    /// The value at a moment with its unit.
    pub(crate) fn told(&self, time: u64, unit: &str) -> String {
        let known = self.samples.first().is_some_and(|(first, _)| *first <= time) && time <= self.until;
        match (known, at(&self.samples, time)) {
            (false, _) => "—".to_owned(),
            (true, None) => self.none.to_owned(),
            (true, Some(value)) => format!("{} {unit}", number::readable(value)).trim_end().to_owned(),
        }
    }

    fn values(&self) -> impl Iterator<Item = f64> {
        self.samples.iter().filter_map(|(_, value)| *value)
    }
}

impl Panel {
    /// Least and greatest value; from 0 unless something is below it.
    fn range(&self) -> (f64, f64) {
        let (low, high) =
            self.values().fold((0.0, 0.0), |(low, high), value| (value.min(low), value.max(high)));
        let all_zero = low >= 0.0 && high <= 0.0;
        (low, if all_zero { 1.0 } else { high })
    }

    /// Nothing but whole numbers: half of one would be no number of its axis.
    pub(crate) fn is_whole(&self) -> bool {
        self.values().all(|value| (value - value.round()).abs() < f64::EPSILON)
    }

    fn values(&self) -> impl Iterator<Item = f64> {
        self.lines.iter().flat_map(Line::values)
    }
}

impl Panels {
    pub(crate) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Where each panel is, and how high all of them are together.
    pub(crate) fn plots(&self, width: i32) -> (Vec<Plot>, i32) {
        let mut top = if self.sections.is_empty() { 0 } else { TITLES };
        let plots = self.list.iter().map(|panel| {
            let (min, max) = panel.range();
            let plot = Plot {
                left: LEFT,
                top: top + ABOVE,
                width: (width - LEFT - RIGHT).max(1),
                height: panel.height,
                start: self.shown.0,
                end: self.shown.1,
                min,
                max,
            };
            top += ABOVE + panel.height;
            plot
        });
        let plots: Vec<_> = plots.collect();
        (plots, top + BELOW)
    }

    fn lines(&self) -> impl Iterator<Item = (&Panel, &Line)> {
        self.list.iter().flat_map(|panel| panel.lines.iter().map(move |line| (panel, line)))
    }

    /// All curves at a moment, in words.
    pub(crate) fn told(&self, time: u64) -> String {
        let values =
            self.lines().map(|(panel, line)| format!("{} {}", line.name, line.told(time, &panel.unit)));
        format!("{}：{}", format::moment(time), values.collect::<Vec<_>>().join("；"))
    }

    /// Moments and events of all samples.
    fn stops(&self) -> impl Iterator<Item = (u64, u32)> {
        let pairs = self.lines().flat_map(|(_, line)| line.samples.iter().zip(&line.seqs));
        pairs.filter(|(_, seq)| **seq != NO_EVENT).map(|((time, _), seq)| (*time, *seq))
    }

    /// The event of the next (or last) sample from a moment on.
    pub(crate) fn neighbour(&self, time: u64, forward: bool) -> Option<u32> {
        let stop = if forward {
            self.stops().filter(|(when, _)| *when > time).min()
        } else {
            self.stops().filter(|(when, _)| *when < time).max()
        };
        stop.map(|(_, seq)| seq)
    }

    /// The event of the first or the last sample.
    pub(crate) fn outermost(&self, last: bool) -> Option<u32> {
        let stop = if last { self.stops().max() } else { self.stops().min() };
        stop.map(|(_, seq)| seq)
    }

    /// The event of the sample closest to a moment, if it is within `reach`.
    pub(crate) fn near(&self, time: u64, reach: u64) -> Option<u32> {
        let closest = self.stops().min_by_key(|(when, _)| when.abs_diff(time));
        closest.filter(|(when, _)| when.abs_diff(time) <= reach).map(|(_, seq)| seq)
    }

    /// Where the samples of an event are drawn.
    pub(crate) fn places(&self, plots: &[Plot], event: u32) -> Vec<(i32, i32)> {
        let mut places = Vec::new();
        for (panel, plot) in self.list.iter().zip(plots) {
            for line in &panel.lines {
                let at = line.seqs.iter().position(|seq| *seq == event);
                if let Some((time, Some(value))) = at.and_then(|at| line.samples.get(at)) {
                    places.push((plot.x(*time), plot.y(*value)));
                }
            }
        }
        places
    }
}

/// Round numbers (1, 2 or 5 times a power of ten) between two values, at most `count` steps.
pub(crate) fn marks(min: f64, max: f64, count: i32, whole: bool) -> Vec<f64> {
    let rough = ((max - min) / f64::from(count.max(1))).max(if whole { 1.0 } else { f64::MIN_POSITIVE });
    let mut power = 1.0;
    while power > rough {
        power /= 10.0;
    }
    while power * 10.0 <= rough {
        power *= 10.0;
    }
    let step = [1.0, 2.0, 5.0].map(|factor| factor * power).into_iter().find(|step| *step >= rough);
    let step = step.unwrap_or(power * 10.0);
    let first = (min / step).ceil();
    (0..=count + 1)
        .map(|i| (first + f64::from(i)) * step)
        .take_while(|mark| *mark <= max + step / 1e6)
        .collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn line(name: &str, points: &[(u64, f64)]) -> Line {
        Line {
            name: name.to_owned(),
            class: "chart-line-0".to_owned(),
            samples: points.iter().map(|(time, value)| (*time, Some(*value))).collect(),
            seqs: points.iter().map(|(time, _)| *time as u32).collect(),
            until: 100,
            holds: false,
            none: "—",
        }
    }

    fn panels() -> Panels {
        let panel = |unit: &str, lines| Panel { unit: unit.to_owned(), height: 100, lines };
        Panels {
            list: vec![
                panel("个", vec![line("队列", &[(10, 1.0), (20, 4.0)]), line("在途", &[(15, 2.0)])]),
                panel("ms", vec![line("时延", &[(20, 0.5)])]),
            ],
            shown: (0, 100),
            sections: Vec::new(),
        }
    }

    #[test]
    fn panels_stand_below_each_other_and_share_their_axis() {
        let (plots, height) = panels().plots(362);
        assert_eq!((plots[0].top, plots[1].top, height), (22, 144, 268));
        assert_eq!(plots[0].x(50), plots[1].x(50));
        assert_eq!((plots[0].max, plots[1].max, plots[0].min), (4.0, 0.5, 0.0));
    }

    #[test]
    fn values_are_told_where_they_are_known() {
        let panels = panels();
        assert_eq!(panels.told(17), "0.000 ms：队列 1 个；在途 2 个；时延 —");
        assert_eq!(panels.list[0].lines[0].told(101, "个"), "—");
    }

    #[test]
    fn steps_lead_from_sample_to_sample_whatever_line_it_is_on() {
        let panels = panels();
        let forward: Vec<_> = [0, 10, 15, 20].map(|time| panels.neighbour(time, true)).into();
        assert_eq!(forward, [Some(10), Some(15), Some(20), None]);
        assert_eq!((panels.neighbour(20, false), panels.neighbour(10, false)), (Some(15), None));
        assert_eq!((panels.near(12, 2), panels.near(12, 1)), (Some(10), None));
        assert_eq!((panels.outermost(false), panels.outermost(true)), (Some(10), Some(20)));
        assert_eq!(panels.places(&panels.plots(362).0, 20).len(), 2);
    }

    #[test]
    fn marks_are_round_and_within_bounds() {
        assert_eq!(marks(0.0, 10.0, 5, true), [0.0, 2.0, 4.0, 6.0, 8.0, 10.0]);
        assert_eq!(marks(0.0, 1.0, 4, true), [0.0, 1.0]);
        assert_eq!(marks(-3.0, 3.0, 3, false), [-2.0, 0.0, 2.0]);
        assert_eq!(marks(0.0, 0.9, 4, false), [0.0, 0.5]);
        let empty = Panel { unit: String::new(), height: 1, lines: Vec::new() };
        assert_eq!(empty.range(), (0.0, 1.0));
    }
}
