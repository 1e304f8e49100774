//! 报文: the frames of a trace in a table, and the selected one down to its bits.

mod rows;
mod table;

use super::fields::note::FieldNote;
use super::fields::{Active, Fields, Opened, tree};
use super::format;
use super::hex::Hex;
use super::model::Model;
use super::state::Bench;
use crate::islands::boxed::part;
use leptos::prelude::*;
use std::sync::Arc;
use table::Table;

/// The frames of a bench's trace.
#[component]
pub fn Frames(
    /// The bench whose trace, cursor and selection it shows.
    bench: Bench,
) -> impl IntoView {
    let current = Memo::new(move |_| {
        let (selected, time) = (bench.selected.get(), bench.cursor.get());
        bench.model.with(|model| current(model, selected, time))
    });
    // Taken apart once, however many deliveries and field selections follow.
    let opened = Memo::new_with_compare(
        move |before: Option<&Option<Arc<Opened>>>| {
            let (index, anew) = (current.get()?, bench.told_anew.get());
            bench.model.with(|model| {
                let row = model.frames.get(index)?;
                let flipped: Vec<u32> =
                    row.deliveries.iter().filter_map(|row| row.delivery.flipped_bit).collect();
                let known = before.and_then(Option::as_ref);
                let secrets = model.secrets.len();
                let same = known.filter(|known| {
                    (known.frame, known.anew, known.secrets) == (row.frame.frame, anew, secrets)
                        && known.flipped == flipped
                });
                if let Some(same) = same.filter(|same| same.bytes == row.frame.bytes) {
                    return Some(Arc::clone(same));
                }
                let dissection = bench.with_segments(model, |segments| {
                    let told = segments.get(index).and_then(|told| told.opened.as_ref());
                    dissect::reopen(&row.frame.bytes, segments.hints(), told)
                });
                Some(Arc::new(Opened {
                    frame: row.frame.frame,
                    bytes: row.frame.bytes.clone(),
                    flipped,
                    secrets,
                    anew,
                    nodes: tree::nodes(&dissection),
                }))
            })
        },
        |before, now| match (before, now) {
            (Some(Some(before)), Some(Some(now))) => !Arc::ptr_eq(before, now),
            (before, now) => {
                before.is_some() != now.is_some() || before.map(Option::is_some) != now.map(Option::is_some)
            }
        },
    );
    let active = Active::new(bench, opened);
    let node = Signal::derive(move || active.node());
    let any = Memo::new(move |_| bench.model.with(|model| !model.frames.is_empty()));
    let title = move || {
        let index = current.get()?;
        bench.model.with(|model| {
            let row = model.frames.get(index)?;
            let time = format::moment(row.time);
            Some(format!("第 {} 帧 · {time} · {} 字节", row.frame.frame + 1, row.frame.length))
        })
    };
    view! {
        <div class="frames">
            <Show when=move || any.get() fallback=move || view! { <p class="frames-empty">{part(move || why_none(bench))}</p> }>
                <Table bench current/>
                <p class="frames-title">{title}</p>
                <div class="frames-detail">
                    <Fields bench opened active/>
                    <div class="frames-side">
                        <Hex bench opened active/>
                        <FieldNote node/>
                    </div>
                </div>
            </Show>
        </div>
    }
}

/// The frame that is selected (itself, or by its delivery), else the last one up to the cursor, else the first.
fn current(model: &Model, selected: Option<u32>, time: u64) -> Option<usize> {
    let by_id = |id: u32| model.frames.binary_search_by_key(&id, |row| row.frame.frame).ok();
    let chosen = selected.and_then(|seq| by_id(model.frame_of(seq)?.frame.frame));
    chosen.or_else(|| {
        let past = model.frames.partition_point(|row| row.time <= time);
        (!model.frames.is_empty()).then(|| past.saturating_sub(1))
    })
}

fn why_none(bench: Bench) -> &'static str {
    bench.model.with(|model| match model.tier {
        Some(api::run::Tier::Loopback) => {
            "这台机器不允许建立网络命名空间，所以看不到报文；代码和内核两面仍是真实的。"
        }
        _ if model.outcome.is_some() => "这次运行没有报文经过交换机。",
        _ => "还没有报文。",
    })
}
