//! 负载均衡：轮询、最少在途、两个里挑一个；一台慢，一台停掉又复活。（指南 8.3）

mod backend;
mod bench;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use anyhow::Context as _;
use futures::future::join_all;
use garde::Validate;
use lan::{Host, Lan};
use reqwest::Client;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::RwLock;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tracing::{info, warn};

use self::backend::{Nature, Site};
use self::bench::Watch;
use crate::Lab;

const PORT: u16 = 8080;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LoadBalancer {
    /// 每一幕的请求数
    /// 按固定的间隔到来，不管前面的有没有办完。
    #[garde(range(min = 12, max = 400))]
    requests: u32,
    /// 请求的间隔（毫秒）
    /// 越小，来得越密。
    #[garde(range(min = 2, max = 50))]
    gap_ms: u32,
    /// 每个请求要办多久（毫秒）
    /// 后端同时只办两个，其余的排队。
    #[garde(range(min = 1, max = 50))]
    service_ms: u32,
    /// 慢的那台慢几倍
    /// 后端 c 办每个请求要花的时间，是别人的几倍。
    #[garde(range(min = 1, max = 20))]
    slowness: u32,
    /// 被动的健康检查
    /// 连续失败三次就把它摘除。关掉它，只靠定时的探测。
    #[garde(skip)]
    passive: bool,
}

impl Default for LoadBalancer {
    fn default() -> Self {
        Self { requests: 60, gap_ms: 6, service_ms: 8, slowness: 10, passive: true }
    }
}

/// 多久探测一次。
const PROBE: Duration = Duration::from_millis(20);
/// 生病的那一幕有多少请求。
const SICK_REQUESTS: u32 = 20;

impl Lab for LoadBalancer {
    const SLUG: &'static str = "load-balancer";
    const TITLE: &'static str = "负载均衡";
    const SUMMARY: &'static str = "三台后端，一台慢，一台会停掉又复活：三种挑法各把请求分成几份，最慢的请求等了多久；健康检查和重试预算怎样收拾残局。";
    const HOSTS: &'static [&'static str] = &["gateway", "a", "b", "c"];
    const PARALLEL: bool = true;

    async fn run(self, mut lan: Lan) -> anyhow::Result<()> {
        let gateway = lan.host("gateway")?;
        lan.section("轮到谁了：RwLock 与原子变量");
        for threads in [1, 2] {
            let counters = gateway.spawn_blocking(move || bench::counters(threads)).await??;
            let who = if counters.threads == 1 { "一个线程" } else { "两个线程争" };
            lan.measured(Some(&gateway), &format!("RwLock，{who}：挑一次"), counters.locked, "ns");
            lan.measured(Some(&gateway), &format!("原子变量，{who}：挑一次"), counters.atomic, "ns");
        }

        let mut sites = Vec::new();
        for (name, slower) in [("a", 1), ("b", 1), ("c", self.slowness)] {
            let host = lan.host(name)?;
            let service = Duration::from_millis((self.service_ms * slower).into());
            sites.push(Site::open(host, Nature { name, workers: 2, service }).await?);
        }
        let client = build()?;
        let gap = Duration::from_millis(self.gap_ms.into());
        let watch = Watch { lan: &lan, gateway: &gateway, sites: &sites };

        for policy in [Policy::RoundRobin, Policy::LeastInFlight, Policy::PowerOfTwo] {
            lan.section(policy.title());
            let balancer = Self::balancer(&sites, policy, true, self.passive);
            let (work, served) = (Arc::clone(&balancer), client.clone());
            let requests = self.requests;
            let offering = gateway.spawn(move || offer(work, served, requests, gap));
            let outcomes = watch.during(&balancer, offering).await?;
            watch.distribution(&balancer);
            watch.latencies(&outcomes);
        }

        lan.section("b 停掉，然后复活");
        self.failover(&watch, &client, gap).await?;

        for (title, capped) in [("三台都生病，重试不设限", false), ("三台都生病，重试有预算", true)]
        {
            lan.section(title);
            sites.iter().for_each(|site| site.sick.store(true, Relaxed));
            let balancer = Self::balancer(&sites, Policy::RoundRobin, capped, false);
            // 谁都没有被摘除：这里要看的只是重试。
            let (work, asking) = (Arc::clone(&balancer), client.clone());
            let offering = gateway.spawn(move || offer(work, asking, SICK_REQUESTS, gap));
            let outcomes = watch.during(&balancer, offering).await?;
            let sent: usize = balancer.backends.iter().map(|backend| backend.taken.load(Relaxed)).sum();
            lan.measured(Some(&gateway), "请求", outcomes.len() as f64, "个");
            lan.measured(Some(&gateway), "后端收到的请求", sent as f64, "个");
        }
        drop(client);
        lan.settle(Duration::from_millis(50), Duration::from_secs(3)).await;
        Ok(())
    }
}

