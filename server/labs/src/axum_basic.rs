//! axum 的第一个服务器：路由、JSON、共享状态，以及 0.8 不再认得的旧路径写法。（指南 5.1）

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use api::line::{Impairments, Line};
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::future::try_join_all;
use garde::Validate;
use lan::{Host, Lan};
use reqwest::Client;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tokio::net::TcpListener;
use tracing::{info, warn};

use crate::{Lab, Open, Server};

const PORT: u16 = 8080;
/// 最多记住这么多个用户。
const MOST_USERS: usize = 100;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AxumBasic {
    /// 用户名
    /// 客户端用 POST 新建这个用户，再按服务器给的地址把它取回来。
    #[garde(length(chars, min = 1, max = 40))]
    username: String,
    /// 同时来的请求数
    /// 它们一齐让服务器上的计数器加一；先是原子的，再是“先读、后写”的。
    #[garde(range(min = 1, max = 16))]
    visitors: u32,
    /// 试试旧的路径写法
    /// 最后用 `/users/:id` 建一个路由表，看 axum 0.8 怎么说。
    #[garde(skip)]
    old_syntax: bool,
}

impl Default for AxumBasic {
    fn default() -> Self {
        Self { username: "小林".into(), visitors: 6, old_syntax: true }
    }
}

impl Lab for AxumBasic {
    const SLUG: &'static str = "axum-basic";
    const TITLE: &'static str = "第一个 axum 服务器";
    const SUMMARY: &'static str =
        "路由把请求交给函数，JSON 变成结构体；几个请求同时让计数器加一，有一种写法会数丢。";
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

    fn lines() -> BTreeMap<String, Line> {
        let line = Line::both(Impairments { delay_ms: 2.0, ..Impairments::default() });
        BTreeMap::from([("client".into(), line)])
    }

    async fn run(self, mut lan: Lan) -> anyhow::Result<()> {
        let server = lan.host("server")?;
        let host = lan.host("client")?;
        let address = SocketAddr::from((server.ipv4(), PORT));
        let listener = server.spawn(move || TcpListener::bind(address)).await??;
        drop(server.spawn(move || serve(listener)));
        let client = Client::builder().no_proxy().timeout(Duration::from_secs(10)).build()?;
        let base = format!("http://{address}");

        lan.section("函数的返回值就是响应");
        let (sender, url) = (client.clone(), format!("{base}/"));
        let status = host.spawn(move || greet(sender, url)).await?.context("取首页没有成功")?;
        lan.measured(Some(&host), "GET / 的状态码", f64::from(status.as_u16()), "");

        lan.section("JSON 进，JSON 出");
        let (sender, origin, username) = (client.clone(), base.clone(), self.username);
        let (created, fetched) =
            host.spawn(move || sign_up(sender, origin, username)).await?.context("新建用户没有成功")?;
        lan.measured(Some(&host), "POST /users 的状态码", f64::from(created.as_u16()), "");
        lan.measured(Some(&host), "再取回来的状态码", f64::from(fetched.as_u16()), "");

        for (title, path, label) in [
            ("共享状态：原子地加一", "visits", "原子地加一，数到"),
            ("共享状态：先读，后写", "visits/lossy", "先读后写，数到"),
        ] {
            lan.section(title);
            let count = visit_all(&host, &client, &format!("{base}/{path}"), self.visitors).await?;
            lan.measured(Some(&server), label, f64::from(count), "次");
        }

        if self.old_syntax {
            lan.section("旧的路径写法");
            // 主机替我们接住 panic，并把它说的话交回来。
            let refused = server.spawn_blocking(old_router).await.is_err();
            lan.measured(Some(&server), "旧写法 panic", f64::from(u8::from(refused)), "次");
        }
        drop(client);
        lan.settle(Duration::from_millis(100), Duration::from_secs(3)).await;
        Ok(())
    }
}

/// 同时发出 `visitors` 个请求，返回此后计数器的值。
async fn visit_all(host: &Host, client: &Client, url: &str, visitors: u32) -> anyhow::Result<u32> {
    let (client, url) = (client.clone(), url.to_owned());
    let count = host.spawn(move || async move {
        try_join_all((0..visitors).map(|_| visit(&client, &url))).await?;
        let response = client.get(&url).send().await?.error_for_status()?;
        response.json::<u32>().await
    });
    count.await?.context("计数没有成功")
}

// ANCHOR: app
/// 所有请求共用的东西。路由表克隆的是 `Arc`，不是里面的数据。
#[derive(Default)]
struct App {
    visits: AtomicU32,
    lossy: AtomicU32,
    users: Mutex<Vec<String>>,
}

