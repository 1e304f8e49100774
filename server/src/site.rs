//! What the pages are made from: the book, the labs, the recordings. Rebuilt as a whole when the book changes.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use api::line::InvalidField;
use book::{Book, Content, Problem};
use bytes::Bytes;

use crate::assets::content_type;
use crate::catalog;
use crate::compress::{Effort, Encoded};
use crate::recordings::Recordings;
use crate::respond::{Fresh, Stored};

/// One state of the site; never changed, only replaced.
pub struct Edition {
    pub site: app::Site,
    /// Files derived from the book, by the path of their link.
    files: HashMap<String, Stored>,
    /// Counts up; pages of an earlier one are stale.
    pub number: u64,
}

impl Edition {
    /// `/notes.json`, `/labs/<slug>/source.json`, `/images/<path>`
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&Stored> {
        self.files.get(path)
    }

    /// Every page that can be rendered without looking anything up.
    #[must_use]
    pub fn paths(&self) -> Vec<String> {
        let fixed = ["/", "/labs", "/glossary", "/progress"].map(ToOwned::to_owned);
        let chapters = self.site.book.chapters().map(book::Chapter::path);
        let labs = self.site.labs.iter().map(|lab| format!("/labs/{}", lab.slug));
        fixed.into_iter().chain(chapters).chain(labs).collect()
    }
}

/// The site as it is now. Cheap to clone.
#[derive(Clone)]
pub struct Library {
    inner: Arc<Inner>,
}

struct Inner {
    content: Content,
    recordings: Recordings,
    tier: api::run::TierReport,
    development: bool,
    origin: Option<Arc<str>>,
    now: RwLock<Arc<Edition>>,
}

impl Library {
    /// Reads the book for the first time. CPU-bound.
    ///
    /// # Errors
    /// The files cannot be read, or — unless `development` — anything in them is wrong in a way that
    /// leaves no book at all.
    pub fn open(
        content: Content,
        recordings: Recordings,
        tier: api::run::TierReport,
        development: bool,
        origin: Option<Arc<str>>,
    ) -> anyhow::Result<Self> {
        let (book, problems) = Book::load(&content, &Registry)?;
        let site = site(book, problems, &recordings, tier.clone(), development, origin.clone());
        let first = edition(site, 0)?;
        let now = RwLock::new(Arc::new(first));
        Ok(Self { inner: Arc::new(Inner { content, recordings, tier, development, origin, now }) })
    }

    #[must_use]
    pub fn now(&self) -> Arc<Edition> {
        Arc::clone(&self.inner.now.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the book again. CPU-bound.
    ///
    /// # Errors
    /// The files cannot be read; the site stays as it was.
    pub fn reload(&self) -> anyhow::Result<Arc<Edition>> {
        let inner = &self.inner;
        let (book, problems) = Book::load(&inner.content, &Registry)?;
        let site = site(
            book,
            problems,
            &inner.recordings,
            inner.tier.clone(),
            inner.development,
            inner.origin.clone(),
        );
        let mut now = inner.now.write().unwrap_or_else(PoisonError::into_inner);
        *now = Arc::new(edition(site, now.number + 1)?);
        Ok(Arc::clone(&now))
    }

    /// Makes every page stale without reading the book: a recording has been added.
    pub fn renew(&self) {
        let mut now = self.inner.now.write().unwrap_or_else(PoisonError::into_inner);
        let (site, files, number) = (now.site.clone(), now.files.clone(), now.number + 1);
        *now = Arc::new(Edition { site, files, number });
    }
}

fn site(
    book: Book,
    problems: Vec<Problem>,
    recordings: &Recordings,
    tier: api::run::TierReport,
    development: bool,
    origin: Option<Arc<str>>,
) -> app::Site {
    app::Site {
        book: Arc::new(book),
        labs: catalog::infos(),
        tier,
        recordings: recordings.lookup(),
        development,
        problems: problems.into(),
        origin,
    }
}

fn edition(site: app::Site, number: u64) -> anyhow::Result<Edition> {
    let mut files = HashMap::new();
    files.insert("/notes.json".to_owned(), Stored::json(&site.book.notes)?);
    for (slug, listing) in &site.book.listings {
        files.insert(format!("/labs/{slug}/source.json"), Stored::json(listing)?);
    }
    for (path, bytes) in &site.book.images {
        let content = Encoded::new(Bytes::from(bytes.clone()), Effort::Page);
        files.insert(format!("/images/{path}"), Stored::new(content, &content_type(path), Fresh::Ask));
    }
    Ok(Edition { site, files, number })
}

/// The labs as the book needs them.
pub(crate) struct Registry;

impl book::Labs for Registry {
    fn infos(&self) -> Vec<api::lab::LabInfo> {
        catalog::infos().to_vec()
    }

    fn source(&self, slug: &str) -> Option<&str> {
        catalog::find(slug).map(|lab| lab.entry.source())
    }

    fn check(&self, slug: &str, params: &serde_json::Value) -> Result<serde_json::Value, InvalidField> {
        match catalog::find(slug) {
            Some(lab) => lab.entry.check(params),
            None => {
                Err(InvalidField { field: "lab".into(), message: format!("没有名为 {slug} 的实验") })
            }
        }
    }
}
