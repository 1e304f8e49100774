//! The place of the book where the reader's own browser is a peer.

use leptos::prelude::*;

use crate::islands::fetch::Fetch;
use crate::islands::grpc::Grpc;
use crate::islands::peer_chat::PeerChat;
use crate::islands::peer_echo::PeerEcho;

#[component]
pub fn PeerHere(
    /// One of [`book::PEERS`].
    slug: String,
) -> impl IntoView {
    match slug.as_str() {
        "axum" => view! { <Fetch/> }.into_any(),
        "grpc" => view! { <Grpc/> }.into_any(),
        "ws-echo" => view! { <PeerEcho/> }.into_any(),
        "ws-chat" => view! { <PeerChat/> }.into_any(),
        _ => ().into_any(),
    }
}
