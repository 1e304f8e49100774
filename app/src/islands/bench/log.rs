//! 日志: what the code said, line by line. Only the rows near what is visible are in the document.

use super::entry::{Entry, Kind, entry, is_logged};
use super::format;
use super::measure::use_size;
use super::state::Bench;
use crate::islands::boxed::{boxed, heard, part};
use leptos::html::Div;
use leptos::prelude::*;
use std::ops::Range;

/// Height of a row in pixels, as in `log.scss`.
const ROW: i32 = 28;
/// Rows beyond the visible part that are kept in the document.
const MARGIN: i32 = 12;

/// The log of a bench's trace.
#[component]
pub fn Log(bench: Bench) -> impl IntoView {
    let kernel = RwSignal::new(false);
    let rows = Memo::new(move |_| {
        let (crates, kernel) = (bench.show_crates.get(), kernel.get());
        bench.model.with(|model| {
            let logged = model.events.iter().filter(|event| is_logged(event, crates, kernel));
            logged.map(|event| (event.time, event.seq)).collect::<Vec<_>>()
        })
    });
    let scroller = NodeRef::<Div>::new();
    let size = use_size(scroller);
    let scrolled = RwSignal::new(0);
    let window = Memo::new(move |_| {
        let count = rows.with(Vec::len);
        let first = scrolled.get() / ROW - MARGIN;
        let last = first + size.get().height / ROW + 2 * MARGIN + 2;
        let clamp = |row: i32| usize::try_from(row).unwrap_or(0).min(count);
        clamp(first)..clamp(last)
    });
    let visible = move || {
        let Range { start, end } = window.get();
        rows.with(|rows| {
            rows.get(start..end).unwrap_or_default().iter().map(|(_, seq)| *seq).collect::<Vec<_>>()
        })
    };
    let above = move || pixels(window.with(|window| window.start));
    let below = move || pixels(rows.with(Vec::len).saturating_sub(window.with(|window| window.end)));
    keep_in_view(bench, rows, scroller);
    view! {
        <div class="log">
            <div class="log-tools">
                <label class="bench-check">
                    <input type="checkbox" prop:checked=boxed(move || bench.show_crates.get())
                        on:change=heard(move |event| bench.show_crates.set(event_target_checked(&event)))/>
                    "库的事件"
                </label>
                <label class="bench-check">
                    <input type="checkbox" prop:checked=boxed(move || kernel.get())
                        on:change=heard(move |event| kernel.set(event_target_checked(&event)))/>
                    "内核事件"
                </label>
                <span class="log-count">{part(move || format!("{} 行", rows.with(Vec::len)))}</span>
            </div>
            <div class="log-box" role="group" aria-label="日志" tabindex="0" node_ref=scroller
                on:scroll=heard(move |_| if let Some(scroller) = scroller.get_untracked() { scrolled.set(scroller.scroll_top()) })>
                <table class="log-table" aria-rowcount=boxed(move || (rows.with(Vec::len) + 1).to_string())>
                    <thead>
                        <tr aria-rowindex="1">
                            <th scope="col" class="log-time">"时间 ms"</th>
                            <th scope="col" class="log-kind">"级别"</th>
                            <th scope="col" class="log-host">"主机"</th>
                            <th scope="col">"消息"</th>
                        </tr>
                    </thead>
                    <tbody>
                        <tr class="log-space" aria-hidden="true"><td colspan="4" style:height=above></td></tr>
                        <For each=visible key=|seq| *seq let:seq>{row(bench, rows, seq)}</For>
                        <tr class="log-space" aria-hidden="true"><td colspan="4" style:height=below></td></tr>
                    </tbody>
                </table>
            </div>
            {part(move || selected_entry(bench).map(|entry| detail(&entry)))}
        </div>
    }
}

fn pixels(rows: usize) -> String {
    format!("{}px", rows * ROW as usize)
}

fn row(bench: Bench, rows: Memo<Vec<(u64, u32)>>, seq: u32) -> impl IntoView {
    let Some((line, host)) = bench.model.with_untracked(|model| {
        let line = entry(model.event(seq)?, model);
        let host = line.host.map(|host| (host % 8, model.host_name(host).to_owned()));
        Some((line, host))
    }) else {
        return ().into_any();
    };
    let (word, class) = line.kind.words();
    let index = move || {
        rows.with(|rows| rows.binary_search(&(line.time, seq)).map(|at| (at + 2).to_string()))
            .unwrap_or_default()
    };
    let select = move |_| {
        bench.playing.set(false);
        bench.select(seq);
    };
    let future = move || bench.cursor.get() < line.time;
    let selected = move || bench.selected.get() == Some(seq);
    let host =
        host.map(|(lane, name)| view! { <span class=format!("log-lane bench-lane-{lane}")>{name}</span> });
    view! {
        <tr class=format!("log-row log-{class}") class:log-future=future class:log-selected=selected
            aria-rowindex=index aria-current=boxed(move || selected().then_some("true")) on:click=heard(select)>
            <td class="log-time">{format::millis(line.time)}</td>
            <td class="log-kind">{word}</td>
            <td class="log-host">{host}</td>
            <td class="log-message">
                <button type="button" tabindex="-1" class="log-select">{line.message}</button>
                {line.fields.into_iter().map(|(name, value)| view! {
                    <span class="log-field"><i>{name}</i>"=" {value}</span>
                }).collect_view()}
            </td>
        </tr>
    }
    .into_any()
}

/// The selected event, if it is one that has words.
fn selected_entry(bench: Bench) -> Option<Entry> {
    let seq = bench.selected.get()?;
    bench.model.with(|model| {
        let event = model.event(seq)?;
        is_logged(event, true, true).then(|| entry(event, model))
    })
}

/// All of an entry; rows cut long ones off.
fn detail(entry: &Entry) -> impl IntoView + use<> {
    let (word, class) = entry.kind.words();
    let entry = entry.clone();
    view! {
        <div class=format!("log-detail log-{class}")>
            <p>
                <span class="log-kind">{word}</span> " " {format::moment(entry.time)} " "
                {(entry.kind != Kind::Section && !entry.target.is_empty()).then(|| view! { <code>{entry.target}</code> })}
            </p>
            <p class="log-full">{entry.message}</p>
            <dl>
                {entry.fields.into_iter().map(|(name, value)| view! {
                    <dt>{name}</dt>
                    <dd>{value}</dd>
                }).collect_view()}
            </dl>
        </div>
    }
}

/// Scrolls the box (never the page) to the selected row, or the last one before the cursor.
fn keep_in_view(bench: Bench, rows: Memo<Vec<(u64, u32)>>, scroller: NodeRef<Div>) {
    let wanted = Memo::new(move |_| {
        let key = (bench.cursor.get(), bench.selected.get().unwrap_or(u32::MAX));
        rows.with(|rows| rows.partition_point(|row| *row <= key)).checked_sub(1)
    });
    Effect::new(move |_| {
        let (Some(row), Some(scroller)) = (wanted.get(), scroller.get()) else { return };
        let top = i32::try_from(row).unwrap_or(i32::MAX).saturating_mul(ROW);
        let (from, height) = (scroller.scroll_top(), scroller.client_height());
        // The head of the table covers the first row's height.
        if top < from || top + 2 * ROW > from + height {
            scroller.set_scroll_top((top - height / 2).max(0));
        }
    });
}
