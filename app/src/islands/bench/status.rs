//! What the bench says about itself: where the trace comes from, how far the run is, what is missing.

use super::format;
use super::live::{self, Link};
use super::run::{Phase, Run};
use super::state::{Bench, Origin};
use crate::islands::boxed::part;
use api::run::{Outcome, Tier};
use api::trace::LeftOut;
use leptos::prelude::*;

/// One line for sighted and listening readers alike, and the badge of the tier.
#[component]
pub(crate) fn Status(
    bench: Bench,
    run: Run,
    /// State of the page's socket; known once the wasm is here.
    link: RwSignal<Link>,
    /// The wasm is here.
    ready: RwSignal<bool>,
) -> impl IntoView {
    let said = move || match run.phase.get() {
        Phase::Asked => match link.get() {
            Link::Waiting => "连不上服务器，稍后自动重试……".to_owned(),
            _ => "正在请求运行……".into(),
        },
        Phase::Queued(position) => format!("机器正忙，排队中：前面还有 {position} 个运行"),
        Phase::Running | Phase::Stopping if link.get() != Link::Open => {
            "连接断开，正在重连；运行在服务器上继续，连上后补齐事件".into()
        }
        Phase::Running => "正在运行".into(),
        Phase::Stopping => "正在停止……".into(),
        Phase::Idle => finished(bench, ready),
    };
    let count = move || {
        let (events, frames) = bench.model.with(|model| (model.events.len(), model.frames.len()));
        (events > 0).then(|| format!("{events} 个事件，{frames} 帧"))
    };
    view! {
        <div class="bench-status">
            <p role="status">{said}</p>
            <span class="bench-count">{count}</span>
            <TierBadge run/>
        </div>
        <Show when=move || run.complaint.with(Option::is_some)>
            <p class="bench-complaint" role="alert">{part(move || run.complaint.get())}</p>
        </Show>
        <Notices bench/>
    }
}

fn finished(bench: Bench, ready: RwSignal<bool>) -> String {
    if !ready.get() {
        return "实验台正在载入；没有它，本页也能读完".into();
    }
    let end = bench.model.with(|model| model.end);
    match bench.origin.get() {
        Origin::Nothing => "还没有轨迹：按“运行”开始".into(),
        Origin::Recording => "录制：这是一次真实默认运行的录制。按“运行”，在这台机器上再跑一次".into(),
        Origin::Saved(_) => format!("保存的轨迹，历时 {}，可逐步回放", format::duration(end)),
        Origin::Live => format!("运行结束，历时 {}", format::duration(end)),
    }
}

/// What the machine permits, and what would permit more.
#[component]
fn TierBadge(run: Run) -> impl IntoView {
    move || {
        let report = run.tier.get()?;
        Some(match report.tier {
            Tier::Isolated => view! {
                <span class="bench-tier" title="每台主机有自己的网络命名空间：代码、线路、内核三方都有记录">"隔离级"</span>
            }
            .into_any(),
            Tier::Loopback => view! {
                <details class="bench-tier bench-tier-less">
                    <summary>"环回级：没有帧，没有线路设置"</summary>
                    <p>
                        "这台机器不允许建立网络命名空间，所有主机都在 127.0.0.0/8 上：代码和内核的记录是真实的，但看不到帧，线路旋钮也不起作用。"
                        {report.reason}
                    </p>
                    {(!report.cure.is_empty()).then(|| view! { <p>"补救：" <code>{report.cure}</code></p> })}
                </details>
            }
            .into_any(),
        })
    }
}

/// How the run ended, and what the trace does not have.
#[component]
fn Notices(bench: Bench) -> impl IntoView {
    let outcome = move || {
        let (class, word, message) = bench.model.with(|model| match model.outcome.as_ref()? {
            Outcome::Completed => (bench.origin.get() == Origin::Live)
                .then(|| ("bench-outcome bench-good", "✓ 完成", "实验代码正常返回。".to_owned())),
            Outcome::Failed { message } => Some(("bench-outcome bench-bad", "✕ 失败", message.clone())),
            Outcome::Stopped { message } => Some(("bench-outcome", "■ 已停止", message.clone())),
            Outcome::LimitReached { message, .. } => {
                Some(("bench-outcome bench-warn", "! 超出限制", message.clone()))
            }
            Outcome::Broken { message } => Some(("bench-outcome bench-bad", "✕ 运行中断", message.clone())),
        })?;
        Some(view! { <p class=class><strong>{word}</strong> " " {message}</p> })
    };
    let left_out = move || {
        let text = bench.model.with(|model| left_out(&model.left_out))?;
        Some(view! { <p class="bench-outcome bench-warn"><strong>"! 记录不全"</strong> " " {text}</p> })
    };
    let thinned = move || {
        let (count, id) = bench.model.with(|model| (model.thinned, model.trace_id.clone()));
        (count > 0).then(|| {
            let full = id.map(|id| view! { " " <a href=format!("/traces/{id}")>"看完整的轨迹"</a> });
            view! {
                <p class="bench-outcome bench-warn">
                    <strong>"! 没有全部送达"</strong>
                    {format!(" 这个页面接收得太慢，服务器略去了 {count} 个事件；保存的轨迹是完整的。")}
                    {full}
                </p>
            }
        })
    };
    view! { {outcome} {left_out} {thinned} }
}

fn left_out(counts: &LeftOut) -> Option<String> {
    if counts.is_empty() {
        return None;
    }
    let parts = [
        (counts.frames, "个帧没有记录"),
        (counts.frame_bytes, "字节的帧内容没有记录"),
        (counts.code_events, "条代码事件没有记录"),
        (counts.kernel_events, "条内核事件没有记录"),
        (counts.samples, "个采样点没有记录"),
    ];
    let parts: Vec<_> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    Some(format!("达到了记录上限：{}。", parts.join("，")))
}

/// Keeps a signal of the bench in step with the page's socket. Browser only.
pub(crate) fn follow_link(link: RwSignal<Link>) {
    let shared = live::link();
    Effect::new(move |_| link.set(shared.get()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_counted() {
        assert_eq!(left_out(&LeftOut::default()), None);
        let counts = LeftOut { frames: 3, kernel_events: 1, ..LeftOut::default() };
        assert_eq!(left_out(&counts).unwrap(), "达到了记录上限：3 个帧没有记录，1 条内核事件没有记录。");
    }
}
