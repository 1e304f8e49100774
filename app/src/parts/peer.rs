//! The place of the book where the reader's own browser is a peer.

use leptos::prelude::*;

use crate::islands::late::{Late, LateIsland};

#[component]
pub fn PeerHere(
    /// One of [`book::PEERS`].
    slug: String,
) -> impl IntoView {
    let island = match slug.as_str() {
        "axum" => Some(Late::Fetch),
        "grpc" => Some(Late::Grpc),
        "ws-echo" => Some(Late::PeerEcho),
        "ws-chat" => Some(Late::PeerChat),
        _ => None,
    };
    island.map(|island| view! { <LateIsland island/> })
}
