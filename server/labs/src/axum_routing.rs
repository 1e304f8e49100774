//! 由读者拼出一个 HTTP 请求，看 axum 的路由和哪一个提取器接受或拒绝它。（指南 5.3）

mod compose;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::body::Bytes;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, FromRequest, FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Request, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use garde::Validate;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use lan::{Host, Lan};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tracing::{info, warn};

use self::compose::{Verb, is_headers, is_path, is_query, parse_headers};
use crate::{Lab, Open, Server};

const PORT: u16 = 8080;
/// 请求体的上限，字节。
const BODY_LIMIT: usize = 1024;
/// `GET /me` 认的令牌。
const TOKEN: &str = "sesame";

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AxumRouting {
    /// 方法
    /// 服务器对每条路径只接受其中的几种。
    #[garde(skip)]
    method: Verb,
    /// 路径
    /// 试试 /books、/books/2、/books/abc、/orders、/me。
    #[garde(length(chars, max = 200), custom(is_path))]
    path: String,
    /// 查询串
    /// 问号之后的部分，例如 page=2&per_page=1。
    #[garde(length(chars, max = 200), custom(is_query))]
    query: String,
    /// 首部
    /// 每行一个，写成“名字: 值”。
    #[garde(length(chars, max = 1000), custom(is_headers))]
    #[schemars(extend("multiline" = true))]
    headers: String,
    /// 正文
    /// 服务器最多收 1024 字节。
    #[garde(length(chars, max = 3000))]
    #[schemars(extend("multiline" = true))]
    body: String,
    /// 再看看别的回答
    /// 你的请求之后，另外发出十个请求，每一种状态码至少见到一次。
    #[garde(skip)]
    gallery: bool,
}

impl Default for AxumRouting {
    fn default() -> Self {
        Self {
            method: Verb::Post,
            path: "/orders".into(),
            query: String::new(),
            headers: "Content-Type: application/json".into(),
            body: r#"{"book": 2, "copies": 3}"#.into(),
            gallery: true,
        }
    }
}

impl Lab for AxumRouting {
    const SLUG: &'static str = "axum-routing";
    const TITLE: &'static str = "路由与提取器";
    const SUMMARY: &'static str =
        "你来拼一个请求：路由找不找得到，哪个提取器会拒绝，回来的是 200、400 还是 422？";
    const HOSTS: &'static [&'static str] = &["server", "client"];
    const OPEN: Option<Open> = Some(Open {
        url: "http://{}/",
        server: Server::Tcp(|listener| {
            Box::pin(async {
                serve(TcpListener::from_std(listener)?).await;
                Ok(())
            })
        }),
    });

    async fn run(self, mut lan: Lan) -> anyhow::Result<()> {
        let server = lan.host("server")?;
        let client = lan.host("client")?;
        let address = SocketAddr::from((server.ipv4(), PORT));
        let listener = server.spawn(move || TcpListener::bind(address)).await??;
        drop(server.spawn(move || serve(listener)));

        lan.section("你的请求");
        let gallery = self.gallery;
        let status = ask(&client, address, self.request()?).await?;
        lan.measured(Some(&client), "你的请求的状态码", f64::from(status.as_u16()), "");
        if gallery {
            for (title, request) in gallery_of_answers() {
                lan.section(title);
                let status = ask(&client, address, request.request()?).await?;
                lan.measured(Some(&client), title, f64::from(status.as_u16()), "");
            }
        }
        lan.settle(Duration::from_millis(100), Duration::from_secs(2)).await;
        Ok(())
    }
}

async fn ask(
    client: &Host,
    address: SocketAddr,
    request: Request<Full<Bytes>>,
) -> anyhow::Result<StatusCode> {
    client.spawn(move || exchange(address, request)).await?
}

impl AxumRouting {
    fn new(method: Verb, path: &str, query: &str, headers: &str, body: &str) -> Self {
        let (path, query, headers) = (path.into(), query.into(), headers.into());
        Self { method, path, query, headers, body: body.into(), gallery: false }
    }

    /// 读者填的五样东西拼成一个请求：除了路径开头缺的 `/`，什么也不整理。
    fn request(self) -> anyhow::Result<Request<Full<Bytes>>> {
        let mut target = if self.path.starts_with('/') { self.path } else { format!("/{}", self.path) };
        if !self.query.is_empty() {
            target = format!("{target}?{}", self.query);
        }
        let mut request = Request::new(Full::from(self.body));
        *request.method_mut() = self.method.into();
        *request.uri_mut() = target.parse::<Uri>().context("路径或查询串不合语法")?;
        *request.headers_mut() = parse_headers(&self.headers).map_err(anyhow::Error::msg)?;
        Ok(request)
    }
}

