//! 用 reqwest 说 HTTP：GET、提交 JSON、重定向、压缩、超时，以及连接池省下的握手。（指南 4.3）

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use api::line::{Impairments, Line};
use axum::extract::{Path, Query};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt as _;
use axum::{Json, Router};
use garde::Validate;
use lan::{Host, Lan};
use reqwest::Client;
use reqwest::redirect::Policy;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tower_http::compression::CompressionLayer;
use tracing::{info, warn};

use crate::{Lab, Open, Server};

const PORT: u16 = 8080;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct HttpClient {
    /// 使用连接池
    /// 关掉它，用完的连接不再留给下一个请求：每个请求都要重新握手。
    #[garde(skip)]
    pool: bool,
    /// GET 的次数
    /// 一次接一次，都发给同一个服务器。
    #[garde(range(min = 1, max = 20))]
    gets: u32,
    /// 提交的文字
    /// 放进一个 JSON 对象里，用 POST 发出。
    #[garde(length(chars, min = 1, max = 500))]
    message: String,
    /// 重定向的次数
    /// 客户端最多跟随 5 次，再多就报错。
    #[garde(range(min = 0, max = 8))]
    redirects: u32,
    /// 服务器拖延多久（毫秒）
    /// 最后一个请求故意答得很慢。
    #[garde(range(min = 0, max = 2000))]
    delay_ms: u32,
    /// 客户端愿意等多久（毫秒）
    /// 比服务器的拖延短，就会超时。
    #[garde(range(min = 50, max = 3000))]
    timeout_ms: u32,
}

impl Default for HttpClient {
    fn default() -> Self {
        Self {
            pool: true,
            gets: 3,
            message: "你好，HTTP！".into(),
            redirects: 2,
            delay_ms: 800,
            timeout_ms: 200,
        }
    }
}

impl Lab for HttpClient {
    const SLUG: &'static str = "http-client";
    const TITLE: &'static str = "HTTP 客户端";
    const SUMMARY: &'static str =
        "一个 reqwest 客户端发出所有请求：连接池让它们共用一次握手，直到一次超时把连接废掉。";
    const HOSTS: &'static [&'static str] = &["server", "client"];
    const OPEN: Option<Open> = Some(Open {
        url: "http://{}/",
        server: Server::Tcp(|listener| {
            Box::pin(async {
                serve(TcpListener::from_std(listener)?, Arc::default()).await;
                Ok(())
            })
        }),
    });

    fn lines() -> BTreeMap<String, Line> {
        let line = Line::both(Impairments { delay_ms: 10.0, ..Impairments::default() });
        BTreeMap::from([("client".into(), line)])
    }

    async fn run(self, mut lan: Lan) -> anyhow::Result<()> {
        let server = lan.host("server")?;
        let host = lan.host("client")?;
        let address = SocketAddr::from((server.ipv4(), PORT));
        let listener = server.spawn(move || TcpListener::bind(address)).await??;
        let accepted = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&accepted);
        drop(server.spawn(move || serve(listener, counter)));
        let base = format!("http://{address}");

        lan.section("GET：第一次要握手，以后不用");
        let client = build(self.pool)?;
        for round in 1..=self.gets {
            let (client, url) = (client.clone(), format!("{base}/get?round={round}"));
            let started = Instant::now();
            host.spawn(move || fetch(client, url)).await?.context("GET 没有成功")?;
            let label = format!("第 {round} 次 GET");
            lan.measured(Some(&host), &label, started.elapsed().as_secs_f64() * 1e3, "ms");
        }

        lan.section("POST：提交 JSON，再读回 JSON");
        let (sender, url, message) = (client.clone(), format!("{base}/post"), self.message);
        host.spawn(move || submit(sender, url, message)).await?.context("POST 没有成功")?;

        lan.section("重定向：客户端自己跟过去");
        let (follower, url) = (client.clone(), format!("{base}/redirect/{}", self.redirects));
        host.spawn(move || follow(follower, url)).await?.context("重定向没有走完")?;

        let shared = accepted.load(Ordering::Relaxed);
        lan.measured(Some(&server), "超时之前的握手", f64::from(shared), "次");

        lan.section("超时：不再等，连接也不能再用");
        let patience = Duration::from_millis(self.timeout_ms.into());
        slow(&lan, &host, &client, &base, self.delay_ms, patience).await?;
        let before = accepted.load(Ordering::Relaxed);
        let (last, url) = (client.clone(), format!("{base}/get?round=last"));
        host.spawn(move || fetch(last, url)).await?.context("最后一次 GET 没有成功")?;
        let again = accepted.load(Ordering::Relaxed) - before;
        lan.measured(Some(&server), "超时之后重来的握手", f64::from(again), "次");

        lan.section("压缩：线路上的字节，读到的字节");
        let (reader, url) = (client.clone(), format!("{base}/poem"));
        let (packed, plain) = host.spawn(move || weigh(reader, url)).await?.context("没有取到压缩的正文")?;
        lan.measured(Some(&host), "压缩后的正文", packed as f64, "B");
        lan.measured(Some(&host), "解压后的正文", plain as f64, "B");
        drop(client); // 连接池随最后一个 Client 一起消失，空闲的连接也就关闭了
        lan.settle(Duration::from_millis(100), Duration::from_secs(3)).await;
        Ok(())
    }
}

