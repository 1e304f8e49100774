//! 陷阱四，没有期限：对方忽然沉默，客户端就永远等下去；期限、预算、keepalive 各治一种沉默。（指南 9.4）

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use api::line::{Impairments, Line};
use api::run::Tier;
use garde::Validate;
use lan::{Host, Lan};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tracing::{info, warn};

use crate::Lab;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PitfallTimeout {
    /// 看多久（毫秒）
    /// 没有期限的客户端会一直等；我们只陪它这么久。
    #[garde(range(min = 100, max = 2000))]
    watch_ms: u32,
    /// 期限（毫秒）
    /// 正确的写法里，一次提问从连接到读完，合起来最多这么久。
    #[garde(range(min = 50, max = 1000))]
    deadline_ms: u32,
    /// 每一步的超时（毫秒）
    /// 逐步计时的写法里，每一次读取最多等这么久。
    #[garde(range(min = 50, max = 1000))]
    step_ms: u32,
    /// 挤牙膏的间隔（毫秒）
    /// 慢的服务器每隔这么久吐出一个字节，一共 16 个。
    #[garde(range(min = 10, max = 100))]
    drip_ms: u32,
}

impl Default for PitfallTimeout {
    fn default() -> Self {
        Self { watch_ms: 1000, deadline_ms: 300, step_ms: 150, drip_ms: 60 }
    }
}

impl Lab for PitfallTimeout {
    const SLUG: &'static str = "pitfall-timeout";
    const TITLE: &'static str = "陷阱：没有期限";
    const SUMMARY: &'static str =
        "回答还没发出，线断了：没有期限的客户端一直等下去。期限要管住整件事，空闲的连接还要靠 keepalive。";
    const HOSTS: &'static [&'static str] = &["server", "client"];

    fn lines() -> BTreeMap<String, Line> {
        let line = Line::both(Impairments { delay_ms: 5.0, ..Impairments::default() });
        BTreeMap::from([("client".into(), line)])
    }

    async fn run(self, mut lan: Lan) -> anyhow::Result<()> {
        let (server, client) = (lan.host("server")?, lan.host("client")?);
        let (told, heard) = mpsc::channel(16);
        let address = (server.ipv4(), 0);
        let listener = server.spawn(move || TcpListener::bind(address)).await??;
        let address = listener.local_addr()?;
        let drip = ms(self.drip_ms);
        drop(server.spawn(move || serve(listener, drip, told)));
        let mut stage = Stage { lan, server, client, address, heard };

        stage.lan.section("错误：没有期限");
        stage.silence(ms(self.watch_ms), ask_forever).await?;
        stage.lan.section("正确：一份期限");
        let budget = ms(self.deadline_ms);
        stage.silence(PATIENCE, move |server, question| ask_within(server, question, budget)).await?;

        stage.lan.section("错误：每一步各有期限");
        let step = ms(self.step_ms);
        stage.drip(move |server| ask_by_steps(server, DRIP, step)).await?;
        stage.lan.section("正确：合起来一份期限");
        stage.drip(move |server| ask_within(server, DRIP, budget)).await?;

        if stage.lan.tier() == Tier::Isolated {
            stage.lan.section("空闲的连接：一条不作声，一条定时探问");
            stage.idle().await?;
        }
        stage.lan.settle(Duration::from_millis(100), Duration::from_secs(2)).await;
        Ok(())
    }
}

struct Stage {
    lan: Lan,
    server: Host,
    client: Host,
    address: SocketAddr,
    /// 服务器收到了一个问题。
    heard: mpsc::Receiver<()>,
}

/// 正确的写法不该让我们等这么久。
const PATIENCE: Duration = Duration::from_secs(5);

fn ms(ms: u32) -> Duration {
    Duration::from_millis(ms.into())
}

impl Stage {
    /// 服务器收到问题以后就沉默。isolated 层级里断的是它的网线；环回接口没有网线，就让它收下问题永远不答。
    async fn silence<F>(
        &mut self,
        watch: Duration,
        ask: impl FnOnce(SocketAddr, u8) -> F + Send + 'static,
    ) -> anyhow::Result<()>
    where
        F: Future<Output = io::Result<usize>> + 'static,
    {
        let (address, cable) = (self.address, self.lan.tier() == Tier::Isolated);
        let question = if cable { SLOW } else { NEVER };
        let started = Instant::now();
        let mut asking = self.client.spawn(move || ask(address, question));
        timeout(PATIENCE, self.heard.recv()).await.context("问题没有到达服务器")?;
        if cable {
            self.lan.unplug(&self.server)?;
        }
        let ended = timeout(watch, &mut asking).await;
        let waited = started.elapsed();
        asking.abort();
        self.say("还在等", f64::from(u8::from(ended.is_err())), "个");
        self.say("已经等了", waited.as_secs_f64() * 1e3, "ms");
        if cable {
            self.lan.plug(&self.server)?;
        }
        self.lan.settle(Duration::from_millis(150), Duration::from_secs(1)).await;
        Ok(())
    }

