//! What the reader sees.
//!
//! Pages and parts are rendered on the server only; [`islands`] is all that reaches the browser's wasm.

// The type of a view nests as deep as its elements do.
#![recursion_limit = "512"]

pub mod inline_code;
pub mod islands;
mod known;
pub mod number;
mod pauses;
mod split;

#[cfg(feature = "ssr")]
pub mod pages;
#[cfg(feature = "ssr")]
pub mod parts;
#[cfg(feature = "ssr")]
pub mod shell;
#[cfg(feature = "ssr")]
mod site;

#[cfg(feature = "ssr")]
pub use shell::{App, shell};
#[cfg(feature = "ssr")]
pub use site::{Answered, Recordings, SavedTrace, Site};
