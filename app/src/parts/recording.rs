//! A trace as text: readable without wasm, and by a screen reader.

use api::lab::Hints;
use api::trace::{Body, Delivery, Event, Fate, Frame, Lifecycle, Trace};
use leptos::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::facts;
use crate::known;

/// Rows shown before the rest is left to the bench.
const ROWS: usize = 48;

/// One line of the account.
struct Row {
    time: u64,
    who: String,
    what: String,
    class: &'static str,
}

/// The hosts of a run, what its code and its frames did in order of time, and how it ended.
#[component]
pub fn Recorded(
    trace: Arc<Trace>,
    /// What this is: 录制, 轨迹.
    label: &'static str,
    /// What its lab says about the bytes.
    hints: Hints,
) -> impl IntoView {
    let rows = rows(&trace, &hints);
    let more = rows.len().saturating_sub(ROWS);
    let hosts = trace.hosts.iter().map(|host| {
        let addresses = host.interfaces.iter().flat_map(|interface| &interface.addresses);
        let addresses: Vec<_> = addresses.map(ToString::to_string).collect();
        view! { <li><strong>{host.name.clone()}</strong>" "<code>{addresses.join(" ")}</code></li> }
    });
    let hosts = hosts.collect_view();
    let date = facts::date(trace.started_at_ms);
    let shown = rows.into_iter().take(ROWS).map(|row| {
        view! {
            <tr class=row.class>
                <td>{facts::ms(row.time)}</td>
                <th scope="row">{row.who}</th>
                <td>{row.what}</td>
            </tr>
        }
    });
    view! {
        <div class="recorded">
            <p class="recorded-head">
                <span class="recorded-label">{label}</span>
                {format!("{date}（UTC）的一次真实运行：{}。", facts::outcome(&trace.outcome))}
            </p>
            <ul class="recorded-hosts" aria-label="主机">{hosts}</ul>
            <div class="table" role="group" aria-label="运行经过" tabindex="0">
                <table>
                    <thead><tr><th scope="col">"毫秒"</th><th scope="col">"谁"</th><th scope="col">"发生了什么"</th></tr></thead>
                    <tbody>{shown.collect_view()}</tbody>
                </table>
            </div>
            {(more > 0).then(|| view! { <p class="recorded-more">{format!("此后还有 {more} 行。")}</p> })}
        </div>
    }
}

/// The lab's own log lines, its measurements and all frames, by time.
fn rows(trace: &Trace, hints: &Hints) -> Vec<Row> {
    let name = |host: u8| trace.hosts.get(usize::from(host)).map_or("?", |host| host.name.as_str());
    let mut deliveries = BTreeMap::<u32, Vec<&Delivery>>::new();
    for event in &trace.events {
        if let Body::Delivery(delivery) = &event.body {
            deliveries.entry(delivery.frame).or_default().push(delivery);
        }
    }
    let mut dissector = known::dissector(&trace.events, known::hints(hints));
    let mut row = |event: &Event| match &event.body {
        Body::Code(code) if code.own => Some(Row {
            time: event.time,
            who: code.host.map_or("实验", name).to_owned(),
            what: code.message.clone(),
            class: "recorded-code",
        }),
        Body::Frame(frame) => {
            let fates = deliveries.get(&frame.frame).map_or(&[][..], Vec::as_slice);
            Some(frame_row(event.time, frame, fates, &mut dissector, &name))
        }
        Body::Lifecycle(Lifecycle::Measured { label, value, unit, .. }) => Some(Row {
            time: event.time,
            who: "测得".into(),
            what: format!("{label}：{value:.3} {unit}"),
            class: "recorded-measured",
        }),
        _ => None,
    };
    trace.events.iter().filter_map(&mut row).collect()
}

fn frame_row<'a>(
    time: u64,
    frame: &Frame,
    fates: &[&Delivery],
    dissector: &mut dissect::Dissector,
    name: &impl Fn(u8) -> &'a str,
) -> Row {
    let mut to: Vec<_> = fates.iter().filter_map(|delivery| delivery.to).map(name).collect();
    to.dedup();
    let to = if to.is_empty() { "…".to_owned() } else { to.join("、") };
    let dissection = dissector.push(frame.frame.saturating_add(1), time, &frame.bytes).dissection;
    let mut what = format!("{} {}", dissection.protocol, dissection.summary);
    let mut class = "recorded-frame";
    if let Some(lost) = fates.iter().find(|delivery| delivery.fate != Fate::Delivered) {
        what.push_str(&format!("（{}）", facts::fate(lost.fate)));
        class = "recorded-frame recorded-lost";
    }
    Row { time, who: format!("{} → {to}", name(frame.from)), what, class }
}
