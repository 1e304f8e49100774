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
use tokio::time::timeout;
use tracing::{info, warn};

use crate::Lab;
use crate::certificate::{Identity, NAME, transport};
use crate::http3::{Site, quic, tcp};

const PORT: u16 = 443;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct HeadOfLine {
    /// 对象个数
    /// 两边都在一条连接上同时请求这么多个对象。
    #[garde(range(min = 1, max = 40))]
    objects: u32,
    /// 每个对象多大（KiB）
    /// 大约每 1.4 KiB 一个包。
    #[garde(range(min = 1, max = 32))]
    kilobytes: u32,
    /// HTTP/3 轮流发送
    /// quinn 默认让各条流轮流发；关掉之后，先写完的流先发完。
    #[garde(skip)]
    fair: bool,
}

impl Default for HeadOfLine {
    fn default() -> Self {
        Self { objects: 12, kilobytes: 8, fair: true }
    }
}

impl Lab for HeadOfLine {
    const SLUG: &'static str = "head-of-line";
    const TITLE: &'static str = "队头阻塞：HTTP/2 与 HTTP/3";
    const SUMMARY: &'static str =
        "丢 5% 的两条线路，同样的一批对象：看两条完成曲线各在哪里停住，停多久，谁先到终点。";
    const HOSTS: &'static [&'static str] = &["server", "http2", "http3"];

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
        drop(server.spawn(move || quic::serve(endpoint, SITE)));

        lan.section("握手");
        let (tls, config) = (identity.client_tls(b"h2")?, identity.quic_client(b"h3")?);
        let from = SocketAddr::from((hosts[1].ipv4(), 0));
        let http2 = at(&hosts[0], async move { tcp::connect(tls, address).await });
        let http3 = at(&hosts[1], async move {
            let mut endpoint = Endpoint::client(from)?;
            endpoint.set_default_client_config(config);
            quic::connect(&endpoint, address).await
        });
        let (http2, http3) = tokio::try_join!(http2, http3)?;

        lan.section("同时出发");
        let wanted = self.wanted()?;
        let again = wanted.clone();
        let progress = |host: usize, series: &'static str| {
            let sampler = lan.sampler(Some(&hosts[host]));
            move |done: usize| sampler.sampled(series, done as f64, "个")
        };
        let (on_http2, on_http3) = (progress(0, "HTTP/2 完成"), progress(1, "HTTP/3 完成"));
        let (slow, fast) = tokio::try_join!(
            at(&hosts[0], race(wanted, move |request| tcp::fetch(http2.clone(), request), on_http2)),
            at(&hosts[1], race(again, move |request| quic::fetch(http3.clone(), request), on_http3)),
        )?;
        for (host, finished) in hosts.iter().zip([slow, fast]) {
            report(&lan, host, &finished);
        }
        lan.settle(Duration::from_millis(150), Duration::from_secs(3)).await;
        Ok(())
    }
}

impl HeadOfLine {
    fn quic_server(&self, identity: &Identity) -> anyhow::Result<quinn::ServerConfig> {
        let mut config = identity.quic_server(b"h3")?;
        let mut transport = transport();
        transport.send_fairness(self.fair);
        config.transport_config(Arc::new(transport));
        Ok(config)
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
/// 所有请求一起发出，谁先收完谁先算。返回每个对象收完时已经过去的时间，按先后排列。
async fn race<Fetch, Fetching>(
    wanted: Vec<Request<Bytes>>,
    mut fetch: Fetch,
    progress: impl Fn(usize),
) -> anyhow::Result<Vec<Duration>>
where
    Fetch: FnMut(Request<Bytes>) -> Fetching,
    Fetching: Future<Output = anyhow::Result<Response<Bytes>>>,
{
    let started = Instant::now();
    progress(0);
    let mut running: FuturesUnordered<_> = wanted.into_iter().map(&mut fetch).collect();
    let mut finished = Vec::new();
    while let Some(response) = running.try_next().await? {
        finished.push(started.elapsed());
        progress(finished.len());
        info!("第 {} 个收完，{} 字节", finished.len(), response.body().len());
    }
    Ok(finished)
}
// ANCHOR_END: race

fn report(lan: &Lan, host: &Host, finished: &[Duration]) {
    let ms = |time: &Duration| time.as_secs_f64() * 1e3;
    lan.measured(Some(host), "完成", finished.len() as f64, "个");
    if let (Some(first), Some(last)) = (finished.first(), finished.last()) {
        let mean = finished.iter().map(ms).sum::<f64>() / finished.len() as f64;
        lan.measured(Some(host), "第一个收完", ms(first), "ms");
        lan.measured(Some(host), "平均每个收完", mean, "ms");
        lan.measured(Some(host), "全部收完", ms(last), "ms");
    }
}
