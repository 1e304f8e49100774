//! 优雅停机：正在办的请求办完，新来的谢绝，等待有上限；后台的事也要有人等。（指南 10.3）

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use api::line::{Impairments, Line};
use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use garde::Validate;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use lan::{Host, Lan};
use reqwest::Client;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpStream};
use tokio::select;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::Lab;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GracefulShutdownLab {
    /// 正在办的请求
    /// 喊停的那一刻，服务器手里有这么多个。
    #[garde(range(min = 1, max = 16))]
    requests: u32,
    /// 一个请求要多久（毫秒）
    /// 处理函数在 `.await`，好比在等数据库。
    #[garde(range(min = 50, max = 1000))]
    work_ms: u32,
    /// 最慢的那个要多久（毫秒）
    /// 另有一个请求特别慢；比宽限还久，就等不到它。
    #[garde(range(min = 50, max = 5000))]
    slowest_ms: u32,
    /// 宽限（毫秒）
    /// 喊停以后，一共愿意等这么久。
    #[garde(range(min = 0, max = 2000))]
    grace_ms: u32,
}

impl Default for GracefulShutdownLab {
    fn default() -> Self {
        Self { requests: 6, work_ms: 300, slowest_ms: 3000, grace_ms: 800 }
    }
}

impl Lab for GracefulShutdownLab {
    const SLUG: &'static str = "graceful-shutdown";
    const TITLE: &'static str = "优雅停机";
    const SUMMARY: &'static str =
        "同样的一刻喊停两次：一次直接退出，一次把手里的办完。谁得到了回答，谁被谢绝，停机用了多久。";
    const HOSTS: &'static [&'static str] = &["server", "client"];

    fn lines() -> BTreeMap<String, Line> {
        let line = Line::both(Impairments { delay_ms: 5.0, ..Impairments::default() });
        BTreeMap::from([("client".into(), line)])
    }

    async fn run(self, mut lan: Lan) -> anyhow::Result<()> {
        let (server, client) = (lan.host("server")?, lan.host("client")?);
        lan.section("错误：说停就停");
        self.perform(&lan, &server, &client, None).await?;
        lan.section("正确：办完手里的");
        let grace = Duration::from_millis(self.grace_ms.into());
        self.perform(&lan, &server, &client, Some(grace)).await
    }
}

const PATIENCE: Duration = Duration::from_secs(10);

impl GracefulShutdownLab {
    /// `grace`：没有就直接退出。
    async fn perform(
        &self,
        lan: &Lan,
        server: &Host,
        client: &Host,
        grace: Option<Duration>,
    ) -> anyhow::Result<()> {
        let address = (server.ipv4(), 0);
        let listener = server.spawn(move || TcpListener::bind(address)).await??;
        let address = listener.local_addr()?;
        let (stop, shop) = (CancellationToken::new(), Shop::default());
        let mut busy = shop.busy.subscribe();
        let serving = server.spawn({
            let (stop, shop) = (stop.clone(), shop.clone());
            move || async move { (serve(listener, shop, stop, grace).await, Instant::now()) }
        });

        // 一条空闲的 keep-alive 连接，一个最慢的请求，其余的都要 `work_ms`。
        let http = Client::builder().no_proxy().timeout(PATIENCE).build()?;
        let base = format!("http://{address}/work");
        let idle = client.spawn(move || TcpStream::connect(address)).await??;
        let mut asking = Vec::new();
        let times = std::iter::repeat_n(self.work_ms, self.requests as usize).chain([self.slowest_ms]);
        for time in times {
            let (http, url) = (http.clone(), format!("{base}/{time}"));
            asking.push(client.spawn(move || async move { http.get(url).send().await?.text().await }));
        }
        let all = self.requests + 1;
        timeout(PATIENCE, busy.wait_for(|busy| *busy == all)).await.context("请求没有都到达")??;

        let stopped = Instant::now();
        stop.cancel();
        // 喊停之后才来的人：等服务器听见了再去。
        let late = client.spawn(move || async move {
            sleep(Duration::from_millis(50)).await;
            TcpStream::connect(address).await
        });
        let refused = late.await?.is_err();
        let (aborted, ended) = serving.await?;
        lan.measured(Some(server), "从喊停到停下", ended.duration_since(stopped).as_secs_f64() * 1e3, "ms");
        let mut answered = 0;
        for task in asking {
            match task.await? {
                Ok(_) => answered += 1,
                Err(error) => warn!("没有得到回答：{error}"),
            }
        }
        client.spawn(move || async move { drop((idle, http)) }).await?;
        lan.measured(Some(client), "正在办的请求", f64::from(all), "个");
        lan.measured(Some(client), "得到回答", f64::from(answered), "个");
        lan.measured(Some(client), "喊停之后的新连接被谢绝", f64::from(u8::from(refused)), "个");
        lan.measured(Some(server), "被中止的连接", aborted as f64, "条");
        lan.measured(Some(server), "写完的日志", shop.logged.load(Ordering::Relaxed).into(), "条");
        lan.settle(Duration::from_millis(100), Duration::from_secs(2)).await;
        Ok(())
    }
}

