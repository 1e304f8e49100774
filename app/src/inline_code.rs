//! Short texts that are not Markdown but name code between backticks: help of parameters, summaries.

use leptos::prelude::*;

/// What stands between backticks as `<code>`, the rest as it is.
#[component]
pub fn InlineCode(text: String) -> impl IntoView {
    let parts = text.split('`').enumerate().map(|(at, part)| {
        let part = part.to_owned();
        if at % 2 == 1 { view! { <code>{part}</code> }.into_any() } else { part.into_any() }
    });
    parts.collect_view()
}
