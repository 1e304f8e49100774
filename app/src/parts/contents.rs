//! The table of contents of the whole book, the current chapter unfolded into its sections.
//! Beside the text on a wide screen; a popover opened from the header on a narrow one.

use book::{Chapter, Part};
use leptos::prelude::*;

use super::mark::ProgressMark;
use crate::Site;

/// Written chapters only: what can be opened from here.
#[component]
pub fn Contents(
    /// Address of the current page.
    path: String,
) -> impl IntoView {
    let site = expect_context::<Site>();
    let parts = site.book.parts.iter().filter(|part| !part.chapters.is_empty());
    let parts =
        parts.map(|part| view! { <ContentsPart part=part.clone() path=path.clone()/> }).collect_view();
    view! {
        <nav id="contents" class="contents" popover="auto" aria-label="全书目录">
            <p class="contents-head">
                <a href="/">"目录"</a>
                <button type="button" popovertarget="contents" popovertargetaction="hide">"收起"</button>
            </p>
            {parts}
        </nav>
    }
}

#[component]
fn ContentsPart(part: Part, path: String) -> impl IntoView {
    let chapters = part.chapters.iter().map(|chapter| {
        let address = chapter.path();
        let current = address == path;
        view! {
            <li>
                <a href=address aria-current=current.then_some("page")>
                    <span class="number">{chapter.number.clone()}</span>
                    {chapter.title.clone()}
                    <ProgressMark chapter=chapter.clone()/>
                </a>
                {current.then(|| sections(chapter))}
            </li>
        }
    });
    view! {
        <p class="contents-part">{part.title.clone()}</p>
        <ol class="contents-chapters">{chapters.collect_view()}</ol>
    }
}

/// The second-level headings of the page the reader is on.
fn sections(chapter: &Chapter) -> impl IntoView + use<> {
    let links = chapter.headings.iter().filter(|heading| heading.level == 2).map(|heading| {
        view! { <li><a href=format!("#{}", heading.id)>{heading.text.clone()}</a></li> }
    });
    view! { <ol class="contents-sections">{links.collect_view()}</ol> }
}
