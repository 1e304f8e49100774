//! The states of every socket as bars on one time axis.

use super::sockets::{Span, spans, state_name, title};
use crate::islands::bench::axis::Axis;
use crate::islands::bench::format::{self, fit, text_width};
use crate::islands::bench::marks;
use crate::islands::bench::measure::use_size;
use crate::islands::bench::model::Model;
use crate::islands::bench::state::Bench;
use crate::islands::boxed::{boxed, heard, part};
use api::trace::SocketState;
use leptos::ev::{KeyboardEvent, MouseEvent};
use leptos::html::Div;
use leptos::prelude::*;
use std::sync::Arc;

/// More sockets than this are not drawn.
const MOST: usize = 40;
/// Height of a socket's title and bar together, pixels.
const ROW: i32 = 42;
const BAR: i32 = 18;

/// A bar with its place.
#[derive(Clone, Debug, PartialEq)]
struct Bar {
    span: Span,
    row: i32,
    left: i32,
    right: i32,
    /// What is written in it.
    name: &'static str,
    /// In words: which socket, which state, from when to when.
    told: String,
}

/// The bars of all sockets.
#[derive(Clone, Debug, Default, PartialEq)]
struct Bars {
    titles: Vec<String>,
    /// Row by row, in order of time.
    bars: Vec<Bar>,
    axis: Axis,
}

fn lay_out(model: &Model, width: i32) -> Bars {
    let with_spans: Vec<_> =
        model.sockets.iter().take(MOST).map(|history| (history, spans(history, model.end))).collect();
    let mut times: Vec<u64> =
        with_spans.iter().flat_map(|(_, spans)| spans).flat_map(|span| [span.from, span.to]).collect();
    times.extend([0, model.end]);
    times.sort_unstable();
    times.dedup();
    let axis = Axis::compressed(&times, width, 14);
    let mut laid_out = Bars { axis, ..Bars::default() };
    for (row, (history, spans)) in (0..).zip(with_spans) {
        let name = format!("{} {}", model.host_name(history.host), title(history));
        for span in spans {
            let left = laid_out.axis.at(span.from);
            let right = laid_out.axis.at(span.to).max(left + 3);
            let (from, to) = (format::moment(span.from), format::moment(span.to));
            let end = if span.open { "直到记录结束".to_owned() } else { format!("到 {to}") };
            let state = state_name(history.transport, Some(span.state));
            let told = format!("{name}：{state}，从 {from} {end}");
            laid_out.bars.push(Bar { span, row, left, right, name: state, told });
        }
        laid_out.titles.push(name);
    }
    laid_out
}

