//! Tokio 上的 TCP：一个线程照看许多连接，超时、取消会丢掉什么，以及有序地停机。（指南 4.1）

use std::collections::HashSet;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use garde::Validate;
use lan::{Host, Lan};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::select;
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Interval, interval_at, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{Lab, Open, Server};

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TokioTcp {
    /// 连接数
    /// 第一幕里同时发问的客户端。
    #[garde(range(min = 1, max = 400))]
    connections: u32,
    /// 每个请求要办多久（毫秒）
    /// 服务器办事时在 `.await`，好比在等数据库。
    #[garde(range(min = 10, max = 500))]
    work_ms: u32,
    /// 沉默多久就请走（毫秒）
    /// 服务器等下一个请求的耐心；应当比一个请求要办的时间长。
    #[garde(range(min = 20, max = 2000))]
    idle_ms: u32,
    /// 定时器的间隔（毫秒）
    /// 第四幕里，它每响一次，就取消一次正在进行的读取。
    #[garde(range(min = 5, max = 1000))]
    tick_ms: u32,
    /// 停机的宽限（毫秒）
    /// 喊停以后，还愿意等正在办的请求多久。
    #[garde(range(min = 0, max = 2000))]
    grace_ms: u32,
}

impl Default for TokioTcp {
    fn default() -> Self {
        Self { connections: 24, work_ms: 80, idle_ms: 200, tick_ms: 20, grace_ms: 500 }
    }
}

impl Lab for TokioTcp {
    const SLUG: &'static str = "tokio-tcp";
    const TITLE: &'static str = "Tokio 上的 TCP";
    const SUMMARY: &'static str =
        "一个线程同时照看许多连接；超时请走沉默的客人；取消一个 future 丢掉了什么；停机时谁等得到回答。";
    const HOSTS: &'static [&'static str] = &["server", "client"];
    const OPEN: Option<Open> = Some(Open {
        url: "tcp://{}",
        server: Server::Tcp(|listener| {
            Box::pin(async {
                let Self { work_ms, grace_ms, .. } = Self::default();
                let [work, grace] = [work_ms, grace_ms].map(|ms| Duration::from_millis(ms.into()));
                // 人打字比程序慢：多等一会儿。
                let rules =
                    Rules { work, idle: Duration::from_secs(60), grace, now: watch::Sender::default() };
                serve(TcpListener::from_std(listener)?, &rules, &CancellationToken::new()).await?;
                Ok(())
            })
        }),
    });

    async fn run(self, mut lan: Lan) -> anyhow::Result<()> {
        let server = lan.host("server")?;
        let client = lan.host("client")?;
        let ms = |ms: u32| Duration::from_millis(ms.into());
        let work = ms(self.work_ms);
        let (now, mut seen) = watch::channel(Now::default());
        let rules = Rules { work, idle: ms(self.idle_ms), grace: ms(self.grace_ms), now };
        let stop = CancellationToken::new();
        let listener = listen(&server).await?;
        let address = listener.local_addr()?;
        let serving = server.spawn({
            let stop = stop.clone();
            move || async move { serve(TcpListener::from_std(listener)?, &rules, &stop).await }
        });

        lan.section("一个线程，许多连接");
        let count = self.connections;
        let started = Instant::now();
        let streams = client.spawn(move || crowd(address, count)).await?;
        lan.measured(Some(&client), "全部得到回答", started.elapsed().as_secs_f64() * 1e3, "ms");
        lan.measured(Some(&client), "得到回答的客户端", streams.len() as f64, "个");
        client.spawn(move || async move { drop(streams) }).await?;
        timeout(PATIENCE, seen.wait_for(|now| now.present == 0)).await.context("服务器没有送走客人")??;

        lan.section("超时：请走沉默的客人");
        let stayed = client.spawn(move || keep_silent(address)).await??;
        lan.measured(Some(&client), "沉默多久以后被请走", stayed.as_secs_f64() * 1e3, "ms");

        lan.section("取消的只是等待");
        let answer = client.spawn(move || impatient(address, work / 2)).await??;
        lan.measured(Some(&client), "张冠李戴的回答", f64::from(u8::from(answer != *SECOND)), "个");

        lan.section("取消与读到一半的消息");
        let tick = ms(self.tick_ms);
        let lost = halves(&server, &client, move |stream| read_wrong(stream, tick)).await?;
        lan.measured(Some(&server), "read_exact：完好的消息", lost, "条");
        let kept = halves(&server, &client, move |stream| read_right(stream, tick)).await?;
        lan.measured(Some(&server), "缓冲区在外：完好的消息", kept, "条");

        lan.section("有序地停机");
        let idle = client.spawn(move || TcpStream::connect(address)).await??;
        let asking = client.spawn(move || async move { ask(address, b"last").await.map(drop) });
        timeout(PATIENCE, seen.wait_for(|now| now.busy > 0)).await.context("请求没有到达服务器")??;
        let started = Instant::now();
        stop.cancel();
        let answered = asking.await?;
        let tally = serving.await??;
        lan.measured(Some(&server), "从喊停到全部结束", started.elapsed().as_secs_f64() * 1e3, "ms");
        let refused = client.spawn(move || TcpStream::connect(address)).await?.is_err();
        lan.measured(
            Some(&client),
            "停机时正在办的请求得到回答",
            f64::from(u8::from(answered.is_ok())),
            "个",
        );
        lan.measured(Some(&client), "停机后的新连接被拒绝", f64::from(u8::from(refused)), "个");
        client.spawn(move || async move { drop(idle) }).await?;
        tally.report(&lan, &server);
        lan.settle(Duration::from_millis(100), Duration::from_secs(3)).await;
        Ok(())
    }
}

