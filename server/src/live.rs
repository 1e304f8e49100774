//! `/live`: the WebSocket through which a page runs labs. See [`api::live`] for its messages.
//!
//! A session is one task with two sides that share a small bounded channel: `inbox` reads, checks and acts,
//! `outbox` writes at the reader's own pace. A slow reader only ever holds up its own outbox.

mod bucket;
mod inbox;
mod origin;
mod outbox;
mod parse;
mod watched;

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::extract::{ConnectInfo, State};
use axum::response::{IntoResponse as _, Response};
use futures::StreamExt as _;
use http::{HeaderMap, StatusCode};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::config::Times;
use crate::runs::{ReaderId, Runs};
use crate::store::Store;
pub use origin::Origins;

/// Answers that may wait for the outbox of one socket.
const ANSWERS: usize = 16;
/// How long the peer has to answer our Close frame.
const CLOSE_GRACE: Duration = Duration::from_secs(1);

/// What all live sockets share. Cheap to clone.
#[derive(Clone)]
pub struct Live {
    pub(crate) inner: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) runs: Runs,
    pub(crate) store: Store,
    pub(crate) times: Times,
    origins: Origins,
    most: u64,
    next_reader: AtomicU64,
    open: watch::Sender<u64>,
    stop: CancellationToken,
}

impl Live {
    /// `most`: sockets at a time. Sessions end when `stop` is cancelled: they wait for their runs' last messages, then close with 1001.
    #[must_use]
    pub fn new(
        runs: Runs,
        store: Store,
        origins: Origins,
        most: u32,
        times: Times,
        stop: CancellationToken,
    ) -> Self {
        let (next_reader, open) = (AtomicU64::new(0), watch::Sender::new(0));
        Self {
            inner: Arc::new(Shared {
                runs,
                store,
                times,
                origins,
                most: most.into(),
                next_reader,
                open,
                stop,
            }),
        }
    }

    /// Returns when no socket is open any more.
    pub async fn closed(&self) {
        let mut open = self.inner.open.subscribe();
        // The sender is in `inner`, which we hold.
        let _ = open.wait_for(|open| *open == 0).await;
    }

    /// Sockets open now.
    #[must_use]
    pub fn open(&self) -> u64 {
        *self.inner.open.borrow()
    }
}

/// `GET /live`
pub async fn upgrade(
    State(live): State<Live>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    if !live.inner.origins.permit(&headers) {
        return (StatusCode::FORBIDDEN, "只接受来自本站页面的连接").into_response();
    }
    if live.open() >= live.inner.most || live.inner.stop.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, "连接太多了，请稍后再试").into_response();
    }
    tune(upgrade).on_upgrade(move |socket| session(live, peer, socket))
}

/// Bounds of every WebSocket of this server. With axum's own buffers an idle socket takes 134 kB.
pub fn tune(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    let most = api::live::MAX_CLIENT_MESSAGE as usize;
    upgrade.read_buffer_size(4096).write_buffer_size(4096).max_message_size(most).max_frame_size(most)
}

async fn session(live: Live, peer: SocketAddr, socket: WebSocket) {
    let shared = live.inner;
    let reader: ReaderId = shared.next_reader.fetch_add(1, Ordering::Relaxed);
    let _open = Open::enter(&shared.open);
    let (sink, stream) = socket.split();
    let (answers, queue) = mpsc::channel(ANSWERS);
    let mut inbox = pin!(inbox::read(&shared, reader, peer.ip(), stream, answers));
    let mut outbox = pin!(outbox::write(&shared, reader, sink, queue));
    tokio::select! {
        // The peer has closed or is gone; its Close frame has been answered while reading.
        () = &mut inbox => {}
        // We have closed: read on until the peer has agreed.
        () = &mut outbox => {
            let _ = tokio::time::timeout(CLOSE_GRACE, inbox).await;
        }
    }
}

/// Counts open sockets.
struct Open<'a>(&'a watch::Sender<u64>);

impl<'a> Open<'a> {
    fn enter(count: &'a watch::Sender<u64>) -> Self {
        count.send_modify(|count| *count += 1);
        Self(count)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}