/// 记下慢请求等了多久、是否超时。
async fn slow(
    lan: &Lan,
    host: &Host,
    client: &Client,
    base: &str,
    delay_ms: u32,
    patience: Duration,
) -> anyhow::Result<()> {
    let (client, url) = (client.clone(), format!("{base}/delay/{delay_ms}"));
    let started = Instant::now();
    let timed_out =
        host.spawn(move || impatient(client, url, patience)).await?.context("慢请求出了别的错")?;
    lan.measured(Some(host), "慢请求等了", started.elapsed().as_secs_f64() * 1e3, "ms");
    lan.measured(Some(host), "慢请求超时", f64::from(u8::from(timed_out)), "次");
    Ok(())
}

// ANCHOR: build
/// 一个程序只建一个 `Client`：它里面有连接池，`clone` 只是多一个引用。
fn build(pool: bool) -> reqwest::Result<Client> {
    Client::builder()
        .no_proxy() // 不理会 HTTP_PROXY 之类的环境变量
        .connect_timeout(Duration::from_secs(3)) // 握手最多等多久
        .timeout(Duration::from_secs(10)) // 从发出请求到读完正文；默认没有期限！
        .redirect(Policy::limited(5))
        .pool_max_idle_per_host(if pool { 8 } else { 0 })
        .build()
}
// ANCHOR_END: build

// ANCHOR: get
async fn fetch(client: Client, url: String) -> reqwest::Result<()> {
    let response = client.get(url).send().await?;
    // 404、500 也是成功收到的响应，不是 Err；要当作错误，得自己说。
    let response = response.error_for_status()?;
    info!("{}，{:?}", response.status(), response.version());
    // 把正文读完，连接才能回到池里；半途丢下响应，连接就只好关掉。
    let answer: Value = response.json().await?;
    info!("服务器看到的查询参数：{}", answer["query"]);
    Ok(())
}
// ANCHOR_END: get

// ANCHOR: post
#[derive(Serialize, Deserialize)]
struct Greeting {
    message: String,
}

async fn submit(client: Client, url: String, message: String) -> reqwest::Result<()> {
    // `json` 做了三件事：序列化、写上 Content-Type、写上 Content-Length。
    let response = client.post(url).json(&Greeting { message }).send().await?.error_for_status()?;
    let echoed: Greeting = response.json().await?;
    info!("服务器读懂了：{}", echoed.message);
    Ok(())
}
// ANCHOR_END: post

