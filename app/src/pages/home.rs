//! `/`: what this is, and the table of contents.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::Site;

#[component]
pub fn Home() -> impl IntoView {
    let site = expect_context::<Site>();
    let chapters = site.book.chapters().map(|chapter| {
        view! { <li><a href=chapter.path()>{chapter.number.clone()}" "{chapter.title.clone()}</a></li> }
    });
    view! {
        <Title text="Wirebook · 线上"/>
        <main id="main">
            <h1>"线上"</h1>
            <ol>{chapters.collect_view()}</ol>
        </main>
    }
}
