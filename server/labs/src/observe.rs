//! 监控：每个请求一个 span，数进计数器和直方图，再以 Prometheus 的文本格式交给来取的人。（指南 10.4）

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use garde::Validate;
use lan::{Lan, Sampler};
use metrics::{
    Counter, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit, counter,
    gauge, histogram,
};
use metrics_util::registry::{Registry, Storage};
use reqwest::Client;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{interval, sleep};
use tracing::field::Empty;
use tracing::{Instrument as _, info, info_span, warn};

use crate::Lab;

const PORT: u16 = 8080;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Observe {
    /// 请求的个数
    /// 四路一起发，快的、慢的、出错的轮着来。
    #[garde(range(min = 4, max = 80))]
    requests: u32,
    /// 慢的请求要多久（毫秒）
    /// 它应当出现在直方图右边的桶里。
    #[garde(range(min = 1, max = 400))]
    slow_ms: u32,
    /// 取数的间隔（毫秒）
    /// monitor 每隔这么久取一次 /metrics。真实的系统多是 15 秒。
    #[garde(range(min = 50, max = 1000))]
    scrape_ms: u32,
}

impl Default for Observe {
    fn default() -> Self {
        Self { requests: 40, slow_ms: 70, scrape_ms: 100 }
    }
}

impl Lab for Observe {
    const SLUG: &'static str = "observe";
    const TITLE: &'static str = "监控：指标与 span";
    const SUMMARY: &'static str = "服务器一边接待，一边数；第三台主机隔一会儿来取一次数，画成曲线。数出来的和客户端真正发出的，对得上吗？";
    const HOSTS: &'static [&'static str] = &["server", "client", "monitor"];

    async fn run(self, mut lan: Lan) -> anyhow::Result<()> {
        let server = lan.host("server")?;
        let client = lan.host("client")?;
        let monitor = lan.host("monitor")?;
        let address = SocketAddr::from((server.ipv4(), PORT));
        metrics::set_global_recorder(&*EXPORTER).context("已经有别的 Recorder 了")?;
        let listener = server.spawn(move || TcpListener::bind(address)).await??;
        let app = app(Duration::from_millis(self.slow_ms.into()));
        drop(server.spawn(move || serve(listener, app)));

        lan.section("一边接待，一边取数");
        let every = Duration::from_millis(self.scrape_ms.into());
        let sampler = lan.sampler(Some(&server));
        let watching = monitor.spawn(move || watch(address, every, sampler));
        let requests = self.requests;
        let sent = client.spawn(move || visit(address, requests)).await??;
        watching.abort();

        lan.section("对账");
        let counted = monitor.spawn(move || scrape(address)).await??;
        lan.measured(Some(&client), "客户端发出的请求", sent.requests as f64, "个");
        lan.measured(Some(&server), "计数器数到的请求", counted.requests(), "个");
        lan.measured(Some(&client), "客户端收到的 500", sent.errors as f64, "个");
        lan.measured(Some(&server), "计数器数到的 500", counted.errors(), "个");
        lan.measured(Some(&client), "真正的 P90", sent.quantile(0.9), "ms");
        lan.measured(Some(&server), "P90 所在的桶的上界", counted.quantile(0.9) * 1e3, "ms");
        lan.measured(Some(&server), "指标的条数", counted.samples.len() as f64, "条");
        lan.settle(Duration::from_millis(100), Duration::from_secs(2)).await;
        Ok(())
    }
}

fn app(slow: Duration) -> Router {
    Router::new()
        .route("/fast", get(async || "快\n"))
        .route("/slow", get(async move || sleep(slow).await))
        .route("/items/{id}", get(async || StatusCode::INTERNAL_SERVER_ERROR))
        .layer(from_fn(track))
        // 取数的请求不数进去：写在 `layer` 之后的路由，不在那一层里面。
        .route("/metrics", get(async || EXPORTER.text()))
}

// ANCHOR: track
/// 每个请求：一个 span，一次计数，一次计时。
async fn track(request: Request, next: Next) -> Response {
    // 标签用路由的样子（/items/{id}），不用真实的路径：后者有多少个 id，就有多少条时间序列。
    let route = request.extensions().get::<MatchedPath>().map_or("其他", MatchedPath::as_str).to_owned();
    let span = info_span!("请求", method = %request.method(), route, status = Empty);
    let in_flight = InFlight::enter();
    let started = Instant::now();

    // `instrument`：任务每次被推动（poll）时才进入 span，停下就离开。千万不要拿着 `span.enter()` 的守卫跨过 `.await`。
    let response = next.run(request).instrument(span.clone()).await;

    let status = response.status().as_u16();
    span.record("status", status);
    counter!("http_requests_total", "route" => route.clone(), "status" => status.to_string()).increment(1);
    histogram!("http_request_duration_seconds", "route" => route).record(started.elapsed());
    drop(in_flight);
    response
}