/// 处理函数共用的东西。
#[derive(Clone)]
struct Shop {
    /// 正在办的请求。
    busy: watch::Sender<u32>,
    /// 后台的任务都登记在这里。
    background: TaskTracker,
    logged: Arc<AtomicU32>,
}

impl Default for Shop {
    fn default() -> Self {
        Self { busy: watch::channel(0).0, background: TaskTracker::new(), logged: Arc::default() }
    }
}

// ANCHOR: handler
/// 办事，回答；回答之后还有一件事要做：写日志。
async fn work(State(shop): State<Shop>, Path(time): Path<u64>) -> &'static str {
    shop.busy.send_modify(|busy| *busy += 1);
    sleep(Duration::from_millis(time.min(5000))).await;
    let logged = Arc::clone(&shop.logged);
    // 用 tokio::spawn 也能跑起来，但停机的时候没有谁会等它。
    shop.background.spawn(async move {
        sleep(Duration::from_millis(100)).await;
        logged.fetch_add(1, Ordering::Relaxed);
    });
    "办好了\n"
}
// ANCHOR_END: handler

// ANCHOR: serve
/// 接待，直到 `stop`；返回被中止的连接数。没有 `grace`，就立刻退出。
async fn serve(listener: TcpListener, shop: Shop, stop: CancellationToken, grace: Option<Duration>) -> usize {
    let app = Router::new().route("/work/{ms}", get(work)).with_state(shop.clone());
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let service = TowerToHyperService::new(app.clone());
                    let connection = http1::Builder::new()
                        .timer(TokioTimer::new())
                        .header_read_timeout(Duration::from_secs(5))
                        .serve_connection(TokioIo::new(stream), service);
                    // 登记：停机时会告诉这条连接“答完手里的这个，就别再接了”。
                    connections.spawn(graceful.watch(connection));
                }
                Err(error) => {
                    warn!("接受连接失败：{error}");
                    sleep(Duration::from_millis(50)).await;
                }
            },
            Some(_) = connections.join_next() => {}
            () = stop.cancelled() => break,
        }
    }
    drop(listener); // 一、谢绝新来的：内核从此以 RST 回答
    info!("停机：还有 {} 条连接", connections.len());
    if let Some(grace) = grace {
        shop.background.close(); // 关了门，`wait` 才会在登记的都做完以后返回
        let finish = async {
            graceful.shutdown().await; // 二、空闲的连接马上关，在办的答完就关
            shop.background.wait().await; // 三、后台的事也做完
        };
        // 四、等待有上限：总有谁不肯结束。
        if timeout(grace, finish).await.is_err() {
            warn!("{grace:?} 的宽限到了");
        }
        while connections.try_join_next().is_some() {}
    }
    let aborted = connections.len();
    connections.shutdown().await;
    aborted
}
// ANCHOR_END: serve
