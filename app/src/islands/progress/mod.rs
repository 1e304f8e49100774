//! How far the reader is, on this device only.

#![allow(unreachable_pub, reason = "`#[component]` declares items `pub` whatever its function is")]

pub mod dwell;
mod exchange;
pub mod plan;
mod reading;
pub mod record;
pub(crate) mod storage;
mod table;

pub use reading::Reading;
pub use table::Progress;

use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use plan::{Mark, Plan};
use record::Record;

/// Fills the empty marks that the server has drawn beside the chapters (`data-progress` with a plan in JSON).
#[island]
pub fn Marks() -> impl IntoView {
    Effect::new(move |_| {
        let record = storage::record();
        Effect::new(move |_| record.with(show));
    });
}

fn show(record: &Record) {
    let Ok(marks) = document().query_selector_all("[data-progress]") else { return };
    for mark in (0..marks.length()).filter_map(|at| marks.get(at)) {
        let Ok(mark) = mark.dyn_into::<web_sys::Element>() else { continue };
        let plan =
            mark.get_attribute("data-progress").and_then(|json| serde_json::from_str::<Plan>(&json).ok());
        let Some(plan) = plan else { continue };
        let count = plan.count(record);
        let (state, sign) = match count.mark() {
            Mark::None => ("none", String::new()),
            Mark::Begun => ("begun", count.sentence()),
            Mark::Done => ("done", format!("全部完成：{}", count.sentence())),
        };
        // Attributes of our own elements: cannot fail.
        drop(mark.set_attribute("data-state", state));
        drop(mark.set_attribute("title", &sign));
        mark.set_text_content(Some(&sign));
    }
}
