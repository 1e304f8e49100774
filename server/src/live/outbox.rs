//! The writing side of a live socket.

use std::time::Duration;

use api::live::ServerMessage;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use futures::SinkExt as _;
use futures::stream::SplitSink;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, timeout};

use super::Shared;
use super::watched::{Next, Watched};
use crate::runs::ReaderId;
use crate::sockets::GOING_AWAY;

/// Runs one socket may follow at a time; the oldest is let go.
const MOST_WATCHED: usize = 4;
/// At shutdown, how long runs have to report their end.
const FAREWELL: Duration = Duration::from_millis(2_800);

/// What the inbox wants written.
pub(super) enum Answer {
    Message(Box<ServerMessage>),
    Watch(Box<Watched>),
    Close { code: u16, reason: &'static str },
}

type Sink = SplitSink<WebSocket, Message>;

/// Writes until the inbox goes, the peer takes nothing any more, or the server shuts down.
pub(super) async fn write(
    shared: &Shared,
    reader: ReaderId,
    sink: Sink,
    mut answers: mpsc::Receiver<Answer>,
) {
    let mut outbox = Outbox { shared, reader, sink, watched: Vec::new() };
    // Every early return means that the peer is gone.
    let _gone = outbox.serve(&mut answers).await;
}

struct Outbox<'a> {
    shared: &'a Shared,
    reader: ReaderId,
    sink: Sink,
    watched: Vec<Watched>,
}

struct Gone;

enum Event {
    Answer(Option<Answer>),
    Progress,
    Ping,
    Shutdown,
    Farewell,
}

impl Outbox<'_> {
    async fn serve(&mut self, answers: &mut mpsc::Receiver<Answer>) -> Result<(), Gone> {
        let hello = ServerMessage::Hello { version: api::trace::VERSION, tier: self.shared.runs.tier() };
        self.send_message(&hello).await?;
        let mut pings =
            tokio::time::interval_at(Instant::now() + self.shared.times.ping, self.shared.times.ping);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut farewell: Option<Instant> = None;
        loop {
            // One message for each run, then a look at what else there is: no run starves another or an answer.
            let more = self.advance().await?;
            if farewell.is_some() && self.watched.is_empty() {
                return self.close(1001, GOING_AWAY).await;
            }
            let shared = self.shared;
            let event = tokio::select! {
                biased;
                answer = answers.recv() => Event::Answer(answer),
                () = shared.sockets.stop().cancelled(), if farewell.is_none() => Event::Shutdown,
                () = at(farewell) => Event::Farewell,
                _ = pings.tick() => Event::Ping,
                () = std::future::ready(()), if more => Event::Progress,
                () = any_changed(&mut self.watched), if !more => Event::Progress,
            };
            match event {
                Event::Answer(Some(Answer::Message(message))) => self.send_message(&message).await?,
                Event::Answer(Some(Answer::Watch(watched))) => self.watch(*watched),
                Event::Answer(Some(Answer::Close { code, reason })) => return self.close(code, reason).await,
                Event::Answer(None) => return Ok(()),
                Event::Progress => {}
                Event::Ping => self.send(Message::Ping(bytes::Bytes::new())).await?,
                Event::Shutdown => farewell = Some(Instant::now() + FAREWELL),
                Event::Farewell => return self.close(1001, GOING_AWAY).await,
            }
        }
    }

    fn watch(&mut self, watched: Watched) {
        self.watched.retain(|other| other.run.id != watched.run.id);
        if self.watched.len() == MOST_WATCHED {
            self.watched.remove(0);
        }
        self.watched.push(watched);
    }

    /// Sends at most one message of every run; true if there may be more at once.
    async fn advance(&mut self) -> Result<bool, Gone> {
        let mut more = false;
        let mut index = 0;
        while let Some(watched) = self.watched.get_mut(index) {
            match watched.next(self.shared.times.lag) {
                Next::Message(text) => {
                    let begun = Instant::now();
                    send(&mut self.sink, self.shared.times.send, Message::Text(text)).await?;
                    if let Some(watched) = self.watched.get_mut(index) {
                        watched.took(begun.elapsed());
                    }
                    more = true;
                    index += 1;
                }
                Next::Nothing => index += 1,
                Next::Over => {
                    self.watched.remove(index);
                }
            }
        }
        Ok(more)
    }

    async fn close(&mut self, code: u16, reason: &'static str) -> Result<(), Gone> {
        let reason = Utf8Bytes::from_static(reason);
        self.send(Message::Close(Some(CloseFrame { code, reason }))).await
    }

    async fn send_message(&mut self, message: &ServerMessage) -> Result<(), Gone> {
        match crate::runs::text(message) {
            Some(text) => self.send(Message::Text(text)).await,
            None => Ok(()),
        }
    }

    async fn send(&mut self, message: Message) -> Result<(), Gone> {
        send(&mut self.sink, self.shared.times.send, message).await
    }
}

impl Drop for Outbox<'_> {
    fn drop(&mut self) {
        for watched in &self.watched {
            watched.run.release(self.reader);
        }
    }
}

async fn send(sink: &mut Sink, patience: Duration, message: Message) -> Result<(), Gone> {
    match timeout(patience, sink.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Gone),
    }
}

async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

async fn any_changed(watched: &mut [Watched]) {
    if watched.is_empty() {
        return std::future::pending().await;
    }
    futures::future::select_all(watched.iter_mut().map(|watched| Box::pin(watched.changed()))).await;
}
