//! 代码: the source that ran; where each host is now; how often each line was reached.

use super::browser;
use super::source::{Mark, Source, mark, plain};
use super::state::Bench;
use crate::islands::boxed::{boxed, heard, part};
use api::trace::HostId;
use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local;
use std::collections::BTreeMap;

/// What the trace says about one line, up to the cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct LineState {
    /// Times reached so far, and in the whole trace.
    past: u32,
    all: u32,
    /// Hosts whose latest event comes from here.
    here: Vec<Option<HostId>>,
    /// The selected event comes from here.
    selected: bool,
}

/// The code view.
#[component]
pub fn Code(bench: Bench) -> impl IntoView {
    let failed = RwSignal::new(false);
    Effect::new(move |_| {
        if bench.source.with_untracked(Option::is_none) {
            let slug = bench.info.with_value(|info| info.slug.clone());
            spawn_local(async move {
                match browser::json::<Source>(&format!("/labs/{slug}/source.json")).await {
                    Ok(source) => {
                        bench.source.try_set(Some(source));
                    }
                    Err(_) => {
                        failed.try_set(true);
                    }
                }
            });
        }
    });
    move || match bench.source.get() {
        Some(source) => view! { <Listing bench source/> }.into_any(),
        None if failed.get() => {
            view! { <p class="code-missing">"源代码没有取到，请刷新页面再试。"</p> }.into_any()
        }
        None => view! { <p class="code-missing">"正在取源代码……"</p> }.into_any(),
    }
}

#[component]
fn Listing(bench: Bench, source: Source) -> impl IntoView {
    let states = line_states(bench, source.clone());
    let scroll_box = NodeRef::<html::Div>::new();
    keep_in_view(bench, states, scroll_box);
    let file = source.file.clone();
    let copied = RwSignal::new(false);
    let copy = move |_| {
        let text = bench.source.with_untracked(|source| source.as_ref().map(Source::text));
        browser::copy(text.unwrap_or_default(), copied);
    };
    let lines = source.lines.into_iter().zip(1_u32..);
    view! {
        <div class="code">
            <div class="code-head">
                <code>{file.clone()}</code>
                <button type="button" class="bench-quiet" on:click=heard(copy)>
                    {part(move || if copied.get() { "✓ 已复制" } else { "复制代码" })}
                </button>
            </div>
            <div class="code-box" role="group" tabindex="0" aria-label=format!("源代码 {file}") node_ref=scroll_box>
                <ol class="code-lines">
                    {lines.map(|(html, number)| code_line(bench, states, html, number)).collect_view()}
                </ol>
            </div>
        </div>
    }
}

fn code_line(
    bench: Bench,
    states: Memo<BTreeMap<u32, LineState>>,
    html: String,
    number: u32,
) -> impl IntoView {
    match mark(&plain(&html)) {
        Mark::Anchor(name) => {
            let name = name.to_owned();
            return view! { <li class="code-anchor" data-line=number>{name}</li> }.into_any();
        }
        Mark::AnchorEnd => return view! { <li class="code-anchor-end" data-line=number></li> }.into_any(),
        Mark::None => {}
    }
    let state = Memo::new(move |_| states.with(|states| states.get(&number).cloned()).unwrap_or_default());
    let gutter = move || {
        let (past, all) = state.with(|state| (state.past, state.all));
        if all == 0 {
            return view! { <span class="code-number">{number}</span> }.into_any();
        }
        view! {
            <button type="button" class="code-number" title="转到这一行的下一个事件" on:click=heard(move |_| select_next(bench, number))>
                <span><span class="bench-unseen">"第 "</span>{number}<span class="bench-unseen">" 行，执行 "</span></span>
                <small class="code-hits">
                    {(past > 0).then(|| format!("×{past}"))}
                    <span class="bench-unseen">{format!(" 次，共 {all} 次")}</span>
                </small>
            </button>
        }
        .into_any()
    };
    let badges = move || {
        let here = state.with(|state| state.here.clone());
        here.into_iter()
            .map(|host| {
                let name = host.map_or_else(
                    || "实验".to_owned(),
                    |host| bench.model.with(|model| model.host_name(host).to_owned()),
                );
                let lane = host.map_or_else(|| "none".into(), |host| (host % 8).to_string());
                view! { <span class=format!("code-badge bench-lane-{lane}")>"◂ " {name}</span> }
            })
            .collect_view()
    };
    view! {
        <li
            class="code-line"
            class:code-past=boxed(move || state.with(|state| state.past > 0))
            class:code-now=boxed(move || state.with(|state| !state.here.is_empty()))
            class:code-selected=boxed(move || state.with(|state| state.selected))
            data-line=number
            on:click=heard(move |_| if state.with_untracked(|state| state.all > 0) { select_next(bench, number) })
        >
            {gutter}
            <code inner_html=html></code>
            <span class="code-badges">{badges}</span>
        </li>
    }
    .into_any()
}

