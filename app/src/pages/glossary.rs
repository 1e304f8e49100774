//! `/glossary`: the terms of the book with their English names.

use book::Term;
use leptos::prelude::*;

use crate::Site;
use crate::parts::page::Page;

#[component]
pub fn Glossary() -> impl IntoView {
    let site = expect_context::<Site>();
    let entries = site.book.glossary.iter().map(|term| view! { <Entry term=term.clone()/> }).collect_view();
    view! {
        <Page title="术语表" description="书中的术语：中文、英文，一两句话说清它是什么，以及在哪一节细说。" path="/glossary" class="glossary-page">
            <div class="prose">
                <h1>"术语表"</h1>
                <p>"按英文排序。库的文档、RFC 和报错都用英文：认得这些词，才查得到下一步。"</p>
            </div>
            <dl class="glossary">{entries}</dl>
        </Page>
    }
}

#[component]
fn Entry(
    /// One term.
    term: Term,
) -> impl IntoView {
    let see = term.see.map(|link| view! { <p class="glossary-see"><a href=link>"在书里"</a></p> });
    view! {
        <div id=term.id>
            <dt><b>{term.chinese}</b>" "<span lang="en">{term.english}</span></dt>
            <dd><div class="prose" inner_html=term.html></div>{see}</dd>
        </div>
    }
}
