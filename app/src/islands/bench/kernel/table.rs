//! The sockets that exist at the cursor, as `ss -ti` would list them.

use super::sockets;
use crate::islands::bench::format;
use crate::islands::bench::model::Model;
use crate::islands::bench::state::Bench;
use crate::islands::boxed::{boxed, heard, part};
use leptos::prelude::*;

/// More sockets than this are not listed.
const MOST: usize = 60;

/// What the table shows of a socket at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Row {
    state: &'static str,
    gone: bool,
    local: String,
    remote: String,
    receive: String,
    send: String,
    cwnd: String,
    rtt: String,
    retransmissions: String,
}

/// The table of sockets; a row's button chooses the socket of the chart.
#[component]
pub(crate) fn Sockets(
    bench: Bench,
    /// The socket of the chart.
    chosen: Memo<Option<u32>>,
    /// Chooses another.
    choose: Callback<u32>,
) -> impl IntoView {
    let present = Memo::new(move |_| {
        let time = bench.cursor.get();
        bench.model.with(|model| present(model, time))
    });
    let more = move || present.with(|present| present.len().saturating_sub(MOST));
    view! {
        <div class="kernel-scroll" tabindex="0" role="group" aria-label="此刻的套接字">
            <table class="kernel-sockets">
                <thead>
                    <tr>
                        <th scope="col">"主机"</th>
                        <th scope="col">"状态"</th>
                        <th scope="col">"套接字"</th>
                        <th scope="col" class="kernel-number" title="接收队列：还没有被程序读走的字节（监听套接字：等待 accept 的连接数）">"收队列"</th>
                        <th scope="col" class="kernel-number" title="发送队列：对方还没有确认的字节（监听套接字：队列上限）">"发队列"</th>
                        <th scope="col" class="kernel-number" title="拥塞窗口，单位是段">"cwnd"</th>
                        <th scope="col" class="kernel-number" title="平滑往返时间">"rtt"</th>
                        <th scope="col" class="kernel-number" title="整个连接重传过的段数，包括 SYN">"重传"</th>
                    </tr>
                </thead>
                <tbody>
                    <For each=move || present.get().into_iter().take(MOST) key=|id| *id let(id)>
                        {line(bench, id, chosen, choose)}
                    </For>
                </tbody>
            </table>
            <Show when=move || present.with(Vec::is_empty)>
                <p class="kernel-empty">"游标所在的时刻还没有套接字。"</p>
            </Show>
            {part(move || (more() > 0).then(|| view! { <p class="kernel-empty">{format!("另有 {} 个套接字没有列出。", more())}</p> }))}
        </div>
    }
}

fn line(bench: Bench, id: u32, chosen: Memo<Option<u32>>, choose: Callback<u32>) -> impl IntoView {
    let row = Memo::new(move |_| {
        let time = bench.cursor.get();
        bench.model.with(|model| row(model, id, time)).unwrap_or_default()
    });
    let host = bench.model.with_untracked(|model| {
        model
            .socket(id)
            .map(|socket| (model.host_name(socket.host).to_owned(), socket.host % 8, socket.transport))
    });
    let (name, lane, transport) = host
        .map_or_else(Default::default, |(name, lane, transport)| (name, lane, sockets::transport(transport)));
    let is_chosen = move || chosen.get() == Some(id);
    let addresses = move || {
        row.with(|row| {
            if sockets::is_wildcard(&row.remote) {
                row.local.clone()
            } else {
                format!("{} → {}", row.local, row.remote)
            }
        })
    };
    let cell = move |get: fn(&Row) -> &String| move || row.with(|row| get(row).clone());
    view! {
        <tr class:kernel-gone=boxed(move || row.with(|row| row.gone)) class:kernel-chosen=is_chosen>
            <td><span class=format!("kernel-host kernel-lane-{lane}")>{name}</span></td>
            <td class="kernel-state">{part(move || row.with(|row| row.state))}</td>
            <td class="kernel-addresses">
                <button type="button" class="kernel-choose" aria-pressed=boxed(move || is_chosen().to_string()) title="画出这个套接字的曲线" on:click=heard(move |_| choose.run(id))>
                    <span class="kernel-transport">{transport}</span>
                    " "
                    {addresses}
                </button>
            </td>
            <td class="kernel-number">{cell(|row| &row.receive)}</td>
            <td class="kernel-number">{cell(|row| &row.send)}</td>
            <td class="kernel-number">{cell(|row| &row.cwnd)}</td>
            <td class="kernel-number">{cell(|row| &row.rtt)}</td>
            <td class="kernel-number">{cell(|row| &row.retransmissions)}</td>
        </tr>
    }
}

/// Ids of the sockets seen so far, by host.
fn present(model: &Model, time: u64) -> Vec<u32> {
    let seen = model
        .sockets
        .iter()
        .filter(|history| history.samples.first().is_some_and(|(first, ..)| *first <= time));
    let mut seen: Vec<_> = seen.map(|history| (history.host, history.id)).collect();
    seen.sort_by_key(|(host, _)| *host);
    seen.into_iter().map(|(_, id)| id).collect()
}

fn row(model: &Model, id: u32, time: u64) -> Option<Row> {
    let kernel = sockets::at(model.socket(id)?, time)?;
    let dash = || "—".to_owned();
    let gone = kernel.state.is_none();
    let listening = sockets::is_listener(kernel);
    // What a closed socket last had is history; only its count of retransmissions stands.
    let tcp = kernel.tcp.as_ref().filter(|_| !listening);
    let current = tcp.filter(|_| !gone);
    let queue = |bytes: u32| match (gone, listening) {
        (true, _) => dash(),
        (false, true) => format!("{bytes} 个"),
        (false, false) => format!("{bytes} B"),
    };
    let received = match (kernel.drops, gone) {
        (0, _) => queue(kernel.receive_queue),
        (drops, true) => format!("丢弃 {drops}"),
        (drops, false) => format!("{}，丢弃 {drops}", queue(kernel.receive_queue)),
    };
    Some(Row {
        state: sockets::state_name(kernel.transport, kernel.state),
        gone,
        local: kernel.local.clone(),
        remote: kernel.remote.clone(),
        receive: received,
        send: queue(kernel.send_queue),
        cwnd: current.map_or_else(dash, |tcp| tcp.cwnd.to_string()),
        rtt: current.filter(|tcp| tcp.rtt_us > 0).map_or_else(dash, |tcp| format::micros(tcp.rtt_us)),
        retransmissions: tcp.map_or_else(dash, |tcp| tcp.total_retransmissions.to_string()),
    })
}