/// Everything the view shows, by line number; lines the trace never names are absent.
fn line_states(bench: Bench, source: Source) -> Memo<BTreeMap<u32, LineState>> {
    Memo::new(move |_| {
        let (cursor, selected) = (bench.cursor.get(), bench.selected.get());
        bench.model.with(|model| {
            let ours: Vec<bool> = model.files.iter().map(|file| source.is(file)).collect();
            let mut lines = BTreeMap::<u32, LineState>::new();
            let mut latest = BTreeMap::<Option<HostId>, u32>::new();
            for step in &model.steps {
                if !ours.get(usize::from(step.file)).copied().unwrap_or(false) {
                    continue;
                }
                let line = lines.entry(step.line).or_default();
                line.all += 1;
                if step.time <= cursor {
                    line.past += 1;
                    latest.insert(step.host, step.line);
                }
                line.selected |= selected == Some(step.seq);
            }
            for (host, line) in latest {
                lines.entry(line).or_default().here.push(host);
            }
            lines
        })
    })
}

/// Selects the next event of a line after the selection or the cursor; after the last, the first again.
fn select_next(bench: Bench, line: u32) {
    let from = bench.selected.get_untracked();
    let cursor = bench.cursor.get_untracked();
    let next = bench.model.with_untracked(|model| {
        let after = match from.and_then(|seq| model.event(seq)) {
            Some(event) => (event.time, event.seq),
            None => (cursor, u32::MAX),
        };
        let ours = |file: u16| {
            let name = model.files.get(usize::from(file)).map_or("", String::as_str);
            bench.source.with_untracked(|source| source.as_ref().is_some_and(|source| source.is(name)))
        };
        let mut steps = model.steps.iter().filter(|step| step.line == line && ours(step.file));
        let first = steps.clone().next().map(|step| step.seq);
        steps.find(|step| (step.time, step.seq) > after).map(|step| step.seq).or(first)
    });
    if let Some(seq) = next {
        bench.playing.set(false);
        bench.select(seq);
    }
}

/// Scrolls the box (never the page) so that the line that ran last can be seen.
fn keep_in_view(bench: Bench, states: Memo<BTreeMap<u32, LineState>>, scroll_box: NodeRef<html::Div>) {
    let wanted = Memo::new(move |_| {
        let cursor = bench.cursor.get();
        let selected = states.with(|states| states.iter().find(|(_, s)| s.selected).map(|(line, _)| *line));
        selected.or_else(|| {
            bench.model.with(|model| {
                let past = model.steps.partition_point(|step| step.time <= cursor);
                let shown = |line: &u32| states.with(|states| states.contains_key(line));
                model.steps[..past].iter().rev().map(|step| step.line).find(shown)
            })
        })
    });
    Effect::new(move |_| {
        let (Some(line), Some(scroll_box)) = (wanted.get(), scroll_box.get()) else { return };
        let Ok(Some(element)) = scroll_box.query_selector(&format!("[data-line=\"{line}\"]")) else { return };
        let (outer, inner) = (scroll_box.get_bounding_client_rect(), element.get_bounding_client_rect());
        let (above, below) = (inner.top() - outer.top(), inner.bottom() - outer.bottom());
        if above < 0.0 || below > 0.0 {
            let middle = above - (outer.height() - inner.height()) / 2.0;
            scroll_box.set_scroll_top(scroll_box.scroll_top() + middle as i32);
        }
    });
}
