//! Tokio 上的 UDP：许多对端，一个套接字，一个任务；收数据报与定时器同时等，超时重试。（指南 4.2）

use std::collections::{BTreeMap, HashMap};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use api::line::{Impairments, Line};
use garde::Validate;
use lan::{Host, Lan};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::net::UdpSocket;
use tokio::select;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout_at};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{Lab, Open, Server};

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TokioUdp {
    /// 对端数
    /// 每个对端有自己的套接字和任务；服务器始终只有一个套接字、一个任务。
    #[garde(range(min = 1, max = 300))]
    peers: u32,
    /// 每个对端问几次
    /// 得到回答（或者放弃）之后，才问下一个。
    #[garde(range(min = 1, max = 20))]
    requests: u32,
    /// 第一次等多久（毫秒）
    /// 等不到就重发，每次等待加倍。
    #[garde(range(min = 10, max = 1000))]
    timeout_ms: u32,
    /// 最多发几次
    /// 包括第一次；都没有回音就放弃这个请求。
    #[garde(range(min = 1, max = 8))]
    attempts: u32,
    /// 沉默多久就除名（毫秒）
    /// 服务器没有连接可看，只能凭“多久没听到”来判断一个对端还在不在。
    #[garde(range(min = 50, max = 3000))]
    silence_ms: u32,
}

impl Default for TokioUdp {
    fn default() -> Self {
        Self { peers: 16, requests: 3, timeout_ms: 40, attempts: 5, silence_ms: 400 }
    }
}

impl Lab for TokioUdp {
    const SLUG: &'static str = "tokio-udp";
    const TITLE: &'static str = "Tokio 上的 UDP";
    const SUMMARY: &'static str =
        "一个套接字、一个任务服务许多对端：一边收数据报，一边听定时器；客户端超时重试，每次多等一倍。";
    const HOSTS: &'static [&'static str] = &["server", "client"];
    const OPEN: Option<Open> = Some(Open {
        url: "udp://{}",
        server: Server::Udp(|socket| {
            Box::pin(async {
                let silence = Duration::from_millis(Self::default().silence_ms.into());
                serve(&UdpSocket::from_std(socket)?, silence, &CancellationToken::new()).await?;
                Ok(())
            })
        }),
    });
    const WALL_MS: u32 = 60_000;

    fn lines() -> BTreeMap<String, Line> {
        let line = Line::both(Impairments { delay_ms: 5.0, loss_percent: 10.0, ..Impairments::default() });
        BTreeMap::from([("client".into(), line)])
    }

    async fn run(self, mut lan: Lan) -> anyhow::Result<()> {
        let server = lan.host("server")?;
        let client = lan.host("client")?;
        let address = SocketAddr::from((server.ipv4(), 0));
        let socket = server.spawn(move || UdpSocket::bind(address)).await??;
        let address = socket.local_addr()?;
        let silence = Duration::from_millis(self.silence_ms.into());
        let stop = CancellationToken::new();
        let serving = server.spawn({
            let stop = stop.clone();
            move || async move { serve(&socket, silence, &stop).await }
        });

        lan.section("许多对端，一个套接字");
        let patience =
            Patience { first: Duration::from_millis(self.timeout_ms.into()), attempts: self.attempts };
        let (peers, requests) = (self.peers, self.requests);
        let asked = Instant::now();
        let tally = client.spawn(move || crowd(address, peers, requests, patience)).await??;
        lan.measured(Some(&client), "全部问完", asked.elapsed().as_secs_f64() * 1e3, "ms");
        lan.measured(Some(&client), "请求", f64::from(peers * requests), "个");
        lan.measured(Some(&client), "得到回答", f64::from(tally.answered), "个");
        lan.measured(Some(&client), "发出的数据报", f64::from(tally.sent), "个");
        lan.measured(Some(&client), "因超时而重发", f64::from(tally.retries), "次");
        lan.measured(Some(&client), "编号不对、被丢弃的回答", f64::from(tally.stale), "个");

        lan.section("没有人再说话：定时器替我们收拾");
        sleep(silence * 3 / 2).await; // 谁也不会来告别，要等的就是时间本身
        stop.cancel();
        let ledger = serving.await??;
        report(&lan, &server, &ledger);
        lan.settle(Duration::from_millis(100), Duration::from_secs(3)).await;
        Ok(())
    }
}

fn report(lan: &Lan, server: &Host, ledger: &Ledger) {
    lan.measured(Some(server), "收到的数据报", f64::from(ledger.received), "个");
    lan.measured(Some(server), "同时记着的最多对端", ledger.most as f64, "个");
    lan.measured(Some(server), "定时器响了", f64::from(ledger.ticks), "次");
    lan.measured(Some(server), "因沉默而除名", f64::from(ledger.forgotten), "个");
    lan.measured(Some(server), "停机时还记着的对端", ledger.peers.len() as f64, "个");
}

/// 服务器记着的东西：UDP 没有连接，“谁在场”全凭自己记。
#[derive(Default)]
struct Ledger {
    /// 每个对端最近一次来信的时刻。
    peers: HashMap<SocketAddr, Instant>,
    most: usize,
    received: u32,
    ticks: u32,
    forgotten: u32,
}

