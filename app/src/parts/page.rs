//! The frame around every page: head, header, table of contents, footer.

use leptos::prelude::*;
use leptos_meta::{Link, Meta, Title};

use super::contents::Contents;
use super::header::Header;
use crate::Site;
use crate::islands::progress::Marks;

/// One page.
#[component]
pub fn Page(
    /// Without the name of the book.
    #[prop(into)]
    title: String,
    /// One or two sentences for search engines.
    #[prop(into)]
    description: String,
    /// `/guide/tcp`; also tells the navigation where the reader is.
    #[prop(into)]
    path: String,
    /// Class of `<main>`, by the kind of page.
    class: &'static str,
    children: Children,
) -> impl IntoView {
    let site = expect_context::<Site>();
    let full_title = if path == "/" { title.clone() } else { format!("{title} · 线上 Wirebook") };
    let canonical = site.origin.as_ref().map(|origin| format!("{origin}{path}"));
    view! {
        <Title text=full_title.clone()/>
        <Meta name="description" content=description.clone()/>
        <Meta property="og:title" content=full_title/>
        <Meta property="og:description" content=description/>
        <Meta property="og:locale" content="zh_CN"/>
        {canonical.map(|address| view! { <Link rel="canonical" href=address/> })}
        <a class="skip" href="#main">"跳到正文"</a>
        <Header path=path.clone()/>
        <div class="page">
            <Contents path/>
            <main id="main" class=class tabindex="-1">{children()}</main>
        </div>
        <footer class="footer">
            <p>"这里的每个实验都真的在运行：普通的 Rust 程序，真实的内核，真实的帧。"</p>
            <p><a href="/">"目录"</a>" · "<a href="/labs">"全部实验"</a>" · "<a href="/glossary">"术语表"</a>" · "<a href="/progress">"学习进度"</a></p>
        </footer>
        <Marks/>
    }
}
