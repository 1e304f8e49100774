//! What an author did wrong, and where.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A mistake in `content/` (or in what it refers to).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Problem {
    /// Path below `content/`, with `/` between its parts.
    pub file: String,
    /// Line in that file, from 1.
    pub line: u32,
    /// Chinese sentence: what is wrong and, if possible, what would be right.
    pub message: String,
}

impl Problem {
    pub(crate) fn new(file: &str, line: usize, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line: u32::try_from(line).unwrap_or(u32::MAX), message: message.into() }
    }
}

impl fmt::Display for Problem {
    /// `content/guide/2-tcp.md:12: …`, which editors and terminals turn into a link.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "content/{}:{}: {}", self.file, self.line, self.message)
    }
}
