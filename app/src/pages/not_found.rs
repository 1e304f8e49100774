//! 404.

use http::StatusCode;
use leptos::prelude::*;
use leptos_axum::ResponseOptions;
use leptos_meta::Title;

/// Answers 404 and says where to go on.
#[component]
pub fn NotFound() -> impl IntoView {
    if let Some(response) = use_context::<ResponseOptions>() {
        response.set_status(StatusCode::NOT_FOUND);
    }
    view! {
        <Title text="没有这一页 · Wirebook"/>
        <main id="main">
            <h1>"没有这一页"</h1>
            <p>"地址也许写错了，也许这条轨迹已经被清理。可以回到"<a href="/">"目录"</a>"，或者看看"<a href="/labs">"全部实验"</a>"。"</p>
        </main>
    }
}