fn app() -> Router {
    Router::new()
        .route("/", get(async || "你好，axum！"))
        .route("/users", post(create_user))
        .route("/users/{id}", get(show_user))
        .route("/visits", get(visits).post(add_visit))
        .route("/visits/lossy", get(lossy_visits).post(add_lossy_visit))
        .with_state(Arc::new(App::default()))
}

async fn serve(listener: TcpListener) {
    // axum::serve 不限定首部多久之内要到齐，也不限制连接数；对着公网时要另外设防。
    if let Err(error) = axum::serve(listener, app()).await {
        warn!("服务器停止了：{error}");
    }
}
// ANCHOR_END: app

// ANCHOR: users
#[derive(Serialize, Deserialize)]
struct NewUser {
    username: String,
}

#[derive(Serialize, Deserialize)]
struct User {
    id: usize,
    username: String,
}

/// 参数是提取器：从请求里取东西；返回值是响应：状态码、首部、正文，拼成一个元组。
async fn create_user(
    State(app): State<Arc<App>>,
    Json(NewUser { username }): Json<NewUser>,
) -> Result<impl IntoResponse, StatusCode> {
    // 锁里没有 await，用标准库的 Mutex 就好。
    let mut users = app.users.lock().unwrap_or_else(PoisonError::into_inner);
    if users.len() == MOST_USERS {
        return Err(StatusCode::INSUFFICIENT_STORAGE);
    }
    users.push(username.clone());
    let id = users.len();
    info!("新用户 {id}：{username}");
    let location = format!("/users/{id}");
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(User { id, username })))
}

/// 花括号里的那一段路径变成 `id`；读不成数字时，axum 替我们回答 400。
async fn show_user(State(app): State<Arc<App>>, Path(id): Path<usize>) -> Result<Json<User>, StatusCode> {
    let users = app.users.lock().unwrap_or_else(PoisonError::into_inner);
    let username = id.checked_sub(1).and_then(|index| users.get(index));
    let username = username.ok_or(StatusCode::NOT_FOUND)?.clone();
    Ok(Json(User { id, username }))
}
// ANCHOR_END: users

// ANCHOR: state
async fn visits(State(app): State<Arc<App>>) -> Json<u32> {
    Json(app.visits.load(Ordering::Relaxed))
}

/// 读、加、写并成一步，别人插不进来；不需要锁。
async fn add_visit(State(app): State<Arc<App>>) -> StatusCode {
    let now = app.visits.fetch_add(1, Ordering::Relaxed) + 1;
    info!("第 {now} 次");
    StatusCode::NO_CONTENT
}

async fn lossy_visits(State(app): State<Arc<App>>) -> Json<u32> {
    Json(app.lossy.load(Ordering::Relaxed))
}

/// 错误的写法：读和写之间有一个 await。只有一个线程也没有用，别的请求正好在这里插进来。
async fn add_lossy_visit(State(app): State<Arc<App>>) -> StatusCode {
    let before = app.lossy.load(Ordering::Relaxed);
    look_up_something().await;
    app.lossy.store(before + 1, Ordering::Relaxed);
    info!("读到 {before}，写回 {}", before + 1);
    StatusCode::NO_CONTENT
}

/// 代表一次数据库查询。
async fn look_up_something() {
    tokio::time::sleep(Duration::from_millis(30)).await;
}
// ANCHOR_END: state

// ANCHOR: old
/// axum 0.7 及更早的写法。0.8 在建路由表时就 panic，不会等到有请求来。
fn old_router() {
    let _ = Router::<()>::new().route("/users/:id", get(async || "不会走到这里"));
}
// ANCHOR_END: old

async fn greet(client: Client, url: String) -> reqwest::Result<StatusCode> {
    let response = client.get(url).send().await?;
    let status = response.status();
    info!("{status}：{}", response.text().await?);
    Ok(status)
}

async fn sign_up(client: Client, base: String, username: String) -> anyhow::Result<(StatusCode, StatusCode)> {
    let response = client.post(format!("{base}/users")).json(&NewUser { username }).send().await?;
    let created = response.status();
    let location =
        response.headers().get(header::LOCATION).context("响应里没有 Location")?.to_str()?.to_owned();
    let User { id, username } = response.json().await?;
    info!("{created}：{username} 的编号是 {id}，地址是 {location}");

    let response = client.get(format!("{base}{location}")).send().await?;
    let fetched = response.status();
    let User { username, .. } = response.json().await?;
    info!("{fetched}：按地址取回了 {username}");
    Ok((created, fetched))
}

async fn visit(client: &Client, url: &str) -> reqwest::Result<()> {
    client.post(url).send().await?.error_for_status()?;
    Ok(())
}