/// 状态时间线.
#[component]
pub(crate) fn Timeline(bench: Bench) -> impl IntoView {
    let area = NodeRef::<Div>::new();
    let size = use_size(area);
    let width = Memo::new(move |_| size.get().width);
    let bars = Memo::new(move |_| {
        let width = width.get();
        Arc::new(if width > 0 {
            bench.model.with(|model| lay_out(model, width - 2))
        } else {
            Bars::default()
        })
    });
    let rows = Memo::new(move |_| bars.with(|bars| i32::try_from(bars.titles.len()).unwrap_or(0)));
    let cursor = Memo::new(move |_| bars.with(|bars| bars.axis.at(bench.cursor.get())));
    let chosen = Memo::new(move |_| {
        let selected = bench.selected.get()?;
        bars.with(|bars| bars.bars.iter().position(|bar| bar.span.seq == selected))
    });
    let select = move |at: usize| {
        if let Some(seq) = bars.with_untracked(|bars| bars.bars.get(at).map(|bar| bar.span.seq)) {
            bench.select(seq);
        }
    };
    let on_key = move |event: KeyboardEvent| {
        let count = bars.with_untracked(|bars| bars.bars.len());
        if let Some(next) = marks::by_key(&event, chosen.get_untracked(), 0, count) {
            select(next);
        }
    };
    let on_click = move |event: MouseEvent| {
        let Some(target) = marks::target(&event) else { return };
        if let Some(at) = marks::number(&target, "data-bar") {
            select(at);
        } else if let Some(drawing) = marks::around(&target, "svg") {
            let x = f64::from(event.client_x()) - drawing.get_bounding_client_rect().left();
            bench.seek(bars.with_untracked(|bars| bars.axis.time(x as i32)));
        }
    };
    view! {
        <div class="kernel-timeline" node_ref=area>
            <Show when=move || { rows.get() > 0 }>
                <svg
                    class="kernel-bars"
                    width=width
                    height=boxed(move || rows.get() * ROW + 4)
                    role="listbox"
                    tabindex="0"
                    aria-label="套接字的状态变迁，用方向键逐个查看"
                    aria-activedescendant=boxed(move || chosen.get().map(|at| bench.id(&format!("state-{at}"))))
                    on:keydown=heard(on_key)
                    on:click=heard(on_click)
                >
                    {part(move || {
                        let bars = bars.get();
                        let titles = (0..).zip(&bars.titles).map(|(row, title)| {
                            let text = fit(title, width.get_untracked() - 4);
                            view! { <text class="kernel-title" x="0" y=row * ROW + 15 aria-hidden="true">{text}</text> }
                        });
                        let options = bars.bars.iter().enumerate().map(|(at, it)| bar(bench, at, it, chosen));
                        (titles.collect_view(), options.collect_view())
                    })}
                    <line class="kernel-cursor" aria-hidden="true" x1=cursor x2=cursor y1="0" y2=boxed(move || rows.get() * ROW)></line>
                </svg>
            </Show>
        </div>
    }
}

fn bar(bench: Bench, at: usize, bar: &Bar, chosen: Memo<Option<usize>>) -> impl IntoView + use<> {
    let (x, y, width) = (bar.left, bar.row * ROW + 20, bar.right - bar.left);
    let name = bar.name;
    let text = (text_width(name) * 11 / 12 + 4 <= width)
        .then(|| view! { <text aria-hidden="true" class="kernel-bar-text" x=x + width / 2 y=y + 13 text-anchor="middle">{name}</text> });
    let selected = Memo::new(move |_| chosen.get() == Some(at));
    view! {
        <g
            class=format!("kernel-bar kernel-{}", phase(bar.span.state))
            class:kernel-selected=selected
            role="option"
            id=bench.id(&format!("state-{at}"))
            data-bar=at.to_string()
            aria-label=bar.told.clone()
            aria-selected=boxed(move || selected.get().to_string())
        >
            <rect x=x y=y width=width height=BAR rx="2"></rect>
            {text}
        </g>
    }
}

/// The part of a connection's life a state belongs to.
fn phase(state: SocketState) -> &'static str {
    match state {
        SocketState::Listen => "listening",
        SocketState::SynSent | SocketState::SynReceived => "opening",
        SocketState::Established => "open",
        SocketState::FinWait1
        | SocketState::FinWait2
        | SocketState::CloseWait
        | SocketState::LastAck
        | SocketState::Closing => "closing",
        SocketState::TimeWait => "waiting",
        SocketState::Close => "idle",
    }
}

#[cfg(test)]
mod tests {
    use super::super::sockets::tests::history;
    use super::*;

    #[test]
    fn short_states_stay_visible_beside_long_ones() {
        use SocketState::{Established, FinWait1, SynSent};
        let mut model = Model::default();
        model.end = 2_000_000_000;
        model.sockets = vec![history(&[
            (1_000_000, Some(SynSent), None),
            (1_050_000, Some(Established), None),
            (1_900_000_000, Some(FinWait1), None),
            (1_900_020_000, None, None),
        ])];
        let bars = lay_out(&model, 340);
        assert_eq!(bars.bars.len(), 3);
        for pair in bars.bars.windows(2) {
            assert!(pair[0].right <= pair[1].left, "{pair:?}");
        }
        assert!(bars.bars.iter().all(|bar| bar.right - bar.left >= 14 && bar.right <= 340), "{bars:?}");
        assert!(bars.bars[0].told.ends_with("SYN_SENT，从 1.000 ms 到 1.050 ms"), "{}", bars.bars[0].told);
    }
}
