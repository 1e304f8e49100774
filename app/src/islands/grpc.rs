//! The reader's browser as a gRPC-Web client of the lab's service: `fetch` to `/peer/grpc/…`.

#![allow(unreachable_pub, reason = "`#[component]` declares items `pub` whatever its function is")]

mod call;
mod wire;

use call::{Row, What};
use leptos::prelude::*;
use leptos::task::spawn_local;
use wire::Status;

/// Longest name, characters.
const LONGEST: u32 = 40;
/// Most greetings of one call, and the longest pause between them in milliseconds.
const TIMES: u32 = 20;
const PAUSE: u32 = 500;

/// What the reader may call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Method {
    Greet,
    GreetOften,
    /// `Greet` without a name.
    Mistake,
}

/// Calls, and each message at the moment of its arrival.
#[component]
pub fn Grpc() -> impl IntoView {
    let name = RwSignal::new("小明".to_owned());
    let (times, pause) = (RwSignal::new(5_u32), RwSignal::new(300_u32));
    let rows = RwSignal::new(Vec::<Row>::new());
    // The call under way can be cancelled by this.
    let under_way = RwSignal::new_local(None::<web_sys::AbortController>);
    let ready = RwSignal::new(false);
    Effect::new(move |_| ready.set(true));
    on_cleanup(move || {
        if let Some(Some(controller)) = under_way.try_get_untracked() {
            controller.abort();
        }
    });
    let start = move |method: Method| {
        let Ok(controller) = web_sys::AbortController::new() else { return };
        let signal = controller.signal();
        under_way.set(Some(controller));
        rows.set(Vec::new());
        let (path, message) = match method {
            Method::Greet => ("Greet", wire::greet(&name.get_untracked(), 0, 0)),
            Method::Mistake => ("Greet", wire::greet("", 0, 0)),
            Method::GreetOften => {
                let message =
                    wire::greet(&name.get_untracked(), times.get_untracked(), pause.get_untracked());
                ("GreetOften", message)
            }
        };
        spawn_local(async move {
            // The page may be gone by now.
            let tell = |row| {
                rows.try_update(|rows| rows.push(row));
            };
            call::call(path, message, &signal, tell).await;
            under_way.try_set(None);
        });
    };
    let idle = move || ready.get() && under_way.with(Option::is_none);
    let cancel = move |_| {
        if let Some(controller) = under_way.get_untracked() {
            controller.abort();
        }
    };
    view! {
        <div class="bench grpc" role="group" aria-labelledby="grpc-title">
            <div>
                <p class="bench-title" id="grpc-title"><span>"亲手"</span> " 用你的浏览器调用 gRPC 服务"</p>
                <div class="bench-form">
                    <div class="bench-params">
                        <div class="bench-field">
                            <label for="grpc-name">"名字"</label>
                            <input id="grpc-name" type="text" maxlength=LONGEST prop:value=move || name.get()
                                on:input=move |event| name.set(event_target_value(&event))/>
                        </div>
                        <Number id="grpc-times" label="问候几遍" value=times least=1 most=TIMES/>
                        <Number id="grpc-pause" label="每遍间隔（毫秒）" value=pause least=0 most=PAUSE/>
                    </div>
                    <div class="grpc-calls" role="group" aria-label="调用">
                        <button type="button" class="bench-run" disabled=move || !idle()
                            on:click=move |_| start(Method::GreetOften)>"一问多答"</button>
                        <button type="button" disabled=move || !idle()
                            on:click=move |_| start(Method::Greet)>"一问一答"</button>
                        <button type="button" disabled=move || !idle()
                            on:click=move |_| start(Method::Mistake)>"名字留空"</button>
                        <button type="button" disabled=move || under_way.with(Option::is_none)
                            on:click=cancel>"取消"</button>
                    </div>
                </div>
                <Show when=move || rows.with(|rows| !rows.is_empty())>
                    <div class="grpc-rows" tabindex="0" role="region" aria-label="收到的东西">
                        <table>
                            <thead><tr><th scope="col">"毫秒"</th><th scope="col">"帧头"</th><th scope="col">"内容"</th></tr></thead>
                            <tbody>
                                <For each=move || rows.get().into_iter().enumerate() key=|(index, _)| *index
                                    children=|(_, row)| view! { <Line row/> }/>
                            </tbody>
                        </table>
                    </div>
                </Show>
                <p class="grpc-end" aria-live="polite">{move || rows.with(|rows| ending(rows))}</p>
                <p class="bench-help">
                    "四种调用这里只有两种。多问一答和双向要求请求一边发、回答一边收，浏览器的 "<code>"fetch"</code>
                    " 做不到：请求的正文要先交齐，才开始读回答。"
                </p>
            </div>
        </div>
    }
}

