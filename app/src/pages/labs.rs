//! `/labs`: every lab in the order of the book.

use api::lab::LabInfo;
use api::run::Tier;
use leptos::prelude::*;

use crate::Site;
use crate::parts::facts;
use crate::parts::page::Page;

#[component]
pub fn Labs() -> impl IntoView {
    let site = expect_context::<Site>();
    let entries = site.labs.iter().map(|lab| view! { <LabEntry lab=lab.clone()/> }).collect_view();
    view! {
        <Page title="全部实验" description="书中的全部实验：每一个都可以在这里运行，改参数，看它在线路上做了什么。" path="/labs" class="labs">
            <div class="prose">
                <h1>"全部实验"</h1>
                <p>"每个实验都是一个普通的 Rust 程序，单独一个文件。打开它，运行它，改它的参数和线路，再运行一遍。"</p>
            </div>
            <ul class="labs-list">{entries}</ul>
        </Page>
    }
}

#[component]
fn LabEntry(lab: LabInfo) -> impl IntoView {
    let site = expect_context::<Site>();
    let chapters = site
        .book
        .chapters_with(&lab.slug)
        .map(|chapter| view! { <a href=chapter.path()>{facts::chapter(chapter)}</a> })
        .collect_view();
    let unavailable = lab.needs_isolated && site.tier.tier == Tier::Loopback;
    view! {
        <li>
            <h2><a href=format!("/labs/{}", lab.slug)>{lab.title.clone()}</a></h2>
            <p>{lab.summary.clone()}</p>
            <p class="labs-facts">
                <code>{lab.slug.clone()}</code>
                <span>{format!("{} 台主机", lab.hosts.len())}</span>
                {lab.input.is_some().then(|| view! { <span>"运行时可以输入"</span> })}
                {unavailable.then(|| view! { <span class="labs-unavailable">"这台机器上不能运行"</span> })}
                {chapters}
            </p>
        </li>
    }
}
