//! `/peer/…`: WebSockets whose other end is the reader's own browser, and what the server's code does with them.
//!
//! | path | what it is |
//! |---|---|
//! | `/peer/ws-echo` | sends back every message |
//! | `/peer/ws-chat` | a room shared by all readers, see [`api::peer`] |
//! | `/peer/observe` | tells a page what the server's code does with the page's sockets |
//!
//! The network here is the reader's own: there is no lan, so there are no frames and no kernel to show, only code.

mod chat;
mod chat_outbox;
mod clean;
mod echo;
mod observe;
mod observer;
mod room;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State};
use axum::response::Response;
use futures::{Sink, SinkExt as _};
use http::HeaderMap;
use serde::Deserialize;
use tokio::time::timeout;

use crate::config::Times;
use crate::sockets::{CLOSE_GRACE, Sockets, tune};
use observer::{Observer, Observers};
use room::Rooms;

/// What all peer sockets share. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Peer {
    inner: Arc<Shared>,
}

struct Shared {
    sockets: Sockets,
    times: Times,
    observers: Observers,
    rooms: Rooms,
}

impl Peer {
    pub(crate) fn new(sockets: Sockets, times: Times) -> Self {
        let (observers, rooms) = (Observers::default(), Rooms::default());
        Self { inner: Arc::new(Shared { sockets, times, observers, rooms }) }
    }
}

/// Query of a socket that may be observed.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Wish {
    /// From [`api::peer::FromObserver::Hello`]. Absent or unknown: nobody looks.
    observer: Option<String>,
}

/// `GET /peer/ws-echo`
pub(crate) async fn echo(
    State(peer): State<Peer>,
    Query(wish): Query<Wish>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    open(peer, wish, &headers, upgrade, |shared, socket, observer| async move {
        echo::session(&shared, socket, &observer).await;
    })
}

/// `GET /peer/ws-chat`
pub(crate) async fn chat(
    State(peer): State<Peer>,
    Query(wish): Query<Wish>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    open(peer, wish, &headers, upgrade, |shared, socket, observer| async move {
        chat::session(&shared, socket, &observer).await;
    })
}

/// `GET /peer/observe`
pub(crate) async fn observe(
    State(peer): State<Peer>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    open(peer, Wish::default(), &headers, upgrade, |shared, socket, _| async move {
        observe::session(&shared, socket).await;
    })
}

/// Checks the request and upgrades it; `session` owns the socket until its end.
fn open<Session, Work>(
    peer: Peer,
    wish: Wish,
    headers: &HeaderMap,
    upgrade: WebSocketUpgrade,
    session: Session,
) -> Response
where
    Session: FnOnce(Arc<Shared>, WebSocket, Observer) -> Work + Send + 'static,
    Work: Future<Output = ()> + Send,
{
    if let Err(refusal) = peer.inner.sockets.admit(headers) {
        return *refusal;
    }
    let observer = wish.observer.map_or_else(Observer::nobody, |id| peer.inner.observers.find(&id));
    tune(upgrade).on_upgrade(move |socket| async move {
        let _open = peer.inner.sockets.enter();
        session(Arc::clone(&peer.inner), socket, observer).await;
    })
}

/// The peer takes nothing any more, or is gone.
struct Gone;

/// Sends one message; the peer has `patience` to take it, and less when the server shuts down.
async fn send(
    shared: &Shared,
    sink: &mut (impl Sink<Message> + Unpin),
    patience: Duration,
    message: Message,
) -> Result<(), Gone> {
    let shutdown = async {
        shared.sockets.stop().cancelled().await;
        tokio::time::sleep(CLOSE_GRACE).await;
    };
    tokio::select! {
        sent = timeout(patience, sink.send(message)) => sent.map_err(|_| Gone)?.map_err(|_| Gone),
        () = shutdown => Err(Gone),
    }
}

fn close_frame(code: u16, reason: &'static str) -> Message {
    Message::Close(Some(CloseFrame { code, reason: Utf8Bytes::from_static(reason) }))
}

/// “1000 说完了”
fn told(frame: Option<&CloseFrame>) -> String {
    frame.map_or_else(|| "没有写码".into(), |frame| format!("{} {}", frame.code, frame.reason))
}
