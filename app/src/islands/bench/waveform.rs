//! 波形: the levels of a serial line, bit by bit, as modelled from the bytes a driver wrote and read.

mod layout;

use super::marks;
use super::measure::use_size;
use super::state::Bench;
use crate::islands::boxed::{boxed, heard, part};
use layout::{BIT, Layout, Word, lay_out};
use leptos::ev::{KeyboardEvent, MouseEvent};
use leptos::html::Div;
use leptos::prelude::*;
use std::sync::Arc;

/// Heights, pixels: titles above all wires, one wire, and within a wire the two levels.
const HEAD: i32 = 26;
const WIRE: i32 = 92;
const HIGH: i32 = 30;
const LOW: i32 = 58;
/// Words are kept in the document this far beyond the visible part, pixels.
const MARGIN: i32 = 600;

/// The waveform of a bench's trace.
#[component]
pub fn Waveform(
    /// The bench whose trace, cursor and selection it shows.
    bench: Bench,
) -> impl IntoView {
    let scroller = NodeRef::<Div>::new();
    let size = use_size(scroller);
    let scrolled = RwSignal::new(0_i32);
    let layout = Memo::new(move |_| Arc::new(bench.model.with(lay_out)));
    let width = Memo::new(move |_| layout.with(|layout| layout.width).max(size.get().width));
    let height = Memo::new(move |_| {
        HEAD + WIRE * layout.with(|layout| i32::try_from(layout.wires.len()).unwrap_or(1))
    });
    let cursor = Memo::new(move |_| layout.with(|layout| layout.cursor(bench.cursor.get())));
    let range = Memo::new(move |_| {
        let left = scrolled.get().div_euclid(200) * 200;
        layout.with(|layout| layout.window(left - MARGIN, left + size.get().width + MARGIN))
    });
    let visible = move || {
        let layout = layout.get();
        range
            .get()
            .filter_map(move |at| Some((at, layout.words.get(at)?.clone(), Arc::clone(&layout))))
            .collect::<Vec<_>>()
    };
    let chosen = Memo::new(move |_| {
        let selected = bench.selected.get()?;
        layout.with(|layout| layout.words.iter().position(|word| word.seq == selected))
    });
    // It names a word only while that is in the document.
    let active = move || {
        let at = chosen.get().filter(|at| range.get().contains(at))?;
        Some(bench.id(&format!("word-{at}")))
    };
    let any = Memo::new(move |_| layout.with(|layout| !layout.words.is_empty()));
    let show = move |left: i32, right: i32| {
        if let Some(scroller) = scroller.get_untracked() {
            let (seen, room) = (scroller.scroll_left(), scroller.client_width());
            if left < seen || right > seen + room {
                scroller.set_scroll_left(left - (room - (right - left)).max(0) / 2);
            }
        }
    };
    Effect::new(move |_| {
        let Some(at) = chosen.get() else { return };
        if let Some((left, right)) =
            layout.with(|layout| layout.words.get(at).map(|word| (word.left, word.right)))
        {
            show(left, right);
        }
    });
    Effect::new(move |_| {
        let x = cursor.get();
        if bench.playing.get() || bench.follow.get() {
            show(x - 2 * BIT, x + 2 * BIT);
        }
    });
    let select = move |at: usize| {
        if let Some(seq) = layout.with_untracked(|layout| layout.words.get(at).map(|word| word.seq)) {
            bench.select(seq);
        }
    };
    let on_key = move |event: KeyboardEvent| {
        let time = bench.cursor.get_untracked();
        let (past, count) = layout.with_untracked(|layout| {
            (layout.words.partition_point(|word| word.time <= time), layout.words.len())
        });
        if let Some(next) = marks::by_key(&event, chosen.get_untracked(), past, count) {
            select(next);
        }
    };
    let on_click = move |event: MouseEvent| {
        let Some(target) = marks::target(&event) else { return };
        if let Some(at) = marks::number(&target, "data-word") {
            select(at);
        }
    };
    let caption = move || {
        let bit = layout.with(|layout| layout.bit_ns);
        let length = if bit == 0 { String::new() } else { format!("一位 {}；", bit_length(bit)) };
        format!(
            "{length}电平由驱动读写的字节、波特率和校验位推算而来，不是测得的电压；字节之间的空闲不按比例。"
        )
    };
    view! {
        <div class="waveform">
            <Show when=move || any.get() fallback=|| view! { <p class="waveform-empty">"还没有信号。"</p> }>
                <div class="waveform-area">
                    <svg class="waveform-wires" width="40" height=height aria-hidden="true">
                        {part(move || layout.with(|layout| names(layout)))}
                    </svg>
                    <div
                        class="waveform-scroll"
                        node_ref=scroller
                        on:scroll=heard(move |_| {
                            if let Some(scroller) = scroller.get_untracked() {
                                scrolled.set(scroller.scroll_left());
                            }
                        })
                    >
                        <svg
                            class="waveform-body"
                            width=width
                            height=height
                            role="listbox"
                            tabindex="0"
                            aria-orientation="horizontal"
                            aria-label="串口上的字节，用左右方向键逐个查看"
                            aria-activedescendant=boxed(active)
                            on:keydown=heard(on_key)
                            on:click=heard(on_click)
                        >
                            <g aria-hidden="true">
                                {part(move || layout.with(|layout| idle(layout, width.get(), height.get())))}
                            </g>
                            <For each=visible key=|(at, word, _)| (*at, word.seq, word.left) let((at, word, layout))>
                                {draw(bench, at, &word, &layout, chosen)}
                            </For>
                            <rect class="waveform-future" aria-hidden="true" x=cursor y=HEAD width=boxed(move || (width.get() - cursor.get()).max(0)) height=boxed(move || height.get() - HEAD)></rect>
                            <line class="waveform-cursor" aria-hidden="true" x1=cursor x2=cursor y1=HEAD y2=height></line>
                        </svg>
                    </div>
                </div>
                <p class="waveform-caption">{caption}</p>
            </Show>
        </div>
    }
}

