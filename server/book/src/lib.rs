//! The book: Markdown in `content/` becomes typed segments that pages can draw.
//!
//! [`Book::load`] reads everything once and reports every [`Problem`] with file and line; pages then
//! only look things up. Nothing here knows of the web or of how a lab runs.

pub mod highlight;

mod content;
mod front_matter;
mod labs;
mod model;
mod problem;

pub use content::{Content, Files};
pub use labs::Labs;
pub use model::{
    Book, Chapter, CodeBlock, Correction, Cut, Heading, LabBlock, Listing, Note, Part, PartId, Planned,
    Segment,
};
pub use problem::Problem;
