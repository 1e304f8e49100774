//! 中间件像洋葱：请求由外向里，响应由里向外；谁都可以半路折返。（指南 5.2）

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use garde::Validate;
use lan::Lan;
use reqwest::Client;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tower_http::cors::CorsLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;
use tracing::{info, warn};

use crate::Lab;

const PORT: u16 = 8080;
/// 只有这个来源的页面可以读我们的响应。
const FRIEND: &str = "https://app.example";
const STRANGER: &str = "https://evil.example";
const TOKEN: &str = "Bearer sesame";

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AxumMiddleware {
    /// 层的次序
    /// 谁在外面，谁先看到请求。
    #[garde(skip)]
    order: Order,
    /// 超时（毫秒）
    /// 里面的层过了这么久还没有回答，就不等了。
    #[garde(range(min = 20, max = 2000))]
    timeout_ms: u32,
    /// 慢的处理函数要多久（毫秒）
    /// 比超时长，它就会在半路被丢弃。
    #[garde(range(min = 0, max = 2000))]
    slow_ms: u32,
    /// 正文的上限（字节）
    /// 比它长的正文进不到里面。
    #[garde(range(min = 1, max = 4096))]
    body_limit: u32,
    /// 提交的正文有多长（字节）
    /// 最后一个请求带着这么长的正文。
    #[garde(range(min = 0, max = 8192))]
    body_bytes: u32,
}

/// 两种次序，只有一种对。
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Order {
    /// CORS 在外，令牌在里
    CorsOutside,
    /// 令牌在外，CORS 在里（常见的错误）
    TokenOutside,
}

impl Default for AxumMiddleware {
    fn default() -> Self {
        Self { order: Order::CorsOutside, timeout_ms: 200, slow_ms: 500, body_limit: 256, body_bytes: 300 }
    }
}

impl Lab for AxumMiddleware {
    const SLUG: &'static str = "axum-middleware";
    const TITLE: &'static str = "中间件：一层一层的洋葱";
    const SUMMARY: &'static str =
        "六个请求穿过日志、CORS、令牌、超时、正文上限五层，有的走到底，有的半路折返。";
    const HOSTS: &'static [&'static str] = &["server", "client"];

    async fn run(self, mut lan: Lan) -> anyhow::Result<()> {
        let server = lan.host("server")?;
        let host = lan.host("client")?;
        let address = SocketAddr::from((server.ipv4(), PORT));
        let entered = Arc::new(AtomicU32::new(0));
        let app = app(&self, &entered);
        let listener = server.spawn(move || TcpListener::bind(address)).await??;
        drop(server.spawn(move || serve(listener, app)));
        let client = Client::builder().no_proxy().timeout(Duration::from_secs(10)).build()?;
        let base = format!("http://{address}");

        for (title, request) in requests(&client, &base, self.body_bytes)? {
            lan.section(title);
            let before = entered.load(Ordering::Relaxed);
            let sender = client.clone();
            let status = host.spawn(move || ask(sender, request)).await?.context("请求没有得到回答")?;
            let layers = entered.load(Ordering::Relaxed) - before;
            lan.measured(Some(&host), &format!("{title}，状态码"), f64::from(status.as_u16()), "");
            lan.measured(Some(&server), &format!("{title}，进入的层数"), f64::from(layers), "层");
        }
        drop(client);
        lan.settle(Duration::from_millis(100), Duration::from_secs(3)).await;
        Ok(())
    }
}

type Requests = [(&'static str, reqwest::Request); 6];

/// 六个请求。`Origin` 和 `Access-Control-Request-…` 平时由浏览器填写，这里替它写上。
fn requests(client: &Client, base: &str, body_bytes: u32) -> reqwest::Result<Requests> {
    let notes = format!("{base}/notes");
    let get = |url: &str| client.get(url).header(header::ORIGIN, FRIEND).header(header::AUTHORIZATION, TOKEN);
    let preflight = |origin| {
        client
            .request(Method::OPTIONS, &notes)
            .header(header::ORIGIN, origin)
            .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST")
            .header(header::ACCESS_CONTROL_REQUEST_HEADERS, "authorization")
    };
    let post = client.post(&notes).header(header::ORIGIN, FRIEND).header(header::AUTHORIZATION, TOKEN);
    Ok([
        ("普通的请求", get(&notes).build()?),
        ("预检", preflight(FRIEND).build()?),
        ("陌生来源的预检", preflight(STRANGER).build()?),
        ("没有令牌", client.get(&notes).header(header::ORIGIN, FRIEND).build()?),
        ("处理得太慢", get(&format!("{base}/slow")).build()?),
        ("正文太长", post.body(vec![b'#'; body_bytes as usize]).build()?),
    ])
}

// ANCHOR: layers
/// `Router::layer` 把新的一层包在已有的外面：写在最后的，最先看到请求。
fn app(lab: &AxumMiddleware, entered: &Arc<AtomicU32>) -> Router {
    let seen = |layer| from_fn_with_state(Seen { layer, entered: Arc::clone(entered) }, seen);
    let (timeout, slow) =
        (Duration::from_millis(lab.timeout_ms.into()), Duration::from_millis(lab.slow_ms.into()));

    let router = Router::new()
        .route("/notes", get(async || "一条便签").post(async |body: Bytes| format!("{} 字节", body.len())))
        .route("/slow", get(async move || tokio::time::sleep(slow).await))
        .layer(seen("处理函数"))
        .layer(RequestBodyLimitLayer::new(lab.body_limit as usize))
        .layer(seen("正文上限"))
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, timeout))
        .layer(seen("超时"));
    let router = match lab.order {
        Order::CorsOutside => {
            router.layer(from_fn(require_token)).layer(seen("令牌")).layer(cors()).layer(seen("CORS"))
        }
        Order::TokenOutside => {
            router.layer(cors()).layer(seen("CORS")).layer(from_fn(require_token)).layer(seen("令牌"))
        }
    };
    router.layer(seen("日志"))
}
// ANCHOR_END: layers

