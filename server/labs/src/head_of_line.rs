//! 队头阻塞：同样坏的两条线路，同样的一批对象，一边走 HTTP/2，一边走 HTTP/3，同时出发。（指南 7.3）

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use api::line::{Impairments, Line};
use bytes::Bytes;
use futures::stream::{FuturesUnordered, TryStreamExt as _};
use garde::Validate;
use http::{Request, Response, header};
use lan::{Host, Lan};
use quinn::Endpoint;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::time::{sleep_until, timeout};
use tracing::{info, warn};

use crate::Lab;
use crate::http3::{self, Site, tcp};
use crate::quic_streams::{Identity, NAME, transport};

const PORT: u16 = 443;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct HeadOfLine {
    /// 对象个数
    /// 两边各用一条连接请求这么多个对象。
    #[garde(range(min = 1, max = 40))]
    objects: u32,
    /// 每个对象多大（KiB）
    /// 大约每 1.4 KiB 一个包。
    #[garde(range(min = 1, max = 32))]
    kilobytes: u32,
    /// 请求的间隔（毫秒）
    /// 每隔这么久请求一个；0 表示一口气全部请求。
    #[garde(range(min = 0, max = 100))]
    every_ms: u32,
    /// HTTP/3 轮流发送
    /// quinn 默认让各条流轮流发；关掉之后，先写完的流先发完。
    #[garde(skip)]
    fair: bool,
    /// 比几次
    /// 每次都换新的连接，丢的帧也各不相同。比多次时，报告的是中位数。
    #[garde(range(min = 1, max = 10))]
    repeats: u32,
}

impl Default for HeadOfLine {
    fn default() -> Self {
        Self { objects: 30, kilobytes: 1, every_ms: 20, fair: true, repeats: 1 }
    }
}

impl Lab for HeadOfLine {
    const SLUG: &'static str = "head-of-line";
    const TITLE: &'static str = "队头阻塞：HTTP/2 与 HTTP/3";
    const SUMMARY: &'static str =
        "丢 5% 的两条线路，同样的一批对象：看两条完成曲线各在哪里停住，停多久，连累了谁。";
    const HOSTS: &'static [&'static str] = &["server", "http2", "http3"];
    const WALL_MS: u32 = 60_000;

    fn lines() -> BTreeMap<String, Line> {
        let line = Line::both(Impairments { delay_ms: 20.0, loss_percent: 5.0, ..Impairments::default() });
        BTreeMap::from([("http2".into(), line.clone()), ("http3".into(), line)])
    }

    async fn run(self, mut lan: Lan) -> anyhow::Result<()> {
        let server = lan.host("server")?;
        let hosts = [lan.host("http2")?, lan.host("http3")?];
        let identity = Identity::issue()?;
        let address = SocketAddr::from((server.ipv4(), PORT));
        let (tls, config) = (identity.server_tls(b"h2")?, self.quic_server(&identity)?);
        let (listener, endpoint) = server
            .spawn(move || async move {
                anyhow::Ok((TcpListener::bind(address).await?, Endpoint::server(config, address)?))
            })
            .await??;
        drop(server.spawn(move || tcp::serve(listener, tls, SITE)));
        drop(server.spawn(move || http3::serve(endpoint, SITE)));

        let mut finished = [Vec::new(), Vec::new()];
        for _ in 0..self.repeats {
            let [http2, http3] = self.compete(&lan, &hosts, &identity, address).await?;
            finished[0].push(http2);
            finished[1].push(http3);
            lan.settle(Duration::from_millis(150), Duration::from_secs(3)).await;
        }
        report(&lan, &hosts, &finished);
        Ok(())
    }
}

/// 一个收完的对象：从请求它算起，从大家出发算起，各过了多久。
struct Object {
    waited: Duration,
    finished: Duration,
}

/// 一批对象，按收完的先后排列。
type Finished = Vec<Object>;

impl HeadOfLine {
    fn quic_server(&self, identity: &Identity) -> anyhow::Result<quinn::ServerConfig> {
        let mut config = identity.quic_server(b"h3")?;
        let mut transport = transport();
        transport.send_fairness(self.fair);
        config.transport_config(Arc::new(transport));
        Ok(config)
    }

    /// 比一次：两条新的连接，先各自握手，再同时出发。
    async fn compete(
        &self,
        lan: &Lan,
        [http2, http3]: &[Host; 2],
        identity: &Identity,
        server: SocketAddr,
    ) -> anyhow::Result<[Finished; 2]> {
        lan.section("握手");
        let (tls, config) = (identity.client_tls(b"h2")?, identity.quic_client(b"h3")?);
        let from = SocketAddr::from((http3.ipv4(), 0));
        let (over_tcp, over_quic) = tokio::try_join!(
            at(http2, async move { tcp::connect(tls, server).await }),
            at(http3, async move {
                let mut endpoint = Endpoint::client(from)?;
                endpoint.set_default_client_config(config);
                http3::connect(&endpoint, server).await
            }),
        )?;

        lan.section("同时出发");
        let progress = |host: &Host, series: &'static str| {
            let sampler = lan.sampler(Some(host));
            move |done: usize| sampler.sampled(series, done as f64, "个")
        };
        let on_http2 = progress(http2, "HTTP/2 完成");
        let on_http3 = progress(http3, "HTTP/3 完成");
        let every = Duration::from_millis(self.every_ms.into());
        let wanted = self.wanted()?;
        let again = wanted.clone();
        let (on_tcp, on_quic) = tokio::try_join!(
            at(http2, race(wanted, every, move |request| tcp::fetch(over_tcp.clone(), request), on_http2)),
            at(http3, race(again, every, move |request| http3::fetch(over_quic.clone(), request), on_http3)),
        )?;
        Ok([on_tcp, on_quic])
    }

    fn wanted(&self) -> Result<Vec<Request<Bytes>>, http::Error> {
        let path = format!("https://{NAME}/{}", self.kilobytes << 10);
        (0..self.objects).map(|_| Request::get(&path).body(Bytes::new())).collect()
    }
}

