//! Gives every mark of the sequence diagram its place: time downwards, lanes side by side.
//!
//! Time is linear between marks, except that idle stretches are folded and that labels get the room they
//! need; so positions are monotonic in time and the cursor's line is true everywhere.

use super::labels::{HEIGHT, Labels, Line, Rect, Spot};
use super::lanes::Lanes;
use super::scene::{Arrow, Mark, What, common_remark};
use crate::islands::bench::axis::{Axis, AxisBuilder, Spread};
use crate::islands::bench::format::{fit, text_width};
use api::trace::HostId;

/// How far the reader zoomed in: 0 is the normal density, each step doubles or halves it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Zoom(i8);

impl Zoom {
    pub(crate) const FARTHEST: Self = Self(-5);
    pub(crate) const NEAREST: Self = Self(4);

    pub(crate) fn closer(self) -> Self {
        Self((self.0 + 1).min(Self::NEAREST.0))
    }

    pub(crate) fn farther(self) -> Self {
        Self((self.0 - 1).max(Self::FARTHEST.0))
    }

    fn factor(self) -> f64 {
        2_f64.powi(self.0.into())
    }

    /// A distance that labels need: the same at all close zooms, less where labels are left out.
    fn room(self, pixels: i32) -> i32 {
        if self.0 >= 0 { pixels } else { (f64::from(pixels) * self.factor()).ceil() as i32 }
    }
}

/// A way of a frame, drawn.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Way {
    pub(crate) arrow: Arrow,
    /// As far as it got.
    pub(crate) line: Line,
    /// Where its own remark is written; `None` if the mark's label says it.
    pub(crate) remark: Option<(i32, i32)>,
}

/// A mark with its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Placed {
    /// Index into the marks.
    pub(crate) mark: usize,
    pub(crate) y: i32,
    /// Lowest pixel it reaches.
    pub(crate) bottom: i32,
    pub(crate) ways: Vec<Way>,
    /// The label as it fits, and where; `None` if there is no room for it at this zoom.
    pub(crate) label: Option<(String, Spot)>,
    /// There is room for its time in the gutter.
    pub(crate) timed: bool,
}

/// The diagram, ready to be drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Layout {
    /// In ascending order of `y`.
    pub(crate) placed: Vec<Placed>,
    pub(crate) axis: Axis,
    pub(crate) height: i32,
    /// Longest distance between a mark's top and its bottom.
    reach: i32,
}

impl Layout {
    /// The marks that can be seen between two heights.
    pub(crate) fn window(&self, top: i32, bottom: i32) -> impl Iterator<Item = &Placed> {
        let first = self.placed.partition_point(|placed| placed.y < top - self.reach);
        let rest = self.placed[first..].iter().take_while(move |placed| placed.y - 2 * HEIGHT <= bottom);
        rest.filter(move |placed| placed.bottom >= top)
    }
}

const TOP: i32 = 22;
const FOLD_ABOVE: i32 = 150;
const FOLD_TO: i32 = 42;
/// Smallest fall of an arrow, so that its direction in time is seen.
const LEAST_FALL: i32 = 8;
/// Share of the way after which a lost frame's cross stands, in percent.
const CUT: i32 = 62;
/// Labels may be this wide even on shorter arrows.
const LEAST_LABEL: i32 = 112;

/// One moment that needs a height.
struct Moment {
    time: u64,
    seq: u32,
    mark: usize,
    /// `None`: the mark itself; otherwise the end of one of its arrows.
    arrow: Option<usize>,
}

