//! The book: Markdown in `content/` becomes typed segments that pages can draw.
//!
//! [`Book::load`] reads everything once and reports every [`Problem`] with file and line; pages then
//! only look things up. Nothing here knows of the web or of how a lab runs.
//!
//! # What an author writes
//! * `content/guide/2-tcp.md`: a chapter; front matter between `+++` lines (`title`, `number`, `summary`).
//! * ```` ```lab tcp-echo ````: a bench; its settings as TOML, see [`LabBlock`].
//! * ```` ```rust include=tcp_echo.rs#server ````: code cut from a lab by its anchor.
//! * ```` ```勘误 ````: a correction with `said`, `holds` and `proof`, each Markdown in TOML strings.
//! * ```` ```peer axum ````: the reader's browser as a peer of a lab's server, one of [`PEERS`].
//! * ```` ```quiz id ````: a question of `<chapter>.quiz.toml` beside the chapter, see [`Question`].
//! * `content/notes/*.toml`: field notes by display-filter name with `name`, `text` and `rfc`.
//! * `content/glossary.toml`: the terms with their English names, `[[term]]` with `english`, `chinese`, `text`.
//! * `content/images/`: pictures, `![what it shows](../images/a.svg "caption")`.
//! * `content/book.toml`: titles of the parts, and chapters still to be written.

pub mod highlight;

mod chapter;
mod content;
mod correction;
mod cut;
mod front_matter;
mod glossary;
mod lab_block;
mod labs;
mod links;
mod load;
mod markdown;
mod model;
mod notes;
mod problem;
mod quiz;

pub use content::{Content, Files};
pub use labs::Labs;
pub use model::{
    Book, Chapter, CodeBlock, Correction, Cut, Heading, LabBlock, Listing, Note, PEERS, Part, PartId,
    Planned, Segment, Term, Widget,
};
pub use problem::Problem;
pub use quiz::{Kind, Question};