/// 丢包时内核会重传，给它一些时间。
const PATIENCE: Duration = Duration::from_secs(10);

async fn listen(server: &Host) -> anyhow::Result<std::net::TcpListener> {
    let address = (server.ipv4(), 0);
    let listener = server.spawn(move || async move { std::net::TcpListener::bind(address) }).await??;
    listener.set_nonblocking(true)?; // 交给 tokio 之前必须如此
    Ok(listener)
}

/// 服务器的规矩。
#[derive(Clone)]
struct Rules {
    work: Duration,
    idle: Duration,
    grace: Duration,
    /// 随时可以查看的近况。
    now: watch::Sender<Now>,
}

/// 服务器的近况。
#[derive(Default)]
struct Now {
    /// 开着的连接。
    present: usize,
    /// 正在办的请求。
    busy: usize,
}

/// 一条连接是怎样结束的。
enum Ending {
    Finished,
    TimedOut,
    Stopped,
}

/// 服务器的账。
#[derive(Default)]
struct Tally {
    most: usize,
    finished: u32,
    timed_out: u32,
    stopped: u32,
    failed: u32,
    aborted: usize,
    threads: HashSet<ThreadId>,
}

impl Tally {
    fn add(&mut self, ended: Result<io::Result<(Ending, ThreadId)>, JoinError>) {
        match ended.map_err(io::Error::from).flatten() {
            Ok((ending, thread)) => {
                self.threads.insert(thread);
                match ending {
                    Ending::Finished => self.finished += 1,
                    Ending::TimedOut => self.timed_out += 1,
                    Ending::Stopped => self.stopped += 1,
                }
            }
            Err(error) => {
                warn!("连接中断：{error}");
                self.failed += 1;
            }
        }
    }

    fn report(&self, lan: &Lan, server: &Host) {
        lan.measured(Some(server), "同时在场的最多连接", self.most as f64, "条");
        lan.measured(Some(server), "照看过它们的线程", self.threads.len() as f64, "个");
        lan.measured(Some(server), "客户端自己结束的连接", self.finished.into(), "条");
        lan.measured(Some(server), "因沉默被请走的连接", self.timed_out.into(), "条");
        lan.measured(Some(server), "停机时就此别过的连接", self.stopped.into(), "条");
        lan.measured(Some(server), "中断的连接", self.failed.into(), "条");
        lan.measured(Some(server), "宽限期满被中止的连接", self.aborted as f64, "条");
    }
}