// ANCHOR: redirect
async fn follow(client: Client, url: String) -> reqwest::Result<()> {
    match client.get(url).send().await {
        Ok(response) => {
            let response = response.error_for_status()?;
            info!("最后停在 {}", response.url()); // 不是当初请求的那个地址
            response.bytes().await?;
            Ok(())
        }
        Err(error) if error.is_redirect() => {
            warn!("重定向太多，不跟了：{error}");
            Ok(())
        }
        Err(error) => Err(error),
    }
}
// ANCHOR_END: redirect

// ANCHOR: gzip
/// 返回正文在线路上的字节数和解压后的字节数。
async fn weigh(client: Client, url: String) -> reqwest::Result<(usize, usize)> {
    // 平时用的客户端：自动声明 Accept-Encoding: gzip，自动解压。
    let plain = client.get(&url).send().await?.error_for_status()?.bytes().await?.len();

    // 关掉自动解压，才看得到线路上的样子。它是另一个 Client，有自己的连接池。
    let raw = Client::builder().no_proxy().gzip(false).timeout(Duration::from_secs(10)).build()?;
    let response = raw.get(&url).header(header::ACCEPT_ENCODING, "gzip").send().await?;
    info!("Content-Encoding: {:?}", response.headers().get(header::CONTENT_ENCODING));
    let packed = response.error_for_status()?.bytes().await?.len();

    info!("线路上 {packed} 字节，解压后 {plain} 字节");
    Ok((packed, plain))
}
// ANCHOR_END: gzip

// ANCHOR: timeout
/// 为单个请求另设期限；返回它是否超时。
async fn impatient(client: Client, url: String, patience: Duration) -> reqwest::Result<bool> {
    match client.get(url).timeout(patience).send().await {
        Ok(response) => {
            response.error_for_status()?.bytes().await?;
            info!("等到了回答");
            Ok(false)
        }
        // 请求已经发出，服务器也许正在处理，甚至已经处理完：超时不等于没有发生。
        Err(error) if error.is_timeout() => {
            warn!("{patience:?} 内没有回答，不等了");
            Ok(true)
        }
        Err(error) => Err(error),
    }
}
// ANCHOR_END: timeout

// ANCHOR: server
/// 一个仿 httpbin 的服务器，只有这个实验用得着的几条路由。
fn httpbin() -> Router {
    Router::new()
        .route("/get", get(show_query))
        .route("/post", post(show_body))
        .route("/redirect/{left}", get(redirect))
        .route("/poem", get(poem).layer(CompressionLayer::new()))
        .route("/delay/{ms}", get(delay))
}

async fn show_query(Query(query): Query<BTreeMap<String, String>>, headers: HeaderMap) -> Json<Value> {
    let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    Json(json!({ "query": query, "user_agent": agent }))
}

async fn show_body(Json(body): Json<Value>) -> Json<Value> {
    info!("收到 JSON：{body}");
    Json(body)
}

/// 307 与 308 要求原样重发（方法和正文都不变）；`Redirect::to` 是 303：改用 GET。
async fn redirect(Path(left): Path<u32>) -> Response {
    match left {
        0 => Json(json!({ "query": "到了" })).into_response(),
        _ => Redirect::temporary(&format!("/redirect/{}", left - 1)).into_response(),
    }
}

async fn poem() -> String {
    "床前明月光，疑是地上霜。举头望明月，低头思故乡。\n".repeat(40)
}

async fn delay(Path(ms): Path<u64>) -> StatusCode {
    tokio::time::sleep(Duration::from_millis(ms.min(2000))).await;
    info!("拖延了 {ms} 毫秒，现在才回答");
    StatusCode::NO_CONTENT
}
// ANCHOR_END: server

/// 服务器，并数一数它接受了几条连接。
async fn serve(listener: TcpListener, accepted: Arc<AtomicU32>) {
    let listener = listener.tap_io(move |_| {
        let count = accepted.fetch_add(1, Ordering::Relaxed) + 1;
        info!("接受了第 {count} 条连接");
    });
    if let Err(error) = axum::serve(listener, httpbin()).await {
        warn!("服务器停止了：{error}");
    }
}
