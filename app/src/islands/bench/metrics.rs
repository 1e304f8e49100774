//! 图表: what the lab sampled, as curves over time or as bars, one panel for each unit; what it measured, as bars.

pub(crate) mod bars;
mod numbers;
pub(crate) mod series;

use super::chart::Chart;
use super::marks;
use super::state::Bench;
use crate::islands::boxed::{boxed, heard, part};
use bars::Statistic;
use leptos::html::Div;
use leptos::prelude::*;
use std::sync::Arc;

/// The samples of a bench's trace.
#[component]
pub fn Metrics(
    /// The bench whose trace, cursor and selection it shows.
    bench: Bench,
) -> impl IntoView {
    let panels = Memo::new(move |_| Arc::new(bench.model.with(series::panels)));
    // Results are said once, not over time: by themselves they are no curves.
    let curves = Memo::new(move |_| panels.with(|panels| !panels.is_empty()));
    let bars = move || !curves.get() || bench.bars.get().is_some();
    let choose = move |wanted: bool| {
        bench.bars.set(wanted.then_some(Statistic::Last));
        bench.touched.set(true);
    };
    let form = move |wanted: bool, name: &'static str| {
        view! {
            <button type="button" class="metrics-form" aria-pressed=boxed(move || (bars() == wanted).to_string())
                on:click=heard(move |_| choose(wanted))>{name}</button>
        }
    };
    view! {
        <div class="metrics">
            {part(move || curves.get().then(|| view! {
                <div class="metrics-tools" role="group" aria-label="图表的形式">
                    {form(false, "曲线")}
                    {form(true, "柱形")}
                </div>
            }))}
            <Show when=bars fallback=move || view! {
                <Chart bench panels label="采样随时间的变化：方向键逐个采样查看，数值见下面的文字形式"/>
            }>
                <Bars bench curves/>
            </Show>
            <Numbers bench curves/>
        </div>
    }
}

/// One bar for each series or result and section, of what happened up to the cursor.
#[component]
fn Bars(
    bench: Bench,
    /// There are series, of which the reader chooses a number.
    curves: Memo<bool>,
) -> impl IntoView {
    let area = NodeRef::<Div>::new();
    let size = super::measure::use_size(area);
    let statistic = move || bench.bars.get().unwrap_or(Statistic::Last);
    let choose = move |key: String| {
        bench.bars.set(Statistic::from_key(&key));
        bench.touched.set(true);
    };
    let drawing = move || {
        let width = size.get().width;
        let time = bench.cursor.get();
        if width > 80 {
            bench.model.with(|model| bars::svg(model, statistic(), time, width))
        } else {
            String::new()
        }
    };
    view! {
        {part(move || curves.get().then(|| view! {
            <label class="metrics-statistic">
                "柱长是每个序列到游标为止的"
                <select on:change=heard(move |event| choose(event_target_value(&event)))>
                    {Statistic::ALL.map(|one| view! {
                        <option value=one.key() selected=one == bench.bars.get_untracked().unwrap_or(Statistic::Last)>{one.name()}</option>
                    }).collect_view()}
                </select>
            </label>
        }))}
        <div class="metrics-bars" node_ref=area role="img" aria-label="柱形图，数值见下面的文字形式" inner_html=boxed(drawing)></div>
    }
}

/// The text form; made when it is opened.
#[component]
fn Numbers(bench: Bench, curves: Memo<bool>) -> impl IntoView {
    let open = RwSignal::new(false);
    let html = move || {
        if open.get() { bench.model.with(numbers::html) } else { String::new() }
    };
    view! {
        <details class="told-details" on:toggle=heard(move |event: leptos::ev::Event| open.set(marks::is_open(&event)))>
            <summary>{part(move || if curves.get() { "文字形式：各序列的统计和采样" } else { "文字形式：测得的各个量" })}</summary>
            <div class="told-box" role="group" aria-label="采样的数值" tabindex="0" inner_html=boxed(html)></div>
        </details>
    }
}
