//! Curves over time with the bench's cursor: what the kernel said of a connection, what a lab sampled, two traces.
//!
//! [`panels`] says what is shown, [`path`] and [`draw`] make SVG of it, this is the part that reacts.

mod draw;
pub(crate) mod panels;
pub(crate) mod path;

use super::marks;
use super::measure::use_size;
use super::state::Bench;
use crate::islands::boxed::{boxed, heard, part};
use leptos::ev::{KeyboardEvent, MouseEvent};
use leptos::html::Div;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use panels::Panels;
use std::sync::Arc;

/// A click this close to a sample selects it, pixels.
const REACH: i32 = 6;

/// Panels over one time axis, with a legend that tells the values at the cursor.
#[component]
pub(crate) fn Chart(
    /// Whose cursor and selection it shares.
    bench: Bench,
    /// What to draw.
    panels: Memo<Arc<Panels>>,
    /// What it is, for those who hear it.
    label: &'static str,
) -> impl IntoView {
    let area = NodeRef::<Div>::new();
    let size = use_size(area);
    let width = Memo::new(move |_| size.get().width);
    let plots = Memo::new(move |_| {
        let (plots, height) = panels.with(|panels| panels.plots(width.get()));
        (Arc::new(plots), height)
    });
    let millis = |time: u64| (time / 1_000_000).to_string();
    let on_key = move |event: KeyboardEvent| {
        if marks::is_shortcut(&event) {
            return;
        }
        let time = bench.cursor.get_untracked();
        let wanted = panels.with_untracked(|panels| match event.key().as_str() {
            "ArrowRight" | "ArrowUp" => Some(panels.neighbour(time, true)),
            "ArrowLeft" | "ArrowDown" => Some(panels.neighbour(time, false)),
            "Home" => Some(panels.outermost(false)),
            "End" => Some(panels.outermost(true)),
            _ => None,
        });
        let Some(wanted) = wanted else { return };
        marks::used(&event);
        if let Some(seq) = wanted {
            bench.playing.set(false);
            bench.select(seq);
        }
    };
    let on_click = move |event: MouseEvent| {
        let Some(area) = area.get_untracked() else { return };
        let area: &web_sys::Element = area.unchecked_ref();
        let x = (f64::from(event.client_x()) - area.get_bounding_client_rect().left()) as i32;
        let Some((time, reach)) = plots.with_untracked(|(plots, _)| {
            let plot = plots.first()?;
            Some((plot.time(x), plot.time(x + REACH) - plot.time(x)))
        }) else {
            return;
        };
        bench.playing.set(false);
        match panels.with_untracked(|panels| panels.near(time, reach)) {
            Some(seq) => bench.select(seq),
            None => bench.seek(time),
        }
    };
    let drawing = move || {
        let (plots, height) = plots.get();
        panels.with(|panels| draw::svg(panels, &plots, width.get(), height))
    };
    let overlay = move || {
        let (plots, height) = plots.get();
        let (time, selected) = (bench.cursor.get(), bench.selected.get());
        panels.with(|panels| draw::overlay(panels, &plots, (width.get(), height), time, selected))
    };
    view! {
        <div class="chart">
            <dl class="chart-legend" inner_html=boxed(move || panels.with(|panels| draw::legend(panels, bench.cursor.get())))></dl>
            <div class="chart-area" node_ref=area role="slider" tabindex="0" aria-label=label
                aria-valuemin=boxed(move || panels.with(|panels| millis(panels.shown.0)))
                aria-valuemax=boxed(move || panels.with(|panels| millis(panels.shown.1)))
                aria-valuenow=boxed(move || {
                    let (start, end) = panels.with(|panels| panels.shown);
                    millis(bench.cursor.get().clamp(start, end.max(start)))
                })
                aria-valuetext=boxed(move || panels.with(|panels| panels.told(bench.cursor.get())))
                on:keydown=heard(on_key) on:click=heard(on_click)>
                {part(move || (width.get() > 80).then(|| view! {
                    <div inner_html=boxed(drawing)></div>
                    <div class="chart-over" inner_html=boxed(overlay)></div>
                }))}
            </div>
        </div>
    }
}