/// A field for a number within bounds.
#[component]
fn Number(
    id: &'static str,
    label: &'static str,
    value: RwSignal<u32>,
    least: u32,
    most: u32,
) -> impl IntoView {
    let change = move |event| {
        let text = event_target_value(&event);
        value.set(text.parse::<u32>().unwrap_or(least).clamp(least, most));
    };
    view! {
        <div class="bench-field">
            <label for=id>{label}</label>
            <input id=id type="number" min=least max=most prop:value=move || value.get().to_string() on:change=change/>
        </div>
    }
}

/// One step of a call.
#[component]
fn Line(row: Row) -> impl IntoView {
    let Row { milliseconds, what } = row;
    let (class, prefix, content) = match what {
        What::Head { http, kind, status } => {
            let status = status.map(|status| format!("，首部里就有 {}", told(&status))).unwrap_or_default();
            ("grpc-head", String::new(), format!("HTTP {http}，{kind}{status}"))
        }
        What::Message { prefix, reply } => {
            ("grpc-message", hex(&prefix), format!("{}（number = {}）", reply.message, reply.number))
        }
        What::Trailers { prefix, status } => ("grpc-trailers", hex(&prefix), told(&status)),
        What::Failed(sentence) => ("grpc-failed", String::new(), sentence.to_owned()),
    };
    view! {
        <tr class=class>
            <td>{format!("{milliseconds:.0}")}</td>
            <td><code>{prefix}</code></td>
            <td>{content}</td>
        </tr>
    }
}

/// `00 00 00 00 1a`
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

/// “grpc-status: 3 INVALID_ARGUMENT，名字不能为空”
fn told(status: &Status) -> String {
    let reason = if status.message.is_empty() { String::new() } else { format!("，{}", status.message) };
    format!("grpc-status: {} {}{reason}", status.code, status.name())
}

/// One sentence when the call is over.
fn ending(rows: &[Row]) -> Option<String> {
    let messages = rows.iter().filter(|row| matches!(row.what, What::Message { .. })).count();
    rows.iter().find_map(|row| match &row.what {
        What::Trailers { status, .. } | What::Head { status: Some(status), .. } => {
            Some(format!("调用结束：{messages} 条消息，状态 {} {}。", status.code, status.name()))
        }
        What::Failed(_) => Some(format!("调用没有走完：此前收到 {messages} 条消息，没有状态。")),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_over_when_its_status_is_known() {
        let row = |what| Row { milliseconds: 1.0, what };
        let head = |status| row(What::Head { http: 200, kind: "application/grpc-web+proto".into(), status });
        let status = Status { code: 3, message: "名字不能为空".into() };
        assert_eq!(ending(&[head(None)]), None);
        assert!(ending(&[head(Some(status.clone()))]).unwrap().contains("0 条消息，状态 3 INVALID_ARGUMENT"));
        let message = row(What::Message { prefix: [0; 5], reply: wire::Reply::default() });
        let end = row(What::Trailers { prefix: [0x80, 0, 0, 0, 9], status: Status { code: 0, ..status } });
        assert!(ending(&[head(None), message.clone(), end]).unwrap().contains("1 条消息，状态 0 OK"));
        assert!(ending(&[head(None), message, row(What::Failed(""))]).unwrap().contains("没有走完"));
    }
}
