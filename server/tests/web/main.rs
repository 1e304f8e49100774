//! The server over real sockets, with puppets in place of run processes where a test has to decide what a run does.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod cli;
mod closing;
mod live;
mod live_bounds;
mod open;
mod peer;
mod peer_chat;
mod peer_echo;
mod peer_load;
mod quiz;
mod real;
mod router;
mod shutdown;
mod store;
mod support;
