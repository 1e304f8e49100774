//! 同样的编号消息，同一条坏线路：TCP 一条不少、按序到达，却要等；UDP 不等，却会丢、会乱。（指南 1.1）

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use api::line::{Impairments, Line};
use api::run::Tier;
use garde::Validate;
use lan::{Host, Lan};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing::info;

use crate::Lab;

const PORT: u16 = 7878;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TcpVsUdp {
    /// 消息条数
    /// 两种协议各发这么多条，编号从 0 开始。
    #[garde(range(min = 1, max = 200))]
    count: u32,
    /// 每条的长度（字节）
    /// 前 4 个字节是编号，其余是填充。
    #[garde(range(min = 4, max = 1200))]
    size: u32,
    /// 发送间隔（毫秒）
    /// 间隔越短，一次重传挡住的后续消息越多。
    #[garde(range(min = 1, max = 100))]
    interval_ms: u32,
}

impl Default for TcpVsUdp {
    fn default() -> Self {
        Self { count: 50, size: 200, interval_ms: 10 }
    }
}

impl Lab for TcpVsUdp {
    const SLUG: &'static str = "tcp-vs-udp";
    const TITLE: &'static str = "TCP 与 UDP 走同一条线路";
    const SUMMARY: &'static str =
        "同样的编号消息在同一条会丢、会乱序的线路上各走一遍：谁少了，谁乱了，谁等了，各花了多少字节。";
    const HOSTS: &'static [&'static str] = &["server", "client"];

    fn lines() -> BTreeMap<String, Line> {
        let line = Line::both(Impairments {
            delay_ms: 20.0,
            loss_percent: 6.0,
            reorder_percent: 8.0,
            ..Impairments::default()
        });
        BTreeMap::from([("client".into(), line)])
    }

    async fn run(self, mut lan: Lan) -> anyhow::Result<()> {
        let server = lan.host("server")?;
        let client = lan.host("client")?;
        let address = SocketAddr::from((server.ipv4(), PORT));
        let Self { count, size, interval_ms } = self;
        let messages =
            Messages { count, size: size as usize, interval: Duration::from_millis(interval_ms.into()) };

        lan.section("TCP");
        let before = bytes_on_wire(&lan, &client).await?;
        let listener = server.spawn_blocking(move || TcpListener::bind(address)).await??;
        let receiving = server.spawn_blocking(move || receive_tcp(&listener, messages.size));
        let sent = client.spawn_blocking(move || send_tcp(address, messages)).await?;
        let received = receiving.await?;
        lan.settle(Duration::from_millis(100), Duration::from_secs(3)).await;
        report(&lan, &client, before, &sent.context("TCP 发送")?, &received.context("TCP 接收")?).await?;

        lan.section("UDP");
        let before = bytes_on_wire(&lan, &client).await?;
        let socket = server.spawn_blocking(move || UdpSocket::bind(address)).await??;
        let receiving = server.spawn_blocking(move || receive_udp(&socket, messages.size));
        let sent = client.spawn_blocking(move || send_udp(address, messages)).await?;
        let received = receiving.await?;
        lan.settle(Duration::from_millis(100), Duration::from_secs(3)).await;
        report(&lan, &client, before, &sent.context("UDP 发送")?, &received.context("UDP 接收")?).await
    }
}

/// 要发送的一串消息。
#[derive(Clone, Copy)]
struct Messages {
    count: u32,
    size: usize,
    interval: Duration,
}

/// 到达的编号和时刻，按到达的顺序。
type Arrivals = Vec<(u32, Instant)>;

// ANCHOR: message
/// 第 `number` 条消息：4 字节大端编号，后面填满。
fn message(number: u32, size: usize) -> Vec<u8> {
    let mut bytes = number.to_be_bytes().to_vec();
    bytes.resize(size, b'.');
    bytes
}

fn number(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk().map(|first| u32::from_be_bytes(*first))
}
// ANCHOR_END: message

// ANCHOR: tcp
fn send_tcp(server: SocketAddr, messages: Messages) -> io::Result<Vec<Instant>> {
    let mut stream = TcpStream::connect_timeout(&server, Duration::from_secs(10))?;
    // 关掉 Nagle 算法：每条消息马上发出，比较才公平。
    stream.set_nodelay(true)?;
    let mut sent = Vec::new();
    for number in 0..messages.count {
        sent.push(Instant::now());
        stream.write_all(&message(number, messages.size))?;
        thread::sleep(messages.interval);
    }
    Ok(sent) // stream 被丢弃，FIN 告诉对方没有更多了
}