/// 正在办的请求；客户端半途走了、任务被取消，也照样减回去。
struct InFlight;

impl InFlight {
    fn enter() -> Self {
        gauge!("http_requests_in_flight").increment(1);
        Self
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        gauge!("http_requests_in_flight").decrement(1);
    }
}
// ANCHOR_END: track

/// 整个进程只有一个：`counter!` 在任何地方都找得到它。
static EXPORTER: LazyLock<Exporter> = LazyLock::new(|| Exporter { metrics: Registry::new(Cells) });

// ANCHOR: exporter
/// `metrics` 只是门面，数存在哪里由 `Recorder` 决定。现成的有 metrics-exporter-prometheus；这里自己写一个小的。
struct Exporter {
    metrics: Registry<Key, Cells>,
}

impl Recorder for Exporter {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        self.metrics.get_or_create_counter(key, |cell| Counter::from_arc(Arc::clone(cell)))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        self.metrics.get_or_create_gauge(key, |cell| Gauge::from_arc(Arc::clone(cell)))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        self.metrics.get_or_create_histogram(key, |buckets| Histogram::from_arc(Arc::clone(buckets)))
    }
}

/// 一条指标占多少地方：计数器和仪表各 8 个字节，直方图每个桶 8 个字节，与请求的多少无关。
struct Cells;

impl Storage<Key> for Cells {
    type Counter = Arc<AtomicU64>;
    type Gauge = Arc<AtomicU64>;
    type Histogram = Arc<Buckets>;

    fn counter(&self, _: &Key) -> Self::Counter {
        Arc::default()
    }

    fn gauge(&self, _: &Key) -> Self::Gauge {
        Arc::default()
    }

    fn histogram(&self, _: &Key) -> Self::Histogram {
        Arc::default()
    }
}

/// 桶的上界，秒；最后还有一个装得下一切的。
const BOUNDS: [f64; 7] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 1.0];

/// 直方图只记每个桶里落了几个，不记每一个是多少。
#[derive(Default)]
struct Buckets {
    counts: [AtomicU64; BOUNDS.len() + 1],
    /// 总和，微秒。
    sum: AtomicU64,
}

impl HistogramFn for Buckets {
    fn record(&self, seconds: f64) {
        let at = BOUNDS.iter().position(|bound| seconds <= *bound).unwrap_or(BOUNDS.len());
        self.counts[at].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add((seconds * 1e6) as u64, Ordering::Relaxed);
    }
}
// ANCHOR_END: exporter

// ANCHOR: text
impl Exporter {
    /// Prometheus 的文本格式：一行一个数，名字、花括号里的标签、值。
    fn text(&self) -> impl IntoResponse + use<> {
        let mut lines = BTreeMap::new();
        let mut tell = |name: &str, key: &Key, more: &str, value: f64| {
            lines.insert(format!("{name}{{{}{more}}}", labels(key)), value);
        };
        self.metrics.visit_counters(|key, cell| {
            tell(key.name(), key, "", cell.load(Ordering::Relaxed) as f64);
        });
        self.metrics.visit_gauges(|key, cell| {
            tell(key.name(), key, "", f64::from_bits(cell.load(Ordering::Relaxed)));
        });
        self.metrics.visit_histograms(|key, buckets| {
            let mut below = 0;
            let bounds = BOUNDS.iter().map(f64::to_string).chain(["+Inf".into()]);
            for (bound, count) in bounds.zip(&buckets.counts) {
                below += count.load(Ordering::Relaxed); // 每个桶包含它左边的全部
                tell(&format!("{}_bucket", key.name()), key, &format!("le=\"{bound}\","), below as f64);
            }
            tell(&format!("{}_count", key.name()), key, "", below as f64);
            let seconds = buckets.sum.load(Ordering::Relaxed) as f64 / 1e6;
            tell(&format!("{}_sum", key.name()), key, "", seconds);
        });
        let mut text = String::new();
        for (name, value) in lines {
            writeln!(text, "{name} {value}").ok(); // 写进 String 不会失败
        }
        ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
    }
}

