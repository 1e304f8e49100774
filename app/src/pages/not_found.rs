//! 404.

use http::StatusCode;
use leptos::prelude::*;
use leptos_axum::ResponseOptions;

use crate::parts::page::Page;

/// Answers 404 and says where to go on.
#[component]
pub fn NotFound() -> impl IntoView {
    if let Some(response) = use_context::<ResponseOptions>() {
        response.set_status(StatusCode::NOT_FOUND);
    }
    view! {
        <Page title="没有这一页" description="这个地址上没有内容。" path="/404" class="plain">
            <div class="prose">
                <p class="kicker">"404"</p>
                <h1>"没有这一页"</h1>
                <p>
                    "没有到这个地址的路由。可能是地址写错了，也可能是这条轨迹已经过期、给新的轨迹腾了地方。"
                </p>
                <p>"可以回到"<a href="/">"目录"</a>"，或者看看"<a href="/labs">"全部实验"</a>"。"</p>
            </div>
        </Page>
    }
}
