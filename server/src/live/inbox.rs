//! The reading side of a live socket: checks every message, acts on it, and answers through the outbox.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use api::line::{InvalidField, Line};
use api::live::{ClientMessage, ServerMessage};
use api::run::{Tier, ToRun};
use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use futures::StreamExt as _;
use futures::stream::SplitStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::outbox::Answer;
use super::watched::Watched;
use super::{Shared, parse};
use crate::catalog;
use crate::request::{self, Wish};
use crate::runs::{ReaderId, Run};
use crate::sockets::{self, Bucket};

/// Messages a reader may send at once, and a second in the long run.
const BURST: u32 = 40;
const PER_SECOND: u32 = 20;
/// Messages beyond the rate after which the socket is closed.
const MOST_IGNORED: u32 = 400;
/// Between two answers that say so.
const SAY_SO: Duration = Duration::from_secs(1);

/// Reads until the stream ends, also after a Close frame: only then has the peer got our answer to it.
pub(super) async fn read(
    shared: &Shared,
    reader: ReaderId,
    address: IpAddr,
    mut stream: SplitStream<WebSocket>,
    answers: mpsc::Sender<Answer>,
) {
    let mut inbox = Inbox {
        shared,
        reader,
        address,
        answers,
        bucket: Bucket::new(BURST, PER_SECOND, std::time::Instant::now()),
        ignored: 0,
        said: None,
    };
    let mut closing = false;
    loop {
        let message = match timeout(shared.times.idle, stream.next()).await {
            Ok(Some(Ok(message))) => message,
            Ok(Some(Err(error))) => {
                // The stream cannot be read any further: say why before leaving (RFC 6455, section 7.4.1).
                let Some((code, reason)) = sockets::blame(&error) else { return };
                inbox.answer(Answer::Close { code, reason }).await;
                return inbox.answers.closed().await;
            }
            Ok(None) => return,
            Err(_) if closing => return,
            Err(_) => {
                inbox.answer(Answer::Close { code: 1000, reason: "太久没有收到任何数据" }).await;
                closing = true;
                continue;
            }
        };
        match message {
            Message::Text(text) if !closing => inbox.message(&text).await,
            Message::Binary(_) if !closing => {
                inbox.error(None, None, invalid("", "只接受文本消息")).await;
            }
            Message::Close(_) => closing = true,
            Message::Text(_) | Message::Binary(_) | Message::Ping(_) | Message::Pong(_) => {}
        }
    }
}

struct Inbox<'a> {
    shared: &'a Shared,
    reader: ReaderId,
    address: IpAddr,
    answers: mpsc::Sender<Answer>,
    bucket: Bucket,
    /// Messages beyond the rate so far.
    ignored: u32,
    said: Option<Instant>,
}

