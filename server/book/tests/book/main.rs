//! Small books of the tests' own.

#![expect(clippy::unwrap_used, reason = "tests")]

mod problems;
mod quiz;
mod support;
