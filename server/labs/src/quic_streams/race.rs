//! 同一串编号消息：QUIC 分成几条流，TCP 全在一条字节流里。谁丢了一个包，谁要跟着等？

use std::time::{Duration, Instant};

use quinn::{Connection, RecvStream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

/// QUIC 用几条流。
pub(super) const STREAMS: u32 = 4;
/// 每条消息的字节数，前 4 个字节是编号。
const SIZE: usize = 200;
/// 两条消息之间的间隔：足够长，每条消息各自成为一个包。
const INTERVAL: Duration = Duration::from_millis(5);

/// 到达的编号和时刻。
pub(super) type Arrivals = Vec<(u32, Instant)>;

// ANCHOR: message
fn message(number: u32) -> Vec<u8> {
    let mut bytes = number.to_be_bytes().to_vec();
    bytes.resize(SIZE, b'.');
    bytes
}

fn number(bytes: &[u8; SIZE]) -> u32 {
    bytes.first_chunk().map_or(0, |first| u32::from_be_bytes(*first))
}
// ANCHOR_END: message

// ANCHOR: quic
/// 第 n 条消息走第 n mod 4 条流。返回每条发出的时刻。
pub(super) async fn send_quic(connection: Connection, count: u32) -> anyhow::Result<Vec<Instant>> {
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        streams.push(connection.open_uni().await?);
    }
    let mut sent = Vec::new();
    let mut tick = interval(INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for number in 0..count {
        tick.tick().await;
        sent.push(Instant::now());
        streams[(number % STREAMS) as usize].write_all(&message(number)).await?;
    }
    for mut stream in streams {
        stream.finish()?;
        stream.stopped().await?; // 对方确认了每一个字节
    }
    Ok(sent)
}

/// 每条流由自己的任务来读：一条流缺了数据，别的照样往前走。
pub(super) async fn receive_quic(connection: Connection) -> anyhow::Result<Arrivals> {
    let mut readers = JoinSet::new();
    for _ in 0..STREAMS {
        let mut stream = connection.accept_uni().await?;
        readers.spawn(async move { receive_stream(&mut stream).await });
    }
    let mut arrivals = Vec::new();
    while let Some(read) = readers.join_next().await {
        arrivals.extend(read??);
    }
    Ok(arrivals)
}

async fn receive_stream(stream: &mut RecvStream) -> anyhow::Result<Arrivals> {
    let (mut buffer, mut arrivals) = ([0; SIZE], Vec::new());
    loop {
        match stream.read_exact(&mut buffer).await {
            Ok(()) => arrivals.push((number(&buffer), Instant::now())),
            Err(quinn::ReadExactError::FinishedEarly(0)) => return Ok(arrivals),
            Err(error) => return Err(error.into()),
        }
    }
}
// ANCHOR_END: quic

// ANCHOR: tcp
/// TCP 只有一条字节流，消息排着队走。
pub(super) async fn send_tcp(mut stream: TcpStream, count: u32) -> anyhow::Result<Vec<Instant>> {
    stream.set_nodelay(true)?;
    let mut sent = Vec::new();
    let mut tick = interval(INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for number in 0..count {
        tick.tick().await;
        sent.push(Instant::now());
        stream.write_all(&message(number)).await?;
    }
    stream.shutdown().await?;
    stream.read(&mut [0]).await?; // 对方读完，也关掉它那一侧
    Ok(sent)
}

pub(super) async fn receive_tcp(mut stream: TcpStream, count: u32) -> anyhow::Result<Arrivals> {
    let (mut buffer, mut arrivals) = ([0; SIZE], Vec::new());
    for _ in 0..count {
        stream.read_exact(&mut buffer).await?;
        arrivals.push((number(&buffer), Instant::now()));
    }
    Ok(arrivals)
}
// ANCHOR_END: tcp

/// 一种协议的成绩。
pub(super) struct Score {
    /// 到了的条数。
    pub(super) arrived: usize,
    /// 比最快的一条多等了 [`LATE`] 以上的条数。
    pub(super) late: usize,
    /// 多等得最久的一条，毫秒。
    pub(super) worst_ms: f64,
}

/// 多等这么久，就不是主机忙，而是在等重传了。
const LATE: Duration = Duration::from_millis(15);

pub(super) fn score(sent: &[Instant], arrivals: &[(u32, Instant)]) -> Score {
    let waits: Vec<Duration> = arrivals
        .iter()
        .filter_map(|(number, at)| Some(at.saturating_duration_since(*sent.get(*number as usize)?)))
        .collect();
    let fastest = waits.iter().min().copied().unwrap_or_default();
    let slowest = waits.iter().max().copied().unwrap_or_default();
    Score {
        arrived: waits.len(),
        late: waits.iter().filter(|wait| **wait - fastest > LATE).count(),
        worst_ms: (slowest - fastest).as_secs_f64() * 1e3,
    }
}
