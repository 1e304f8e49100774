//! The labs as the server needs them: what the registry says, computed once.

use std::sync::{Arc, LazyLock};

use api::lab::LabInfo;
use sha2::{Digest as _, Sha256};

/// One lab of the registry.
pub struct Lab {
    pub entry: &'static labs::Entry,
    pub info: LabInfo,
    /// SHA-256 of its source, hexadecimal: a recording is true as long as this is the same.
    pub source_hash: String,
}

static LABS: LazyLock<Vec<Lab>> = LazyLock::new(|| {
    labs::all()
        .iter()
        .map(|entry| Lab { entry, info: entry.info(), source_hash: hash(entry.source()) })
        .collect()
});

/// Every lab, in the order of the book.
#[must_use]
pub fn all() -> &'static [Lab] {
    &LABS
}

/// The lab called `slug`, if there is one.
#[must_use]
pub fn find(slug: &str) -> Option<&'static Lab> {
    LABS.iter().find(|lab| lab.info.slug == slug)
}

/// What the pages know of the labs.
#[must_use]
pub fn infos() -> Arc<[LabInfo]> {
    LABS.iter().map(|lab| lab.info.clone()).collect()
}

fn hash(source: &str) -> String {
    use std::fmt::Write as _;
    Sha256::digest(source).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
