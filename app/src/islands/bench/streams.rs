//! 流: which stream owns which bytes over time, a lane for each.
//!
//! [`span`] finds them in dissections, [`layout`] gives them places, [`draw`] makes strings of them.

mod draw;
mod layout;
pub(crate) mod span;

use super::marks;
use super::measure::{Size, use_size};
use super::state::Bench;
use crate::islands::boxed::{boxed, heard, part};
use layout::Layout;
use leptos::ev::{KeyboardEvent, MouseEvent};
use leptos::html::Div;
use leptos::prelude::*;
use std::sync::Arc;

/// The streams of a bench's trace.
#[component]
pub fn Streams(
    /// The bench whose trace, cursor and selection it shows.
    bench: Bench,
) -> impl IntoView {
    let scroller = NodeRef::<Div>::new();
    let size = use_size(scroller);
    let layout = Memo::new(move |_| {
        let width = size.get().width;
        Arc::new(if width > 0 {
            bench.model.with(|model| {
                bench.with_segments(model, |segments| layout::lay_out(model, segments.spans(), width - 2))
            })
        } else {
            Layout::default()
        })
    });
    // The frame that an event is about, as its own event.
    let frame = Memo::new(move |_| {
        let selected = bench.selected.get()?;
        bench.model.with(|model| Some(model.frame_of(selected)?.seq))
    });
    // A frame may hold several blocks: the reader's own choice among them comes first.
    let by_hand = RwSignal::new(None::<usize>);
    let chosen = Memo::new(move |_| {
        let frame = frame.get()?;
        layout.with(|layout| {
            let own =
                by_hand.get().filter(|at| layout.blocks.get(*at).is_some_and(|block| block.seq == frame));
            own.or_else(|| layout.block_of(frame))
        })
    });
    let select = move |at: usize| {
        if let Some(seq) = layout.with_untracked(|layout| layout.blocks.get(at).map(|block| block.seq)) {
            by_hand.set(Some(at));
            bench.playing.set(false);
            bench.select(seq);
        }
    };
    let on_key = move |event: KeyboardEvent| {
        let time = bench.cursor.get_untracked();
        let (past, count) = layout.with_untracked(|layout| {
            (layout.blocks.partition_point(|block| block.span.time <= time), layout.blocks.len())
        });
        if let Some(next) = marks::by_key(&event, chosen.get_untracked(), past, count) {
            select(next);
        }
    };
    let on_click = move |event: MouseEvent| {
        let Some(target) = marks::target(&event) else { return };
        if let Some(at) = marks::number(&target, "data-at") {
            select(at);
        } else if let Some(drawing) = marks::around(&target, "svg") {
            let x = f64::from(event.client_x()) - drawing.get_bounding_client_rect().left();
            bench.seek(layout.with_untracked(|layout| layout.axis.time(x as i32)));
        }
    };
    let id = bench.id("stream");
    let option = {
        let id = id.clone();
        move |at: usize| format!("{id}-{at}")
    };
    mark_selected(chosen, layout, option.clone());
    keep_in_view(bench, scroller, size, layout, chosen);
    let any = Memo::new(move |_| layout.with(|layout| !layout.blocks.is_empty()));
    let drawing = move || layout.with(|layout| draw::svg(layout, &id));
    let overlay = move || layout.with(|layout| draw::overlay(layout, bench.cursor.get(), chosen.get()));
    let open = RwSignal::new(false);
    let text = move || if open.get() { layout.with(|layout| draw::text(layout)) } else { String::new() };
    let hint = move || {
        if layout.with(|layout| draw::has_inner(layout)) {
            "一行一个流，上半去，下半回；块宽是字节数，网格是丢失，斜纹是重传；⌇ 处略去空闲"
        } else {
            "一行一个连接，上半去，下半回；块宽是字节数，网格是丢失，斜纹是重传；⌇ 处略去空闲"
        }
    };
    let active = move || chosen.get().map(&option);
    view! {
        <div class="streams">
            <p class="streams-hint">{part(hint)}</p>
            <div class="streams-area">
                <ul class="streams-names" inner_html=boxed(move || layout.with(|layout| draw::names(layout)))></ul>
                <div class="streams-scroll" node_ref=scroller>
                    {part(move || any.get().then(|| view! {
                        <div class="streams-body" role="listbox" tabindex="0"
                            aria-label="各个流的字节，按时间排列，用方向键逐块查看"
                            aria-activedescendant=boxed(active.clone())
                            on:keydown=heard(on_key) on:click=heard(on_click) inner_html=boxed(drawing.clone())></div>
                        <div class="streams-over" inner_html=boxed(overlay)></div>
                    }))}
                </div>
            </div>
            {part(move || layout.with(|layout| draw::missing(layout)).map(|text| view! { <p class="streams-hint">{text}</p> }))}
            <details class="told-details" on:toggle=heard(move |event: leptos::ev::Event| open.set(marks::is_open(&event)))>
                <summary>"文字形式：各个流和每一块"</summary>
                <div class="told-box" role="group" aria-label="流的数值" tabindex="0" inner_html=boxed(text)></div>
            </details>
        </div>
    }
}

/// The drawing is a string: the state of its one selected option is set by hand.
fn mark_selected(
    chosen: Memo<Option<usize>>,
    layout: Memo<Arc<Layout>>,
    option: impl Fn(usize) -> String + Clone + Send + 'static,
) {
    Effect::new(move |before: Option<Option<usize>>| {
        layout.track();
        let now = chosen.get();
        for (at, selected) in [(before.flatten(), "false"), (now, "true")] {
            let element = at.and_then(|at| document().get_element_by_id(&option(at)));
            if let Some(element) = element {
                drop(element.set_attribute("aria-selected", selected));
            }
        }
        now
    });
}

/// Scrolls the box (never the page) to the selected block, or to the moving cursor.
fn keep_in_view(
    bench: Bench,
    scroller: NodeRef<Div>,
    size: ReadSignal<Size>,
    layout: Memo<Arc<Layout>>,
    chosen: Memo<Option<usize>>,
) {
    // What was drawn just now has its size in the next frame.
    let show = move |left: i32, right: i32| {
        request_animation_frame(move || {
            let Some(scroller) = scroller.try_get_untracked().flatten() else { return };
            let (seen, room) = (scroller.scroll_left(), scroller.client_width());
            if left < seen || right > seen + room {
                scroller.set_scroll_left(left - (room - (right - left)).max(0) / 2);
            }
        });
    };
    Effect::new(move |_| {
        let Some(at) = chosen.get() else { return };
        size.track();
        let place = layout
            .with(|layout| layout.blocks.get(at).map(|block| (block.x, block.x + block.width, block.y())));
        if let Some((left, right, y)) = place {
            show(left - 4, right + 4);
            let area = scroller.get_untracked().and_then(|scroller| scroller.parent_element());
            if let Some(area) = area {
                let (seen, room) = (area.scroll_top(), area.client_height());
                if y < seen || y + layout::HALF > seen + room {
                    area.set_scroll_top(y - room / 2);
                }
            }
        }
    });
    Effect::new(move |_| {
        let x = layout.with(|layout| layout.axis.at(bench.cursor.get()));
        if bench.playing.get() || bench.follow.get() {
            show(x - 20, x + 20);
        }
    });
}
