//! The reader's browser talks to `/peer/ws-echo`.

#![allow(unreachable_pub, reason = "`#[component]` declares items `pub` whatever its function is")]

use leptos::ev::SubmitEvent;
use leptos::prelude::*;

use super::peer::link::{Link, Phase};
use super::peer::views::PeerBench;

/// Messages sent at once by the button that shows `bufferedAmount`.
const MANY: usize = 80;
/// Length of each of them, bytes.
const LONG: usize = 12_000;
/// Longest text of the field, characters.
const MOST: u32 = 500;

/// Connect, send, close; both sides' events on one timeline.
#[component]
pub fn PeerEcho() -> impl IntoView {
    let link = Link::new("ws-echo", "/peer/ws-echo", "WebSocket 回显：另一端就是这个页面");
    let ready = RwSignal::new(false);
    let text = RwSignal::new("你好，服务器！".to_owned());
    let closed = move || link.phase.get() != Phase::Open;
    let idle = move || ready.get() && link.phase.get() == Phase::Idle;
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        link.send(&text.get_untracked());
    };
    let id = link.bench.id("text");
    view! {
        <PeerBench link ready>
            <div class="peer-buttons" role="group" aria-label="连接">
                <button type="button" class="peer-go" disabled=move || !idle() on:click=move |_| link.connect()>"连接"</button>
                <button type="button" disabled=closed on:click=move |_| link.close(1000, "说完了")>"关闭（1000）"</button>
                <button type="button" disabled=closed on:click=move |_| link.close(4000, "换一间房")>"关闭（4000）"</button>
            </div>
            <form class="bench-input" autocomplete="off" on:submit=submit>
                <label for=id.clone()>"要发送的文字"</label>
                <input id=id type="text" maxlength=MOST disabled=closed prop:value=move || text.get()
                    on:input=move |event| text.set(event_target_value(&event))/>
                <button type="submit" disabled=closed>"发送"</button>
            </form>
            <div class="peer-buttons" role="group" aria-label="别的消息">
                <button type="button" disabled=closed on:click=move |_| link.send_bytes(64)>"发 64 字节二进制"</button>
                <button type="button" disabled=closed on:click=move |_| (0..MANY).for_each(|_| link.send_bytes(LONG))>
                    {format!("一口气发 {MANY} 条 12 kB")}
                </button>
                <button type="button" disabled=closed on:click=move |_| link.send_bytes(16 * 1024 + 1)>"发一条太长的"</button>
            </div>
        </PeerBench>
    }
}
