//! One mark as SVG.

use super::drawing::Drawing;
use super::labels::{HEIGHT, Line};
use super::layout::{Placed, Way};
use super::scene::{Course, Mark, What};
use crate::islands::bench::format::text_width;
use crate::islands::bench::state::Bench;
use crate::islands::boxed::boxed;
use api::trace::{Fate, Level};
use leptos::prelude::*;

/// Draws a mark as an option of the diagram's list box.
pub(crate) fn mark(bench: Bench, drawing: &Drawing, placed: &Placed) -> impl IntoView + use<> {
    let mark = &drawing.marks[placed.mark];
    let (seq, aliases) = (mark.seq, aliases(mark));
    let selected = Memo::new(move |_| {
        bench.selected.with(|selected| selected.is_some_and(|it| it == seq || aliases.contains(&it)))
    });
    let kind = match &mark.what {
        What::Frame { from, .. } => format!("sequence-frame sequence-lane-{}", from % 8),
        What::Code { host, level } => {
            format!("sequence-code sequence-lane-{} {}", host % 8, level_class(*level))
        }
        What::State { host, gone: false } => format!("sequence-state sequence-lane-{}", host % 8),
        What::State { host, gone: true } => {
            format!("sequence-state sequence-gone sequence-lane-{}", host % 8)
        }
        What::Note { section: true } => "sequence-note sequence-section".to_owned(),
        What::Note { section: false } => "sequence-note".to_owned(),
    };
    let body = match &mark.what {
        What::Frame { .. } => frame(placed).into_any(),
        What::Code { host, .. } => code(drawing, placed, usize::from(*host)).into_any(),
        What::State { .. } => state(placed).into_any(),
        What::Note { .. } => note(drawing, placed).into_any(),
    };
    let time = placed.timed.then(|| {
        let text = drawing.gutter_time(mark.time);
        view! {
            <text aria-hidden="true" class="sequence-time" x=drawing.lanes.gutter - 6 y=placed.y + 4 text-anchor="end">{text}</text>
        }
    });
    view! {
        <g
            class=format!("sequence-mark {kind}")
            class:sequence-selected=selected
            role="option"
            id=bench.id(&format!("sequence-{seq}"))
            data-seq=seq.to_string()
            aria-label=drawing.describe(placed.mark)
            aria-selected=boxed(move || selected.get().to_string())
            aria-posinset=(placed.mark + 1).to_string()
            aria-setsize=drawing.marks.len().to_string()
        >
            {time}
            {body}
        </g>
    }
}

/// Further events that this mark stands for: a frame's deliveries.
fn aliases(mark: &Mark) -> Vec<u32> {
    match &mark.what {
        What::Frame { arrows, .. } => {
            arrows.iter().map(|arrow| arrow.seq).filter(|seq| *seq != u32::MAX).collect()
        }
        _ => Vec::new(),
    }
}

fn level_class(level: Level) -> &'static str {
    match level {
        Level::Warn => "sequence-warn",
        Level::Error => "sequence-error",
        Level::Trace | Level::Debug | Level::Info => "",
    }
}

fn frame(placed: &Placed) -> impl IntoView + use<> {
    let ways = placed.ways.iter().map(way).collect_view();
    let label = placed.label.as_ref().map(|(text, spot)| {
        let turn = (spot.degrees != 0).then(|| format!("rotate({} {} {})", spot.degrees, spot.x, spot.y));
        view! {
            <text aria-hidden="true" class="sequence-label" x=spot.x y=spot.y + 4 text-anchor="middle" transform=turn>
                {text.clone()}
            </text>
        }
    });
    view! { {ways} {label} }
}