// ANCHOR: cors
/// 列出允许的，而不是 `CorsLayer::permissive()`：后者等于对所有网站说“请便”。
fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(HeaderValue::from_static(FRIEND))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE])
        .max_age(Duration::from_secs(600)) // 浏览器可以记住这么久，不必每次都先问
}
// ANCHOR_END: cors

// ANCHOR: token
/// 一个函数就是一层：不调用 `next`，请求就到此为止。
async fn require_token(request: Request, next: Next) -> Response {
    let token = request.headers().get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
    if token != Some(TOKEN.as_bytes()) {
        return (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")]).into_response();
    }
    next.run(request).await
}
// ANCHOR_END: token

// ANCHOR: seen
/// 紧贴在某一层外面，记下请求何时进去、响应何时出来。
#[derive(Clone)]
struct Seen {
    layer: &'static str,
    entered: Arc<AtomicU32>,
}

/// 这个请求已经进到第几层。
#[derive(Clone, Copy)]
struct Depth(usize);

async fn seen(State(Seen { layer, entered }): State<Seen>, mut request: Request, next: Next) -> Response {
    entered.fetch_add(1, Ordering::Relaxed);
    let depth = request.extensions().get::<Depth>().map_or(0, |depth| depth.0);
    request.extensions_mut().insert(Depth(depth + 1));
    let indent = "│ ".repeat(depth);
    info!(layer, edge = "enter", "{indent}→ {layer}");

    let mut unfinished = Unfinished { layer, indent: &indent, finished: false };
    let response = next.run(request).await;
    unfinished.finished = true;

    let status = response.status().as_u16();
    info!(layer, edge = "leave", status, "{indent}← {layer}，{status}");
    response
}

/// 外面的层不等了，里面的 future 就被丢弃：`await` 之后的代码不再执行，但析构函数会。
struct Unfinished<'a> {
    layer: &'static str,
    indent: &'a str,
    finished: bool,
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if !self.finished {
            let Self { layer, indent, .. } = self;
            warn!(layer, edge = "drop", "{indent}✕ {layer}：没有做完就被丢弃了");
        }
    }
}
// ANCHOR_END: seen

async fn serve(listener: TcpListener, app: Router) {
    if let Err(error) = axum::serve(listener, app).await {
        warn!("服务器停止了：{error}");
    }
}

// ANCHOR: browser
/// 发出一个请求，并说出浏览器会怎么办：CORS 的规矩由浏览器执行，服务器只提供依据。
async fn ask(client: Client, request: reqwest::Request) -> reqwest::Result<StatusCode> {
    info!("{} {}", request.method(), request.url().path());
    let preflight = request.method() == Method::OPTIONS;
    let origin = request.headers().get(header::ORIGIN).cloned();
    let response = client.execute(request).await?;
    let status = response.status();
    let allowed = response.headers().get(header::ACCESS_CONTROL_ALLOW_ORIGIN).cloned();
    response.bytes().await?;
    match (preflight, allowed == origin) {
        (true, true) if status.is_success() => info!("{status}：预检通过，浏览器会接着发真正的请求"),
        (true, _) => warn!("{status}，许可的来源是 {allowed:?}：预检不通过，真正的请求不会发出"),
        (false, true) => info!("{status}：页面上的脚本读得到这个响应"),
        (false, false) => warn!("{status}：没有得到许可，页面上的脚本只看到一个网络错误"),
    }
    Ok(status)
}
// ANCHOR_END: browser