/// `8.68 µs`, `3.33 ms`
fn bit_length(ns: u32) -> String {
    let (unit, name) = if ns < 1_000_000 { (1_000, "µs") } else { (1_000_000, "ms") };
    let hundredths = (ns + unit / 200) / (unit / 100);
    format!("{}.{:02} {name}", hundredths / 100, hundredths % 100)
}

fn top(wire: usize) -> i32 {
    HEAD + WIRE * i32::try_from(wire).unwrap_or(0)
}

fn names(layout: &Layout) -> impl IntoView + use<> {
    let names = layout.wires.iter().enumerate().map(|(wire, name)| {
        let y = top(wire);
        view! {
            <text class="waveform-wire" x="34" y=y + (HIGH + LOW) / 2 + 4 text-anchor="end">{name.clone()}</text>
            <text class="waveform-level" x="34" y=y + HIGH + 4 text-anchor="end">"1"</text>
            <text class="waveform-level" x="34" y=y + LOW + 4 text-anchor="end">"0"</text>
        }
    });
    names.collect_view()
}

/// Wires at rest, and the titles of sections.
fn idle(layout: &Layout, width: i32, height: i32) -> impl IntoView + use<> {
    let wires = (0..layout.wires.len()).map(|wire| {
        let y = top(wire) + HIGH;
        view! { <line class="waveform-idle" x1="0" y1=y x2=width y2=y></line> }
    });
    let sections = layout.sections.iter().map(|(x, title)| {
        view! {
            <line class="waveform-section-rule" x1=*x y1="4" x2=*x y2=height></line>
            <text class="waveform-section" x=*x + 6 y="16">{title.clone()}</text>
        }
    });
    (wires.collect_view(), sections.collect_view())
}

fn draw(
    bench: Bench,
    at: usize,
    word: &Word,
    layout: &Layout,
    chosen: Memo<Option<usize>>,
) -> impl IntoView + use<> {
    let y = top(word.wire);
    let selected = Memo::new(move |_| chosen.get() == Some(at));
    let (left, width) = (word.left, word.right - word.left);
    let bits = word.bits.iter().map(|bit| {
        let middle = (bit.left + bit.right) / 2;
        view! {
            <line class="waveform-edge" x1=bit.left y1=y + HIGH - 6 x2=bit.left y2=y + LOW + 6></line>
            <text aria-hidden="true" class="waveform-bit" x=middle y=y + if bit.high { HIGH + 15 } else { LOW - 7 } text-anchor="middle">
                {u8::from(bit.high)}
            </text>
            <text aria-hidden="true" class="waveform-label" x=middle y=y + LOW + 17 text-anchor="middle">{short(&bit.label)}</text>
        }
    });
    view! {
        <g
            class=format!("waveform-word waveform-lane-{}", word.wire % 8)
            class:waveform-selected=selected
            role="option"
            id=bench.id(&format!("word-{at}"))
            data-word=at.to_string()
            aria-label=layout.describe(at)
            aria-selected=boxed(move || selected.get().to_string())
            aria-posinset=(at + 1).to_string()
            aria-setsize=layout.words.len().to_string()
        >
            <rect class="waveform-box" x=left y=y + 2 width=width height=WIRE - 8></rect>
            <text aria-hidden="true" class="waveform-value" x=left + width / 2 y=y + 18 text-anchor="middle">{word.name()}</text>
            {bits.collect_view()}
            <path class="waveform-line" d=word.path(y + HIGH, y + LOW)></path>
        </g>
    }
}

/// What fits under one bit: `偶校验` becomes `校验`; the whole label is in the spoken form.
fn short(label: &str) -> String {
    let count = label.chars().count();
    if label.is_ascii() { label.to_owned() } else { label.chars().skip(count.saturating_sub(2)).collect() }
}