/// 名册的上限：来信人的地址可以伪造，不设上限就是请人来撑爆内存。
const MOST_PEERS: usize = 1024;

// ANCHOR: server
/// 一个任务同时等三件事：来信、定时器、停机。谁先来就先办谁，办的时候不用锁。
async fn serve(socket: &UdpSocket, silence: Duration, stop: &CancellationToken) -> io::Result<Ledger> {
    let mut ledger = Ledger::default();
    let mut buffer = vec![0; 65_535];
    let mut timer = interval(silence / 4);
    // 万一耽搁了，不要把错过的几次连着补上。
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        select! {
            // recv_from 是取消安全的：定时器先响，数据报仍在内核里等着，下一圈再取。
            received = socket.recv_from(&mut buffer) => match received {
                Ok((n, peer)) => {
                    ledger.meet(peer);
                    reply(socket, &buffer[..n], peer);
                }
                // 一次收发失败只影响这一个数据报，服务器接着干。
                Err(error) => warn!("没能收下这个数据报：{error}"),
            },
            _ = timer.tick() => ledger.forget_silent(silence),
            () = stop.cancelled() => return Ok(ledger),
        }
    }
}

/// 发送缓冲区满了就放弃这一个：为一个对端停下来等，所有的对端都得陪着。
fn reply(socket: &UdpSocket, datagram: &[u8], peer: SocketAddr) {
    if let Err(error) = socket.try_send_to(datagram, peer) {
        warn!("给 {peer} 的回答没能发出：{error}");
    }
}

impl Ledger {
    fn meet(&mut self, peer: SocketAddr) {
        self.received += 1;
        if self.peers.len() < MOST_PEERS || self.peers.contains_key(&peer) {
            self.peers.insert(peer, Instant::now());
            self.most = self.most.max(self.peers.len());
        }
    }

    fn forget_silent(&mut self, silence: Duration) {
        self.ticks += 1;
        let before = self.peers.len();
        self.peers.retain(|_, last| last.elapsed() < silence);
        let gone = before - self.peers.len();
        self.forgotten += gone as u32;
        if gone > 0 {
            info!("{gone} 个对端沉默了 {silence:?}，除名；还剩 {}", self.peers.len());
        }
    }
}
// ANCHOR_END: server

/// 客户端愿意等多久、发几次。
#[derive(Clone, Copy)]
struct Patience {
    first: Duration,
    attempts: u32,
}

/// 客户端的账。
#[derive(Default)]
struct Tally {
    answered: u32,
    sent: u32,
    retries: u32,
    stale: u32,
}

/// 所有对端同时开始，各问各的。
async fn crowd(server: SocketAddr, peers: u32, requests: u32, patience: Patience) -> io::Result<Tally> {
    let mut asking = JoinSet::new();
    for _ in 0..peers {
        asking.spawn(peer(server, requests, patience));
    }
    let mut all = Tally::default();
    while let Some(done) = asking.join_next().await {
        let tally = done??;
        all.answered += tally.answered;
        all.sent += tally.sent;
        all.retries += tally.retries;
        all.stale += tally.stale;
    }
    Ok(all)
}

async fn peer(server: SocketAddr, requests: u32, patience: Patience) -> io::Result<Tally> {
    let socket = UdpSocket::bind("0.0.0.0:0").await?;
    socket.connect(server).await?;
    let mut tally = Tally::default();
    for id in 1..=requests {
        if !request(&socket, id, patience, &mut tally).await? {
            warn!("第 {id} 个请求：放弃");
        }
    }
    Ok(tally)
}

// ANCHOR: client
/// 发出编号的请求，等到同一编号的回答；每次超时，下一次多等一倍。
async fn request(socket: &UdpSocket, id: u32, patience: Patience, tally: &mut Tally) -> io::Result<bool> {
    let mut wait = patience.first;
    for attempt in 1..=patience.attempts {
        socket.send(&id.to_be_bytes()).await?;
        tally.sent += 1;
        tally.retries += u32::from(attempt > 1);
        // 期限是一个时刻，不是一段时间：收到不相干的东西，不会因此多等。
        let deadline = tokio::time::Instant::now() + wait;
        match timeout_at(deadline, answer_to(socket, id, tally)).await {
            Ok(answered) => {
                answered?;
                tally.answered += 1;
                return Ok(true);
            }
            Err(_elapsed) => info!("第 {id} 个请求，第 {attempt} 次：{wait:?} 没有回答"),
        }
        wait *= 2;
    }
    Ok(false)
}

/// 一直收，直到编号相符。没有期限：期限由调用者用 timeout_at 加上。
async fn answer_to(socket: &UdpSocket, id: u32, tally: &mut Tally) -> io::Result<()> {
    let mut buffer = [0; 64];
    loop {
        match socket.recv(&mut buffer).await {
            Ok(n) if buffer[..n] == id.to_be_bytes() => return Ok(()),
            Ok(_) => tally.stale += 1, // 迟到的，或者重复的
            // ICMP 带来的坏消息可能只是一时的：等到期限再说。
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => warn!("{error}"),
            Err(error) => return Err(error),
        }
    }
}
// ANCHOR_END: client
