//! Previous and next chapter.

use book::Chapter;
use leptos::prelude::*;

use crate::Site;

#[component]
pub fn Turn(chapter: Chapter) -> impl IntoView {
    let site = expect_context::<Site>();
    let (before, after) = site.book.neighbours(&chapter);
    let link = |chapter: &Chapter, rel: &'static str, word: &'static str| {
        view! {
            <a href=chapter.path() rel=rel>
                <small>{word}</small>
                <span>{chapter.number.clone()}" "{chapter.title.clone()}</span>
            </a>
        }
    };
    let before = before.map(|chapter| link(chapter, "prev", "上一章"));
    let after = after.map(|chapter| link(chapter, "next", "下一章"));
    view! { <nav class="turn" aria-label="前后章节">{before}{after}</nav> }
}
