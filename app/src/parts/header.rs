//! The line at the top: name of the book, ways in, theme.

use leptos::prelude::*;

/// `public/theme.js` brings the theme button to life; without scripts it stays hidden.
/// The contents button is a popover button and needs no script.
#[component]
pub fn Header(path: String) -> impl IntoView {
    let here = move |link: &str| (path == link).then_some("page");
    view! {
        <header class="header">
            <a class="header-name" href="/" aria-current=here("/")>
                <svg viewBox="0 0 24 24" width="24" height="24" aria-hidden="true">
                    <path d="M5 3v18M19 3v18" class="mark-lane"/>
                    <path d="M5 7l14 4M19 14L5 18" class="mark-frame"/>
                </svg>
                <span>"线上"</span>
                <small lang="en">"Wirebook"</small>
            </a>
            <nav aria-label="主要入口">
                <button type="button" class="header-contents" popovertarget="contents">"目录"</button>
                <a href="/labs" aria-current=here("/labs")>"实验"</a>
                <a href="/glossary" aria-current=here("/glossary")>"术语"</a>
                <a href="/progress" aria-current=here("/progress")>"进度"</a>
            </nav>
            <button type="button" class="header-theme" data-theme-switch hidden>
                <span class="header-theme-icon" aria-hidden="true"></span>
                <span class="header-theme-word"></span>
            </button>
        </header>
    }
}
