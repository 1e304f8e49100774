//! Notices which sections of a chapter are read.

use super::dwell::Dwell;
use super::storage;
use leptos::html::Span;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use std::cell::RefCell;
use std::time::Duration;

/// Stands at the end of a chapter's text and is not seen.
#[island]
pub fn Reading(
    /// `guide/tcp`
    chapter: String,
    /// Ids of its second-level headings, in their order.
    sections: Vec<String>,
) -> impl IntoView {
    let end = NodeRef::<Span>::new();
    Effect::new(move |_| {
        let Some(end) = end.get() else { return };
        let (chapter, sections) = (chapter.clone(), sections.clone());
        let headings = sections.iter().filter_map(|id| document().get_element_by_id(id));
        let mut marks: Vec<web_sys::Element> = headings.collect();
        if marks.len() != sections.len() || sections.is_empty() {
            return;
        }
        marks.push(end.unchecked_into());
        let dwell = RefCell::new(Dwell::new(sections.len()));
        let second = move || {
            if document().hidden() {
                return;
            }
            let height = window().inner_height().ok().and_then(|height| height.as_f64()).unwrap_or(0.0);
            let tops: Vec<f64> = marks.iter().map(|mark| mark.get_bounding_client_rect().top()).collect();
            let read = dwell.borrow_mut().second(&tops, height);
            for at in read {
                storage::update(|record| {
                    if let Some(section) = sections.get(at) {
                        record.read(&chapter, section);
                    }
                });
            }
        };
        // Six reads of a position a second cost less than watching every scroll.
        let timer = set_interval_with_handle(second, Duration::from_secs(1));
        if let Ok(timer) = timer {
            on_cleanup(move || timer.clear());
        }
    });
    view! { <span class="reading-end" aria-hidden="true" node_ref=end></span> }
}
