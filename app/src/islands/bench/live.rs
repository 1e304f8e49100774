//! The page's one `/live` socket, shared by all benches on it.
//!
//! Opened at the first run, opened again with growing, jittered pauses while a run is unfinished. A run is
//! resumed by `watch` from the last event that arrived, so nothing is lost or shown twice.

use crate::pauses::Pauses;
use api::live::{ClientMessage, ServerMessage};
use futures::channel::mpsc;
use futures::stream::SplitSink;
use futures::{SinkExt, StreamExt};
use gloo_net::websocket::{Message, futures::WebSocket};
use leptos::prelude::*;
use leptos::task::spawn_local;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Messages that may wait for the socket; a page never sends that many at once.
const OUTGOING: usize = 64;

/// State of the socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Link {
    /// Not needed so far, or closed while nothing ran.
    #[default]
    Closed,
    Opening,
    Open,
    /// Broke while a run was unfinished; opened again soon.
    Waiting,
}

type Receiver = Rc<dyn Fn(ServerMessage)>;

/// One bench's run as the socket sees it.
struct Watcher {
    receive: Receiver,
    start: ClientMessage,
    run: Option<String>,
    last_seq: Option<u32>,
}

#[derive(Default)]
struct Live {
    link: ArcRwSignal<Link>,
    /// By the `request` of its start message; only unfinished runs.
    watchers: BTreeMap<u32, Watcher>,
    next_request: u32,
    /// Into the open socket.
    outgoing: Option<mpsc::Sender<String>>,
    /// The task that opens the socket is alive.
    busy: bool,
}

thread_local! {
    static LIVE: RefCell<Live> = RefCell::default();
}

/// State of the page's socket. Browser only.
pub(crate) fn link() -> ArcRwSignal<Link> {
    LIVE.with_borrow(|live| live.link.clone())
}

/// Starts a run: `start` makes the message from its request number. What the server says about it goes to `receive`.
pub(crate) fn start(
    start: impl FnOnce(u32) -> ClientMessage,
    receive: impl Fn(ServerMessage) + 'static,
) -> u32 {
    let (request, open) = LIVE.with_borrow_mut(|live| {
        let request = live.next_request;
        live.next_request += 1;
        let start = start(request);
        live.send(&start);
        live.watchers
            .insert(request, Watcher { receive: Rc::new(receive), start, run: None, last_seq: None });
        (request, !std::mem::replace(&mut live.busy, true))
    });
    if open {
        spawn_local(keep_open());
    }
    request
}

/// Sends a message about a running run; dropped if there is no socket now.
pub(crate) fn send(message: &ClientMessage) {
    LIVE.with_borrow_mut(|live| live.send(message));
}

/// No longer interested in a run.
pub(crate) fn forget(request: u32) {
    LIVE.with_borrow_mut(|live| live.watchers.remove(&request));
}

impl Live {
    fn send(&mut self, message: &ClientMessage) {
        if let (Some(outgoing), Ok(text)) = (&mut self.outgoing, serde_json::to_string(message))
            && outgoing.try_send(text).is_err()
        {
            self.outgoing = None;
        }
    }

    /// After the socket opened: starts what was never answered, resumes what was.
    fn resume(&mut self) {
        let messages: Vec<_> = self
            .watchers
            .values()
            .map(|watcher| match &watcher.run {
                Some(run) => ClientMessage::Watch { run: run.clone(), after_seq: watcher.last_seq },
                None => watcher.start.clone(),
            })
            .collect();
        for message in &messages {
            self.send(message);
        }
    }

    /// Notes what the message says about its run and names who wants it.
    fn route(&mut self, message: &ServerMessage) -> Vec<Receiver> {
        use ServerMessage as M;
        let (request, run) = match message {
            M::Hello { .. } => (None, None),
            M::Queued { request, run, .. } => (Some(*request), Some(run)),
            M::Started { request, run, .. } => (*request, Some(run)),
            M::Error { request, run, .. } => (*request, run.as_ref()),
            M::Host { run, .. }
            | M::Events { run, .. }
            | M::Thinned { run, .. }
            | M::Finished { run, .. } => (None, Some(run)),
        };
        let to_all = request.is_none() && run.is_none();
        let mut receivers = Vec::new();
        for (number, watcher) in &mut self.watchers {
            let mine = request == Some(*number) || run.is_some() && watcher.run.as_ref() == run;
            if !mine && !to_all {
                continue;
            }
            receivers.push(watcher.receive.clone());
            if let (true, Some(run)) = (request == Some(*number), run) {
                watcher.run = Some(run.clone());
            }
            if let M::Events { events, .. } = message {
                watcher.last_seq = events.iter().map(|event| event.seq).chain(watcher.last_seq).max();
            }
        }
        receivers
    }
}

async fn keep_open() {
    let mut pauses = Pauses::default();
    loop {
        set_link(Link::Opening);
        if conversation().await {
            pauses = Pauses::default();
        }
        let wanted = LIVE.with_borrow_mut(|live| {
            live.outgoing = None;
            live.busy = !live.watchers.is_empty();
            live.busy
        });
        if !wanted {
            set_link(Link::Closed);
            return;
        }
        set_link(Link::Waiting);
        pauses.wait().await;
    }
}

/// Opens the socket and reads until it ends. True if the server said anything.
async fn conversation() -> bool {
    let Some(socket) = url().and_then(|url| WebSocket::open(&url).ok()) else { return false };
    let (sink, mut stream) = socket.split();
    let (outgoing, queue) = mpsc::channel(OUTGOING);
    spawn_local(forward(queue, sink));
    LIVE.with_borrow_mut(|live| {
        live.outgoing = Some(outgoing);
        live.resume();
    });
    let mut answered = false;
    while let Some(Ok(message)) = stream.next().await {
        if !answered {
            set_link(Link::Open);
            answered = true;
        }
        let Message::Text(text) = message else { continue };
        match serde_json::from_str(&text) {
            Ok(message) => dispatch(&message),
            Err(error) => leptos::logging::warn!("/live: {error}"),
        }
    }
    answered
}

async fn forward(mut queue: mpsc::Receiver<String>, mut sink: SplitSink<WebSocket, Message>) {
    while let Some(text) = queue.next().await {
        if sink.send(Message::Text(text)).await.is_err() {
            return;
        }
    }
}

fn dispatch(message: &ServerMessage) {
    // Receivers may call back into this module: no borrow may be held while they run.
    let receivers = LIVE.with_borrow_mut(|live| live.route(message));
    for receive in receivers {
        receive(message.clone());
    }
}

fn set_link(link: Link) {
    LIVE.with_borrow(|live| live.link.clone()).set(link);
}

fn url() -> Option<String> {
    let location = window().location();
    let scheme = if location.protocol().ok()? == "https:" { "wss" } else { "ws" };
    Some(format!("{scheme}://{}/live", location.host().ok()?))
}
