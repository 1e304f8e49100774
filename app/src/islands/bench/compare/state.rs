//! What a bench compares its trace with.

use super::part::Part;
use crate::islands::bench::address;
use crate::islands::bench::browser::{self, Problem};
use crate::islands::bench::model::Model;
use api::trace::{Trace, VERSION};
use leptos::prelude::*;
use std::sync::Arc;

/// A trace beside the one that the bench shows.
#[derive(Clone, Debug)]
pub(crate) struct Other {
    /// Under `/traces/`, if it is saved.
    pub(crate) id: Option<String>,
    /// `上一次运行`, `轨迹 01J…`
    pub(crate) title: String,
    pub(crate) model: Model,
}

/// Part of the bench's state. `Copy`.
#[derive(Clone, Copy)]
pub(crate) struct Compared {
    pub(crate) other: RwSignal<Option<Arc<Other>>>,
    /// The run before the one on show.
    pub(crate) previous: RwSignal<Option<Arc<Other>>>,
    /// What the reader chose; see `part::usual` otherwise.
    pub(crate) parts: RwSignal<Option<[Part; 2]>>,
    pub(crate) complaint: RwSignal<Option<&'static str>>,
}

impl Compared {
    pub(crate) fn new() -> Self {
        Self {
            other: RwSignal::new(None),
            previous: RwSignal::new(None),
            parts: RwSignal::new(None),
            complaint: RwSignal::new(None),
        }
    }

    /// Another run begins: what is on show becomes the previous one, if it was a whole run.
    pub(crate) fn keep(self, model: &Model) {
        self.parts.set(None);
        if model.outcome.is_none() || model.is_empty() {
            return;
        }
        let other =
            Other { id: model.trace_id.clone(), title: "上一次运行".to_owned(), model: model.clone() };
        self.previous.set(Some(Arc::new(other)));
    }

    /// Compares with the run before this one.
    pub(crate) fn with_previous(self) {
        let previous = self.previous.get_untracked();
        if previous.is_some() {
            self.parts.set(None);
            self.complaint.set(None);
            self.other.set(previous);
        }
    }

    /// Fetches a saved trace to compare with.
    pub(crate) async fn load(self, id: String) {
        let answer = browser::json::<Trace>(&format!("/traces/{id}.json")).await;
        let complaint = match answer {
            Ok(trace) if trace.version <= VERSION => {
                let title = format!("轨迹 {id}（{}）", trace.lab);
                let other = Other { id: Some(id), title, model: Model::from(trace) };
                self.other.try_set(Some(Arc::new(other)));
                None
            }
            Ok(_) => Some("那条轨迹来自更新的版本，请刷新页面。"),
            Err(Problem::Status(404 | 410)) => Some("没有这条轨迹：保存的轨迹有数量上限，旧的会先被清除。"),
            Err(_) => Some("那条轨迹没有取到，请再试。"),
        };
        self.complaint.try_set(complaint);
    }
}

/// The id in what a reader pastes: an id, a path or a whole link.
pub(crate) fn id_of(text: &str) -> Option<&str> {
    let text = text.trim();
    let last = text.rsplit_once("/traces/").map_or(text, |(_, last)| last);
    let end = last.find(['?', '#', '/', '.']).unwrap_or(last.len());
    Some(&last[..end]).filter(|id| address::is_id(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_paths_and_ids_name_a_trace() {
        for text in [
            "01JD-abc",
            " /traces/01JD-abc ",
            "https://wirebook.example/traces/01JD-abc?lab=x&at=3#top",
            "http://127.0.0.1:3000/traces/01JD-abc.json",
        ] {
            assert_eq!(id_of(text), Some("01JD-abc"), "{text}");
        }
        for text in ["", "../etc", "https://wirebook.example/labs/x", "a b"] {
            assert_eq!(id_of(text), None, "{text}");
        }
    }
}
