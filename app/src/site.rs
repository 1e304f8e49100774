//! What the server hands to the pages, as Leptos contexts.

use api::lab::LabInfo;
use api::run::TierReport;
use api::trace::Trace;
use book::Book;
use std::sync::Arc;

/// Finds the recorded default run of a lab by its slug, if it has been made already.
pub type Recordings = Arc<dyn Fn(&str) -> Option<Arc<Trace>> + Send + Sync>;

/// Everything the pages need. Cheap to clone; provide it as a context for every request.
#[derive(Clone)]
pub struct Site {
    pub book: Arc<Book>,
    pub labs: Arc<[LabInfo]>,
    pub tier: TierReport,
    pub recordings: Recordings,
    /// True while an author watches: pages show the book's problems.
    pub development: bool,
    /// Mistakes found in the book.
    pub problems: Arc<[book::Problem]>,
    /// Origin readers use, without a slash at its end, for canonical links; `None`: leave them relative.
    pub origin: Option<Arc<str>>,
}

impl Site {
    #[must_use]
    pub fn lab(&self, slug: &str) -> Option<&LabInfo> {
        self.labs.iter().find(|lab| lab.slug == slug)
    }
}

/// The trace that `/traces/{id}` shows. Provide it as a context before rendering that page;
/// without it the page answers 404.
#[derive(Clone)]
pub struct SavedTrace(pub Arc<Trace>);

/// The verdict that `/quiz/{part}/{chapter}/{id}` shows to a reader without wasm. Provide it as a context before
/// rendering that page; without it the page answers 404.
#[derive(Clone)]
pub struct Answered {
    pub question: book::Question,
    pub verdict: api::quiz::Verdict,
}
