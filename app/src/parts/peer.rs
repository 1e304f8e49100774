//! The place of the book where the reader's own browser is a peer.

use leptos::prelude::*;

use crate::islands::late::{LateIsland, LateWidget};

#[component]
pub fn PeerHere(
    /// One of [`book::PEERS`].
    slug: String,
) -> impl IntoView {
    let island = match slug.as_str() {
        "axum" => Some(LateWidget::Fetch),
        "grpc" => Some(LateWidget::Grpc),
        "ws-echo" => Some(LateWidget::PeerEcho),
        "ws-chat" => Some(LateWidget::PeerChat),
        _ => None,
    };
    island.map(|island| view! { <LateIsland island/> })
}