impl LoadBalancer {
    fn balancer(sites: &[Site], policy: Policy, capped: bool, passive: bool) -> Arc<Balancer> {
        let backends = sites.iter().map(|site| Backend::new(site.nature.name, site.address)).collect();
        let budget = Budget { hundredths: AtomicU32::new(200), capped };
        let (turn, dice) = (AtomicUsize::new(0), Dice::default());
        Arc::new(Balancer { backends, policy, turn, dice, budget, passive })
    }

    /// 三分之一处停掉，三分之二处复活。
    async fn failover(&self, watch: &Watch<'_>, client: &Client, gap: Duration) -> anyhow::Result<()> {
        let balancer = Self::balancer(watch.sites, Policy::LeastInFlight, true, self.passive);
        let (probed, prober) = (Arc::clone(&balancer), client.clone());
        let probing = watch.gateway.spawn(move || probe(probed, prober));
        let (work, asking, requests) = (Arc::clone(&balancer), client.clone(), self.requests);
        let offering = watch.gateway.spawn(move || offer(work, asking, requests, gap));
        let third = gap * self.requests / 3;
        let outcomes = {
            let (outcomes, times) =
                tokio::join!(watch.during(&balancer, offering), watch.power_cycle(1, &balancer, third));
            let times = times?;
            watch.tell("从停掉到被摘除", times.removed.as_secs_f64() * 1e3, "ms");
            watch.tell("停掉以后还派给它的请求", times.sent_in_vain as f64, "个");
            watch.tell("从复活到重新启用", times.restored.as_secs_f64() * 1e3, "ms");
            outcomes?
        };
        probing.abort();
        let failed = outcomes.iter().filter(|outcome| outcome.backend.is_none()).count();
        let retries: u32 = outcomes.iter().map(|outcome| outcome.attempts.saturating_sub(1)).sum();
        watch.tell("失败的请求", failed as f64, "个");
        watch.tell("重试", f64::from(retries), "次");
        watch.distribution(&balancer);
        watch.latencies(&outcomes);
        Ok(())
    }
}

/// 挑选的办法。
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Policy {
    RoundRobin,
    LeastInFlight,
    PowerOfTwo,
}

impl Policy {
    fn title(self) -> &'static str {
        match self {
            Self::RoundRobin => "轮询",
            Self::LeastInFlight => "最少在途",
            Self::PowerOfTwo => "随机两个，挑闲的",
        }
    }
}

// ANCHOR: counters
/// 流传很广的写法：为一个整数动用一把异步的锁。
async fn next_with_lock(turn: &RwLock<usize>, backends: usize) -> usize {
    let mut turn = turn.write().await;
    *turn = turn.wrapping_add(1);
    *turn % backends
}

/// 一条指令的事：取出旧值，同时加一；溢出时自己绕回 0。
fn next_with_atomic(turn: &AtomicUsize, backends: usize) -> usize {
    turn.fetch_add(1, Relaxed) % backends
}
// ANCHOR_END: counters

// ANCHOR: backend
/// 均衡器眼里的一台后端。全是原子变量：挑选和记账都不用锁。
struct Backend {
    name: &'static str,
    url: String,
    /// 派给它、还没有办完的请求。
    in_flight: AtomicUsize,
    /// 派给过它的请求，重试也算。
    taken: AtomicUsize,
    failures: AtomicU32,
    removed: AtomicBool,
}

