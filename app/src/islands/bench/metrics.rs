//! 图表: what the lab sampled, as curves over time or as bars, one panel for each unit.

mod bars;
mod numbers;
pub(crate) mod series;

use super::chart::Chart;
use super::state::Bench;
use crate::islands::boxed::{boxed, heard};
use bars::Statistic;
use leptos::html::Div;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use std::sync::Arc;

/// The samples of a bench's trace.
#[component]
pub fn Metrics(
    /// The bench whose trace, cursor and selection it shows.
    bench: Bench,
) -> impl IntoView {
    let bars = RwSignal::new(false);
    let panels = Memo::new(move |_| Arc::new(bench.model.with(series::panels)));
    let form = move |wanted: bool, name: &'static str| {
        view! {
            <button type="button" class="metrics-form" aria-pressed=boxed(move || (bars.get() == wanted).to_string())
                on:click=heard(move |_| bars.set(wanted))>{name}</button>
        }
    };
    view! {
        <div class="metrics">
            <div class="metrics-tools" role="group" aria-label="图表的形式">
                {form(false, "曲线")}
                {form(true, "柱形")}
            </div>
            <Show when=move || bars.get() fallback=move || view! {
                <Chart bench panels label="采样随时间的变化：方向键逐个采样查看，数值见下面的文字形式"/>
            }>
                <Bars bench/>
            </Show>
            <Numbers bench/>
        </div>
    }
}

/// One bar for each series and section, of what happened up to the cursor.
#[component]
fn Bars(bench: Bench) -> impl IntoView {
    let area = NodeRef::<Div>::new();
    let size = super::measure::use_size(area);
    let statistic = RwSignal::new(Statistic::Last);
    let drawing = move || {
        let width = size.get().width;
        let time = bench.cursor.get();
        if width > 80 {
            bench.model.with(|model| bars::svg(model, statistic.get(), time, width))
        } else {
            String::new()
        }
    };
    view! {
        <label class="metrics-statistic">
            "柱长是每个序列到游标为止的"
            <select on:change=heard(move |event| statistic.set(Statistic::named(&event_target_value(&event))))>
                {Statistic::ALL.map(|one| view! { <option selected=one == Statistic::Last>{one.name()}</option> }).collect_view()}
            </select>
        </label>
        <div class="metrics-bars" node_ref=area role="img" aria-label="柱形图，数值见下面的文字形式" inner_html=boxed(drawing)></div>
    }
}

/// The text form; made when it is opened.
#[component]
fn Numbers(bench: Bench) -> impl IntoView {
    let open = RwSignal::new(false);
    let html = move || {
        if open.get() { bench.model.with(numbers::html) } else { String::new() }
    };
    view! {
        <details class="told-details" on:toggle=heard(move |event: leptos::ev::Event| {
            let details = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
            open.set(details.is_some_and(|details| details.has_attribute("open")));
        })>
            <summary>"文字形式：各序列的统计和采样"</summary>
            <div class="told-box" role="group" aria-label="采样的数值" tabindex="0" inner_html=boxed(html)></div>
        </details>
    }
}
