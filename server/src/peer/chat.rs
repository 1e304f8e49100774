//! `/peer/ws-chat`, the reading side: checks what a person sends and says it in the room.
//!
//! As on `/live`, a session is one task with two sides and a small channel between them: a person who is slow to read
//! holds up nobody else, not even his own words.

use std::pin::pin;

use api::peer::{FromRoom, MAX_NAME, MAX_TEXT, Passed, ToRoom};
use api::trace::Level;
use axum::extract::ws::{Message, WebSocket};
use futures::StreamExt as _;
use futures::stream::SplitStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::chat_outbox::{self, Answer};
use super::clean::clean;
use super::observer::Observer;
use super::room::Seat;
use super::{Shared, told};
use crate::sockets::{self, Bucket, CLOSE_GRACE};

/// Messages a person may send at once, and a second in the long run.
const BURST: u32 = 10;
const PER_SECOND: u32 = 5;
/// Messages beyond the rate after which the socket is closed.
const MOST_IGNORED: u32 = 100;
/// Answers that may wait for one outbox.
const ANSWERS: usize = 8;

pub(super) async fn session(shared: &Shared, socket: WebSocket, observer: &Observer) {
    observer.note(Level::Info, || "升级完成：等对方报上名字".into());
    let (sink, stream) = socket.split();
    let (answers, queue) = mpsc::channel(ANSWERS);
    let mut reading = pin!(read(shared, stream, answers, observer));
    let mut writing = pin!(chat_outbox::write(shared, sink, queue, observer));
    tokio::select! {
        () = &mut reading => {}
        () = &mut writing => {
            let _ = timeout(CLOSE_GRACE, reading).await;
        }
    }
    observer.note(Level::Info, || "连接结束".into());
}

/// Reads until the stream ends, also after a Close frame: only then has the peer got our answer to it.
async fn read(
    shared: &Shared,
    mut stream: SplitStream<WebSocket>,
    answers: mpsc::Sender<Answer>,
    observer: &Observer,
) {
    let bucket = Bucket::new(BURST, PER_SECOND, std::time::Instant::now());
    let mut reader =
        Reader { shared, answers, observer, seat: None, bucket, ignored: 0, received: 0, closing: false };
    // Who never says a name does not keep a socket.
    let opened = Instant::now();
    loop {
        let patience = match reader.seat {
            _ if reader.closing => CLOSE_GRACE,
            None => shared.times.header_read.saturating_sub(opened.elapsed()),
            Some(_) => shared.times.idle,
        };
        let message = match timeout(patience, stream.next()).await {
            Ok(Some(Ok(message))) => message,
            Ok(Some(Err(error))) => {
                // Nobody is there to hear it: nothing to wait for, the others see him leave now.
                let Some((code, reason)) = sockets::blame(&error) else { return };
                reader.close(code, reason).await;
                return reader.answers.closed().await;
            }
            Ok(None) => return,
            Err(_) if reader.closing => return,
            Err(_) if reader.seat.is_none() => {
                reader.close(1008, "迟迟没有报上名字").await;
                continue;
            }
            Err(_) => {
                reader.close(1000, "太久没有收到任何数据").await;
                continue;
            }
        };
        match message {
            Message::Text(text) if !reader.closing => reader.message(text.as_str()).await,
            Message::Binary(_) if !reader.closing => reader.close(1003, "只接受文本消息").await,
            Message::Close(frame) => {
                observer.note(Level::Info, || format!("对方要关闭：{}", told(frame.as_ref())));
                // Whatever the peer does from here on, the place is free.
                reader.seat = None;
                reader.closing = true;
            }
            _ => {}
        }
    }
}

struct Reader<'a> {
    shared: &'a Shared,
    answers: mpsc::Sender<Answer>,
    observer: &'a Observer,
    /// Since the person has said a name.
    seat: Option<Seat>,
    bucket: Bucket,
    /// Messages beyond the rate so far.
    ignored: u32,
    /// Data messages so far.
    received: u32,
    closing: bool,
}

impl Reader<'_> {
    async fn message(&mut self, text: &str) {
        self.observer.passes(Passed::Received(self.received), || format!("收到 {} 字节文本", text.len()));
        self.received = self.received.wrapping_add(1);
        if !self.bucket.take(std::time::Instant::now()) {
            return self.too_many().await;
        }
        let done = match serde_json::from_str(text) {
            Ok(ToRoom::Join { name, room }) => self.join(&name, &room).await,
            Ok(ToRoom::Say { text }) => self.say(&text),
            Err(_) => Err("看不懂这条消息".into()),
        };
        if let Err(message) = done {
            self.refuse(message).await;
        }
    }

    async fn join(&mut self, name: &str, room: &str) -> Result<(), String> {
        if self.seat.is_some() {
            return Err("已经在房间里了".into());
        }
        let name = bounded(clean(name), "名字")?;
        let room = bounded(clean(room), "房间名")?;
        let entered = self.shared.rooms.enter(&room, &name)?;
        self.observer.note(Level::Info, || format!("“{name}”进了“{room}”，订阅广播通道"));
        self.seat = Some(entered.seat);
        let _ = self.answers.send(Answer::Enter(Box::new(entered.welcome), entered.news)).await;
        Ok(())
    }

    fn say(&self, text: &str) -> Result<(), String> {
        let Some(seat) = &self.seat else { return Err("请先报上名字".into()) };
        let text = clean(text);
        match text.chars().count() {
            0 => return Err("空话不必说".into()),
            length if length > MAX_TEXT as usize => {
                return Err(format!("一次最多说 {MAX_TEXT} 个字"));
            }
            _ => {}
        }
        let people = seat.say(text);
        self.observer.note(Level::Info, || format!("放进广播通道，房间里有 {people} 人"));
        Ok(())
    }

    async fn too_many(&mut self) {
        self.ignored += 1;
        if self.ignored > MOST_IGNORED {
            return self.close(1008, "消息发送得太频繁").await;
        }
        self.refuse(format!("说得太快了，这一条没有送出（每秒最多 {PER_SECOND} 条）")).await;
    }

    async fn refuse(&self, message: String) {
        self.observer.note(Level::Warn, || format!("没有照办：{message}"));
        // Waits while the outbox is full: a peer that does not read its answers is not listened to.
        let _ = self.answers.send(Answer::Tell(Box::new(FromRoom::Refused { message }))).await;
    }

    async fn close(&mut self, code: u16, reason: &'static str) {
        self.closing = true;
        self.seat = None;
        let _ = self.answers.send(Answer::Close { code, reason }).await;
    }
}

fn bounded(text: String, what: &str) -> Result<String, String> {
    let length = text.chars().count();
    if (1..=MAX_NAME as usize).contains(&length) {
        return Ok(text);
    }
    Err(format!("{what}要有 1 到 {MAX_NAME} 个字"))
}
