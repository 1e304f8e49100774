//! 时序图: what passed between the hosts, time downwards, one lifeline for each host.
//!
//! The stages, each in a file of its own: trace → marks ([`build`]) → places ([`layout`], with [`lanes`] and
//! [`labels`]) → SVG ([`draw`]). Only the marks near what is visible are in the document.

mod build;
mod draw;
mod drawing;
mod labels;
mod lanes;
mod layout;
mod scene;

use super::format;
use super::marks;
use super::measure::use_size;
use super::state::Bench;
use crate::islands::boxed::{boxed, heard, part};
pub(crate) use build::meant_for;
use drawing::Drawing;
use layout::Zoom;
use leptos::ev::{KeyboardEvent, MouseEvent};
use leptos::html::Div;
use leptos::prelude::*;
use std::sync::Arc;

/// Height of the row of host names, pixels.
const HEAD: i32 = 46;
/// How far beyond the visible part marks are kept in the document, pixels.
const MARGIN: i32 = 300;

/// The sequence diagram of a bench's trace.
#[component]
pub fn Sequence(
    /// The bench whose trace, cursor and selection it shows.
    bench: Bench,
) -> impl IntoView {
    let scroller = NodeRef::<Div>::new();
    let size = use_size(scroller);
    let zoom = RwSignal::new(Zoom::default());
    let scrolled = RwSignal::new(0);
    let width = Memo::new(move |_| size.get().width);

    let drawing = Memo::new_with_compare(
        move |_| {
            let (width, zoom) = (width.get(), zoom.get());
            (width > 0).then(|| {
                Arc::new(bench.model.with(|model| {
                    bench.with_segments(model, |segments| Drawing::new(model, segments, width, zoom))
                }))
            })
        },
        |_, _| true,
    );
    let with_drawing =
        move |f: &dyn Fn(&Drawing) -> i32| drawing.with(|drawing| drawing.as_deref().map_or(0, f));
    let height = Memo::new(move |_| with_drawing(&|drawing| drawing.layout.height));
    let whole_width = Memo::new(move |_| with_drawing(&|drawing| drawing.lanes.width));
    // Moves in coarse steps, so that scrolling by a line does not touch the list of marks.
    let window = Memo::new(move |_| {
        let top = (scrolled.get() - HEAD).div_euclid(100) * 100;
        (top - MARGIN, top + size.get().height + MARGIN)
    });
    let visible = move || {
        let (top, bottom) = window.get();
        drawing.with(|drawing| {
            let Some(drawing) = drawing else { return Vec::new() };
            let placed = drawing.layout.window(top, bottom);
            placed.map(|placed| (drawing.key(placed), placed.mark, Arc::clone(drawing))).collect()
        })
    };
    let cursor_y = Memo::new(move |_| {
        let time = bench.cursor.get();
        with_drawing(&|drawing| drawing.layout.axis.at(time))
    });

    keep_in_view(bench, scroller, drawing, cursor_y);
    let select = move |mark: Option<usize>| {
        let seq = drawing.with_untracked(|drawing| Some(drawing.as_ref()?.marks.get(mark?)?.seq));
        if let Some(seq) = seq {
            bench.select(seq);
        }
    };
    let on_key = move |event: KeyboardEvent| {
        if marks::is_shortcut(&event) {
            return;
        }
        let step = |forward| {
            let (selected, time) = (bench.selected.get_untracked(), bench.cursor.get_untracked());
            drawing.with_untracked(|drawing| drawing.as_ref()?.neighbour(selected, time, forward))
        };
        let mark = match event.key().as_str() {
            "ArrowDown" => step(true),
            "ArrowUp" => step(false),
            "Home" => Some(0),
            "End" => drawing.with_untracked(|drawing| drawing.as_ref()?.marks.len().checked_sub(1)),
            _ => return,
        };
        marks::used(&event);
        select(mark);
    };
    let on_click = move |event: MouseEvent| {
        let Some(target) = marks::target(&event) else { return };
        if let Some(seq) = marks::number(&target, "data-seq") {
            bench.select(seq);
        } else if let Some(body) = marks::around(&target, "svg") {
            let y = f64::from(event.client_y()) - body.get_bounding_client_rect().top();
            let time = drawing.with_untracked(|drawing| Some(drawing.as_ref()?.layout.axis.time(y as i32)));
            if let Some(time) = time {
                bench.seek(time);
            }
        }
    };
    // It names a mark only while that is in the document.
    let active = move || {
        let selected = bench.selected.get()?;
        let (top, bottom) = window.get();
        let seq = drawing.with(|drawing| {
            let drawing = drawing.as_ref()?;
            let mark = drawing.mark_of(selected)?;
            drawing.layout.window(top, bottom).find(|placed| placed.mark == mark)?;
            Some(drawing.marks.get(mark)?.seq)
        })?;
        Some(bench.id(&format!("sequence-{seq}")))
    };
    let empty =
        Memo::new(move |_| drawing.with(|drawing| drawing.as_ref().is_none_or(|it| it.marks.is_empty())));

    view! {
        <div class="sequence">
            <div class="sequence-tools" role="group" aria-label="时序图的疏密">
                <button type="button" class="sequence-tool" on:click=heard(move |_| zoom.set(fitting(drawing, size.get_untracked().height, zoom.get_untracked())))>"全览"</button>
                <button type="button" class="sequence-tool" aria-label="缩小：看得更远" disabled=boxed(move || zoom.get() == Zoom::FARTHEST) on:click=heard(move |_| zoom.update(|zoom| *zoom = zoom.farther()))>"−"</button>
                <button type="button" class="sequence-tool" aria-label="放大：看得更细" disabled=boxed(move || zoom.get() == Zoom::NEAREST) on:click=heard(move |_| zoom.update(|zoom| *zoom = zoom.closer()))>"+"</button>
                <span class="sequence-hint">"时间自上而下，斜线两端是发出和到达的时刻；⌇ 处略去空闲"</span>
            </div>
            <div
                class="sequence-scroll"
                node_ref=scroller
                on:scroll=heard(move |_| {
                    if let Some(scroller) = scroller.get_untracked() {
                        scrolled.set(scroller.scroll_top());
                    }
                })
            >
                <svg class="sequence-head-row" width=whole_width height=HEAD aria-hidden="true">
                    {part(move || drawing.with(|drawing| drawing.as_deref().map(heads)))}
                </svg>
                <Show when=move || !empty.get() fallback=|| view! { <p class="sequence-empty">"还没有事件。"</p> }>
                    <svg
                        class="sequence-body"
                        width=whole_width
                        height=height
                        role="listbox"
                        tabindex="0"
                        aria-label="时序图：按时间排列的报文、日志和套接字状态，用上下方向键逐个查看"
                        aria-activedescendant=active
                        on:keydown=heard(on_key)
                        on:click=heard(on_click)
                    >
                        <g aria-hidden="true">
                            {part(move || drawing.with(|drawing| drawing.as_deref().map(|drawing| lifelines(drawing, window.get()))))}
                        </g>
                        <For each=visible key=|(key, ..)| *key let((_, mark, drawing))>
                            {drawing.layout.placed.get(mark).map(|placed| draw::mark(bench, &drawing, placed))}
                        </For>
                        <g aria-hidden="true" class="sequence-now">
                            <rect class="sequence-future" x="0" y=cursor_y width=whole_width height=boxed(move || (height.get() - cursor_y.get()).max(0))></rect>
                            <line class="sequence-cursor" x1="0" x2=whole_width y1=cursor_y y2=cursor_y></line>
                            {part(move || {
                                let (y, (top, bottom)) = (cursor_y.get(), window.get());
                                let travelling = drawing.with(|drawing| drawing.as_ref().map(|it| it.travelling(y, top, bottom)));
                                travelling.into_iter().flatten().map(|(x, y)| view! { <circle class="sequence-travel" cx=x cy=y r="5"></circle> }).collect_view()
                            })}
                        </g>
                    </svg>
                </Show>
            </div>
        </div>
    }
}

