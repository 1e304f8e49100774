//! `/live`: the WebSocket through which a page runs labs. See [`api::live`] for its messages.
//!
//! A session is one task with two sides that share a small bounded channel: `inbox` reads, checks and acts,
//! `outbox` writes at the reader's own pace. A slow reader only ever holds up its own outbox.

mod inbox;
mod outbox;
mod parse;
mod watched;

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::extract::{ConnectInfo, State};
use axum::response::Response;
use futures::StreamExt as _;
use http::HeaderMap;
use tokio::sync::mpsc;

use crate::config::Times;
use crate::runs::{ReaderId, Runs};
use crate::sockets::{CLOSE_GRACE, Sockets, tune};
use crate::store::Store;

/// Answers that may wait for the outbox of one socket.
const ANSWERS: usize = 16;

/// What all live sockets share. Cheap to clone.
#[derive(Clone)]
pub struct Live {
    pub(crate) inner: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) runs: Runs,
    pub(crate) store: Store,
    pub(crate) times: Times,
    pub(crate) sockets: Sockets,
    next_reader: AtomicU64,
}

impl Live {
    /// Sessions end when the server stops: they wait for their runs' last messages, then close with 1001.
    #[must_use]
    pub fn new(runs: Runs, store: Store, sockets: Sockets, times: Times) -> Self {
        let next_reader = AtomicU64::new(0);
        Self { inner: Arc::new(Shared { runs, store, times, sockets, next_reader }) }
    }
}

/// `GET /live`
pub async fn upgrade(
    State(live): State<Live>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    if let Err(refusal) = live.inner.sockets.admit(&headers) {
        return *refusal;
    }
    tune(upgrade).on_upgrade(move |socket| session(live, peer, socket))
}

async fn session(live: Live, peer: SocketAddr, socket: WebSocket) {
    let shared = live.inner;
    let reader: ReaderId = shared.next_reader.fetch_add(1, Ordering::Relaxed);
    let _open = shared.sockets.enter();
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
