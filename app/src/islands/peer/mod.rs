//! The reader's own browser as a peer: what the page's WebSocket did and what the server's code did with it, on one
//! timeline, in the bench's views.
//!
//! * [`socket`] — a WebSocket of the page
//! * [`clock`] — the server's times on the page's clock
//! * [`timeline`] — both sides' events as one trace
//! * [`link`] — the two sockets (peer and observer) and the timeline of one island
//! * [`views`] — what can be seen of it, and what cannot

#![allow(unreachable_pub, reason = "`#[component]` declares items `pub` whatever its function is")]

pub(crate) mod clock;
pub(crate) mod link;
pub(crate) mod socket;
pub(crate) mod timeline;
pub(crate) mod views;
