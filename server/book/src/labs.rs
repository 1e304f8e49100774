//! What the book must know of labs.

use api::lab::LabInfo;
use api::line::InvalidField;

/// The registry of labs as the book sees it; the server implements it.
pub trait Labs {
    fn infos(&self) -> Vec<LabInfo>;

    /// The lab's whole source file.
    fn source(&self, slug: &str) -> Option<&str>;

    /// Fills in defaults and checks types and bounds.
    ///
    /// # Errors
    /// The first parameter that is unknown or out of bounds.
    fn check(&self, slug: &str, params: &serde_json::Value) -> Result<serde_json::Value, InvalidField>;
}
