//! While an author writes: a saved file in `content/` shows in the open page without a build.

use std::convert::Infallible;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use axum::extract::State as Shared;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures::Stream;
use http::{StatusCode, header};
use notify::Watcher as _;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::site::Library;
use crate::state::State;

/// Editors write a file in several steps; wait until they are done.
const QUIET: Duration = Duration::from_millis(60);

const SCRIPT: &str = "\
// 只在开发时存在：书稿改动后刷新页面。
new EventSource('/dev/reload').addEventListener('changed', () => location.reload());
";

/// Tells open pages that the book has changed. Cheap to clone.
#[derive(Clone)]
pub struct Reloads {
    number: watch::Receiver<u64>,
    stop: CancellationToken,
}

/// Watches `folder` and rebuilds the book whenever something in it changes, until `stop`.
///
/// # Errors
/// The folder cannot be watched.
pub fn watch(folder: &Path, library: Library, stop: CancellationToken) -> anyhow::Result<Reloads> {
    // One place is enough: whoever finds it full knows that a change is on record already.
    let (changed, changes) = mpsc::channel::<()>(1);
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|event| !event.kind.is_access()) {
            let _ = changed.try_send(());
        }
    })?;
    watcher
        .watch(folder, notify::RecursiveMode::Recursive)
        .with_context(|| format!("无法监视书稿目录 {}", folder.display()))?;
    let (sender, number) = watch::channel(library.now().number);
    let reloads = Reloads { number, stop: stop.clone() };
    tokio::spawn(async move {
        tokio::select! {
            () = follow(changes, library, sender) => {}
            () = stop.cancelled() => {}
        }
        drop(watcher);
    });
    Ok(reloads)
}

async fn follow(mut changes: mpsc::Receiver<()>, library: Library, sender: watch::Sender<u64>) {
    while changes.recv().await.is_some() {
        while tokio::time::timeout(QUIET, changes.recv()).await.is_ok_and(|change| change.is_some()) {}
        let library = library.clone();
        match tokio::task::spawn_blocking(move || library.reload()).await {
            Ok(Ok(edition)) => {
                for problem in edition.site.problems.iter() {
                    tracing::warn!("{problem}");
                }
                sender.send_replace(edition.number);
            }
            Ok(Err(error)) => tracing::warn!("{error:#}"),
            Err(error) => tracing::error!(%error, "reading the book panicked"),
        }
    }
}

/// `GET /dev/reload`: one event for every change.
pub(crate) async fn reload(Shared(state): Shared<State>) -> Response {
    let Some(reloads) = state.reloads else { return StatusCode::NOT_FOUND.into_response() };
    Sse::new(events(reloads)).keep_alive(KeepAlive::default()).into_response()
}

fn events(reloads: Reloads) -> impl Stream<Item = Result<Event, Infallible>> {
    futures::stream::unfold(reloads, |mut reloads| async move {
        tokio::select! {
            changed = reloads.number.changed() => changed.ok()?,
            () = reloads.stop.cancelled() => return None,
        }
        let number = *reloads.number.borrow_and_update();
        Some((Ok(Event::default().event("changed").data(number.to_string())), reloads))
    })
}

/// `GET /dev/reload.js`
pub(crate) async fn script() -> impl axum::response::IntoResponse {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8"), (header::CACHE_CONTROL, "no-store")], SCRIPT)
}
