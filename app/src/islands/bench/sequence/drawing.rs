//! A trace laid out for one width and one zoom, and what can be asked of it.

use super::build::build;
use super::lanes::Lanes;
use super::layout::{Layout, Placed, Zoom, arrange};
use super::scene::{Course, Mark, What};
use crate::islands::bench::format;
use crate::islands::bench::model::Model;
use crate::islands::bench::segments::Segments;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Everything the component needs to draw.
pub(crate) struct Drawing {
    pub(crate) marks: Vec<Mark>,
    pub(crate) lanes: Lanes,
    pub(crate) layout: Layout,
    pub(crate) hosts: Vec<HostLabel>,
}

/// What stands at the top of a lifeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HostLabel {
    pub(crate) name: String,
    /// First address, or an empty string.
    pub(crate) address: String,
}

impl Drawing {
    pub(crate) fn new(model: &Model, segments: &Segments, width: i32, zoom: Zoom) -> Self {
        let lanes = Lanes::new(width, model.hosts.len());
        let marks = build(model, segments);
        let layout = arrange(&marks, &lanes, zoom, model.end);
        let hosts = model.hosts.iter().map(|host| {
            let mut addresses = host.interfaces.iter().flat_map(|interface| &interface.addresses);
            let address = addresses.next().map(ToString::to_string).unwrap_or_default();
            HostLabel { name: host.name.clone(), address }
        });
        Self { hosts: hosts.collect(), marks, lanes, layout }
    }

    /// The mark that stands for an event.
    pub(crate) fn mark_of(&self, seq: u32) -> Option<usize> {
        self.marks.iter().position(|mark| {
            mark.seq == seq
                || matches!(&mark.what, What::Frame { arrows, .. } if arrows.iter().any(|arrow| arrow.seq == seq))
        })
    }

    /// The mark after (or before) the one that is selected, or the next (or last) one seen from `time`.
    pub(crate) fn neighbour(&self, selected: Option<u32>, time: u64, forward: bool) -> Option<usize> {
        match (selected.and_then(|seq| self.mark_of(seq)), forward) {
            (Some(at), true) => Some(at + 1).filter(|at| *at < self.marks.len()),
            (Some(at), false) => at.checked_sub(1),
            (None, true) => {
                let after = self.marks.partition_point(|mark| mark.time < time);
                Some(after.min(self.marks.len().checked_sub(1)?))
            }
            (None, false) => self.marks.partition_point(|mark| mark.time <= time).checked_sub(1),
        }
    }

    /// A mark in words, for those who hear it.
    pub(crate) fn describe(&self, mark: usize) -> String {
        let Some(mark) = self.marks.get(mark) else { return String::new() };
        let name = |host: u8| self.hosts.get(usize::from(host)).map_or("—", |host| host.name.as_str());
        let time = format::moment(mark.time);
        match &mark.what {
            What::Frame { from, arrows } if arrows.iter().all(|arrow| arrow.course == Course::Unrecorded) => {
                format!("{time}，报文 {}，{} 发出，{}", mark.text, name(*from), format::UNRECORDED)
            }
            What::Frame { from, arrows } => {
                let ways = arrows.iter().map(|arrow| {
                    let took = arrow.end.map(|end| end.saturating_sub(mark.time));
                    let took = took
                        .filter(|_| arrow.arrives())
                        .map(|took| format!("，用时 {}", format::duration(took)));
                    let remark = arrow.remark();
                    let comma = if remark.is_empty() { "" } else { "，" };
                    format!("{}{}{comma}{remark}", name(arrow.to), took.unwrap_or_default())
                });
                let ways = ways.collect::<Vec<_>>().join("；");
                format!("{time}，报文 {}，{} 到 {ways}", mark.text, name(*from))
            }
            What::Code { host, .. } => format!("{time}，{} 的代码：{}", name(*host), mark.text),
            What::State { host, .. } => format!("{time}，{} 的套接字：{}", name(*host), mark.text),
            What::Note { section: true } => format!("{time}，小节：{}", mark.text),
            What::Note { section: false } => format!("{time}，{}", mark.text),
        }
    }

    /// A moment for the gutter, in milliseconds: as many decimals as tell neighbours apart and still fit.
    pub(crate) fn gutter_time(&self, time: u64) -> String {
        let text = format::millis(time);
        let end = self.marks.last().map_or(0, |mark| mark.time);
        let cut = match (self.lanes.gutter < 60, end) {
            (false, _) => 0,
            (true, 0..1_000_000_000) => 1,
            (true, _) => 2,
        };
        text[..text.len() - cut].to_owned()
    }

    /// Changes when the mark must be drawn anew.
    pub(crate) fn key(&self, placed: &Placed) -> u64 {
        let mut hasher = DefaultHasher::new();
        let mark = &self.marks[placed.mark];
        (mark.seq, mark.time, placed.y, placed.bottom, self.lanes.width, placed.timed).hash(&mut hasher);
        placed.label.as_ref().map(|(text, spot)| (text, spot.x, spot.y)).hash(&mut hasher);
        for way in &placed.ways {
            (way.line.x1, way.line.y1, way.arrow.course, way.arrow.late).hash(&mut hasher);
        }
        hasher.finish()
    }

    /// Where the frames are that are under way at a height of the diagram, within the marks drawn.
    pub(crate) fn travelling(&self, y: i32, top: i32, bottom: i32) -> Vec<(i32, i32)> {
        let ways = self.layout.window(top, bottom).flat_map(|placed| &placed.ways);
        ways.map(|way| way.line)
            .filter(|line| line.y0 < y && y < line.y1)
            .map(|line| (line.x0 + (line.x1 - line.x0) * (y - line.y0) / (line.y1 - line.y0), y))
            .collect()
    }
}