type Shared = Memo<Option<Arc<Drawing>>>;

/// Scrolls only when the selected mark or the moving cursor would be out of sight.
fn keep_in_view(bench: Bench, scroller: NodeRef<Div>, drawing: Shared, cursor_y: Memo<i32>) {
    let show = move |y: i32| {
        let Some(scroller) = scroller.get_untracked() else { return };
        let (top, height) = (scroller.scroll_top(), scroller.client_height());
        let y = y + HEAD;
        if height > 0 && (y < top + HEAD + 20 || y > top + height - 40) {
            scroller.set_scroll_top(y - height * 2 / 5);
        }
    };
    Effect::new(move |_| {
        let Some(seq) = bench.selected.get() else { return };
        let y = drawing.with(|drawing| {
            let drawing = drawing.as_ref()?;
            Some(drawing.layout.placed.get(drawing.mark_of(seq)?)?.y)
        });
        if let Some(y) = y {
            show(y);
        }
    });
    Effect::new(move |_| {
        let y = cursor_y.get();
        if bench.playing.get() || bench.follow.get() {
            show(y);
        }
    });
}

/// The closest zoom at which the whole diagram is seen at once.
fn fitting(drawing: Shared, height: i32, now: Zoom) -> Zoom {
    drawing.with_untracked(|drawing| {
        let Some(drawing) = drawing else { return now };
        let fits = |zoom| {
            let end = drawing.marks.last().map_or(0, |mark| mark.time);
            layout::arrange(&drawing.marks, &drawing.lanes, zoom, end).height + HEAD <= height
        };
        let mut zoom = Zoom::default();
        while !fits(zoom) && zoom != Zoom::FARTHEST {
            zoom = zoom.farther();
        }
        zoom
    })
}