fn labels(key: &Key) -> String {
    key.labels().map(|label| format!("{}=\"{}\",", label.key(), label.value())).collect()
}
// ANCHOR_END: text

async fn serve(listener: TcpListener, app: Router) {
    if let Err(error) = axum::serve(listener, app).await {
        warn!("服务器停止了：{error}");
    }
}

fn client() -> reqwest::Result<Client> {
    Client::builder().no_proxy().timeout(Duration::from_secs(10)).build()
}

/// 客户端自己的账。
#[derive(Default)]
struct Sent {
    requests: usize,
    errors: usize,
    /// 毫秒。
    times: Vec<f64>,
}

impl Sent {
    fn quantile(&self, q: f64) -> f64 {
        let rank = (q * self.times.len() as f64).ceil() as usize;
        self.times.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    }
}

/// 四路一起发，快的、慢的、出错的轮着来。
async fn visit(server: SocketAddr, requests: u32) -> anyhow::Result<Sent> {
    let client = client()?;
    let mut asking = JoinSet::new();
    for lane in 0..4 {
        let client = client.clone();
        asking.spawn(async move {
            let mut sent = Sent::default();
            for number in (lane..requests).step_by(4) {
                let path = match number % 10 {
                    1 | 4 | 7 => "slow".into(),
                    9 => format!("items/{number}"),
                    _ => "fast".into(),
                };
                let asked = Instant::now();
                let response = client.get(format!("http://{server}/{path}")).send().await?;
                sent.errors += usize::from(response.status().is_server_error());
                response.bytes().await?;
                sent.requests += 1;
                sent.times.push(asked.elapsed().as_secs_f64() * 1e3);
                sleep(Duration::from_millis(40)).await;
            }
            anyhow::Ok(sent)
        });
    }
    let mut all = Sent::default();
    while let Some(sent) = asking.join_next().await {
        let sent = sent??;
        all.requests += sent.requests;
        all.errors += sent.errors;
        all.times.extend(sent.times);
    }
    all.times.sort_by(f64::total_cmp);
    Ok(all)
}

/// 从 /metrics 读回来的数，按名字连同标签。
struct Scraped {
    samples: BTreeMap<String, f64>,
}

impl Scraped {
    /// 名字以 `name{` 开头、标签里有 `label` 的，合起来是多少。
    fn sum(&self, name: &str, label: &str) -> f64 {
        let start = format!("{name}{{");
        let chosen = self.samples.iter().filter(|(key, _)| key.starts_with(&start) && key.contains(label));
        chosen.map(|(_, value)| value).sum()
    }

    fn requests(&self) -> f64 {
        self.sum("http_requests_total", "")
    }

    fn errors(&self) -> f64 {
        self.sum("http_requests_total", "status=\"500\"")
    }

    // ANCHOR: quantile
    /// 分位数只能说到桶为止：它不超过返回的这个上界（秒）。
    fn quantile(&self, q: f64) -> f64 {
        let below =
            |bound: &str| self.sum("http_request_duration_seconds_bucket", &format!("le=\"{bound}\""));
        let wanted = q * below("+Inf");
        BOUNDS.into_iter().find(|bound| below(&bound.to_string()) >= wanted).unwrap_or(f64::NAN)
    }
    // ANCHOR_END: quantile
}

async fn scrape(server: SocketAddr) -> anyhow::Result<Scraped> {
    let text = client()?.get(format!("http://{server}/metrics")).send().await?.text().await?;
    let read = |line: &str| {
        let (name, value) = line.rsplit_once(' ')?;
        Some((name.to_owned(), value.parse().ok()?))
    };
    Ok(Scraped { samples: text.lines().filter_map(read).collect() })
}

/// 隔一会儿取一次，画成曲线。
async fn watch(server: SocketAddr, every: Duration, sampler: Sampler) -> anyhow::Result<()> {
    let mut ticks = interval(every);
    loop {
        ticks.tick().await;
        let now = scrape(server).await?;
        info!("取到 {} 个数", now.samples.len());
        sampler.sampled("请求总数", now.requests(), "个");
        sampler.sampled("其中的 500", now.errors(), "个");
        sampler.sampled("正在办的请求", now.sum("http_requests_in_flight", ""), "个");
    }
}
