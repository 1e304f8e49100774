//! `/peer/ws-echo`: sends back every message.

use api::peer::Passed;
use api::trace::Level;
use axum::extract::ws::{Message, WebSocket};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use super::observer::Observer;
use super::{Gone, Shared, close_frame, send, told};
use crate::sockets::{self, Bucket, CLOSE_GRACE, GOING_AWAY};

/// Messages at once, and a second in the long run. Who sends more is read more slowly: TCP makes him wait.
const BURST: u32 = 40;
const PER_SECOND: u32 = 20;

pub(super) async fn session(shared: &Shared, socket: WebSocket, observer: &Observer) {
    observer.note(Level::Info, || "升级完成：这条 TCP 连接从现在起传 WebSocket 帧".into());
    let bucket = Bucket::new(BURST, PER_SECOND, std::time::Instant::now());
    let mut echo = Echo { shared, socket, observer, bucket, received: 0, sent: 0 };
    if echo.serve().await.is_err() {
        observer.note(Level::Warn, || "对方不再接收，放弃这条连接".into());
    }
    observer.note(Level::Info, || "连接结束".into());
}

struct Echo<'a> {
    shared: &'a Shared,
    socket: WebSocket,
    observer: &'a Observer,
    bucket: Bucket,
    /// Data messages so far.
    received: u32,
    sent: u32,
}

impl Echo<'_> {
    /// Until the stream ends: the answer to a Close frame goes out while reading on.
    async fn serve(&mut self) -> Result<(), Gone> {
        let times = self.shared.times;
        let mut pings = interval_at(Instant::now() + times.ping, times.ping);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = Instant::now();
        loop {
            let message = tokio::select! {
                biased;
                () = self.shared.sockets.stop().cancelled() => return self.close(1001, GOING_AWAY).await,
                _ = pings.tick() => {
                    if heard.elapsed() > times.idle {
                        return self.close(1000, "太久没有收到任何数据").await;
                    }
                    send(self.shared, &mut self.socket, times.send, Message::Ping(bytes::Bytes::new())).await?;
                    continue;
                }
                message = self.socket.recv() => message,
            };
            heard = Instant::now();
            match message {
                Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => self.echo(message).await?,
                Some(Ok(Message::Ping(data))) => {
                    self.observer.note(Level::Info, || format!("收到 {} 字节的 Ping，回以 Pong", data.len()));
                }
                Some(Ok(Message::Pong(_))) => {
                    self.observer.note(Level::Debug, || "收到 Pong：对方还在".into());
                }
                Some(Ok(Message::Close(frame))) => {
                    self.observer.note(Level::Info, || format!("对方要关闭：{}", told(frame.as_ref())));
                }
                Some(Err(error)) => return self.refuse(&error).await,
                None => return Ok(()),
            }
        }
    }

    async fn echo(&mut self, message: Message) -> Result<(), Gone> {
        let (length, kind) = describe(&message);
        self.observer.passes(Passed::Received(self.received), || format!("收到 {length} 字节{kind}"));
        self.received = self.received.wrapping_add(1);
        self.bucket.wait().await;
        self.observer.passes(Passed::Sent(self.sent), || format!("发回 {length} 字节{kind}"));
        self.sent = self.sent.wrapping_add(1);
        send(self.shared, &mut self.socket, self.shared.times.send, message).await
    }

    /// The stream cannot be read any further: says why.
    async fn refuse(&mut self, error: &axum::Error) -> Result<(), Gone> {
        let Some((code, reason)) = sockets::blame(error) else { return Ok(()) };
        self.observer.note(Level::Warn, || format!("以 {code} 关闭：{reason}"));
        send(self.shared, &mut self.socket, self.shared.times.send, close_frame(code, reason)).await
    }

    /// Closes and reads on until the peer has agreed.
    async fn close(&mut self, code: u16, reason: &'static str) -> Result<(), Gone> {
        self.observer.note(Level::Info, || format!("发出 Close：{code} {reason}"));
        send(self.shared, &mut self.socket, self.shared.times.send, close_frame(code, reason)).await?;
        let agreed = async { while let Some(Ok(_)) = self.socket.recv().await {} };
        let _ = timeout(CLOSE_GRACE, agreed).await;
        Ok(())
    }
}

fn describe(message: &Message) -> (usize, &'static str) {
    match message {
        Message::Text(text) => (text.len(), "文本"),
        Message::Binary(data) => (data.len(), "二进制"),
        Message::Ping(data) | Message::Pong(data) => (data.len(), "控制帧"),
        Message::Close(_) => (0, "控制帧"),
    }
}