/// 在一台主机上做完一件事；线路再差也只等这么久。
async fn at<T: Send + 'static>(
    host: &Host,
    work: impl Future<Output = anyhow::Result<T>> + Send + 'static,
) -> anyhow::Result<T> {
    let done = host.spawn(move || timeout(Duration::from_secs(20), work)).await?;
    done.context("等了 20 秒也没有结果：线路太差了")?
}

const SITE: Site = Site { respond, trouble: |error| warn!("连接中断：{error:#}") };

/// `/8192`：8192 个字节。
fn respond(request: &Request<Bytes>) -> Response<Bytes> {
    let length = request.uri().path().trim_start_matches('/').parse().unwrap_or(0);
    let mut response = Response::new(Bytes::from(vec![b'.'; length]));
    response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    response
}

// ANCHOR: race
/// 每隔一会儿请求一个，不等前面的；谁先收完谁先算。走的是什么协议，由 `fetch` 决定。
async fn race<Fetch, Fetching>(
    wanted: Vec<Request<Bytes>>,
    every: Duration,
    mut fetch: Fetch,
    progress: impl Fn(usize),
) -> anyhow::Result<Finished>
where
    Fetch: FnMut(Request<Bytes>) -> Fetching,
    Fetching: Future<Output = anyhow::Result<Response<Bytes>>>,
{
    let started = Instant::now();
    progress(0);
    let mut running = FuturesUnordered::new();
    for (request, number) in wanted.into_iter().zip(0..) {
        let fetching = fetch(request); // 还没有发出：future 要有人推它才动
        running.push(async move {
            let due = started + every * number;
            sleep_until(due.into()).await;
            anyhow::Ok((due, fetching.await?))
        });
    }
    let mut finished = Vec::new();
    while let Some((asked, response)) = running.try_next().await? {
        finished.push(Object { waited: asked.elapsed(), finished: started.elapsed() });
        progress(finished.len());
        info!("第 {} 个收完，{} 字节", finished.len(), response.body().len());
    }
    Ok(finished)
}
// ANCHOR_END: race

/// 比最快的一个多等了这么久（半个往返），就是在等重传了。
const LATE_MS: f64 = 20.0;

/// 一次的结果就是它自己；比了多次，是中位数。
fn report(lan: &Lan, hosts: &[Host; 2], finished: &[Vec<Finished>; 2]) {
    for (host, repeats) in hosts.iter().zip(finished) {
        let of = |value: fn(&Finished) -> f64| median(repeats.iter().map(value));
        lan.measured(Some(host), "完成", repeats.iter().map(Vec::len).sum::<usize>() as f64, "个");
        lan.measured(Some(host), "第一个收完", of(|objects| objects.first().map_or(0.0, finish)), "ms");
        lan.measured(Some(host), "平均等了", of(mean_wait), "ms");
        lan.measured(Some(host), "最久等了", of(|objects| waits(objects).fold(0.0, f64::max)), "ms");
        lan.measured(Some(host), "多等了 20 ms 以上", of(late), "个");
        lan.measured(Some(host), "全部收完", of(last), "ms");
    }
    let [http2, http3] = finished;
    let wins = http2.iter().zip(http3).filter(|(http2, http3)| last(http3) < last(http2)).count();
    lan.measured(Some(&hosts[0]), "先全部收完", (http2.len() - wins) as f64, "次");
    lan.measured(Some(&hosts[1]), "先全部收完", wins as f64, "次");
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn finish(object: &Object) -> f64 {
    milliseconds(object.finished)
}

fn last(objects: &Finished) -> f64 {
    objects.last().map_or(0.0, finish)
}

fn waits(objects: &Finished) -> impl Iterator<Item = f64> {
    objects.iter().map(|object| milliseconds(object.waited))
}

fn mean_wait(objects: &Finished) -> f64 {
    waits(objects).sum::<f64>() / objects.len().max(1) as f64
}

/// 有几个对象在等重传：自己的，或者别人的。
fn late(objects: &Finished) -> f64 {
    let fastest = waits(objects).fold(f64::INFINITY, f64::min);
    waits(objects).filter(|wait| wait - fastest > LATE_MS).count() as f64
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let (low, high) = (values.len().saturating_sub(1) / 2, values.len() / 2);
    values.get(low).zip(values.get(high)).map_or(0.0, |(low, high)| f64::midpoint(*low, *high))
}
