//! The bench: runs a lab and plays its trace from three sides, code, wire and kernel.

mod axis;
mod format;
mod measure;
pub mod model;
mod sequence;
pub mod state;

use api::lab::LabInfo;
use api::line::Line;
use api::run::TierReport;
use leptos::prelude::*;
use std::collections::BTreeMap;

/// A lab that the reader can run here, or a trace to replay.
#[island]
pub fn Bench(
    /// Unique on the page and stable over time, normally the slug: part of element ids and of the address.
    name: String,
    /// The lab: its form is made from this.
    info: LabInfo,
    /// Parameters of this block that differ from the lab's defaults: a JSON object (or null).
    params: serde_json::Value,
    /// Line settings of this block by host, if they differ from the lab's own.
    lines: Option<BTreeMap<String, Line>>,
    /// Seed of this block; absent: the server draws one for each run.
    seed: Option<u64>,
    /// Id of a saved trace to show at first; absent: the lab's recording.
    trace: Option<String>,
    /// What this machine permits, if the page knows.
    tier: Option<TierReport>,
    /// What is shown until there is a trace: complete and readable without wasm.
    children: Children,
) -> impl IntoView {
    let _ = (params, lines, seed, trace, tier);
    let bench = state::Bench::new(name, info);
    let empty = move || bench.model.with(model::Model::is_empty);
    view! {
        <section class="bench">
            <div class="bench-fallback" class:bench-hidden=move || !empty()>{children()}</div>
        </section>
    }
}
