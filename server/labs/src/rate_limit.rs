//! 限速：自己写一层 tower 中间件，按客户端发令牌；多出来的请求得到 429 和 Retry-After。（指南 10.5）

use std::future::{Ready, ready};
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use futures::future::Either;
use garde::Validate;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use lan::{Host, Lan, Sampler};
use reqwest::Client;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{interval, sleep};
use tower::{Layer, Service};
use tracing::{info, warn};

use crate::Lab;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RateLimitLab {
    /// 每秒几个令牌
    /// 每个客户端各有一只桶，按这个速度往里添。
    #[garde(range(min = 1, max = 50))]
    per_second: u32,
    /// 桶有多大
    /// 攒下的令牌最多这么多，所以偶尔的一小阵不受影响。
    #[garde(range(min = 1, max = 50))]
    burst: u32,
    /// 一个请求要多久（毫秒）
    /// 服务器一次只办一个，好比只有一条数据库连接。
    #[garde(range(min = 5, max = 100))]
    work_ms: u32,
    /// greedy 同时发几个
    /// 每个答完就接着发下一个。
    #[garde(range(min = 1, max = 12))]
    greedy: u32,
    /// 每一幕多久（毫秒）
    /// polite 在这段时间里每 200 毫秒问一次。
    #[garde(range(min = 600, max = 3000))]
    act_ms: u32,
}

impl Default for RateLimitLab {
    fn default() -> Self {
        Self { per_second: 5, burst: 5, work_ms: 30, greedy: 6, act_ms: 1600 }
    }
}

impl Lab for RateLimitLab {
    const SLUG: &'static str = "rate-limit";
    const TITLE: &'static str = "限速：429 与 Retry-After";
    const SUMMARY: &'static str =
        "一个贪心的客户端让所有人排队；给每个客户端一只令牌桶，多出来的立刻以 429 谢绝，别人就不再受累。";
    const HOSTS: &'static [&'static str] = &["server", "polite", "greedy"];

    async fn run(self, mut lan: Lan) -> anyhow::Result<()> {
        let stage = Stage {
            server: lan.host("server")?,
            polite: lan.host("polite")?,
            greedy: lan.host("greedy")?,
            lan,
        };
        stage.lan.section("错误：来者不拒");
        stage.perform(&self, false, Manners::Hammer).await?;
        stage.lan.section("正确：每人一只令牌桶");
        stage.perform(&self, true, Manners::Hammer).await?;
        stage.lan.section("客户端也懂规矩：听 Retry-After");
        stage.perform(&self, true, Manners::Obey).await
    }
}

struct Stage {
    lan: Lan,
    server: Host,
    polite: Host,
    greedy: Host,
}

/// greedy 得到 429 以后怎么办。
#[derive(Clone, Copy, Debug)]
enum Manners {
    /// 过 100 毫秒就再试。
    Hammer,
    /// Retry-After 说多久，就等多久。
    Obey,
}

impl Stage {
    async fn perform(&self, lab: &RateLimitLab, limited: bool, manners: Manners) -> anyhow::Result<()> {
        let Self { lan, server, polite, greedy } = self;
        let address = (server.ipv4(), 0);
        let listener = server.spawn(move || TcpListener::bind(address)).await??;
        let url = format!("http://{}/quote", listener.local_addr()?);
        let app = app(lab, limited);
        let serving = server.spawn(move || serve(listener, app));

        let act = Duration::from_millis(lab.act_ms.into());
        let tally = Arc::new(Tally::default());
        let crowd = greedy.spawn({
            let (url, tally, count) = (url.clone(), Arc::clone(&tally), lab.greedy);
            let client = client(greedy.ipv4().into())?;
            move || insist(client, url, count, act, manners, tally)
        });
        let counting = greedy.spawn({
            let (tally, sampler) = (Arc::clone(&tally), lan.sampler(Some(greedy)));
            move || async move { tally.draw(&sampler).await }
        });
        let sampler = lan.sampler(Some(polite));
        let own = client(polite.ipv4().into())?;
        let (mut times, refused) = polite.spawn(move || ask_now_and_then(own, url, act, sampler)).await??;
        crowd.await??;
        counting.abort();
        serving.abort();
        times.sort_by(f64::total_cmp);
        anyhow::ensure!(!times.is_empty(), "polite 一个回答也没有得到");
        lan.measured(Some(polite), "polite 往返时间的中位数", times[times.len() / 2], "ms");
        lan.measured(Some(polite), "polite 最慢的一次", times[times.len() - 1], "ms");
        lan.measured(Some(polite), "polite 被谢绝", f64::from(refused), "次");
        lan.measured(Some(greedy), "greedy 得到回答", tally.taken(&tally.answered), "次");
        lan.measured(Some(greedy), "greedy 得到 429", tally.taken(&tally.refused), "次");
        lan.settle(Duration::from_millis(50), Duration::from_secs(2)).await;
        Ok(())
    }
}