/// 一个在途的请求。无论成功、失败还是被取消，丢弃它就减一。
struct Ticket<'a>(&'a Backend);

impl Backend {
    fn take(&self) -> Ticket<'_> {
        self.in_flight.fetch_add(1, Relaxed);
        self.taken.fetch_add(1, Relaxed);
        Ticket(self)
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Relaxed);
    }
}
// ANCHOR_END: backend

impl Backend {
    fn new(name: &'static str, address: SocketAddr) -> Self {
        let (in_flight, taken) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let (failures, removed) = (AtomicU32::new(0), AtomicBool::new(false));
        Self { name, url: format!("http://{address}"), in_flight, taken, failures, removed }
    }
}

struct Balancer {
    backends: Vec<Backend>,
    policy: Policy,
    turn: AtomicUsize,
    dice: Dice,
    budget: Budget,
    /// 是否根据请求的成败摘除后端。
    passive: bool,
}

impl Balancer {
    // ANCHOR: pick
    /// 挑一台没有被摘除的，刚刚失败过的那台除外。
    fn pick(&self, avoid: Option<&Backend>) -> Option<&Backend> {
        let turn = self.turn.fetch_add(1, Relaxed);
        let count = self.backends.len();
        let avoided = |backend: &Backend| avoid.is_some_and(|avoid| std::ptr::eq(avoid, backend));
        // 从轮到的那一台起，绕一圈。
        let mut usable = (0..count)
            .map(|step| &self.backends[turn.wrapping_add(step) % count])
            .filter(|backend| !backend.removed.load(Relaxed) && !avoided(backend));
        match self.policy {
            Policy::RoundRobin => usable.next(),
            // 一样闲的时候取最先遇到的；起点轮流换，所以不会总是第一台。
            Policy::LeastInFlight => usable.min_by_key(|backend| backend.in_flight.load(Relaxed)),
            Policy::PowerOfTwo => {
                let usable: Vec<&Backend> = usable.collect();
                let first = self.dice.roll(usable.len())?;
                // 从其余的里面再抽一台，所以两台一定不同。
                let step = self.dice.roll(usable.len() - 1).map_or(0, |step| step + 1);
                let second = (first + step) % usable.len();
                [usable[first], usable[second]]
                    .into_iter()
                    .min_by_key(|backend| backend.in_flight.load(Relaxed))
            }
        }
    }
    // ANCHOR_END: pick

    // ANCHOR: forward
    /// 转发一个 GET。只有重做无害的请求才可以这样重试。
    async fn forward(&self, client: &Client) -> Outcome {
        self.budget.deposit();
        let mut failed_at = None;
        for attempt in 1..=ATTEMPTS {
            if attempt > 1 && !self.budget.withdraw() {
                return Outcome::failed(attempt - 1);
            }
            let Some(backend) = self.pick(failed_at) else {
                return Outcome::failed(attempt - 1); // 一台也不剩
            };
            let ticket = backend.take();
            let response = client.get(format!("{}/work", backend.url)).send().await;
            drop(ticket);
            match response.and_then(reqwest::Response::error_for_status) {
                Ok(_) => {
                    backend.failures.store(0, Relaxed);
                    return Outcome { backend: Some(backend.name), attempts: attempt, ..Outcome::failed(0) };
                }
                Err(error) => {
                    warn!("{} 没有办成：{}", backend.name, bench::cause(&error));
                    if self.passive {
                        backend.failed();
                    }
                    failed_at = Some(backend);
                }
            }
        }
        Outcome::failed(ATTEMPTS)
    }
    // ANCHOR_END: forward
}

/// 一个请求最多试几次。
const ATTEMPTS: u32 = 3;

// ANCHOR: budget
/// 重试的预算：每个请求存入 0.2 次，每次重试取走 1 次。单位是百分之一次。
struct Budget {
    hundredths: AtomicU32,
    /// 关掉它，想重试几次就重试几次。
    capped: bool,
}

impl Budget {
    fn deposit(&self) {
        let _ = self.hundredths.fetch_update(Relaxed, Relaxed, |balance| Some((balance + 20).min(1000)));
    }

