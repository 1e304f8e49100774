//! The parts of a page that run in the reader's browser, one `#[island]` a file.

pub mod addr_parse;
pub mod bench;
mod boxed;
pub mod fetch;
pub mod grpc;
pub mod late;
mod peer;
pub mod peer_chat;
pub mod peer_echo;
pub mod progress;
pub mod quiz;