/// Places `marks` (ascending by time). `end` is the end of the run so far, ns.
pub(crate) fn arrange(marks: &[Mark], lanes: &Lanes, zoom: Zoom, end: u64) -> Layout {
    let moments = moments(marks, end);
    let mut ys = vec![0; marks.len()];
    let mut ends: Vec<Vec<i32>> = marks.iter().map(|mark| vec![0; arrows(mark).len()]).collect();
    let spread = Spread {
        scale: scale(marks, &moments) * zoom.factor(),
        fold_above: (f64::from(FOLD_ABOVE) * zoom.factor().max(0.4)) as i32,
        fold_to: zoom.room(FOLD_TO).max(12),
    };
    let first = moments.first().map_or(0, |moment| moment.time);
    let mut builder = AxisBuilder::new(spread, first, TOP);
    // Lowest pixel used so far: in each column by texts, on each lifeline by what touches it.
    let mut used = vec![0; lanes.xs.len() + 1];
    let mut touched = vec![0; lanes.xs.len()];
    for moment in &moments {
        let mark = &marks[moment.mark];
        let columns = columns(mark, lanes);
        if let Some(arrow) = moment.arrow {
            let start = ys[moment.mark];
            let arrow_to = &arrows(mark)[arrow];
            let lane = lane(lanes, arrow_to.to);
            let clear = if arrow_to.arrives() { touched[lane] + zoom.room(6) } else { 0 };
            let y = builder.advance(moment.time, clear.max(start + zoom.room(LEAST_FALL)));
            ends[moment.mark][arrow] = y;
            touched[lane] = touched[lane].max(y + zoom.room(2));
            // A flat arrow's end is in the way of the next label; below a steep one there is room.
            if y - start < 2 * HEIGHT {
                used[columns].iter_mut().for_each(|bottom| *bottom = (*bottom).max(y));
            }
        } else {
            let (above, below) = extent(mark);
            let (on_line_above, on_line_below) = on_lifeline(mark);
            let own_lane = host(mark).map(|host| lane(lanes, host));
            let needed = used[columns.clone()].iter().max().copied().unwrap_or(0) + zoom.room(above);
            let clear = own_lane.map_or(0, |lane| touched[lane] + zoom.room(on_line_above));
            let y = builder.advance(moment.time, needed.max(clear));
            ys[moment.mark] = y;
            used[columns].iter_mut().for_each(|bottom| *bottom = (*bottom).max(y + zoom.room(below)));
            if let Some(lane) = own_lane {
                touched[lane] = touched[lane].max(y + zoom.room(on_line_below));
            }
        }
    }
    let height = builder.advance(end, 0).max(used.into_iter().max().unwrap_or(0)) + 2 * TOP;
    let mut placed: Vec<Placed> = marks
        .iter()
        .enumerate()
        .map(|(index, mark)| {
            let ways = ways(mark, lanes, ys[index], &ends[index]);
            let bottom = ways.iter().map(|way| way.line.y1).max().unwrap_or(ys[index]) + HEIGHT;
            Placed { mark: index, y: ys[index], bottom, ways, label: None, timed: false }
        })
        .collect();
    label(&mut placed, marks, lanes, zoom);
    let mut last = i32::MIN / 2;
    for place in &mut placed {
        place.timed = place.y - last >= HEIGHT + 2;
        last = if place.timed { place.y } else { last };
    }
    let reach = placed.iter().map(|placed| placed.bottom - placed.y).max().unwrap_or(0);
    Layout { placed, axis: builder.finish(), height, reach }
}

fn arrows(mark: &Mark) -> &[Arrow] {
    match &mark.what {
        What::Frame { arrows, .. } => arrows,
        _ => &[],
    }
}

fn moments(marks: &[Mark], end: u64) -> Vec<Moment> {
    let mut moments = Vec::with_capacity(marks.len() * 2);
    for (mark, it) in marks.iter().enumerate() {
        moments.push(Moment { time: it.time, seq: it.seq, mark, arrow: None });
        for (index, arrow) in arrows(it).iter().enumerate() {
            let time = arrow.end.unwrap_or(end).max(it.time);
            moments.push(Moment { time, seq: arrow.seq.max(it.seq), mark, arrow: Some(index) });
        }
    }
    moments.sort_by_key(|moment| (moment.time, moment.seq, moment.arrow.is_some()));
    moments
}

