//! What can be seen of a connection between the reader's browser and the server, and what cannot.

use leptos::html::Div;
use leptos::prelude::*;

use super::link::{Link, Phase};
use crate::islands::bench::controls::{self, Controls};
use crate::islands::bench::log::Log;
use crate::islands::bench::measure::use_size;
use crate::islands::bench::sequence::Sequence;
use crate::islands::bench::state::Origin;

/// From this width in pixels on, the two views stand side by side.
const WIDE: i32 = 880;

/// Title, the island's own controls, its state, and — once there is a connection — both sides on one timeline.
#[component]
pub(crate) fn PeerBench(
    link: Link,
    /// The wasm is here.
    ready: RwSignal<bool>,
    children: Children,
) -> impl IntoView {
    let bench = link.bench;
    let root = NodeRef::<Div>::new();
    let size = use_size(root);
    let wide = Memo::new(move |_| size.get().width >= WIDE);
    Effect::new(move |_| ready.set(true));
    let title_id = bench.id("title");
    let shown = move || bench.origin.get() != Origin::Nothing;
    let title = bench.info.with_value(|info| info.title.clone());
    view! {
        <div class="bench peer" role="group" aria-labelledby=title_id
            on:keydown=move |event| controls::on_key(bench, &event)>
            <div node_ref=root>
                <p class="bench-title" id=title_id.clone()><span>"你的浏览器"</span>" "{title}</p>
                {children()}
                <State link ready/>
                <Show when=shown>
                    <Controls bench/>
                    <div class="bench-views" class:bench-wide=move || wide.get()>
                        <div class="bench-main" role="group" aria-label="时序图"><Sequence bench/></div>
                        <div class="bench-side" role="group" aria-label="日志"><Log bench/></div>
                    </div>
                </Show>
                <p class="bench-help peer-missing">
                    "这里的两端是你的浏览器和本站的服务器，中间是真实的网络，不是实验用的虚拟网络。所以只有两侧程序自己的事件：没有报文视图（没有人在这条线上抓包），也没有内核视图（你的电脑的内核不归本站看）。"
                    {move || link.round_trip.get().map(clock_words)}
                </p>
            </div>
        </div>
    }
}

fn clock_words(round_trip: u64) -> String {
    let ms = |ns: u64| format!("{:.2}", ns as f64 / 1e6);
    format!(
        "服务器的时刻已换算到浏览器的钟上：取五次对时中往返最短的一次（{} 毫秒），假定来去各占一半，误差不超过 {} 毫秒。",
        ms(round_trip),
        ms(round_trip / 2)
    )
}

/// How far the connection is, in one line.
#[component]
fn State(link: Link, ready: RwSignal<bool>) -> impl IntoView {
    let said = move || match link.phase.get() {
        _ if !ready.get() => "正在载入；要让浏览器当一端，需要启用 JavaScript".to_owned(),
        Phase::Preparing => "正在和服务器对时……".into(),
        Phase::Opening => "正在升级……".into(),
        Phase::Open => "已连接".into(),
        Phase::Closing => "等对方回应 Close……".into(),
        Phase::Idle => link
            .ended
            .get()
            .map_or_else(|| "还没有连接".into(), |(code, reason, clean)| ended(code, &reason, clean)),
    };
    view! {
        <div class="bench-status">
            <p role="status">{said}</p>
            <span class="bench-count">{move || format!("bufferedAmount：{} 字节", link.buffered.get())}</span>
        </div>
        <Show when=move || link.complaint.with(Option::is_some)>
            <p class="bench-complaint" role="alert">{move || link.complaint.get()}</p>
        </Show>
        <Show when=move || link.bench.model.with(|model| model.left_out.code_events > 0)>
            <p class="bench-help">"事件太多，后来的没有画进时间线。重新连接，就从头记起。"</p>
        </Show>
    }
}

fn ended(code: u16, reason: &str, clean: bool) -> String {
    let meaning = match code {
        1000 => "正常结束",
        1001 => "对方要走了（服务器关闭，或页面离开）",
        1002 => "不符合协议",
        1003 => "不接受这种数据",
        1005 => "Close 帧里没有写码",
        1006 => "没有收到 Close 帧，连接就断了",
        1007 => "文本不是 UTF-8",
        1008 => "违反了对方的规矩",
        1009 => "消息太长",
        3000..=4999 => "应用自己规定的码",
        _ => "",
    };
    let reason = if reason.is_empty() { String::new() } else { format!("，“{reason}”") };
    let clean = if clean { "" } else { "，没有完成关闭握手" };
    format!("已断开：{code}（{meaning}）{reason}{clean}")
}

#[cfg(test)]
mod tests {
    use super::ended;

    #[test]
    fn every_end_has_words() {
        assert_eq!(ended(1000, "说完了", true), "已断开：1000（正常结束），“说完了”");
        assert_eq!(ended(1006, "", false), "已断开：1006（没有收到 Close 帧，连接就断了），没有完成关闭握手");
    }
}
