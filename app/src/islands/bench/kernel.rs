//! 内核: what the kernel knew of each socket, at the cursor and over time.

mod curves;
mod samples;
pub(crate) mod sockets;
mod table;
mod timeline;

use super::chart::Chart;
use super::chart::panels::Panels;
use super::state::Bench;
use api::trace::Body;
use leptos::prelude::*;
use samples::Samples;
use std::sync::Arc;
use table::Sockets;
use timeline::Timeline;

/// The sockets of a bench's trace.
#[component]
pub fn Kernel(
    /// The bench whose trace, cursor and selection it shows.
    bench: Bench,
) -> impl IntoView {
    // What the reader chose by hand; a selected kernel event comes first.
    let by_hand = RwSignal::new(None::<u32>);
    let chosen = Memo::new(move |_| {
        bench.model.with(|model| {
            let selected = bench.selected.get().and_then(|seq| match &model.event(seq)?.body {
                Body::Kernel(kernel) => Some(kernel.socket),
                _ => None,
            });
            let known = by_hand.get().filter(|id| model.socket(*id).is_some());
            selected.or(known).or_else(|| sockets::busiest(model))
        })
    });
    let choose = Callback::new(move |id| {
        if bench.selected.get_untracked().is_some() {
            bench.selected.set(None);
        }
        by_hand.set(Some(id));
    });
    let panels = Memo::new(move |_| {
        let drawn = bench.model.with(|model| {
            let history = chosen.get().and_then(|id| model.socket(id));
            history.map_or_else(Panels::default, |history| curves::curves(history, model.end))
        });
        Arc::new(drawn)
    });
    let title = move || {
        bench.model.with(|model| {
            let history = model.socket(chosen.get()?)?;
            Some(format!("{} 的 {}", model.host_name(history.host), sockets::title(history)))
        })
    };
    let any = Memo::new(move |_| bench.model.with(|model| !model.sockets.is_empty()));
    let drawn = Memo::new(move |_| panels.with(|panels| !panels.is_empty()));
    view! {
        <div class="kernel">
            <Show when=move || any.get() fallback=|| view! { <p class="kernel-empty">"内核还没有报告套接字。"</p> }>
                <Sockets bench chosen choose/>
                <p class="kernel-heading">"状态变迁"<small>"长的间隔画短了，各行同一时刻对齐"</small></p>
                <Timeline bench/>
                <p class="kernel-heading">{title}<small>"等比例时间轴，图例中是游标处的值"</small></p>
                <Show when=move || drawn.get() fallback=|| view! { <p class="kernel-empty">"这个套接字没有拥塞控制（UDP 或监听），没有曲线可画。"</p> }>
                    <Chart bench panels label="所选连接的 cwnd、ssthresh、在途段数与 rtt：方向键逐个采样查看，数值见下面的采样表"/>
                </Show>
                <Samples bench chosen/>
            </Show>
        </div>
    }
}
