//! `/labs/{slug}`: one lab with its bench, its parameters and its whole source.

use api::lab::{LabInfo, Param};
use book::LabBlock;
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use super::not_found::NotFound;
use crate::Site;
use crate::inline_code::InlineCode;
use crate::parts::bench::LabBench;
use crate::parts::facts;
use crate::parts::listing::Source;
use crate::parts::page::Page;

#[component]
pub fn Lab() -> impl IntoView {
    let site = expect_context::<Site>();
    let slug = use_params_map().with_untracked(|params| params.get("slug")).unwrap_or_default();
    match site.lab(&slug) {
        Some(lab) => view! { <LabPage lab=lab.clone()/> }.into_any(),
        None => view! { <NotFound/> }.into_any(),
    }
}

#[component]
fn LabPage(lab: LabInfo) -> impl IntoView {
    let site = expect_context::<Site>();
    let LabInfo { slug, title, summary, params, .. } = lab;
    let path = format!("/labs/{slug}");
    let block = LabBlock {
        slug: slug.clone(),
        params: serde_json::Value::Null,
        lines: None,
        seed: None,
        views: Vec::new(),
    };
    let chapters = site
        .book
        .chapters_with(&slug)
        .map(|chapter| view! { <li><a href=chapter.path()>{facts::chapter(chapter)}</a></li> })
        .collect_view();
    let listing = site.book.listings.get(&slug).cloned();
    view! {
        <Page title=title.clone() description=summary.clone() path class="lab">
            <div class="prose">
                <p class="kicker"><a href="/labs">"实验"</a></p>
                <h1>{title}</h1>
                <p class="chapter-summary">{summary}</p>
            </div>
            <LabBench name=slug.clone() block/>
            <div class="prose">
                <h2 id="params">"参数"</h2>
                <Params params/>
                <p>"在命令行上跑同一个实验："</p>
                <pre tabindex="0"><code>{format!("wirebook run {slug} --loss 10 --delay 50 --seed 7 --pcap {slug}.pcapng")}</code></pre>
                <h2 id="chapters">"出现在"</h2>
                <ul>{chapters}</ul>
                <h2 id="source">"完整源代码"</h2>
                <p>"运行的就是这个文件，一行不多，一行不少。"</p>
            </div>
            {listing.map(|listing| view! { <Source listing/> })}
        </Page>
    }
}

#[component]
fn Params(params: Vec<Param>) -> impl IntoView {
    if params.is_empty() {
        return view! { <p>"这个实验没有参数。"</p> }.into_any();
    }
    let rows = params.into_iter().map(|param| {
        view! {
            <tr>
                <th scope="row"><code>{param.name.clone()}</code></th>
                <td>{param.label.clone()}{(!param.help.is_empty()).then(|| view! { <small><InlineCode text=param.help.clone()/></small> })}</td>
                <td>{facts::range(&param)}</td>
                <td><code>{facts::value(&param.default)}</code></td>
            </tr>
        }
    });
    let rows = rows.collect_view();
    view! {
        <div class="table" role="group" aria-label="参数" tabindex="0">
            <table>
                <thead><tr>
                    <th scope="col">"名字"</th><th scope="col">"含义"</th><th scope="col">"取值"</th><th scope="col">"默认"</th>
                </tr></thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}
