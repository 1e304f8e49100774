//! Pages: rendered once by Leptos, then sent from memory in the encoding the reader takes.

use std::sync::Arc;

use anyhow::Context as _;
use axum::body::Body;
use http::{Request, StatusCode};
use leptos::config::LeptosOptions;
use leptos::prelude::provide_context;
use quick_cache::sync::Cache;
use quick_cache::{Equivalent, Weighter};

use crate::csp;
use crate::respond::Stored;
use crate::site::{Edition, Library};

/// Bytes of rendered pages kept; the least used go first.
const MOST_BYTES: u64 = 64 << 20;
/// Paths known to lead nowhere.
const MOST_UNKNOWN: usize = 1024;
/// Longer paths are not pages.
const LONGEST_PATH: usize = 512;
/// No page is larger.
const LARGEST_PAGE: usize = 16 << 20;
/// Rendered to learn what a page that does not exist looks like; every unknown path gets this one.
const NOWHERE: &str = "/404";

/// Only while an author writes, so the pages themselves need not know of it.
const RELOAD: &str = "<script src=\"/dev/reload.js\" defer></script></head>";

/// All pages. Cheap to clone.
#[derive(Clone)]
pub struct Pages {
    inner: Arc<Inner>,
}

struct Inner {
    library: Library,
    options: LeptosOptions,
    /// Further sources for `connect-src` (the live reload of `cargo leptos watch`).
    connect: String,
    /// Reload open pages when the book changes.
    reload: bool,
    pages: Cache<Key, Arc<Stored>, Weight>,
    unknown: Cache<Key, ()>,
}

/// A page that was being rendered while the book changed cannot outlive the change.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    edition: u64,
    path: String,
}

/// A [`Key`] to look up. The two hash alike.
#[derive(Hash)]
struct Asked<'a> {
    edition: u64,
    path: &'a str,
}

impl Equivalent<Key> for Asked<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.edition == key.edition && self.path == key.path
    }
}

#[derive(Clone)]
struct Weight;

impl Weighter<Key, Arc<Stored>> for Weight {
    fn weight(&self, _: &Key, page: &Arc<Stored>) -> u64 {
        page.content.weight()
    }
}

impl Pages {
    #[must_use]
    pub fn new(library: Library, options: LeptosOptions, connect: String, reload: bool) -> Self {
        // Leptos spawns while it renders. Its own route list would see to this, but it is not needed here.
        // The second time fails, which is fine.
        let _ = any_spawner::Executor::init_tokio();
        let pages = Cache::with_weighter(256, MOST_BYTES, Weight);
        Self {
            inner: Arc::new(Inner {
                library,
                options,
                connect,
                reload,
                pages,
                unknown: Cache::new(MOST_UNKNOWN),
            }),
        }
    }

    /// The page at this path if it has been rendered.
    #[must_use]
    pub fn ready(&self, edition: &Edition, path: &str) -> Option<Arc<Stored>> {
        self.inner.pages.get(&Asked { edition: edition.number, path })
    }

    /// The page at this path; readers who ask at the same time wait for one rendering.
    ///
    /// # Errors
    /// Rendering failed; the cause is for the log.
    pub async fn get(&self, path: &str) -> anyhow::Result<Arc<Stored>> {
        let edition = self.inner.library.now();
        if path.len() > LONGEST_PATH
            || self.inner.unknown.get(&Asked { edition: edition.number, path }).is_some()
        {
            return self.nowhere(&edition).await;
        }
        let key = Key { edition: edition.number, path: path.to_owned() };
        let page = self.cached(&key, &edition, None).await?;
        if page.status != StatusCode::NOT_FOUND {
            return Ok(page);
        }
        self.inner.pages.remove(&key);
        self.inner.unknown.insert(key, ());
        self.nowhere(&edition).await
    }

    /// The page of a trace. It does not change, but it is rendered with the trace at hand.
    ///
    /// # Errors
    /// As [`Pages::get`], and the errors of `trace`.
    pub async fn trace<E>(
        &self,
        path: &str,
        trace: impl Future<Output = Result<app::SavedTrace, E>>,
    ) -> Result<Arc<Stored>, E>
    where
        E: From<anyhow::Error>,
    {
        let edition = self.inner.library.now();
        if let Some(page) = self.ready(&edition, path) {
            return Ok(page);
        }
        let key = Key { edition: edition.number, path: path.to_owned() };
        let trace = trace.await?;
        Ok(self.cached(&key, &edition, Some(trace)).await?)
    }

    /// The verdict on an answer, for a reader without wasm. Not kept.
    ///
    /// # Errors
    /// As [`Pages::get`].
    pub async fn answered(&self, edition: &Edition, answered: app::Answered) -> anyhow::Result<Arc<Stored>> {
        let path = format!("/quiz/{}/{}", answered.question.chapter, answered.question.id);
        self.render(&path, edition, move || provide_context(answered.clone())).await
    }

    /// The answer to every unknown path.
    ///
    /// # Errors
    /// As [`Pages::get`].
    pub async fn missing(&self) -> anyhow::Result<Arc<Stored>> {
        self.nowhere(&self.inner.library.now()).await
    }

    async fn nowhere(&self, edition: &Edition) -> anyhow::Result<Arc<Stored>> {
        let key = Key { edition: edition.number, path: NOWHERE.to_owned() };
        self.cached(&key, edition, None).await
    }

    async fn cached(
        &self,
        key: &Key,
        edition: &Edition,
        trace: Option<app::SavedTrace>,
    ) -> anyhow::Result<Arc<Stored>> {
        let provide = move || {
            if let Some(trace) = &trace {
                provide_context(trace.clone());
            }
        };
        self.inner.pages.get_or_insert_async(key, self.render(&key.path, edition, provide)).await
    }

    async fn render(
        &self,
        path: &str,
        edition: &Edition,
        more: impl Fn() + Clone + Send + Sync + 'static,
    ) -> anyhow::Result<Arc<Stored>> {
        let (site, options) = (edition.site.clone(), self.inner.options.clone());
        let provide = move || {
            provide_context(site.clone());
            more();
        };
        let document = move || app::shell(options.clone());
        // Only the path: what a page says may not depend on who asks.
        let request = Request::builder().uri(path).body(Body::empty()).context("not a path")?;
        let response = leptos_axum::render_app_async_with_context(provide, document)(request).await;
        let (parts, body) = response.into_parts();
        let html = axum::body::to_bytes(body, LARGEST_PAGE).await.context("rendering a page")?;
        let (connect, reload) = (self.inner.connect.clone(), self.inner.reload);
        let page = tokio::task::spawn_blocking(move || {
            let mut html = csp::without_nonce(&String::from_utf8_lossy(&html));
            if reload {
                html = html.replacen("</head>", RELOAD, 1);
            }
            let policy = csp::policy(&html, &connect);
            Stored::page(html, parts.status, &policy)
        });
        Ok(Arc::new(page.await.context("compressing a page")?))
    }
}
