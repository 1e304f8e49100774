//! ```` ```peer axum ````: a place in a chapter where the reader's own browser talks to a lab's server.

use serde::{Deserialize, Serialize};

/// Whose peer the browser is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Peer {
    /// The router of the lab `axum-routing`, mounted under `/peer/axum`.
    Axum,
}

impl Peer {
    const ALL: [(&'static str, Self); 1] = [("axum", Self::Axum)];

    /// Reads what stands after `peer`, and the body of the block, which must be empty.
    ///
    /// # Errors
    /// A sentence for the author.
    pub(crate) fn parse(name: &str, body: &str) -> Result<Self, String> {
        if !body.trim().is_empty() {
            return Err("peer 块里不要写内容".into());
        }
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, peer)| *peer).ok_or_else(|| {
            let known: Vec<&str> = Self::ALL.iter().map(|(known, _)| *known).collect();
            format!("没有名为“{name}”的 peer，只有：{}", known.join("、"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_known_and_bodies_empty() {
        assert_eq!(Peer::parse("axum", " \n"), Ok(Peer::Axum));
        assert!(Peer::parse("nobody", "").unwrap_err().contains("axum"));
        assert!(Peer::parse("axum", "x = 1").is_err());
    }
}
