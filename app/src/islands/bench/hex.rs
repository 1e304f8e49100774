//! The bytes of one frame in hexadecimal and as characters; a byte leads to its field and a field to its bytes.

mod rows;

use super::fields::{Active, Shared, tree};
use super::marks;
use super::measure::use_size;
use super::state::Bench;
use crate::islands::boxed::{heard, part};
use leptos::ev::{KeyboardEvent, MouseEvent};
use leptos::html::Div;
use leptos::prelude::*;
use rows::{Cell, flip, printable};

/// From this width on (pixels) there are 16 bytes in a row, else 8.
const WIDE: i32 = 500;

/// The hex dump of the frame on show.
#[component]
pub(crate) fn Hex(
    bench: Bench,
    /// The frame.
    opened: Shared,
    active: Active,
) -> impl IntoView {
    let area = NodeRef::<Div>::new();
    let size = use_size(area);
    let columns = Memo::new(move |_| if size.get().width >= WIDE { 16 } else { 8 });
    let selected = Memo::new(move |_| {
        let (frame, start, end) = bench.selected_bytes.get()?;
        let same = opened.with(|opened| opened.as_ref().is_some_and(|opened| opened.frame == frame));
        same.then_some((start, end))
    });
    let table = Memo::new(move |_| {
        opened.with(|opened| {
            opened.as_ref().map_or_else(Vec::new, |opened| {
                rows::rows(&opened.bytes, columns.get(), selected.get(), &opened.flipped)
            })
        })
    });
    let choose = move |at: u32| {
        let node = opened.with_untracked(|opened| {
            let opened = opened.as_ref()?;
            if at as usize >= opened.bytes.len() {
                return None;
            }
            tree::innermost(&opened.nodes, at * 8)
        });
        if let Some(node) = node {
            active.set(node);
        }
    };
    let on_click = move |event: MouseEvent| {
        let Some(target) = marks::target(&event) else { return };
        if let Some(at) = marks::number(&target, "data-byte") {
            choose(at);
        }
    };
    // From field to field: byte by byte would stay within long ones.
    let on_key = move |event: KeyboardEvent| {
        if marks::is_shortcut(&event) {
            return;
        }
        let length = opened.with_untracked(|opened| opened.as_ref().map_or(0, |it| it.bytes.len() as u32));
        let (start, end) = selected.get_untracked().unwrap_or((0, 0));
        let row = columns.get_untracked() as u32;
        let at = match event.key().as_str() {
            "ArrowRight" => end.div_ceil(8),
            "ArrowLeft" => (start / 8).saturating_sub(1),
            "ArrowDown" => start / 8 + row,
            "ArrowUp" => (start / 8).saturating_sub(row),
            "Home" => 0,
            "End" => length.saturating_sub(1),
            _ => return,
        };
        marks::used(&event);
        choose(at);
    };
    let flips = move || {
        opened.with(|opened| {
            let opened = opened.as_ref()?;
            let told: Vec<_> = opened.flipped.iter().filter_map(|bit| flip(&opened.bytes, *bit)).collect();
            (!told.is_empty()).then(|| format!("途中损坏：{}。下面是发出时的字节。", told.join("；")))
        })
    };
    let missing = move || opened.with(|opened| opened.as_ref().is_some_and(|opened| opened.bytes.is_empty()));
    view! {
        <div class="hex" node_ref=area>
            {part(move || flips().map(|text| view! { <p class="hex-flips">{text}</p> }))}
            <Show when=missing>
                <p class="hex-missing">"轨迹已达到字节上限，这一帧的内容没有记录。"</p>
            </Show>
            <div
                class="hex-rows"
                role="group"
                tabindex="0"
                aria-label="十六进制字节，用方向键逐个字段移动，字段名和值在字段树中"
                on:click=heard(on_click)
                on:keydown=heard(on_key)
            >
                <For each=move || table.get() key=Clone::clone let(cells)>
                    {row(&cells)}
                </For>
            </div>
        </div>
    }
}

fn row(cells: &[Cell]) -> impl IntoView + use<> {
    let offset = cells.first().map_or(0, |cell| cell.at);
    let bytes = cells.iter().map(|cell| {
        let class = class(cell);
        view! { <span class=class data-byte=cell.at.to_string()>{format!("{:02x}", cell.value)}</span> }
    });
    let characters = cells.iter().map(|cell| {
        let class = class(cell);
        view! { <span class=class data-byte=cell.at.to_string()>{printable(cell.value).to_string()}</span> }
    });
    view! {
        <div class="hex-row" aria-hidden="true">
            <span class="hex-offset">{format!("{offset:04x}")}</span>
            <span class="hex-bytes">{bytes.collect_view()}</span>
            <span class="hex-characters">{characters.collect_view()}</span>
        </div>
    }
}

fn class(cell: &Cell) -> &'static str {
    match (cell.selected, cell.flipped) {
        (false, false) => "hex-byte",
        (true, false) => "hex-byte hex-selected",
        (false, true) => "hex-byte hex-flipped",
        (true, true) => "hex-byte hex-selected hex-flipped",
    }
}