/// Pixels per nanosecond at normal zoom: a usual transit falls some 40 pixels, most gaps are small.
/// A power of two, so that it does not tremble while events stream in.
fn scale(marks: &[Mark], moments: &[Moment]) -> f64 {
    let mut transits: Vec<u64> = marks
        .iter()
        .flat_map(|mark| arrows(mark).iter().filter(|a| a.arrives()).map(move |a| (mark.time, a.end)))
        .filter_map(|(start, end)| Some(end?.saturating_sub(start)).filter(|transit| *transit > 0))
        .collect();
    let mut gaps: Vec<u64> =
        moments.windows(2).map(|pair| pair[1].time - pair[0].time).filter(|gap| *gap > 0).collect();
    let per = |pixels: f64, values: &mut Vec<u64>, percent: usize| {
        let at = values.len().saturating_sub(1) * percent / 100;
        if values.is_empty() { f64::MAX } else { pixels / *values.select_nth_unstable(at).1 as f64 }
    };
    let scale = per(40.0, &mut transits, 50).min(per(30.0, &mut gaps, 75));
    if scale < 1.0 { scale.log2().floor().exp2() } else { 1.0 }
}

/// How far a mark reaches above and below its `y`, pixels.
fn extent(mark: &Mark) -> (i32, i32) {
    match mark.what {
        What::Frame { .. } => (HEIGHT + 4, 4),
        What::Code { .. } => (HEIGHT / 2 + 3, HEIGHT / 2 + 2),
        What::State { .. } => (HEIGHT / 2 + 3, HEIGHT / 2 + 3),
        What::Note { .. } => (HEIGHT + 8, HEIGHT),
    }
}

/// The room it needs on its lifeline, above and below.
fn on_lifeline(mark: &Mark) -> (i32, i32) {
    match mark.what {
        What::Frame { .. } => (5, 2),
        What::Code { .. } | What::State { .. } => (HEIGHT / 2 + 3, HEIGHT / 2 + 1),
        What::Note { .. } => (0, 0),
    }
}

/// The host on whose lifeline a mark begins.
fn host(mark: &Mark) -> Option<HostId> {
    match mark.what {
        What::Frame { from: host, .. } | What::Code { host, .. } | What::State { host, .. } => Some(host),
        What::Note { .. } => None,
    }
}

fn lane(lanes: &Lanes, host: HostId) -> usize {
    usize::from(host).min(lanes.xs.len().saturating_sub(1))
}

/// The columns a mark writes in (0 = left of lane 0, i = between lanes i-1 and i).
fn columns(mark: &Mark, lanes: &Lanes) -> std::ops::Range<usize> {
    match &mark.what {
        What::Frame { from, arrows } => {
            let from = lane(lanes, *from);
            let (mut low, mut high) = (from, from);
            for arrow in arrows {
                let to = lane(lanes, arrow.to);
                (low, high) = (low.min(to), high.max(to));
            }
            if low == high {
                return low..low + 2;
            }
            // On a short arrow the label reaches beyond the lifelines.
            let (left, right) = (lanes.x(low), lanes.x(high));
            let half = (text_width(&mark.text).min(LEAST_LABEL) / 2).max((right - left) / 2);
            lanes.columns((left + right) / 2 - half + 1, (left + right) / 2 + half - 1)
        }
        What::Code { host, .. } => lanes.message_columns(lane(lanes, *host), text_width(&mark.text)),
        What::State { host, .. } => lane(lanes, *host)..lane(lanes, *host) + 2,
        What::Note { .. } => 0..lanes.xs.len() + 1,
    }
}

fn ways(mark: &Mark, lanes: &Lanes, y: i32, ends: &[i32]) -> Vec<Way> {
    let What::Frame { from, arrows } = &mark.what else { return Vec::new() };
    let x0 = lanes.x(usize::from(*from));
    let each = common_remark(arrows).is_none();
    arrows
        .iter()
        .zip(ends)
        .map(|(arrow, &y1)| {
            let mut x1 = lanes.x(usize::from(arrow.to));
            if x1 == x0 {
                // Nobody to draw it to: a stub.
                x1 += lanes.gap().min(60) / 2;
            }
            let mut line = Line { x0, y0: y, x1, y1 };
            if !arrow.arrives() {
                let (x1, y1) = line.point(CUT);
                line = Line { x1, y1: y1.max(y + 4), ..line };
            }
            let remark = (each && arrow.remarks().next().is_some()).then_some((line.x1, line.y1 - 8));
            Way { arrow: *arrow, line, remark }
        })
        .collect()
}