fn way(way: &Way) -> impl IntoView + use<> {
    let Line { x0, y0, x1, y1 } = way.line;
    let class = match way.arrow.course {
        Course::Open | Course::Unrecorded | Course::Sealed(Fate::StillTravelling) => {
            "sequence-arrow sequence-travelling"
        }
        Course::Sealed(Fate::Delivered) if way.arrow.duplicate => "sequence-arrow sequence-duplicate",
        Course::Sealed(Fate::Delivered) if way.arrow.late => "sequence-arrow sequence-late",
        Course::Sealed(Fate::Delivered) => "sequence-arrow",
        Course::Sealed(_) => "sequence-arrow sequence-lost",
    };
    let (end, path) = match way.arrow.course {
        Course::Open | Course::Sealed(Fate::Delivered) => ("sequence-head", "M-9 -4L0 0L-9 4Z"),
        // As the sign of the table: ∅.
        Course::Unrecorded => ("sequence-cross", "M-5 0A5 5 0 1 0 5 0A5 5 0 1 0 -5 0M-5 6L5 -6"),
        Course::Sealed(Fate::Lost) => ("sequence-cross", "M-5 -5L5 5M-5 5L5 -5"),
        Course::Sealed(Fate::QueueFull) => ("sequence-cross", "M-6 -5H6M-6 0H6M-6 5H6M-6 -5V5M6 -5V5"),
        Course::Sealed(Fate::TooBig) => ("sequence-cross", "M-6 0A6 6 0 1 0 6 0A6 6 0 1 0 -6 0M-4 4L4 -4"),
        Course::Sealed(Fate::Refused) => ("sequence-cross", "M0 -7V7M-5 -5L5 5M-5 5L5 -5"),
        Course::Sealed(Fate::StillTravelling) => ("sequence-cross", "M-6 0h2M-1 0h2M4 0h2"),
    };
    let turned = if end == "sequence-head" { direction(way.line) } else { 0 };
    let remark = way.remark.map(|(x, y)| {
        view! { <text aria-hidden="true" class="sequence-remark" x=x y=y text-anchor="middle">{way.arrow.remark()}</text> }
    });
    view! {
        <line class="sequence-hit" x1=x0 y1=y0 x2=x1 y2=y1></line>
        <line class=class x1=x0 y1=y0 x2=x1 y2=y1></line>
        <path class=end d=path transform=format!("translate({x1} {y1}) rotate({turned})")></path>
        {remark}
    }
}

/// Direction of a line in degrees, for its head.
fn direction(line: Line) -> i32 {
    let degrees = line.degrees();
    if line.x1 < line.x0 { degrees + 180 } else { degrees }
}

fn code(drawing: &Drawing, placed: &Placed, lane: usize) -> impl IntoView + use<> {
    let (x, y) = (drawing.lanes.x(lane), placed.y);
    let anchor = if drawing.lanes.message_side(lane).left { "end" } else { "start" };
    let label = placed.label.as_ref().map(|(text, spot)| {
        view! { <text aria-hidden="true" class="sequence-message" x=spot.x y=spot.y + 4 text-anchor=anchor>{text.clone()}</text> }
    });
    view! {
        <circle class="sequence-dot" cx=x cy=y r="4"></circle>
        {label}
    }
}

fn state(placed: &Placed) -> impl IntoView + use<> {
    placed.label.as_ref().map(|(text, spot)| {
        let width = text_width(text) + 10;
        view! {
            <rect class="sequence-chip" x=spot.x - width / 2 y=spot.y - HEIGHT / 2 - 1 width=width height=HEIGHT + 2 rx="3"></rect>
            <text aria-hidden="true" class="sequence-chip-text" x=spot.x y=spot.y + 4 text-anchor="middle">{text.clone()}</text>
        }
    })
}

fn note(drawing: &Drawing, placed: &Placed) -> impl IntoView + use<> {
    let (left, right, y) = (drawing.lanes.gutter, drawing.lanes.width, placed.y);
    let label = placed.label.as_ref().map(|(text, spot)| {
        view! { <text aria-hidden="true" class="sequence-note-text" x=spot.x y=spot.y + 4 text-anchor="middle">{text.clone()}</text> }
    });
    view! {
        <line class="sequence-note-rule" x1=left y1=y x2=right y2=y></line>
        {label}
    }
}