/// greedy 的账。
#[derive(Default)]
struct Tally {
    answered: AtomicU32,
    refused: AtomicU32,
}

impl Tally {
    fn taken(&self, count: &AtomicU32) -> f64 {
        count.load(Ordering::Relaxed).into()
    }

    /// 每 100 毫秒记一个点。
    async fn draw(&self, sampler: &Sampler) {
        let mut ticks = interval(Duration::from_millis(100));
        loop {
            ticks.tick().await;
            sampler.sampled("greedy 得到回答", self.taken(&self.answered), "次");
            sampler.sampled("greedy 得到 429", self.taken(&self.refused), "次");
        }
    }
}

// ANCHOR: layer
/// 一层限速。克隆出来的都是同一层：桶放在 `Arc` 里。
#[derive(Clone)]
struct RateLimitLayer {
    /// 每个地址一只桶，第一次见到时是满的。
    buckets: Arc<DefaultKeyedRateLimiter<IpAddr>>,
}

impl RateLimitLayer {
    fn new(per_second: NonZeroU32, burst: NonZeroU32) -> Self {
        let quota = Quota::per_second(per_second).allow_burst(burst);
        Self { buckets: Arc::new(RateLimiter::hashmap(quota)) }
    }
}

impl<S> Layer<S> for RateLimitLayer {
    type Service = RateLimit<S>;

    fn layer(&self, inner: S) -> RateLimit<S> {
        RateLimit { inner, layer: self.clone() }
    }
}

/// 包着里面的服务。
#[derive(Clone)]
struct RateLimit<S> {
    inner: S,
    layer: RateLimitLayer,
}

impl<S> Service<Request> for RateLimit<S>
where
    S: Service<Request, Response = Response>,
{
    type Response = Response;
    type Error = S::Error;
    /// 要么是里面的回答，要么是一个现成的 429：不必装箱。
    type Future = Either<S::Future, Ready<Result<Response, S::Error>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        // 只信 TCP 连接的来源。X-Forwarded-For 谁都能写，除非它来自自己的反向代理。
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
        let Some(peer) = peer else { return Either::Left(self.inner.call(request)) };
        match self.layer.buckets.check_key(&peer) {
            Ok(()) => Either::Left(self.inner.call(request)),
            Err(too_early) => {
                let wait = too_early.wait_time_from(DefaultClock::default().now());
                Either::Right(ready(Ok(too_many(wait))))
            }
        }
    }
}

/// 429（RFC 6585 第 4 节）。Retry-After 以整秒计（RFC 9110 第 10.2.3 节），所以往上取整。
fn too_many(wait: Duration) -> Response {
    let seconds = (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1);
    (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, seconds.to_string())], "太快了\n").into_response()
}
// ANCHOR_END: layer

