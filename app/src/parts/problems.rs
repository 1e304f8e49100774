//! Mistakes in the book, shown to its author while watching.

use book::Problem;
use leptos::prelude::*;

use crate::Site;

/// The problems of one file (of all files if `file` is empty). Nothing outside development.
#[component]
pub fn Problems(file: String) -> impl IntoView {
    let site = expect_context::<Site>();
    let shown = |problem: &&Problem| site.development && (file.is_empty() || problem.file == file);
    let problems: Vec<_> = site.problems.iter().filter(shown).map(ToString::to_string).collect();
    (!problems.is_empty()).then(|| {
        let items = problems.into_iter().map(|problem| view! { <li>{problem}</li> }).collect_view();
        view! {
            <aside class="problems" aria-label="书稿里的问题">
                <p>"书稿里的问题"</p>
                <ul>{items}</ul>
            </aside>
        }
    })
}

/// One problem where it stands.
#[component]
pub fn ProblemHere(problem: Problem) -> impl IntoView {
    let site = expect_context::<Site>();
    site.development.then(
        || view! { <aside class="problems" aria-label="书稿里的问题"><p>{problem.to_string()}</p></aside> },
    )
}
