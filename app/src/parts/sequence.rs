//! The first frames of a trace as a drawing: two lanes, slanted arrows, true to the recorded times.

use crate::known;
use api::lab::Hints;
use api::trace::{Body, Fate, Trace};
use leptos::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Frames drawn at most.
const FRAMES: usize = 12;
const WIDTH: u32 = 460;
/// Where the lanes stand.
const LANES: [u32; 2] = [88, 372];
const TOP: u32 = 44;
/// Characters.
const LONGEST_LABEL: usize = 26;

struct Arrow {
    left_to_right: bool,
    /// From the top, in the drawing's units.
    start: u32,
    end: u32,
    lost: bool,
    label: String,
    sent_ns: u64,
}

/// Only for a run of exactly two hosts with frames; nothing otherwise.
#[component]
pub fn SequenceDrawing(
    trace: Arc<Trace>,
    /// What its lab says about the bytes.
    hints: Hints,
) -> impl IntoView {
    let arrows = arrows(&trace, &hints);
    let [left, right] = LANES;
    let names: Vec<_> = trace.hosts.iter().map(|host| host.name.clone()).collect();
    (names.len() == 2 && !arrows.is_empty()).then(|| {
        let height = arrows.iter().map(|arrow| arrow.end).max().unwrap_or(TOP) + 24;
        let label = format!("{} 与 {} 之间最初 {} 个帧的时序图", names[0], names[1], arrows.len());
        let lanes = LANES.into_iter().zip(names).map(|(x, name)| {
            view! {
                <text x=x y="20" class="drawing-host">{name}</text>
                <path d=format!("M{x} 30V{height}") class="drawing-lane"/>
            }
        });
        let arrows = arrows.into_iter().map(|arrow| {
            let Arrow { left_to_right, start, end, lost, label, sent_ns } = arrow;
            let (from, to) = if left_to_right { (left, right) } else { (right, left) };
            let (time_x, class) = if left_to_right { (left - 12, "drawing-time drawing-end") } else { (right + 12, "drawing-time") };
            let tip = if left_to_right { to - 7 } else { to + 7 };
            let middle = (start + end) / 2 - 6;
            view! {
                <g class=if lost { "drawing-frame drawing-lost" } else { "drawing-frame" }>
                    <path d=format!("M{from} {start}L{to} {end}M{tip} {}L{to} {end}L{tip} {}", end.saturating_sub(6), end + 3)/>
                    <text x=(left + right) / 2 y=middle class="drawing-label">{label}</text>
                    <text x=time_x y=start + 4 class=class>{super::facts::ms(sent_ns)}" ms"</text>
                </g>
            }
        });
        view! {
            <svg class="drawing" viewBox=format!("0 0 {WIDTH} {height}") role="img" aria-label=label>
                {lanes.collect_view()}
                {arrows.collect_view()}
            </svg>
        }
    })
}

/// Rows of equal distance; within a row the slant shows the transit time.
fn arrows(trace: &Trace, hints: &Hints) -> Vec<Arrow> {
    let mut arrivals = BTreeMap::new();
    for event in &trace.events {
        if let Body::Delivery(delivery) = &event.body {
            arrivals.entry(delivery.frame).or_insert((event.time, delivery.fate));
        }
    }
    let mut dissector = known::dissector(&trace.events, known::hints(hints));
    let frames = trace.events.iter().filter_map(|event| match &event.body {
        Body::Frame(frame) => Some((event.time, frame)),
        _ => None,
    });
    let mut start = TOP;
    frames
        .take(FRAMES)
        .map(|(sent_ns, frame)| {
            let (arrived, fate) = arrivals.get(&frame.frame).copied().unwrap_or((sent_ns, Fate::Lost));
            // 4 units a millisecond, but never out of the row.
            let slant = u32::try_from(arrived.saturating_sub(sent_ns) / 250_000).unwrap_or(22).clamp(3, 22);
            let followed = dissector.push(frame.frame.saturating_add(1), sent_ns, &frame.bytes);
            let arrow = Arrow {
                left_to_right: frame.from == 0,
                start,
                end: start + slant,
                lost: fate != Fate::Delivered,
                label: brief(&followed.dissection),
                sent_ns,
            };
            start += 32;
            arrow
        })
        .collect()
}

/// `TCP SYN`, `TCP PSH, ACK 16 字节`, `ARP …`: short enough for an arrow.
fn brief(dissection: &dissect::Dissection) -> String {
    let flags = dissection.summary.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
    let Some((flags, _)) = flags.filter(|_| dissection.protocol == "TCP") else {
        let mut label: String = format!("{} {}", dissection.protocol, dissection.summary);
        if let Some((end, _)) = label.char_indices().nth(LONGEST_LABEL) {
            label.truncate(end);
            label.push('…');
        }
        return label;
    };
    let length = dissection.field("tcp.len").and_then(|field| field.value.unsigned()).unwrap_or(0);
    if length == 0 { format!("TCP {flags}") } else { format!("TCP {flags} · {length} 字节") }
}