impl Inbox<'_> {
    async fn message(&mut self, text: &Utf8Bytes) {
        if !self.bucket.take(std::time::Instant::now()) {
            return self.too_many().await;
        }
        match parse::parse(text.as_str()) {
            Ok(message) => self.act(message).await,
            Err(error) => {
                // So that the page can tell which of its requests failed, if the message got that far.
                let value = serde_json::from_str::<serde_json::Value>(text.as_str()).unwrap_or_default();
                let request = value["request"].as_u64().and_then(|request| u32::try_from(request).ok());
                let run = value["run"].as_str().map(str::to_owned);
                self.error(request, run, error).await;
            }
        }
    }

    async fn act(&mut self, message: ClientMessage) {
        match message {
            ClientMessage::Start { request, lab, params, lines, seed, congestion } => {
                let wish = Wish { lab, params, lines, seed, congestion };
                if let Err(error) = self.start(request, wish).await {
                    self.error(Some(request), None, error).await;
                }
            }
            ClientMessage::Watch { run, after_seq } => {
                if let Err(error) = self.watch(&run, after_seq).await {
                    self.error(None, Some(run), error).await;
                }
            }
            ClientMessage::Input { run, text } => {
                let done = self.own(&run).and_then(|found| input(&found, text));
                self.done(run, done).await;
            }
            ClientMessage::Line { run, host, line } => {
                let tier = self.shared.runs.tier().tier;
                let done = self.own(&run).and_then(|found| change_line(&found, tier, host, line));
                self.done(run, done).await;
            }
            ClientMessage::Stop { run } => {
                let done = self.own(&run).map(|found| found.stop());
                self.done(run, done).await;
            }
        }
    }

    async fn start(&mut self, request: u32, wish: Wish) -> Result<(), InvalidField> {
        let runs = &self.shared.runs;
        let checked = request::for_reader(wish, &runs.tier(), self.reader, self.address)?;
        let (run, progress) = runs.start(checked).map_err(|refusal| invalid("lab", refusal.to_string()))?;
        self.answer(Answer::Watch(Box::new(Watched::started_here(run, progress, request)))).await;
        Ok(())
    }

    async fn watch(&mut self, id: &str, after_seq: Option<u32>) -> Result<(), InvalidField> {
        if let Some(run) = self.shared.runs.find(id) {
            run.claim(self.reader, self.address);
            self.answer(Answer::Watch(Box::new(Watched::resumed(run, after_seq)))).await;
            return Ok(());
        }
        // Over for long: say how it ended; the page fetches the rest from /traces/.
        let summary = self.shared.store.summary(id).await.map_err(|error| {
            tracing::error!(?error, "a trace could not be looked up");
            invalid("run", "暂时无法查询这次运行，请稍后再试")
        })?;
        let Some(summary) = summary else {
            return Err(invalid("run", "找不到这次运行，它可能已经结束并过期"));
        };
        let run = id.to_owned();
        let events = summary.events.saturating_sub(after_seq.map_or(0, |seq| seq.saturating_add(1)));
        if events > 0 {
            self.answer(message(ServerMessage::Thinned { run: run.clone(), events })).await;
        }
        let (outcome, left_out) = (summary.outcome, summary.left_out);
        let trace = Some(run.clone());
        self.answer(message(ServerMessage::Finished { run, outcome, left_out, trace })).await;
        Ok(())
    }

    /// A run that this reader may direct.
    fn own(&self, id: &str) -> Result<Arc<Run>, InvalidField> {
        let run =
            self.shared.runs.find(id).ok_or_else(|| invalid("run", "找不到这次运行，它可能已经结束"))?;
        if run.is_owned_by(self.reader) {
            return Ok(run);
        }
        Err(invalid("run", "只有启动这次运行的人可以操作它"))
    }

    async fn done(&mut self, run: String, result: Result<(), InvalidField>) {
        if let Err(error) = result {
            self.error(None, Some(run), error).await;
        }
    }

    async fn too_many(&mut self) {
        self.ignored += 1;
        if self.ignored > MOST_IGNORED {
            return self.answer(Answer::Close { code: 1008, reason: "消息发送得太频繁" }).await;
        }
        if self.said.is_none_or(|said| said.elapsed() >= SAY_SO) {
            self.said = Some(Instant::now());
            let message = format!("消息太频繁，这一条没有处理（每秒最多 {PER_SECOND} 条）");
            self.error(None, None, invalid("", message)).await;
        }
    }

    async fn error(&mut self, request: Option<u32>, run: Option<String>, error: InvalidField) {
        let run = run.map(|run| run.chars().take(64).collect());
        let InvalidField { field, message: text } = error;
        self.answer(message(ServerMessage::Error { request, run, field, message: text })).await;
    }

    /// Waits while the outbox is full: a peer that does not read its answers is not listened to.
    async fn answer(&mut self, answer: Answer) {
        // An outbox that has gone means that the socket is closing; the stream is read to its end all the same.
        let _ = self.answers.send(answer).await;
    }
}

/// A line the reader typed.
fn input(run: &Run, text: String) -> Result<(), InvalidField> {
    let input = catalog::find(&run.spec.lab).and_then(|lab| lab.info.input.as_ref());
    let Some(input) = input else {
        return Err(invalid("text", "这个实验不接受输入"));
    };
    if text.chars().count() > input.max_length as usize {
        return Err(invalid("text", format!("一行最多 {} 个字", input.max_length)));
    }
    if text.contains(['\n', '\r']) {
        return Err(invalid("text", "一次只能输入一行"));
    }
    run.command(ToRun::Input { text }).map_err(|error| invalid("text", error))
}

fn change_line(run: &Run, tier: Tier, host: String, line: Line) -> Result<(), InvalidField> {
    if tier == Tier::Loopback {
        return Err(invalid("line", "这台机器上的主机都在本机环回接口上，没有可以调节的线路"));
    }
    if let Some(lab) = catalog::find(&run.spec.lab) {
        request::check_host(&lab.info, &host).map_err(|message| invalid("host", message))?;
    }
    line.validate().map_err(|error| invalid(&format!("line.{}", error.field), error.message))?;
    run.command(ToRun::Line { host, line }).map_err(|error| invalid("line", error))
}

fn message(message: ServerMessage) -> Answer {
    Answer::Message(Box::new(message))
}

fn invalid(field: &str, message: impl Into<String>) -> InvalidField {
    InvalidField { field: field.into(), message: message.into() }
}
