//! `/guide/{chapter}` and `/reference/{chapter}`.

use book::{Chapter, PartId};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use super::not_found::NotFound;
use crate::Site;
use crate::islands::progress::Reading;
use crate::parts::mark;
use crate::parts::page::Page;
use crate::parts::problems::Problems;
use crate::parts::segments::Segments;
use crate::parts::turn::Turn;

#[component]
pub fn GuideChapter() -> impl IntoView {
    chapter(PartId::Guide)
}

#[component]
pub fn ReferenceChapter() -> impl IntoView {
    chapter(PartId::Reference)
}

fn chapter(part: PartId) -> AnyView {
    let site = expect_context::<Site>();
    let slug = use_params_map().with_untracked(|params| params.get("chapter")).unwrap_or_default();
    match site.book.chapter(part, &slug) {
        Some(chapter) => {
            let part_title = site.book.part(part).map(|part| part.title.clone()).unwrap_or_default();
            view! { <ChapterPage chapter=chapter.clone() part_title/> }.into_any()
        }
        None => view! { <NotFound/> }.into_any(),
    }
}

#[component]
fn ChapterPage(chapter: Chapter, part_title: String) -> impl IntoView {
    let path = chapter.path();
    let (key, sections) = (path.trim_start_matches('/').to_owned(), mark::sections(&chapter));
    let Chapter { file, number, title, summary, segments, .. } = chapter.clone();
    view! {
        <Page title=format!("{number} {title}") description=summary.clone() path class="chapter">
            <Problems file/>
            <article>
                <header class="chapter-head">
                    <p class="kicker">{part_title}</p>
                    <h1><span class="number">{number}</span>" "{title}</h1>
                    <p class="chapter-summary">{summary}</p>
                </header>
                <Segments segments/>
                <Reading chapter=key sections/>
            </article>
            <Turn chapter/>
        </Page>
    }
}