fn receive_tcp(listener: &TcpListener, size: usize) -> io::Result<Arrivals> {
    let (mut stream, _) = listener.accept()?;
    let mut buffer = vec![0; size];
    let mut arrivals = Vec::new();
    loop {
        // 字节流没有边界，按约好的长度一条一条切。
        match stream.read_exact(&mut buffer) {
            Ok(()) => note(&mut arrivals, &buffer),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(arrivals),
            Err(error) => return Err(error),
        }
    }
}
// ANCHOR_END: tcp

// ANCHOR: udp
fn send_udp(server: SocketAddr, messages: Messages) -> io::Result<Vec<Instant>> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    let mut sent = Vec::new();
    for number in 0..messages.count {
        sent.push(Instant::now());
        socket.send_to(&message(number, messages.size), server)?;
        thread::sleep(messages.interval);
    }
    Ok(sent)
}

fn receive_udp(socket: &UdpSocket, size: usize) -> io::Result<Arrivals> {
    let mut buffer = vec![0; size];
    let mut arrivals = Vec::new();
    // UDP 没有结束标志：先耐心等第一条，之后一秒没有新的就当作结束。
    socket.set_read_timeout(Some(Duration::from_secs(10)))?;
    loop {
        match socket.recv_from(&mut buffer) {
            Ok((n, _)) => {
                note(&mut arrivals, &buffer[..n]);
                socket.set_read_timeout(Some(Duration::from_secs(1)))?;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(arrivals),
            Err(error) => return Err(error),
        }
    }
}
// ANCHOR_END: udp

fn note(arrivals: &mut Arrivals, bytes: &[u8]) {
    let Some(number) = number(bytes) else { return };
    match arrivals.last() {
        Some((last, _)) if number < *last => info!("{number} 号才到，{last} 号已经先到了"),
        Some((last, _)) if number > last + 1 => info!("{number} 号到了，前面还缺"),
        _ => info!("{number} 号到了"),
    }
    arrivals.push((number, Instant::now()));
}

/// 报告一种协议的结果。
async fn report(
    lan: &Lan,
    client: &Host,
    bytes_before: Option<u64>,
    sent: &[Instant],
    arrivals: &[(u32, Instant)],
) -> anyhow::Result<()> {
    let distinct: BTreeSet<u32> = arrivals.iter().map(|(number, _)| *number).collect();
    let late = arrivals.windows(2).filter(|pair| pair[1].0 < pair[0].0).count();
    let waits: Vec<f64> = arrivals
        .iter()
        .filter_map(|(number, at)| Some((*at - *sent.get(*number as usize)?).as_secs_f64() * 1e3))
        .collect();
    lan.measured(None, "发出", sent.len() as f64, "条");
    lan.measured(None, "到达", distinct.len() as f64, "条");
    lan.measured(None, "比后面的还晚到", late as f64, "条");
    if let (Some(first), Some((_, last))) = (sent.first(), arrivals.iter().max_by_key(|(_, at)| at)) {
        lan.measured(None, "平均等待", waits.iter().sum::<f64>() / waits.len() as f64, "ms");
        lan.measured(None, "最久等待", waits.iter().copied().fold(0.0, f64::max), "ms");
        lan.measured(None, "从第一条发出到最后一条到达", (*last - *first).as_secs_f64() * 1e3, "ms");
    }
    if let (Some(before), Some(after)) = (bytes_before, bytes_on_wire(lan, client).await?) {
        lan.measured(None, "线上字节（双向）", (after - before) as f64, "B");
    }
    Ok(())
}

/// 客户端网卡至今收发的字节，出自内核自己的计数器；`loopback` 层级里网卡是大家共用的，不算数。
async fn bytes_on_wire(lan: &Lan, host: &Host) -> anyhow::Result<Option<u64>> {
    if lan.tier() == Tier::Loopback {
        return Ok(None);
    }
    let interface = format!("{}:", host.interface());
    let counters = host.spawn_blocking(|| std::fs::read_to_string("/proc/thread-self/net/dev")).await??;
    // 冒号后第 1 列是收到的字节，第 9 列是发出的字节。
    let columns: Option<Vec<u64>> = counters
        .lines()
        .find_map(|line| line.trim_start().strip_prefix(&interface))
        .map(|rest| rest.split_whitespace().filter_map(|column| column.parse().ok()).collect());
    Ok(columns.and_then(|columns| Some(columns.first()? + columns.get(8)?)))
}