// ANCHOR: serve
/// 接受连接，直到有人喊停；然后让在场的人说完，但不会等太久。
async fn serve(listener: TcpListener, rules: &Rules, stop: &CancellationToken) -> io::Result<Tally> {
    // 任务都登记在 JoinSet 里：每一个都有人等，也都有办法叫停。
    let mut connections = JoinSet::new();
    let mut tally = Tally::default();
    loop {
        rules.now.send_modify(|now| now.present = connections.len());
        tally.most = tally.most.max(connections.len());
        select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(converse(stream, rules.clone(), stop.clone()));
                }
                Err(error) => {
                    // 多半是描述符用完了：歇一会儿，不要空转。
                    warn!("接受连接失败：{error}");
                    sleep(Duration::from_millis(50)).await;
                }
            },
            Some(ended) = connections.join_next() => tally.add(ended),
            () = stop.cancelled() => break,
        }
    }
    drop(listener); // 从此刻起，新来的人会被内核拒绝
    info!("停机：还有 {} 条连接", connections.len());
    let drain = async {
        while let Some(ended) = connections.join_next().await {
            tally.add(ended);
        }
    };
    if timeout(rules.grace, drain).await.is_err() {
        tally.aborted = connections.len();
        warn!("宽限期满，中止 {} 条连接", tally.aborted);
        connections.shutdown().await;
    }
    Ok(tally)
}
// ANCHOR_END: serve

// ANCHOR: converse
/// 一问一答，直到对方离开、沉默太久或者停机。
async fn converse(
    mut stream: TcpStream,
    rules: Rules,
    stop: CancellationToken,
) -> io::Result<(Ending, ThreadId)> {
    let mut buffer = [0; 64];
    let ending = loop {
        // 两问之间才理会停机：此时放弃 read，什么也不会丢。
        let read = select! {
            read = timeout(rules.idle, stream.read(&mut buffer)) => read,
            () = stop.cancelled() => break Ending::Stopped,
        };
        let n = match read {
            Ok(n) => n?,
            Err(_elapsed) => break Ending::TimedOut,
        };
        if n == 0 {
            break Ending::Finished;
        }
        rules.now.send_modify(|now| now.busy += 1);
        sleep(rules.work).await; // 办事：任务停在这里，线程去照看别的连接
        rules.now.send_modify(|now| now.busy -= 1);
        stream.write_all(&buffer[..n]).await?;
    };
    Ok((ending, thread::current().id()))
}
// ANCHOR_END: converse

// ANCHOR: crowd
/// 许多客户端同时发问；每一个都是一个任务。
async fn crowd(server: SocketAddr, count: u32) -> Vec<TcpStream> {
    let mut asking = JoinSet::new();
    for number in 0..count {
        asking.spawn(async move { ask(server, format!("问 {number}").as_bytes()).await });
    }
    // 谁先答完谁先出来；一个失败，不连累别的。
    let mut streams = Vec::new();
    while let Some(answered) = asking.join_next().await {
        match answered.map_err(io::Error::from).flatten() {
            Ok(stream) => streams.push(stream),
            Err(error) => warn!("没有得到回答：{error}"),
        }
    }
    info!("{count} 个问题，{} 个有了回答", streams.len());
    streams
}

async fn ask(server: SocketAddr, question: &[u8]) -> io::Result<TcpStream> {
    let answering = async {
        let mut stream = TcpStream::connect(server).await?;
        stream.write_all(question).await?;
        let mut answer = vec![0; question.len()];
        stream.read_exact(&mut answer).await?;
        Ok(stream)
    };
    // 一个期限管住整件事：连接、发送、等待，合起来不能超过它。
    timeout(PATIENCE, answering).await?
}
// ANCHOR_END: crowd

/// 连上以后一言不发，看能待多久。
async fn keep_silent(server: SocketAddr) -> io::Result<Duration> {
    let mut stream = TcpStream::connect(server).await?;
    let arrived = Instant::now();
    let n = timeout(PATIENCE, stream.read(&mut [0; 1])).await??;
    info!("read 返回 {n}：服务器关闭了连接");
    Ok(arrived.elapsed())
}

const FIRST: &[u8; 1] = b"A";
const SECOND: &[u8; 1] = b"B";

