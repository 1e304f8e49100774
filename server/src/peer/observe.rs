//! The socket of an observer: answers questions about the clock and passes on what the page's other sockets do.

use std::pin::pin;
use std::time::Duration;

use api::peer::{FromObserver, ToObserver};
use axum::extract::ws::{Message, WebSocket};
use futures::StreamExt as _;
use futures::stream::{SplitSink, SplitStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use super::observer::Registered;
use super::{Gone, Shared, close_frame, send};
use crate::sockets::{self, Bucket, CLOSE_GRACE, GOING_AWAY};

/// Questions about the clock at once, and a second in the long run.
const BURST: u32 = 20;
const PER_SECOND: u32 = 5;
/// Events in one message.
const BATCH: usize = 64;
/// At shutdown, how long the page's other sockets have to report their end.
const FAREWELL: Duration = Duration::from_millis(1_500);

type Sink = SplitSink<WebSocket, Message>;

/// What the reading side wants written.
enum Answer {
    /// The time, for the question with this number.
    Clock(u32),
    Close(u16, &'static str),
}

pub(super) async fn session(shared: &Shared, socket: WebSocket) {
    let (sink, stream) = socket.split();
    let (answers, queue) = mpsc::channel(4);
    let mut reading = pin!(read(shared, stream, answers));
    let mut writing = pin!(write(shared, sink, queue));
    tokio::select! {
        () = &mut reading => {}
        _ = &mut writing => {
            let _ = timeout(CLOSE_GRACE, reading).await;
        }
    }
}

/// Reads until the stream ends, or until nothing came for long; no faster than the rate.
async fn read(shared: &Shared, mut stream: SplitStream<WebSocket>, answers: mpsc::Sender<Answer>) {
    let mut bucket = Bucket::new(BURST, PER_SECOND, std::time::Instant::now());
    while let Ok(Some(message)) = timeout(shared.times.idle, stream.next()).await {
        let text = match message {
            Ok(Message::Text(text)) => text,
            Ok(_) => continue,
            Err(error) => {
                let Some((code, reason)) = sockets::blame(&error) else { return };
                let _ = answers.send(Answer::Close(code, reason)).await;
                return answers.closed().await;
            }
        };
        bucket.wait().await;
        if let Ok(ToObserver::Clock { probe }) = serde_json::from_str(text.as_str()) {
            // If nobody takes it we are closing: read on until the peer agrees.
            let _ = answers.send(Answer::Clock(probe)).await;
        }
    }
}

async fn write(shared: &Shared, mut sink: Sink, mut queue: mpsc::Receiver<Answer>) -> Result<(), Gone> {
    let mut observer = shared.observers.open();
    let patience = shared.times.send;
    tell(shared, &mut sink, &FromObserver::Hello { observer: observer.id.clone() }).await?;
    let mut pings = interval_at(Instant::now() + shared.times.ping, shared.times.ping);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut events = Vec::with_capacity(BATCH);
    loop {
        tokio::select! {
            biased;
            answer = queue.recv() => match answer {
                Some(Answer::Clock(probe)) => {
                    tell(shared, &mut sink, &FromObserver::Clock { probe, time: observer.now() }).await?;
                }
                Some(Answer::Close(code, reason)) => {
                    return send(shared, &mut sink, patience, close_frame(code, reason)).await;
                }
                None => return Ok(()),
            },
            _ = observer.events.recv_many(&mut events, BATCH) => {
                tell_seen(shared, &mut sink, &observer, &mut events).await?;
            }
            _ = pings.tick() => send(shared, &mut sink, patience, Message::Ping(bytes::Bytes::new())).await?,
            () = shared.sockets.stop().cancelled() => break,
        }
    }
    // The other sockets of the page say goodbye too; let it see that.
    observer.retire();
    let last = Instant::now() + FAREWELL;
    while let Ok(n) = tokio::time::timeout_at(last, observer.events.recv_many(&mut events, BATCH)).await {
        if n == 0 {
            break;
        }
        tell_seen(shared, &mut sink, &observer, &mut events).await?;
    }
    send(shared, &mut sink, patience, close_frame(1001, GOING_AWAY)).await
}

async fn tell_seen(
    shared: &Shared,
    sink: &mut Sink,
    observer: &Registered<'_>,
    events: &mut Vec<api::peer::Seen>,
) -> Result<(), Gone> {
    tell(shared, sink, &FromObserver::Seen { events: std::mem::take(events) }).await?;
    match observer.left_out() {
        0 => Ok(()),
        events => tell(shared, sink, &FromObserver::LeftOut { events }).await,
    }
}

async fn tell(shared: &Shared, sink: &mut Sink, message: &FromObserver) -> Result<(), Gone> {
    match crate::runs::text(message) {
        Some(text) => send(shared, sink, shared.times.send, Message::Text(text)).await,
        None => Ok(()),
    }
}
