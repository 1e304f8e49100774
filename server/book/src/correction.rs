//! ```` ```勘误 ````: what an outline said, what holds today, and how the page proves it.

use crate::front_matter::{describe, line_of};
use serde::Deserialize;

/// The body of the block; all three are Markdown.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    pub(crate) said: String,
    pub(crate) holds: String,
    pub(crate) proof: String,
}

/// Reads the body of a correction block.
pub(crate) fn parse(body: &str) -> Result<Body, (usize, String)> {
    let parsed: Body = toml::from_str(body).map_err(|error| (line_of(body, &error), describe(&error)))?;
    let empty = [("said", &parsed.said), ("holds", &parsed.holds), ("proof", &parsed.proof)]
        .into_iter()
        .find(|(_, text)| text.trim().is_empty());
    match empty {
        Some((name, _)) => Err((0, format!("勘误的 {name} 不能为空"))),
        None => Ok(parsed),
    }
}
