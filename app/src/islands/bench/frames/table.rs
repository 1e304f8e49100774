//! The list of frames; only the rows near what is visible are in the document.

use super::rows::{Row, row};
use crate::islands::bench::marks;
use crate::islands::bench::measure::use_size;
use crate::islands::bench::state::Bench;
use crate::islands::boxed::{boxed, heard, part};
use leptos::ev::{KeyboardEvent, MouseEvent};
use leptos::html::Div;
use leptos::prelude::*;

/// Narrower than this (pixels) a row takes two lines.
const NARROW: i32 = 620;
/// Rows kept beyond the visible ones at either end.
const MARGIN: usize = 12;

/// The frames of a trace. Rows have the heights that `frames.scss` gives them.
#[component]
pub(crate) fn Table(
    bench: Bench,
    /// Position of the frame on show.
    current: Memo<Option<usize>>,
) -> impl IntoView {
    let scroller = NodeRef::<Div>::new();
    let size = use_size(scroller);
    let scrolled = RwSignal::new(0);
    let count = Memo::new(move |_| bench.model.with(|model| model.frames.len()));
    let narrow = Memo::new(move |_| size.get().width < NARROW);
    let row_height = Memo::new(move |_| if narrow.get() { 48 } else { 28 });
    let range = Memo::new(move |_| {
        let first = usize::try_from(scrolled.get() / row_height.get()).unwrap_or(0);
        let seen = usize::try_from(size.get().height / row_height.get()).unwrap_or(0);
        // In steps, so that scrolling by a row changes nothing.
        let start = (first.saturating_sub(MARGIN) / 8) * 8;
        (start, (first + seen + 2 * MARGIN).min(count.get()))
    });
    let rows = move || {
        let (start, end) = range.get();
        bench.model.with(|model| {
            bench.with_segments(model, |segments| {
                (start..end).filter_map(|index| row(model, segments, index)).collect::<Vec<_>>()
            })
        })
    };
    let spacer = move |rows: usize| format!("{}px", i32::try_from(rows).unwrap_or(0) * row_height.get());
    // It names a row only while that is in the document.
    let active = move || {
        let (start, end) = range.get();
        let index = current.get().filter(|index| (start..end).contains(index))?;
        Some(bench.id(&format!("frame-{index}")))
    };
    let select = move |index: usize| {
        if let Some(seq) = bench.model.with_untracked(|model| model.frames.get(index).map(|row| row.seq)) {
            bench.select(seq);
        }
    };
    Effect::new(move |_| {
        let (Some(index), Some(scroller)) = (current.get(), scroller.get()) else { return };
        let height = row_height.get_untracked();
        let top = i32::try_from(index).unwrap_or(0) * height;
        // The head sticks to the top and covers what is below it.
        let (seen, room) = (scroller.scroll_top(), scroller.client_height() - 32);
        if room > height && (top < seen || top + height > seen + room) {
            scroller.set_scroll_top((top - room / 3).max(0));
        }
    });
    let on_key = move |event: KeyboardEvent| {
        if marks::is_shortcut(&event) {
            return;
        }
        let (now, last) = (current.get_untracked(), count.get_untracked().saturating_sub(1));
        let page = usize::try_from(size.get_untracked().height / row_height.get_untracked()).unwrap_or(1);
        let next = match event.key().as_str() {
            "ArrowDown" => now.map_or(0, |now| now + 1),
            "ArrowUp" => now.unwrap_or(0).saturating_sub(1),
            "PageDown" => now.unwrap_or(0) + page,
            "PageUp" => now.unwrap_or(0).saturating_sub(page),
            "Home" => 0,
            "End" => last,
            _ => return,
        };
        marks::used(&event);
        select(next.min(last));
    };
    let on_click = move |event: MouseEvent| {
        let Some(target) = marks::target(&event) else { return };
        if let Some(index) = marks::number(&target, "data-index") {
            select(index);
        }
    };
    view! {
        <div
            class="frames-scroll"
            class:frames-narrow=narrow
            node_ref=scroller
            on:scroll=heard(move |_| {
                if let Some(scroller) = scroller.get_untracked() {
                    scrolled.set(scroller.scroll_top());
                }
            })
        >
            <table
                class="frames-table"
                role="grid"
                tabindex="0"
                aria-label="报文，用上下方向键选择"
                aria-rowcount=boxed(move || (count.get() + 1).to_string())
                aria-activedescendant=boxed(active)
                on:keydown=heard(on_key)
                on:click=heard(on_click)
            >
                <thead>
                    <tr role="row" aria-rowindex="1">
                        <th role="columnheader" scope="col" class="frames-number">"序"</th>
                        <th role="columnheader" scope="col" class="frames-time">"时刻 ms"</th>
                        <th role="columnheader" scope="col" class="frames-delta">"间隔 ms"</th>
                        <th role="columnheader" scope="col" class="frames-way">"从 → 到"</th>
                        <th role="columnheader" scope="col" class="frames-protocol">"协议"</th>
                        <th role="columnheader" scope="col" class="frames-length">"字节"</th>
                        <th role="columnheader" scope="col" class="frames-summary">"内容"</th>
                        <th role="columnheader" scope="col" class="frames-fate">"去向"</th>
                    </tr>
                </thead>
                <tbody>
                    <tr class="frames-spacer" role="presentation" style:height=boxed(move || spacer(range.get().0))></tr>
                    <For each=rows key=key let(row)>{line(bench, row, current, narrow)}</For>
                    <tr class="frames-spacer" role="presentation" style:height=boxed(move || spacer(count.get() - range.get().1))></tr>
                </tbody>
            </table>
        </div>
    }
}

/// What can change about a row while a run, or a decoder, comes in.
fn key(row: &Row) -> (usize, u32, &'static str, String, String) {
    (row.index, row.seq, row.protocol, row.to.clone(), row.fate.text.clone())
}

fn line(bench: Bench, row: Row, current: Memo<Option<usize>>, narrow: Memo<bool>) -> impl IntoView {
    let index = row.index;
    let title = row.summary.clone();
    let selected = Memo::new(move |_| current.get() == Some(index));
    let fate = match (row.fate.bad, row.fate.odd) {
        (true, _) => "frames-fate frames-bad",
        (_, true) => "frames-fate frames-odd",
        _ => "frames-fate",
    };
    view! {
        <tr
            class=format!("frames-row frames-lane-{}", row.from_lane)
            class:frames-selected=selected
            role="row"
            id=bench.id(&format!("frame-{index}"))
            data-index=index.to_string()
            aria-rowindex=(index + 2).to_string()
            aria-selected=boxed(move || selected.get().to_string())
        >
            <td role="gridcell" class="frames-number">{row.number}</td>
            <td role="gridcell" class="frames-time">{row.time}</td>
            <td role="gridcell" class="frames-delta">{row.delta}</td>
            <td role="gridcell" class="frames-way">
                <span class="frames-from">{row.from}</span>
                " → "
                {row.to}
            </td>
            <td role="gridcell" class="frames-protocol">{row.protocol}</td>
            <td role="gridcell" class="frames-length">{row.length}</td>
            <td role="gridcell" class="frames-summary" title=title>
                {part(move || if narrow.get() { row.caption.clone() } else { row.summary.clone() })}
            </td>
            <td role="gridcell" class=fate>
                <span class="frames-sign" aria-hidden="true">{row.fate.sign}</span>
                {row.fate.text}
            </td>
        </tr>
    }
}