    /// 余额不足就不许重试：失败的比例这么高，再试只会雪上加霜。
    fn withdraw(&self) -> bool {
        !self.capped
            || self.hundredths.fetch_update(Relaxed, Relaxed, |balance| balance.checked_sub(100)).is_ok()
    }
}
// ANCHOR_END: budget

/// 一个请求的结局。
struct Outcome {
    /// 办成它的后端；没有就是失败了。
    backend: Option<&'static str>,
    attempts: u32,
    /// 从它该来的那一刻算起。
    latency: Duration,
}

impl Outcome {
    fn failed(attempts: u32) -> Self {
        Self { backend: None, attempts, latency: Duration::ZERO }
    }
}

// ANCHOR: health
/// 连续失败几次就摘除。
const STRIKES: u32 = 3;

impl Backend {
    fn failed(&self) {
        if self.failures.fetch_add(1, Relaxed) + 1 >= STRIKES && !self.removed.swap(true, Relaxed) {
            warn!("摘除 {}", self.name);
        }
    }

    fn passed(&self) {
        self.failures.store(0, Relaxed);
        if self.removed.swap(false, Relaxed) {
            info!("重新启用 {}", self.name);
        }
    }

    /// 问一声“还在吗”。期限比探测的间隔宽，免得只是忙了一下就当它死了。
    async fn probed(&self, client: &Client) {
        let asking = client.get(format!("{}/health", self.url)).timeout(PROBE * 5).send();
        match asking.await.and_then(reqwest::Response::error_for_status) {
            Ok(_) => self.passed(),
            Err(_) => self.failed(),
        }
    }
}

/// 主动的检查：不管有没有请求，隔一会儿就问一声。被摘除的那台，只有它能请回来。
async fn probe(balancer: Arc<Balancer>, client: Client) {
    let mut ticks = interval(PROBE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        // 一起问：一台迟迟不答，不耽误问别的。
        join_all(balancer.backends.iter().map(|backend| backend.probed(&client))).await;
    }
}
// ANCHOR_END: health

// ANCHOR: offer
/// 请求按自己的节奏到来，不等前面的办完。等了多久，从它*该来的那一刻*算起。
async fn offer(balancer: Arc<Balancer>, client: Client, requests: u32, gap: Duration) -> Vec<Outcome> {
    let mut ticks = interval(gap); // 错过的嘀嗒会补上：来客不会因为我们忙就少来
    let mut working = JoinSet::new();
    for _ in 0..requests {
        let due: Instant = ticks.tick().await;
        let (balancer, client) = (Arc::clone(&balancer), client.clone());
        working.spawn(async move {
            let outcome = balancer.forward(&client).await;
            Outcome { latency: due.elapsed(), ..outcome }
        });
    }
    working.join_all().await
}
// ANCHOR_END: offer

// ANCHOR: dice
/// 够用的随机数（SplitMix64）：不防人猜，但不用锁，也不会每次都一样地偏心。
#[derive(Default)]
struct Dice(AtomicU64);

impl Dice {
    /// 0 到 `sides - 1`；没有面就没有结果。
    fn roll(&self, sides: usize) -> Option<usize> {
        let mut x = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Relaxed);
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((x ^ (x >> 31)) >> 1).ok()?.checked_rem(sides)
    }
}
// ANCHOR_END: dice

/// 所有请求共用一个客户端：它里面有到每台后端的连接池。
fn build() -> anyhow::Result<Client> {
    Client::builder()
        .no_proxy()
        .connect_timeout(Duration::from_millis(500))
        .timeout(Duration::from_secs(5))
        .build()
        .context("建不起客户端")
}

/// 后端的事，由后端的主机说出来。
async fn run_backend(host_name: &'static str, serving: impl Future<Output = std::io::Result<()>>) {
    info!("{host_name} 开始工作");
    if let Err(error) = serving.await {
        warn!("{host_name} 停止了：{error}");
    }
}

/// 在主机上开动一台后端。
fn start(host: &Host, nature: Nature, address: SocketAddr, sick: Arc<AtomicBool>) -> lan::Task<()> {
    host.spawn(move || run_backend(nature.name, backend::serve(address, nature, sick)))
}
