//! The place of the book where the reader's own browser is a peer.

use leptos::prelude::*;

use crate::islands::fetch::Fetch;

#[component]
pub fn PeerHere(
    /// One of [`book::PEERS`].
    slug: String,
) -> impl IntoView {
    match slug.as_str() {
        "axum" => view! { <Fetch/> }.into_any(),
        _ => ().into_any(),
    }
}