    /// 服务器一个字节一个字节地答。
    async fn drip<F>(&mut self, ask: impl FnOnce(SocketAddr) -> F + Send + 'static) -> anyhow::Result<()>
    where
        F: Future<Output = io::Result<usize>> + 'static,
    {
        let (address, started) = (self.address, Instant::now());
        let got = self.client.spawn(move || ask(address)).await?;
        self.say("用了", started.elapsed().as_secs_f64() * 1e3, "ms");
        self.say("按时得到回答", f64::from(u8::from(got.is_ok())), "次");
        timeout(PATIENCE, self.heard.recv()).await.context("问题没有到达服务器")?;
        self.lan.settle(Duration::from_millis(100), Duration::from_secs(1)).await;
        Ok(())
    }

    /// 两条空闲的连接，然后断线：只有一条会知道。
    async fn idle(&mut self) -> anyhow::Result<()> {
        let address = self.address;
        let (quiet, mut probing) = self
            .client
            .spawn(move || async move {
                let quiet = TcpStream::connect(address).await?;
                let probing = TcpStream::connect(address).await?;
                keep_alive(&probing)?;
                io::Result::Ok((quiet, probing))
            })
            .await??;
        // 两次握手都要走完，断的才是建立好的连接。
        self.lan.settle(Duration::from_millis(50), Duration::from_secs(1)).await;
        self.lan.unplug(&self.server)?;
        let started = Instant::now();
        let told = self.client.spawn(move || async move {
            let ended = timeout(PATIENCE, probing.read(&mut [0])).await;
            // 断线的时候，另一条连接有没有听到什么？
            let unaware = timeout(Duration::ZERO, quiet.readable()).await.is_err();
            if let Ok(Err(error)) = &ended {
                warn!("开了 keepalive 的连接：{error}");
            }
            (matches!(ended, Ok(Err(_))), unaware)
        });
        let (noticed, unaware) = told.await?;
        self.say("开了 keepalive：发现断线", f64::from(u8::from(noticed)), "条");
        self.say("开了 keepalive：多久发现", started.elapsed().as_secs_f64() * 1e3, "ms");
        self.say("没开的：还以为连着", f64::from(u8::from(unaware)), "条");
        self.lan.plug(&self.server)
    }

    fn say(&self, label: &str, value: f64, unit: &str) {
        self.lan.measured(Some(&self.client), label, value, unit);
    }
}

/// 问题有三种：办一会儿再答，永远不答，一个字节一个字节地答。
const SLOW: u8 = b's';
const NEVER: u8 = b'n';
const DRIP: u8 = b'd';
const ANSWER: &[u8; 16] = b"forty-two-indeed";

async fn serve(listener: TcpListener, drip: Duration, told: mpsc::Sender<()>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(answer(stream, drip, told.clone()));
                }
                Err(error) => warn!("接受连接失败：{error}"),
            },
            Some(ended) = connections.join_next() => {
                if let Err(error) = ended.map_err(io::Error::from).flatten() {
                    info!("连接中断：{error}");
                }
            }
        }
    }
}

async fn answer(mut stream: TcpStream, drip: Duration, told: mpsc::Sender<()>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut question = [0];
    while stream.read(&mut question).await? > 0 {
        told.try_send(()).ok();
        match question[0] {
            SLOW => sleep(Duration::from_millis(100)).await,
            DRIP => {
                for byte in ANSWER {
                    stream.write_all(&[*byte]).await?;
                    sleep(drip).await;
                }
                continue;
            }
            _ => std::future::pending().await,
        }
        info!("答了，可是网线还在吗？");
        stream.write_all(ANSWER).await?;
    }
    Ok(())
}

// ANCHOR: forever
/// 错误：三个 `.await`，哪一个都可能永远不回来。
async fn ask_forever(server: SocketAddr, question: u8) -> io::Result<usize> {
    let mut stream = TcpStream::connect(server).await?;
    stream.write_all(&[question]).await?;
    let mut answer = [0; ANSWER.len()];
    stream.read_exact(&mut answer).await
}
// ANCHOR_END: forever

// ANCHOR: steps
/// 错误：每一步都有期限，合起来却没有。对方卡着每一步的上限，就能让你等上许多倍。
async fn ask_by_steps(server: SocketAddr, question: u8, step: Duration) -> io::Result<usize> {
    let mut stream = timeout(step, TcpStream::connect(server)).await??;
    timeout(step, stream.write_all(&[question])).await??;
    let mut answer = Vec::new();
    while answer.len() < ANSWER.len() {
        if timeout(step, stream.read_buf(&mut answer)).await?? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(answer.len())
}
// ANCHOR_END: steps

// ANCHOR: within
/// 正确：期限是一个*时刻*，从连接到读完都从同一份预算里花。要再调用别的服务，把 `deadline` 也传下去。
async fn ask_within(server: SocketAddr, question: u8, budget: Duration) -> io::Result<usize> {
    let deadline = Instant::now() + budget;
    let asking = async {
        let mut stream = TcpStream::connect(server).await?;
        stream.write_all(&[question]).await?;
        let mut answer = [0; ANSWER.len()];
        stream.read_exact(&mut answer).await
        // 超时的话，套接字随 future 一起丢弃：这条连接上还欠着一个回答，不能再用。
    };
    let got = timeout_at(deadline, asking).await;
    if got.is_err() {
        warn!("{budget:?} 的预算用完了，不等了");
    }
    got?
}
// ANCHOR_END: within

// ANCHOR: keepalive
/// 正确：空闲 1 秒后开始探问，每秒一次，2 次没有回音就当他不在了（RFC 9293 第 3.8.4 节）。
/// 真实的服务用几十秒；Linux 的默认值是两小时，而且默认不打开。
fn keep_alive(stream: &TcpStream) -> io::Result<()> {
    let second = Duration::from_secs(1);
    let probes = TcpKeepalive::new().with_time(second).with_interval(second).with_retries(2);
    SockRef::from(stream).set_tcp_keepalive(&probes)
}
// ANCHOR_END: keepalive
