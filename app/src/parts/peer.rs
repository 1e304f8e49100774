//! The place of the book where the reader's own browser is a peer.

use leptos::prelude::*;

use crate::islands::late::{LateIsland, Widget};

#[component]
pub fn PeerHere(
    /// One of [`book::PEERS`].
    slug: String,
) -> impl IntoView {
    let island = match slug.as_str() {
        "axum" => Some(Widget::Fetch),
        "grpc" => Some(Widget::Grpc),
        "ws-echo" => Some(Widget::PeerEcho),
        "ws-chat" => Some(Widget::PeerChat),
        _ => None,
    };
    island.map(|island| view! { <LateIsland island/> })
}
