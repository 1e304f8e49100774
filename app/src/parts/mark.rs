//! The place beside a chapter where its progress will show.

use book::{Book, Chapter, Segment};
use leptos::prelude::*;

use crate::islands::progress::plan::Plan;

/// Empty and of fixed size; `islands::progress::Marks` fills it.
#[component]
pub fn ProgressMark(chapter: Chapter) -> impl IntoView {
    // The title stands beside it already.
    let plan = Plan { title: String::new(), ..plan(&chapter) };
    let json = serde_json::to_string(&plan).unwrap_or_default();
    view! { <span class="progress-mark" data-progress=json></span> }
}

/// What there is to do in a chapter.
#[must_use]
pub fn plan(chapter: &Chapter) -> Plan {
    let mut labs: Vec<String> = Vec::new();
    for segment in &chapter.segments {
        if let Segment::Lab(block) = segment
            && !labs.contains(&block.slug)
        {
            labs.push(block.slug.clone());
        }
    }
    Plan {
        chapter: chapter.path().trim_start_matches('/').to_owned(),
        title: format!("{} {}", chapter.number, chapter.title),
        sections: sections(chapter),
        labs,
        quizzes: chapter.questions().map(|question| question.id.clone()).collect(),
    }
}

/// Ids of the second-level headings.
#[must_use]
pub fn sections(chapter: &Chapter) -> Vec<String> {
    let sections = chapter.headings.iter().filter(|heading| heading.level == 2);
    sections.map(|heading| heading.id.clone()).collect()
}

/// Of all written chapters.
#[must_use]
pub fn plans(book: &Book) -> Vec<Plan> {
    book.chapters().map(plan).collect()
}
