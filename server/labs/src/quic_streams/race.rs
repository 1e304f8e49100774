//! 同一串编号消息：QUIC 分成几条流，TCP 全在一条字节流里。谁丢了一个包，谁要跟着等？

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use lan::{Host, Lan};
use quinn::{Connection, Endpoint, RecvStream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::{Identity, PROTOCOL, QUIET, at, connect, open_client};

/// TCP 和 UDP 的端口互不相干，可以是同一个数。
const PORT: u16 = 4434;
/// QUIC 用几条流。
const STREAMS: u32 = 4;
/// 每条消息的字节数，前 4 个字节是编号。
const SIZE: usize = 200;
/// 两条消息之间的间隔：足够长，每条消息各自成为一个包。
const INTERVAL: Duration = Duration::from_millis(5);

/// 到达的编号和时刻。
type Arrivals = Vec<(u32, Instant)>;

/// 会丢包的线路上，同一串消息：先走 QUIC 的几条流，再走一条 TCP 连接。
pub(super) async fn compare(
    lan: &Lan,
    server: &Host,
    lossy: &Host,
    identity: &Identity,
    count: u32,
) -> anyhow::Result<()> {
    let address = SocketAddr::from((server.ipv4(), PORT));
    lan.settle(QUIET, Duration::from_secs(1)).await;

    lan.section("队头阻塞：QUIC");
    let config = identity.quic_server(PROTOCOL)?;
    let endpoint = server.spawn(move || async move { Endpoint::server(config, address) }).await??;
    let receiving = server.spawn(move || async move {
        let incoming = endpoint.accept().await.context("端点关闭了")?;
        receive_quic(incoming.await?).await
    });
    let (config, from) = (identity.quic_client(PROTOCOL)?, lossy.ipv4());
    let sent = at(lossy, async move {
        let connection = connect(&open_client(config, from)?, address).await?;
        send_quic(connection, count).await
    })
    .await?;
    let arrivals = timeout(Duration::from_secs(5), receiving).await.context("QUIC 的消息没有到齐")???;
    report(lan, lossy, "QUIC", &score(&sent, &arrivals));

    lan.section("队头阻塞：TCP");
    let listener = server.spawn(move || TcpListener::bind(address)).await??;
    let receiving = server.spawn(move || async move {
        let (stream, _) = listener.accept().await?;
        receive_tcp(stream, count).await
    });
    let sent = at(lossy, async move { send_tcp(TcpStream::connect(address).await?, count).await }).await?;
    let arrivals = timeout(Duration::from_secs(5), receiving).await.context("TCP 的消息没有到齐")???;
    report(lan, lossy, "TCP", &score(&sent, &arrivals));
    Ok(())
}

fn report(lan: &Lan, host: &Host, protocol: &str, score: &Score) {
    lan.measured(Some(host), &format!("{protocol}：到达"), score.arrived as f64, "条");
    lan.measured(Some(host), &format!("{protocol}：多等了 15 ms 以上"), score.late as f64, "条");
    lan.measured(Some(host), &format!("{protocol}：最多多等"), score.worst_ms, "ms");
}

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
async fn send_quic(connection: Connection, count: u32) -> anyhow::Result<Vec<Instant>> {
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
async fn receive_quic(connection: Connection) -> anyhow::Result<Arrivals> {
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
async fn send_tcp(mut stream: TcpStream, count: u32) -> anyhow::Result<Vec<Instant>> {
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
    stream.read_to_end(&mut Vec::new()).await?; // 对方不回话，读完了就关掉它那一侧
    Ok(sent)
}

async fn receive_tcp(mut stream: TcpStream, count: u32) -> anyhow::Result<Arrivals> {
    let (mut buffer, mut arrivals) = ([0; SIZE], Vec::new());
    for _ in 0..count {
        stream.read_exact(&mut buffer).await?;
        arrivals.push((number(&buffer), Instant::now()));
    }
    Ok(arrivals)
}
// ANCHOR_END: tcp

/// 一种协议的成绩。
struct Score {
    /// 到了的条数。
    arrived: usize,
    /// 比最快的一条多等了 [`LATE`] 以上的条数。
    late: usize,
    /// 多等得最久的一条，毫秒。
    worst_ms: f64,
}

/// 多等这么久，就不是主机忙，而是在等重传了。
const LATE: Duration = Duration::from_millis(15);

fn score(sent: &[Instant], arrivals: &[(u32, Instant)]) -> Score {
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