/// Writes the labels: first those with a fixed place, then those of arrows where they fit.
fn label(placed: &mut [Placed], marks: &[Mark], lanes: &Lanes, zoom: Zoom) {
    let mut fixed = Vec::new();
    let mut bottom_of_last = vec![i32::MIN; lanes.xs.len() + 1];
    for place in placed.iter_mut() {
        let mark = &marks[place.mark];
        let found = match mark.what {
            What::Frame { .. } => {
                fixed.extend(place.ways.iter().flat_map(obstacles));
                None
            }
            What::Code { host, .. } => Some(message(&mark.text, lanes, usize::from(host), place.y)),
            What::State { host, .. } => {
                let text = mark.text.clone();
                let width = text_width(&text) + 10;
                let x = lanes.x(usize::from(host));
                // A chip on an outermost lane may be wider than the margin.
                let x = x.min(lanes.width - width / 2).max(lanes.gutter + width / 2);
                let rect = Rect::around(x, place.y, width, HEIGHT + 2);
                Some((text, Spot { x, y: place.y, degrees: 0 }, rect))
            }
            What::Note { .. } => {
                let text = fit(&mark.text, lanes.width - 24);
                let x = lanes.width / 2;
                let rect = Rect::around(x, place.y, text_width(&text) + 16, HEIGHT + 4);
                Some((text, Spot { x, y: place.y, degrees: 0 }, rect))
            }
        };
        let Some((text, spot, rect)) = found else { continue };
        // Zoomed far out the rows are closer than texts are high: write those that fit.
        let range = columns(mark, lanes);
        if bottom_of_last[range.clone()].iter().all(|bottom| *bottom <= rect.top) {
            bottom_of_last[range].iter_mut().for_each(|bottom| *bottom = rect.bottom);
            fixed.push(rect);
            place.label = Some((text, spot));
        }
    }
    let mut labels = Labels::new(fixed, lanes.gutter, lanes.width);
    // First those that have little choice: labels that fill most of their arrow.
    for choosy in [true, false] {
        for place in placed.iter_mut() {
            // The longest way carries the label.
            let length = |way: &Way| (way.line.x1 - way.line.x0).abs();
            let Some(way) = place.ways.iter().max_by_key(|way| length(way)) else { continue };
            let text = caption(&marks[place.mark], (length(way) - 26).max(LEAST_LABEL));
            let width = text_width(&text);
            if choosy != (2 * width > length(way)) {
                continue;
            }
            let spot = labels.place(way.line, width);
            let spot = if zoom.0 >= 0 { spot.or_else(|| Some(labels.insist(way.line, width))) } else { spot };
            place.label = spot.map(|spot| (text, spot));
        }
        labels.start_over();
    }
}

/// A frame's label, cut to `room` pixels; what became of it is never cut.
fn caption(mark: &Mark, room: i32) -> String {
    let remark = common_remark(arrows(mark)).unwrap_or_default();
    if remark.is_empty() {
        return fit(&mark.text, room);
    }
    let summary = fit(&mark.text, (room - text_width(&remark) - 14).max(30));
    format!("{summary} · {remark}")
}

/// What labels must not cover: heads, crosses, and remarks.
fn obstacles(way: &Way) -> impl Iterator<Item = Rect> + use<> {
    let Line { x0, x1, y1, .. } = way.line;
    let head = Rect::around(if x1 > x0 { x1 - 5 } else { x1 + 5 }, y1, 12, 10);
    let width = text_width(&way.arrow.remark());
    [Some(head), way.remark.map(|(x, y)| Rect::around(x, y - 4, width, HEIGHT))].into_iter().flatten()
}

fn message(text: &str, lanes: &Lanes, lane: usize, y: i32) -> (String, Spot, Rect) {
    let side = lanes.message_side(lane);
    let text = fit(text, side.room);
    let width = text_width(&text);
    let x = lanes.x(lane) + if side.left { -10 } else { 10 };
    let centre = if side.left { x - width / 2 } else { x + width / 2 };
    (text, Spot { x, y, degrees: 0 }, Rect::around(centre, y, width, HEIGHT))
}

#[cfg(test)]
#[path = "layout_tests.rs"]
mod tests;