// ANCHOR: impatient
/// 等不及第一个回答就放弃，再在同一条连接上问第二个。
async fn impatient(server: SocketAddr, patience: Duration) -> io::Result<[u8; 1]> {
    let mut stream = TcpStream::connect(server).await?;
    let mut answer = [0; 1];
    stream.write_all(FIRST).await?;
    if timeout(patience, stream.read_exact(&mut answer)).await.is_err() {
        warn!("{patience:?} 没有等到回答，不等了；可是请求已经发出，服务器照样在办");
    }
    stream.write_all(SECOND).await?;
    timeout(PATIENCE, stream.read_exact(&mut answer)).await??;
    if answer != *SECOND {
        warn!("问的是 B，答的是 {}：读到了上一问的回答", answer.escape_ascii());
    }
    Ok(answer)
}
// ANCHOR_END: impatient

/// 第四幕里一条消息的长度，消息的条数，以及前后两半之间隔多久。
const MESSAGE: usize = 8;
const MESSAGES: usize = 8;
const GAP: Duration = Duration::from_millis(50);

/// 完好的消息应有的样子。
fn message(number: usize) -> [u8; MESSAGE] {
    let mut message = *b"msg-0000";
    message[MESSAGE - 1] += number as u8;
    message
}

/// 客户端把每条消息分两半发出，服务器边读边听定时器；返回完好到达的条数。
async fn halves<F>(
    server: &Host,
    client: &Host,
    read: impl FnOnce(TcpStream) -> F + Send + 'static,
) -> anyhow::Result<f64>
where
    F: Future<Output = io::Result<Vec<[u8; MESSAGE]>>> + 'static,
{
    let listener = listen(server).await?;
    let address = listener.local_addr()?;
    let reading = server.spawn(move || async move {
        let (stream, _) = TcpListener::from_std(listener)?.accept().await?;
        timeout(PATIENCE, read(stream)).await?
    });
    client.spawn(move || send_halves(address)).await??;
    let read = reading.await??;
    let intact = read.iter().zip(1..).filter(|(read, number)| **read == message(*number)).count();
    Ok(intact as f64)
}

async fn send_halves(server: SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect(server).await?;
    stream.set_nodelay(true)?; // 每一半都立刻上路
    for number in 1..=MESSAGES {
        let message = message(number);
        let (front, back) = message.split_at(MESSAGE / 2);
        stream.write_all(front).await?;
        sleep(GAP).await;
        stream.write_all(back).await?;
    }
    stream.shutdown().await
}

/// 每隔这么久响一次。`interval` 的第一响在创建的那一刻，这里不要它。
fn every(tick: Duration) -> Interval {
    interval_at(tokio::time::Instant::now() + tick, tick)
}

// ANCHOR: wrong
/// 错误：read_exact 不是取消安全的。定时器一响，它读到一半的字节就跟着 future 一起没了。
async fn read_wrong(mut stream: TcpStream, tick: Duration) -> io::Result<Vec<[u8; MESSAGE]>> {
    let (mut timer, mut messages) = (every(tick), Vec::new());
    let mut buffer = [0; MESSAGE];
    loop {
        select! {
            // 字节其实还在 buffer 里，可是“读到第几个”记在 future 里：下一次又从头写起。
            read = stream.read_exact(&mut buffer) => match read {
                Ok(_) => messages.push(buffer),
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => break,
                Err(error) => return Err(error),
            },
            _ = timer.tick() => {}
        }
    }
    show(&messages);
    Ok(messages)
}
// ANCHOR_END: wrong

// ANCHOR: right
/// 正确：一次 read_buf 要么读到、要么没读，进度记在循环外面的缓冲区里，取消多少次都不丢。
async fn read_right(mut stream: TcpStream, tick: Duration) -> io::Result<Vec<[u8; MESSAGE]>> {
    let (mut timer, mut messages) = (every(tick), Vec::new());
    let mut buffer = Vec::with_capacity(1024);
    loop {
        select! {
            read = stream.read_buf(&mut buffer) => if read? == 0 {
                break;
            },
            _ = timer.tick() => {}
        }
        while let Some(message) = buffer.first_chunk().copied() {
            messages.push(message);
            buffer.drain(..MESSAGE);
        }
    }
    show(&messages);
    Ok(messages)
}
// ANCHOR_END: right

/// 让读者看见读出来的是什么。
fn show(messages: &[[u8; MESSAGE]]) {
    let texts: Vec<_> = messages.iter().map(|message| message.escape_ascii().to_string()).collect();
    info!("读到 {} 条：{}", texts.len(), texts.join(" "));
}
