//! The trace on show before the reader runs anything: the lab's recording, or a saved trace.

use super::address::Address;
use super::browser::{self, Problem};
use super::model::Model;
use super::run::Run;
use super::settings::Choice;
use super::state::{Bench, Origin};
use crate::pauses::sleep;
use api::run::Congestion;
use api::trace::{Trace, VERSION};
use leptos::prelude::*;
use std::time::Duration;

/// A recording may still be on its way just after the server's first start: how often, and how long apart.
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_secs(3);

/// Fetches a trace and shows it, unless the reader started a run meanwhile.
pub(crate) async fn load(bench: Bench, run: Run, saved: Option<String>, address: Option<Address>) {
    let path = match &saved {
        Some(id) => format!("/traces/{id}.json"),
        None => format!("/labs/{}/recording.json", bench.info.with_value(|info| info.slug.clone())),
    };
    let mut left = if saved.is_some() { 1 } else { TRIES };
    let trace = loop {
        left -= 1;
        match browser::json::<Trace>(&path).await {
            Err(Problem::Status(202)) if left > 0 => sleep(PAUSE).await,
            answer => break answer,
        }
    };
    if bench.origin.try_get_untracked() != Some(Origin::Nothing) {
        return;
    }
    match (trace, saved) {
        (Ok(trace), _) if trace.version > VERSION => {
            run.complaint.set(Some("这条轨迹来自更新的版本，请刷新页面。".into()));
        }
        (Ok(trace), saved) => show(bench, run, trace, saved, address),
        (Err(Problem::Status(404 | 410)), Some(_)) => {
            run.complaint.set(Some("这条轨迹已经不在了：保存的轨迹有数量上限，旧的会先被清除。".into()));
        }
        (Err(_), Some(_)) => run.complaint.set(Some("轨迹没有取到，请刷新页面再试。".into())),
        // Without a recording the static page stays.
        (Err(_), None) => {}
    }
}

/// Fills the gaps of a run that was thinned on its way here, from the saved trace.
pub(crate) async fn complete(bench: Bench, id: String) {
    let Ok(trace) = browser::json::<Trace>(&format!("/traces/{id}.json")).await else { return };
    let same = bench.model.try_with_untracked(|model| model.trace_id.as_ref() == Some(&id));
    if same == Some(true) && trace.version <= VERSION {
        // Sequence numbers are those of the run: selection and cursor stay where they are.
        bench.model.set(Model::from(trace));
    }
}

fn show(bench: Bench, run: Run, trace: Trace, saved: Option<String>, address: Option<Address>) {
    run.made_with.set(Some(Choice {
        params: trace.params.as_object().cloned().unwrap_or_default(),
        lines: trace.lines.clone(),
        seed: Some(trace.seed),
        congestion: Congestion::default(),
    }));
    let model = Model::from(trace);
    bench.follow.set(false);
    bench.cursor.set(model.end);
    bench.model.set(model);
    bench.origin.set(saved.map_or(Origin::Recording, Origin::Saved));
    let Some(address) = address else { return };
    match (address.selected, address.cursor) {
        (Some(seq), _) => bench.select(seq),
        (None, Some(time)) => bench.seek(time),
        (None, None) => {}
    }
}