// ANCHOR: app
/// 限速放在最外层：谢绝一个请求，应当比办它便宜得多。（`Router::layer` 的层都在路由之后。）
fn app(lab: &RateLimitLab, limited: bool) -> Router {
    let desk = Desk { seats: Arc::new(Semaphore::new(1)), time: Duration::from_millis(lab.work_ms.into()) };
    let router = Router::new().route("/quote", get(quote)).with_state(desk);
    let at_least_one = |count: u32| NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
    match limited {
        true => router.layer(RateLimitLayer::new(at_least_one(lab.per_second), at_least_one(lab.burst))),
        false => router,
    }
}
// ANCHOR_END: app

/// 一次只办一个。
#[derive(Clone)]
struct Desk {
    seats: Arc<Semaphore>,
    time: Duration,
}

async fn quote(State(desk): State<Desk>) -> Result<&'static str, StatusCode> {
    let _seat = desk.seats.acquire().await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    sleep(desk.time).await;
    Ok("学而不思则罔\n")
}

async fn serve(listener: TcpListener, app: Router) {
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    if let Err(error) = axum::serve(listener, app).await {
        warn!("服务器停止了：{error}");
    }
}

/// 从自己的地址出发：服务器按地址认人。
fn client(own: IpAddr) -> reqwest::Result<Client> {
    Client::builder().no_proxy().local_address(own).timeout(Duration::from_secs(10)).build()
}

/// 每 200 毫秒问一次；返回每次的毫秒数和被谢绝的次数。
async fn ask_now_and_then(
    client: Client,
    url: String,
    act: Duration,
    sampler: Sampler,
) -> anyhow::Result<(Vec<f64>, u32)> {
    let end = Instant::now() + act;
    let mut ticks = interval(Duration::from_millis(200));
    let (mut times, mut refused) = (Vec::new(), 0);
    while Instant::now() < end {
        ticks.tick().await;
        let asked = Instant::now();
        let response = client.get(&url).send().await?;
        let status = response.status();
        response.bytes().await?;
        let time = asked.elapsed().as_secs_f64() * 1e3;
        if status == StatusCode::TOO_MANY_REQUESTS {
            refused += 1;
            continue;
        }
        sampler.sampled("polite 的往返时间", time, "ms");
        times.push(time);
    }
    Ok((times, refused))
}

/// 几路一起问，答完就接着问，直到这一幕结束。
async fn insist(
    client: Client,
    url: String,
    count: u32,
    act: Duration,
    manners: Manners,
    tally: Arc<Tally>,
) -> anyhow::Result<()> {
    let end = Instant::now() + act;
    let mut asking = JoinSet::new();
    for _ in 0..count {
        let (client, url, tally) = (client.clone(), url.clone(), Arc::clone(&tally));
        asking.spawn(async move {
            while Instant::now() < end {
                match ask(&client, &url).await? {
                    None => tally.answered.fetch_add(1, Ordering::Relaxed),
                    Some(after) => {
                        let wait = match manners {
                            Manners::Hammer => Duration::from_millis(100),
                            Manners::Obey => after,
                        };
                        // 这一幕结束之后的事，不必再等。
                        sleep(wait.min(end.saturating_duration_since(Instant::now()))).await;
                        tally.refused.fetch_add(1, Ordering::Relaxed)
                    }
                };
            }
            anyhow::Ok(())
        });
    }
    while let Some(asked) = asking.join_next().await {
        asked??;
    }
    Ok(())
}

// ANCHOR: retry-after
/// 问一次；被谢绝的话，返回对方要我们等多久。
async fn ask(client: &Client, url: &str) -> anyhow::Result<Option<Duration>> {
    let response = client.get(url).send().await?;
    if response.status() != StatusCode::TOO_MANY_REQUESTS {
        response.error_for_status()?.bytes().await?;
        return Ok(None);
    }
    let after = response.headers().get(header::RETRY_AFTER).context("429 没有写 Retry-After")?;
    let seconds = after.to_str()?.parse()?;
    info!("429，{seconds} 秒以后再来");
    response.bytes().await?; // 读完，连接才能接着用
    Ok(Some(Duration::from_secs(seconds)))
}
// ANCHOR_END: retry-after
