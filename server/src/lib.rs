//! The web server and the command line of Wirebook. `main` only calls [`cli::main`].
//!
//! ```text
//! cli ─▶ serve ─▶ listener ─▶ router ─┬▶ pages    rendered once, kept compressed
//!                                     ├▶ assets   /pkg and public/, in memory
//!                                     ├▶ quiz     judges answers, remembers nothing
//!                                     ├▶ traces   SQLite through store
//!                                     ├▶ live     a WebSocket a page ─▶ runs ─▶ the runner's processes
//!                                     └▶ peer     echo and chat with the reader's own browser, and what they see
//! ```
//! Invariants: handlers never block and never compress; nothing a reader does holds up a run or another reader;
//! every queue, cache and log has a bound; every task ends when `stop` is cancelled.

pub mod assets;
pub mod catalog;
pub mod cli;
pub mod compress;
pub mod config;
mod csp;
pub mod dev;
mod health;
pub mod listener;
pub mod live;
pub mod pages;
mod peer;
mod quiz;
pub mod recordings;
mod request;
pub mod respond;
pub mod router;
pub mod runs;
pub mod serve;
pub mod site;
pub mod sockets;
pub mod state;
pub mod store;
mod traces;
