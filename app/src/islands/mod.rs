//! The parts of a page that run in the reader's browser, one `#[island]` a file.

pub mod bench;
pub mod progress;
pub mod quiz;
