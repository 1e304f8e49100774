//! Playing a trace: play, pause, steps, the time slider, speed, and the keys for them.

use super::axis::Axis;
use super::format;
use super::marks;
use super::model::is_shown;
use super::player::{self, Pace};
use super::state::Bench;
use crate::islands::boxed::{boxed, heard, part};
use leptos::ev::KeyboardEvent;
use leptos::prelude::*;

/// Places on the time slider.
const SLIDER: i32 = 4_000;
/// Speeds offered, in thousandths.
const SPEEDS: [(u32, &str); 8] = [
    (1, "0.001×"),
    (10, "0.01×"),
    (100, "0.1×"),
    (500, "0.5×"),
    (1_000, "1×"),
    (2_000, "2×"),
    (10_000, "10×"),
    (100_000, "100×"),
];

/// The bar of playback controls.
#[component]
pub(crate) fn Controls(bench: Bench) -> impl IntoView {
    let pace = RwSignal::new(Pace::Events);
    let speed = RwSignal::new(1_000);
    player::install(bench, pace, speed);
    let at_end = move || bench.cursor.get() >= bench.model.with(|model| model.end);
    let running = move || bench.model.with(|model| model.outcome.is_none() && !model.is_empty());
    let step = move |forward| {
        bench.playing.set(false);
        bench.step(forward);
    };
    let jump = move |to_end| {
        bench.playing.set(false);
        bench.jump(to_end);
    };
    let toggle_follow = move |event| {
        let on = event_target_checked(&event);
        bench.follow.set(on);
        if on {
            bench.playing.set(false);
            bench.cursor.set(bench.model.with_untracked(|model| model.end));
        }
    };
    view! {
        <div class="bench-controls" role="group" aria-label="回放">
            <button type="button" title="第一个事件（Home）" aria-label="第一个事件" on:click=heard(move |_| jump(false))>{icon(FIRST)}</button>
            <button type="button" title="上一个事件（←）" aria-label="上一个事件" on:click=heard(move |_| step(false))>{icon(PREVIOUS)}</button>
            <button
                type="button"
                class="bench-play"
                title="播放或暂停（空格）"
                aria-label=boxed(move || if bench.playing.get() { "暂停" } else { "播放" })
                on:click=heard(move |_| player::toggle(bench))
            >
                {part(move || icon(if bench.playing.get() { PAUSE } else if at_end() { AGAIN } else { PLAY }))}
            </button>
            <button type="button" title="下一个事件（→）" aria-label="下一个事件" on:click=heard(move |_| step(true))>{icon(NEXT)}</button>
            <button type="button" title="最后一个事件（End）" aria-label="最后一个事件" on:click=heard(move |_| jump(true))>{icon(LAST)}</button>
            <Slider bench/>
        </div>
        <div class="bench-options">
            <select aria-label="播放方式" title="播放方式" on:change=heard(move |event| {
                pace.set(if event_target_value(&event) == "time" { Pace::Time } else { Pace::Events });
            })>
                <option value="events">"按事件"</option>
                <option value="time">"实时"</option>
            </select>
            <select aria-label="速度" title="速度" prop:value=boxed(move || speed.get().to_string()) on:change=heard(move |event| {
                speed.set(event_target_value(&event).parse().unwrap_or(1_000));
            })>
                {SPEEDS.iter().map(|(value, label)| {
                    view! { <option value=value.to_string() selected=*value == 1_000>{*label}</option> }
                }).collect_view()}
            </select>
            <label class="bench-check">
                <input type="checkbox" prop:checked=boxed(move || bench.show_crates.get())
                    on:change=heard(move |event| bench.show_crates.set(event_target_checked(&event)))/>
                "库的事件"
            </label>
            <Show when=running>
                <label class="bench-check">
                    <input type="checkbox" prop:checked=boxed(move || bench.follow.get()) on:change=heard(toggle_follow)/>
                    "跟随"
                </label>
            </Show>
        </div>
    }
}

/// Shapes on a 16 × 16 grid.
const FIRST: &str = "M2 3h2v10H2zM9 3v10L4 8zM14 3v10L9 8z";
const PREVIOUS: &str = "M3 3h2v10H3zM12 3v10L6 8z";
const PLAY: &str = "M4 2.5v11L13 8z";
const PAUSE: &str = "M4 3h3v10H4zM9 3h3v10H9z";
const AGAIN: &str = "M8 3a5 5 0 1 1-4.9 4h2.1A3 3 0 1 0 8 5v2.5L4.5 4 8 .5z";
const NEXT: &str = "M11 3h2v10h-2zM4 3v10l6-5z";
const LAST: &str = "M12 3h2v10h-2zM7 3v10l5-5zM2 3v10l5-5z";

/// A shape in the colour of the text; its button says what it does.
fn icon(shape: &'static str) -> impl IntoView {
    view! {
        <svg viewBox="0 0 16 16" width="16" height="16" fill="currentColor" aria-hidden="true" focusable="false">
            <path d=shape></path>
        </svg>
    }
}

/// The time axis with idle gaps folded.
#[component]
fn Slider(bench: Bench) -> impl IntoView {
    let axis = Memo::new(move |_| {
        bench.model.with(|model| {
            let mut times = vec![0];
            times.extend(model.events.iter().map(|event| event.time));
            times.dedup();
            Axis::compressed(&times, SLIDER, 1)
        })
    });
    let place = move || axis.with(|axis| axis.at(bench.cursor.get())).to_string();
    let order = Memo::new(move |_| {
        let crates = bench.show_crates.get();
        bench.model.with(|model| {
            let past = model.until(bench.cursor.get());
            let count =
                |events: &[api::trace::Event]| events.iter().filter(|event| is_shown(event, crates)).count();
            (count(&model.events[..past]), count(&model.events))
        })
    });
    let said = move || {
        let (past, all) = order.get();
        format!("{}，第 {past} 个事件，共 {all} 个", format::moment(bench.cursor.get()))
    };
    let seek = move |event| {
        if let Ok(place) = event_target_value(&event).parse::<i32>() {
            bench.playing.set(false);
            bench.seek(axis.with_untracked(|axis| axis.time(place)));
        }
    };
    view! {
        <input type="range" class="bench-slider" min="0" max=SLIDER step="1" aria-label="时间游标"
            aria-valuetext=said prop:value=place on:input=heard(seek)/>
        <span class="bench-clock" aria-hidden="true">
            {part(move || format::moment(bench.cursor.get()))}
            <small>{part(move || { let (past, all) = order.get(); format!("{past}/{all}") })}</small>
        </span>
    }
}

/// Keys that work while the focus is anywhere inside the bench, except where they mean something else.
pub(crate) fn on_key(bench: Bench, event: &KeyboardEvent) {
    let modified = event.ctrl_key() || event.alt_key() || event.meta_key() || event.shift_key();
    if event.default_prevented() || modified || bench.model.with_untracked(super::model::Model::is_empty) {
        return;
    }
    let Some(target) = marks::target(event) else { return };
    let slider = target.class_list().contains("bench-slider");
    if !slider && marks::around(&target, "input, textarea, select, [role=tab], [contenteditable]").is_some() {
        return;
    }
    let on_button = target.closest("button, summary, a").ok().flatten().is_some();
    match event.key().as_str() {
        " " if !on_button => player::toggle(bench),
        "ArrowRight" => {
            bench.playing.set(false);
            bench.step(true);
        }
        "ArrowLeft" => {
            bench.playing.set(false);
            bench.step(false);
        }
        "Home" => bench.jump(false),
        "End" => bench.jump(true),
        _ => return,
    }
    event.prevent_default();
}
