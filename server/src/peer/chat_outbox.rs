//! `/peer/ws-chat`, the writing side: the room's news at this person's own pace.

use api::peer::{FromRoom, Passed};
use api::trace::Level;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use futures::stream::SplitSink;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc};
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::observer::Observer;
use super::{Gone, Shared, close_frame, send};
use crate::sockets::GOING_AWAY;

/// What the reading side wants written.
pub(super) enum Answer {
    Enter(Box<FromRoom>, broadcast::Receiver<Utf8Bytes>),
    Tell(Box<FromRoom>),
    Close { code: u16, reason: &'static str },
}

/// Writes until the reading side goes, the peer takes nothing any more, or the server shuts down.
pub(super) async fn write(
    shared: &Shared,
    sink: SplitSink<WebSocket, Message>,
    answers: mpsc::Receiver<Answer>,
    observer: &Observer,
) {
    let mut outbox = Outbox { shared, sink, observer, news: None, sent: 0 };
    if outbox.serve(answers).await.is_err() {
        observer.note(Level::Warn, || "对方不再接收，放弃这条连接".into());
    }
}

struct Outbox<'a> {
    shared: &'a Shared,
    sink: SplitSink<WebSocket, Message>,
    observer: &'a Observer,
    /// Since the person is in a room.
    news: Option<broadcast::Receiver<Utf8Bytes>>,
    /// Data messages so far.
    sent: u32,
}

impl Outbox<'_> {
    async fn serve(&mut self, mut answers: mpsc::Receiver<Answer>) -> Result<(), Gone> {
        let every = self.shared.times.ping;
        let mut pings = interval_at(Instant::now() + every, every);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                answer = answers.recv() => match answer {
                    Some(Answer::Enter(welcome, news)) => {
                        self.tell(&welcome).await?;
                        self.news = Some(news);
                    }
                    Some(Answer::Tell(message)) => self.tell(&message).await?,
                    Some(Answer::Close { code, reason }) => return self.close(code, reason).await,
                    None => return Ok(()),
                },
                () = self.shared.sockets.stop().cancelled() => return self.close(1001, GOING_AWAY).await,
                _ = pings.tick() => self.send(Message::Ping(bytes::Bytes::new())).await?,
                news = next(&mut self.news) => match news {
                    Ok(text) => self.text(text).await?,
                    // The oldest messages are gone for this one person. He is told, and goes on with what is kept.
                    Err(RecvError::Lagged(count)) => {
                        self.observer.note(Level::Warn, || format!("RecvError::Lagged({count})：他落后了，告诉他错过几条"));
                        self.tell(&FromRoom::Lagged { count }).await?;
                    }
                    Err(RecvError::Closed) => self.news = None,
                },
            }
        }
    }

    async fn tell(&mut self, message: &FromRoom) -> Result<(), Gone> {
        match crate::runs::text(message) {
            Some(text) => self.text(text).await,
            None => Ok(()),
        }
    }

    async fn text(&mut self, text: Utf8Bytes) -> Result<(), Gone> {
        self.observer.passes(Passed::Sent(self.sent), || format!("送出 {} 字节文本", text.len()));
        self.sent = self.sent.wrapping_add(1);
        self.send(Message::Text(text)).await
    }

    async fn close(&mut self, code: u16, reason: &'static str) -> Result<(), Gone> {
        self.observer.note(Level::Info, || format!("发出 Close：{code} {reason}"));
        self.send(close_frame(code, reason)).await
    }

    /// As long as a person who reads nothing at all is taken to be there: being slow is no reason to leave.
    async fn send(&mut self, message: Message) -> Result<(), Gone> {
        send(self.shared, &mut self.sink, self.shared.times.idle, message).await
    }
}

/// The next news of the room; never before there is one.
async fn next(news: &mut Option<broadcast::Receiver<Utf8Bytes>>) -> Result<Utf8Bytes, RecvError> {
    match news {
        Some(news) => news.recv().await,
        None => std::future::pending().await,
    }
}