/// 十个请求，合起来能见到服务器的每一种回答。
fn gallery_of_answers() -> [(&'static str, AxumRouting); 10] {
    use Verb::{Delete, Get, Post};
    const JSON: &str = "Content-Type: application/json";
    let new = AxumRouting::new;
    [
        ("取一本书", new(Get, "/books/1", "", "", "")),
        ("没有这本书", new(Get, "/books/99", "", "", "")),
        ("路径参数不是数", new(Get, "/books/abc", "", "", "")),
        ("查询参数不是数", new(Get, "/books", "page=x", "", "")),
        ("没有带令牌", new(Get, "/me", "", "", "")),
        ("方法不对", new(Delete, "/books/1", "", "", "")),
        ("正文太大", new(Post, "/orders", "", JSON, &" ".repeat(BODY_LIMIT + 1))),
        ("没有说正文是 JSON", new(Post, "/orders", "", "", r#"{"book": 2, "copies": 3}"#)),
        ("JSON 有语法错误", new(Post, "/orders", "", JSON, r#"{"book": 2, "#)),
        ("JSON 的类型不对", new(Post, "/orders", "", JSON, r#"{"book": 2, "copies": "三"}"#)),
    ]
}

// ANCHOR: routes
/// 一家小书店。它不保存任何订单，状态只有一个不断加一的号码。
pub fn router() -> Router {
    Router::new()
        .route("/books", get(list_books))
        .route("/books/{id}", get(show_book))
        .route("/orders", post(place_order))
        .route("/me", get(who_am_i))
        .fallback(no_such_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(Arc::new(Shop::default()))
}

#[derive(Default)]
struct Shop {
    orders: AtomicU64,
}

const BOOKS: [&str; 3] = ["Rust 程序设计语言", "TCP/IP 详解", "计算机网络"];
// ANCHOR_END: routes

// ANCHOR: handlers
/// 书号从 1 数起。
async fn show_book(Path(id): Path<u32>) -> Result<axum::Json<Value>, Refusal> {
    let title = find(id).ok_or(Refusal::handler(StatusCode::NOT_FOUND, "书号没有错，只是没有这本书"))?;
    Ok(axum::Json(json!({ "id": id, "title": title })))
}

#[derive(Deserialize)]
#[serde(default)]
struct Page {
    page: usize,
    per_page: usize,
}

impl Default for Page {
    fn default() -> Self {
        Self { page: 1, per_page: 10 }
    }
}

async fn list_books(Query(Page { page, per_page }): Query<Page>) -> axum::Json<Value> {
    let skip = page.saturating_sub(1).saturating_mul(per_page);
    let titles: Vec<&str> = BOOKS.into_iter().skip(skip).take(per_page).collect();
    axum::Json(json!({ "page": page, "books": titles }))
}

#[derive(Deserialize)]
struct Order {
    book: u32,
    copies: u8,
}

/// 读正文的提取器只能有一个，而且放在最后：正文是一条流，读过就没有了。
async fn place_order(
    State(shop): State<Arc<Shop>>,
    Json(order): Json<Order>,
) -> Result<impl IntoResponse, Refusal> {
    let title = find(order.book)
        .ok_or(Refusal::handler(StatusCode::UNPROCESSABLE_ENTITY, "JSON 没有错，只是没有这本书"))?;
    let number = shop.orders.fetch_add(1, Ordering::Relaxed) + 1;
    let answer = json!({ "order": number, "title": title, "copies": order.copies });
    Ok((StatusCode::CREATED, axum::Json(answer)))
}

async fn who_am_i(Bearer(token): Bearer) -> String {
    format!("你带着令牌 {token}")
}

async fn no_such_path(uri: Uri) -> Refusal {
    info!("没有一条路由是 {}", uri.path());
    Refusal::new("路由", StatusCode::NOT_FOUND, "没有一条路由与这个路径相符", String::new())
}

async fn wrong_method() -> Refusal {
    let why = "路径是有的，但它不接受这个方法；首部 Allow 列出了它接受的方法";
    Refusal::new("路由", StatusCode::METHOD_NOT_ALLOWED, why, String::new())
}
// ANCHOR_END: handlers

fn find(id: u32) -> Option<&'static str> {
    usize::try_from(id).ok()?.checked_sub(1).and_then(|index| BOOKS.get(index).copied())
}

// ANCHOR: extractors
// 三个提取器照搬 axum 的，只是把拒绝的理由换成我们的 Refusal。
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Refusal))]
struct Path<T>(T);

#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Refusal))]
struct Query<T>(T);

#[derive(FromRequest)]
#[from_request(via(axum::Json), rejection(Refusal))]
struct Json<T>(T);

/// 自己写的提取器：从首部 `Authorization: Bearer …` 里取出令牌。
struct Bearer(String);

impl<S: Sync> FromRequestParts<S> for Bearer {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let value = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        match value.and_then(|value| value.strip_prefix("Bearer ")) {
            Some(TOKEN) => Ok(Self(TOKEN.into())),
            Some(_) => Err(Refusal::unauthorized("令牌不对")),
            None => Err(Refusal::unauthorized("没有首部 Authorization: Bearer …")),
        }
    }
}
// ANCHOR_END: extractors

// ANCHOR: refusal
/// 一次拒绝：谁、为什么。它自己知道怎样变成响应。
struct Refusal {
    by: &'static str,
    status: StatusCode,
    why: &'static str,
    /// axum 的原话。
    detail: String,
}

impl From<JsonRejection> for Refusal {
    fn from(rejection: JsonRejection) -> Self {
        let why = match &rejection {
            JsonRejection::MissingJsonContentType(_) => {
                "Content-Type 不是 application/json，正文一个字节也没有读"
            }
            JsonRejection::JsonSyntaxError(_) => "正文不是合法的 JSON",
            JsonRejection::JsonDataError(_) => "正文是合法的 JSON，但与要的类型对不上",
            JsonRejection::BytesRejection(_) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                "正文超过了上限，后面的部分不再读"
            }
            _ => "正文读不成 JSON",
        };
        Self::new("Json 提取器", rejection.status(), why, rejection.body_text())
    }
}

impl From<PathRejection> for Refusal {
    fn from(rejection: PathRejection) -> Self {
        Self::new("Path 提取器", rejection.status(), "路径参数读不成要的类型", rejection.body_text())
    }
}

impl From<QueryRejection> for Refusal {
    fn from(rejection: QueryRejection) -> Self {
        Self::new("Query 提取器", rejection.status(), "查询串读不成要的类型", rejection.body_text())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self { by, status, why, detail } = self;
        info!("{by}拒绝了请求，{}：{why}", status.as_u16());
        let body = axum::Json(json!({ "refused_by": by, "why": why, "detail": detail }));
        let mut response = (status, body).into_response();
        if status == StatusCode::UNAUTHORIZED {
            // 401 必须说明要哪一种凭据（RFC 9110 §11.6.1）。
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
// ANCHOR_END: refusal

impl Refusal {
    fn new(by: &'static str, status: StatusCode, why: &'static str, detail: String) -> Self {
        Self { by, status, why, detail }
    }

    fn handler(status: StatusCode, why: &'static str) -> Self {
        Self::new("处理函数", status, why, String::new())
    }

    fn unauthorized(why: &'static str) -> Self {
        Self::new("Bearer 提取器", StatusCode::UNAUTHORIZED, why, String::new())
    }
}

async fn serve(listener: TcpListener) {
    if let Err(error) = axum::serve(listener, router()).await {
        warn!("服务器停止了：{error}");
    }
}

// ANCHOR: client
/// 一个请求用一条连接。除了 Host 和正文的长度，不替任何人补首部，也不改路径。
async fn exchange(address: SocketAddr, mut request: Request<Full<Bytes>>) -> anyhow::Result<StatusCode> {
    // HTTP/1.1 唯一必须有的首部。
    request.headers_mut().insert(header::HOST, HeaderValue::try_from(address.to_string())?);
    info!("{} {}", request.method(), request.uri());

    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let driver = tokio::spawn(connection);
    let response = sender.send_request(request).await?;
    let (status, allow) = (response.status(), response.headers().get(header::ALLOW).cloned());
    let body = Limited::new(response.into_body(), 64 * 1024).collect().await;
    let body = body.map_err(|error| anyhow::anyhow!("正文没有读完：{error}"))?.to_bytes();

    if status.is_success() {
        info!("{status}：{}", String::from_utf8_lossy(&body));
    } else {
        let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
        let said = |name| answer.get(name).and_then(Value::as_str).unwrap_or("（没有说）");
        warn!("{status}，{}：{}", said("refused_by"), said("why"));
        if let Some(allow) = allow {
            info!("Allow: {allow:?}");
        }
    }
    drop(sender); // 不再有请求，连接随之关闭
    driver.await??;
    Ok(status)
}
// ANCHOR_END: client
