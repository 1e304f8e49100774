//! The samples behind the chart as a table, for those who would rather read numbers.

use super::sockets;
use crate::islands::bench::state::Bench;
use crate::islands::bench::{format, marks};
use crate::islands::boxed::{heard, part};
use leptos::prelude::*;

/// More samples than this are not listed.
const MOST: usize = 400;

/// A details element; the table is made when it is opened.
#[component]
pub(crate) fn Samples(
    bench: Bench,
    /// The socket.
    chosen: Memo<Option<u32>>,
) -> impl IntoView {
    let open = RwSignal::new(false);
    let count = move || {
        bench.model.with(|model| {
            chosen.get().and_then(|id| model.socket(id)).map_or(0, |history| history.samples.len())
        })
    };
    let rows = move || {
        bench.model.with(|model| {
            let samples = model.socket(chosen.get()?).map(|history| &history.samples)?;
            let rows = samples.iter().take(MOST).map(|(time, _, kernel)| {
                let tcp = kernel.tcp.clone().unwrap_or_default();
                let known = kernel.tcp.is_some();
                let or_dash = |text: String| if known { text } else { "—".to_owned() };
                view! {
                    <tr>
                        <td>{format::millis(*time)}</td>
                        <td>{sockets::state_name(kernel.transport, kernel.state)}</td>
                        <td>{or_dash(tcp.cwnd.to_string())}</td>
                        <td>{or_dash(tcp.ssthresh.map_or_else(|| "∞".to_owned(), |value| value.to_string()))}</td>
                        <td>{or_dash(tcp.unacked.to_string())}</td>
                        <td>{or_dash(format::micros(tcp.rtt_us))}</td>
                        <td>{or_dash(format::micros(tcp.rto_us))}</td>
                        <td>{or_dash(tcp.total_retransmissions.to_string())}</td>
                        <td>{or_dash(tcp.congestion_state)}</td>
                    </tr>
                }
            });
            Some(rows.collect_view())
        })
    };
    view! {
        <details
            class="kernel-samples"
            on:toggle=heard(move |event: leptos::ev::Event| open.set(marks::is_open(&event)))
        >
            <summary>{part(move || format!("采样表（{} 条，内核状态变化时记录）", count()))}</summary>
            <Show when=move || open.get()>
                <div class="kernel-scroll" tabindex="0" role="group" aria-label="采样表">
                    <table class="kernel-numbers">
                        <thead>
                            <tr>
                                <th scope="col">"时刻 ms"</th>
                                <th scope="col">"状态"</th>
                                <th scope="col">"cwnd 段"</th>
                                <th scope="col">"ssthresh 段"</th>
                                <th scope="col">"在途 段"</th>
                                <th scope="col">"rtt"</th>
                                <th scope="col">"rto"</th>
                                <th scope="col">"累计重传"</th>
                                <th scope="col">"拥塞状态"</th>
                            </tr>
                        </thead>
                        <tbody>{rows}</tbody>
                    </table>
                    {part(move || (count() > MOST).then(|| view! { <p class="kernel-empty">{format!("只列出前 {MOST} 条，完整数据在下载的轨迹里。")}</p> }))}
                </div>
            </Show>
        </details>
    }
}