fn heads(drawing: &Drawing) -> impl IntoView + use<> {
    let gap = drawing.lanes.gap();
    let several = drawing.hosts.len() > 1;
    let heads = drawing.hosts.iter().enumerate().map(|(lane, host)| {
        let x = drawing.lanes.x(lane);
        let class = format!("sequence-host sequence-lane-{}", lane % 8);
        // Narrow lanes: names in two alternating rows, no addresses.
        if several && gap < 92 {
            let y = if lane % 2 == 0 { 17 } else { 36 };
            let name = format::fit(&host.name, 2 * gap - 12);
            return view! { <g class=class><text class="sequence-host-name" x=x y=y text-anchor="middle">{name}</text></g> }
                .into_any();
        }
        let (name, address) = (format::fit(&host.name, gap - 8), format::fit(&host.address, gap - 4));
        view! {
            <g class=class>
                <text class="sequence-host-name" x=x y="18" text-anchor="middle">{name}</text>
                <text class="sequence-host-address" x=x y="35" text-anchor="middle">{address}</text>
            </g>
        }
        .into_any()
    });
    view! {
        <text class="sequence-time" x=drawing.lanes.gutter - 6 y="35" text-anchor="end">"ms"</text>
        {heads.collect_view()}
    }
}

/// Lifelines and the folds in them, within the window.
fn lifelines(drawing: &Drawing, (top, bottom): (i32, i32)) -> impl IntoView + use<> {
    let lines = drawing.lanes.xs.iter().enumerate().map(|(lane, &x)| {
        let (y0, y1) = (top.max(0), bottom.min(drawing.layout.height));
        view! { <line class=format!("sequence-life sequence-lane-{}", lane % 8) x1=x y1=y0 x2=x y2=y1></line> }
    });
    let folds = drawing.layout.axis.folds().iter().filter(|fold| fold.end >= top && fold.start <= bottom);
    let folds = folds.map(|fold| {
        let middle = (fold.start + fold.end) / 2;
        let zigzags = drawing.lanes.xs.iter().map(|x| {
            let path = format!("M{x} {}l5 3l-10 4l10 4l-5 3", middle - 7);
            view! {
                <line class="sequence-gap" x1=*x y1=middle - 7 x2=*x y2=middle + 7></line>
                <path class="sequence-zigzag" d=path></path>
            }
        });
        let text = format!("⌇ {}", format::brief(fold.to - fold.from));
        view! {
            {zigzags.collect_view()}
            <text class="sequence-fold" x=drawing.lanes.gutter - 6 y=middle + 4 text-anchor="end">{text}</text>
        }
    });
    (lines.collect_view(), folds.collect_view())
}
