//! HTTP/2 的帧：设置、压缩的首部、多路复用、流量控制、取消与告别。（指南 7.2）

mod tap;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use api::lab::Hints;
use api::line::{Impairments, Line};
use bytes::Bytes;
use garde::Validate;
use h2::client::{ResponseFuture, SendRequest};
use h2::{Ping, Reason, RecvStream, SendStream};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use lan::{Host, Lan};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use self::tap::{Passed, Tap, Way};
use crate::{Lab, Open, Server};

const PORT: u16 = 8080;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct H2Frames {
    /// 同样的请求问几遍
    /// 首部一模一样，看每一遍的 HEADERS 帧有多长。
    #[garde(range(min = 2, max = 8))]
    repeats: u32,
    /// 带上令牌
    /// 请求里多一个 Authorization。它每次都一样，可是看看它缩不缩短。
    #[garde(skip)]
    token: bool,
    /// 一条流的窗口（字节）
    /// 客户端在 SETTINGS 里宣布：没有得到新的额度之前，每条流最多发来这么多。
    #[garde(range(min = 1024, max = 32_768))]
    window: u32,
    /// 慢请求要办多久（毫秒）
    /// 它先问，别的请求后问。
    #[garde(range(min = 20, max = 500))]
    work_ms: u32,
    /// 读的一方停多久（毫秒）
    /// 收下数据却不归还额度，看对方停不停。
    #[garde(range(min = 50, max = 1000))]
    pause_ms: u32,
}

impl Default for H2Frames {
    fn default() -> Self {
        Self { repeats: 3, token: false, window: 16_384, work_ms: 120, pause_ms: 150 }
    }
}

/// 流量控制一幕里正文的长度；比窗口的上限大，又不超过整条连接的窗口 65535。
const BIG: usize = 60_000;

impl Lab for H2Frames {
    const SLUG: &'static str = "h2-frames";
    const TITLE: &'static str = "HTTP/2 的帧";
    const SUMMARY: &'static str = "一条 TCP 连接上并行的许多条流：首部越问越短，慢的不挡快的，读得慢的让发的停下，取消和告别各有一种帧。";
    const HOSTS: &'static [&'static str] = &["server", "client"];
    const OPEN: Option<Open> = Some(Open {
        url: "http://{}/hello（HTTP/2，直接开口：curl --http2-prior-knowledge）",
        server: Server::Tcp(|listener| {
            Box::pin(async {
                serve(TcpListener::from_std(listener)?, Desk::default(), CancellationToken::new()).await;
                Ok(())
            })
        }),
    });

    fn hints() -> Hints {
        Hints::ports(&[(PORT, "http2")])
    }

    fn lines() -> BTreeMap<String, Line> {
        let line = Line::both(Impairments { delay_ms: 5.0, ..Impairments::default() });
        BTreeMap::from([("client".into(), line)])
    }

    async fn run(self, mut lan: Lan) -> anyhow::Result<()> {
        let server = lan.host("server")?;
        let client = lan.host("client")?;
        let address = SocketAddr::from((server.ipv4(), PORT));
        let listener = server.spawn(move || TcpListener::bind(address)).await??;
        let (desk, stop) = (Desk::default(), CancellationToken::new());
        let mut counts = desk.0.subscribe();
        let serving = server.spawn({
            let (desk, stop) = (desk.clone(), stop.clone());
            move || serve(listener, desk, stop)
        });
        let passed = Passed::default();

        lan.section("开场：前言与设置");
        let (window, tap, token) = (self.window, passed.clone(), self.token);
        let (connection, ping) = at(&client, async move { connect(address, window, tap).await }).await?;
        let requests = Requests { connection, token };
        lan.measured(Some(&client), "PING 往返", milliseconds(ping), "ms");

        lan.section("HPACK：说过的首部不必再说");
        for round in 1..=self.repeats {
            let requests = requests.clone();
            at(&client, async move { fetch(&requests, "/hello").await }).await?;
            for (way, whose) in [(Way::Sent, "请求"), (Way::Received, "响应")] {
                let length = passed.of(way, FrameHead::HEADERS).last().map_or(0, |head| head.length);
                let label = format!("第 {round} 遍的{whose}首部");
                lan.measured(Some(&client), &label, length.into(), "B");
            }
        }

        lan.section("多路复用：慢的不挡快的");
        let before = passed.of(Way::Received, FrameHead::DATA).len();
        let (one, slow) = (requests.clone(), format!("/slow/{}", self.work_ms));
        let (slow, others) = at(&client, async move { side_by_side(&one, &slow).await }).await?;
        lan.measured(Some(&client), "先问的慢请求", milliseconds(slow), "ms");
        lan.measured(Some(&client), "后问的三个全部完成", milliseconds(others), "ms");
        let data = passed.of(Way::Received, FrameHead::DATA).split_off(before);
        let switches = data.windows(2).filter(|pair| pair[0].stream != pair[1].stream).count();
        lan.measured(Some(&client), "相邻的 DATA 帧不属于同一条流", switches as f64, "次");

        lan.section("流量控制：不归还额度，对方就停下");
        let (one, pause) = (requests.clone(), Duration::from_millis(self.pause_ms.into()));
        let updates = passed.of(Way::Sent, FrameHead::WINDOW_UPDATE).len();
        let held = at(&client, async move { slow_reader(&one, pause).await }).await?;
        let updates = passed.of(Way::Sent, FrameHead::WINDOW_UPDATE).len() - updates;
        lan.measured(Some(&client), "停下之前收到", held.before as f64, "B");
        lan.measured(Some(&client), "停下期间另一条流的往返", milliseconds(held.meanwhile), "ms");
        lan.measured(Some(&client), "归还额度之后又收到", held.after as f64, "B");
        lan.measured(Some(&client), "发出的 WINDOW_UPDATE", updates as f64, "个");

        lan.section("取消：只结束一条流");
        let (answer, mut stream) = at(&client, {
            let one = requests.clone();
            async move { ask(&one, "/slow/2000").await }
        })
        .await?;
        timeout(PATIENCE, counts.wait_for(|counts| counts.busy > 0)).await.context("请求没有到达")??;
        let started = Instant::now();
        let cancelled = at(&client, async move {
            stream.send_reset(Reason::CANCEL);
            Ok(answer.await.is_err())
        })
        .await?;
        timeout(PATIENCE, counts.wait_for(|counts| counts.cancelled > 0)).await.context("取消没有到达")??;
        lan.measured(Some(&server), "服务器停手用了", milliseconds(started.elapsed()), "ms");
        lan.measured(Some(&client), "被取消的请求", f64::from(u8::from(cancelled)), "个");

        lan.section("告别：GOAWAY");
        let (answer, _) = at(&client, {
            let one = requests.clone();
            async move { ask(&one, "/slow/100").await }
        })
        .await?;
        timeout(PATIENCE, counts.wait_for(|counts| counts.busy > 0)).await.context("请求没有到达")??;
        stop.cancel();
        let answered = at(&client, async move { Ok(answer.await.is_ok()) }).await?;
        lan.measured(Some(&client), "告别时还在办的请求得到回答", f64::from(u8::from(answered)), "个");
        let refused = at(&client, async move { Ok(fetch(&requests, "/hello").await.is_err()) }).await?;
        lan.measured(Some(&client), "告别之后的新请求被拒绝", f64::from(u8::from(refused)), "个");
        serving.await?;
        let resets = passed.of(Way::Sent, FrameHead::RST_STREAM).len();
        lan.measured(Some(&client), "发出的 RST_STREAM", resets as f64, "个");
        let goodbyes = passed.of(Way::Received, FrameHead::GOAWAY).len();
        lan.measured(Some(&client), "收到的 GOAWAY", goodbyes as f64, "个");
        lan.settle(Duration::from_millis(100), Duration::from_secs(3)).await;
        Ok(())
    }
}

/// 丢包时内核会重传，给它一些时间。
const PATIENCE: Duration = Duration::from_secs(10);

/// 在一台主机上做完一件事，最多等十秒。
async fn at<T: Send + 'static>(
    host: &Host,
    work: impl Future<Output = anyhow::Result<T>> + Send + 'static,
) -> anyhow::Result<T> {
    host.spawn(move || timeout(PATIENCE, work)).await?.context("等了 10 秒也没有结果：线路太差了")?
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

// ANCHOR: head
/// 每一帧的头 9 个字节。（RFC 9113 第 4.1 节）
///
/// ```text
/// +-----------------------------------------------+
/// |                  Length (24)                  |
/// +---------------+---------------+---------------+
/// |   Type (8)    |   Flags (8)   |
/// +-+-------------+---------------+-------------------------------+
/// |R|                   Stream Identifier (31)                    |
/// +-+-------------------------------------------------------------+
/// ```
#[derive(Clone, Copy, Debug)]
struct FrameHead {
    /// 载荷的长度，不算这 9 个字节。
    length: u32,
    kind: u8,
    flags: u8,
    /// 0 表示整条连接；客户端开的流是奇数。
    stream: u32,
}

impl FrameHead {
    const LENGTH: usize = 9;
    const DATA: u8 = 0;
    const HEADERS: u8 = 1;
    const RST_STREAM: u8 = 3;
    const GOAWAY: u8 = 7;
    const WINDOW_UPDATE: u8 = 8;

    fn parse(&[a, b, c, kind, flags, ref stream @ ..]: &[u8; Self::LENGTH]) -> Self {
        let length = u32::from_be_bytes([0, a, b, c]);
        let stream = u32::from_be_bytes(*stream) & 0x7fff_ffff; // 最高位保留，不看它
        Self { length, kind, flags, stream }
    }
}
// ANCHOR_END: head

impl FrameHead {
    const NAMES: [&str; 10] = [
        "DATA",
        "HEADERS",
        "PRIORITY",
        "RST_STREAM",
        "SETTINGS",
        "PUSH_PROMISE",
        "PING",
        "GOAWAY",
        "WINDOW_UPDATE",
        "CONTINUATION",
    ];

    fn tell(&self, way: Way) {
        let arrow = if way == Way::Sent { "→" } else { "←" };
        let name = Self::NAMES.get(usize::from(self.kind)).unwrap_or(&"?");
        info!(stream = self.stream, flags = self.flags, "{arrow} {name} {} 字节", self.length);
    }
}

/// 服务器的近况，谁都可以等它变成某个样子。
#[derive(Clone, Default)]
struct Desk(watch::Sender<Counts>);

#[derive(Default)]
struct Counts {
    busy: u32,
    cancelled: u32,
}

/// 正在办的一件事。没有办完就被丢下，说明请求取消了。
struct Work {
    desk: Desk,
    done: bool,
}

impl Work {
    fn start(desk: &Desk) -> Self {
        desk.0.send_modify(|counts| counts.busy += 1);
        Self { desk: desk.clone(), done: false }
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if !self.done {
            warn!("办到一半，请求被取消了");
        }
        self.desk.0.send_modify(|counts| {
            counts.busy -= 1;
            counts.cancelled += u32::from(!self.done);
        });
    }
}

// ANCHOR: server
/// 接受连接，直到有人喊停；然后等每条连接好好告别。
async fn serve(listener: TcpListener, desk: Desk, stop: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(speak(stream, desk.clone(), stop.clone()));
                }
                Err(error) => warn!("接受连接失败：{error}"),
            },
            Some(_) = connections.join_next() => {}
            () = stop.cancelled() => break,
        }
    }
    while connections.join_next().await.is_some() {}
}

/// 一条连接：不升级、不协商，一开口就是 HTTP/2（prior knowledge）。
async fn speak(stream: TcpStream, desk: Desk, stop: CancellationToken) {
    if let Err(error) = stream.set_nodelay(true) {
        warn!("不能关掉 Nagle：{error}");
    }
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(100) // 一条连接最多同时有几条流
        .max_header_list_size(16 * 1024) // 解压之后的首部最多多长：防的是“压缩炸弹”
        .keep_alive_interval(Some(Duration::from_secs(20))) // 对方还在吗？发一个 PING
        .keep_alive_timeout(Duration::from_secs(10))
        .serve_connection(TokioIo::new(stream), service_fn(move |request| answer(request, desk.clone())));
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown(); // 发 GOAWAY，办完手上的，不接新的
            connection.await
        }
    };
    if let Err(error) = ended {
        warn!("连接中断：{error}");
    }
}
// ANCHOR_END: server

// ANCHOR: answer
async fn answer(request: Request<Incoming>, desk: Desk) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut work = Work::start(&desk);
    let path = request.uri().path();
    let number = path.rsplit('/').next().and_then(|number| number.parse().ok()).unwrap_or(0);
    let body = match path {
        "/hello" => Some("你好，HTTP/2！\n".into()),
        _ if path.starts_with("/slow/") => {
            sleep(Duration::from_millis(number.min(5000))).await; // 取消发生在这里：这个 future 被丢下
            Some("久等了\n".into())
        }
        _ if path.starts_with("/bytes/") => Some(vec![b'~'; number.min(1 << 20) as usize].into()),
        _ => None,
    };
    work.done = true;
    let status = if body.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND };
    let mut response = Response::new(Full::from(body.unwrap_or_else(Bytes::new)));
    *response.status_mut() = status;
    Ok(response)
}
// ANCHOR_END: answer

// ANCHOR: connect
/// 连接、报出自己的设置，再 PING 一次；返回的句柄可以随意克隆，每个克隆都能在同一条连接上提问。
async fn connect(
    server: SocketAddr,
    window: u32,
    passed: Passed,
) -> anyhow::Result<(SendRequest<Bytes>, Duration)> {
    let stream = TcpStream::connect(server).await?;
    stream.set_nodelay(true)?;
    let (requests, mut connection) = h2::client::Builder::new()
        .initial_window_size(window) // SETTINGS_INITIAL_WINDOW_SIZE：只管每条流，不管整条连接
        .enable_push(false)
        .handshake(Tap::new(stream, passed))
        .await?;
    let mut pings = connection.ping_pong().context("只能取一次")?;
    // 连接要有人推着走：读帧、写帧、回 PING、回 SETTINGS 都在这个任务里。
    tokio::spawn(async move {
        match connection.await {
            Ok(()) => info!("连接结束"),
            Err(error) => warn!("连接中断：{error}"),
        }
    });
    let asked = Instant::now();
    pings.ping(Ping::opaque()).await?;
    Ok((requests, asked.elapsed()))
}
// ANCHOR_END: connect

// ANCHOR: ask
/// 同一条连接上的提问者。
#[derive(Clone)]
struct Requests {
    connection: SendRequest<Bytes>,
    token: bool,
}

/// 开一条新的流，发出 HEADERS 帧，不等回答。
async fn ask(requests: &Requests, path: &str) -> anyhow::Result<(ResponseFuture, SendStream<Bytes>)> {
    let mut request = Request::get(format!("http://server.lan{path}"))
        .header("user-agent", "wirebook/0.1 (labs; h2-frames)")
        .header("accept", "text/plain, application/octet-stream;q=0.5")
        .header("accept-language", "zh-CN, zh;q=0.9, en;q=0.5");
    if requests.token {
        request = request.header("authorization", "Bearer 9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d");
    }
    // 等到对方允许再开一条流（MAX_CONCURRENT_STREAMS），也等到连接还在。
    let mut connection = requests.connection.clone().ready().await?;
    Ok(connection.send_request(request.body(())?, true)?) // true：没有正文，END_STREAM
}

/// 问，再把正文读完；返回正文的长度。
async fn fetch(requests: &Requests, path: &str) -> anyhow::Result<usize> {
    let (response, _) = ask(requests, path).await?;
    drain(response.await?.body_mut()).await
}

/// 读完一条流。读了多少，就归还多少额度：h2 攒够半个窗口，发一个 WINDOW_UPDATE。
async fn drain(body: &mut RecvStream) -> anyhow::Result<usize> {
    let mut total = 0;
    while let Some(data) = body.data().await.transpose()? {
        total += data.len();
        body.flow_control().release_capacity(data.len())?;
    }
    Ok(total)
}
// ANCHOR_END: ask

// ANCHOR: side-by-side
/// 先问慢的，紧接着问三个快的；返回慢的用时，和快的全部完成用时。
async fn side_by_side(requests: &Requests, slow: &str) -> anyhow::Result<(Duration, Duration)> {
    let started = Instant::now();
    let slow = async {
        fetch(requests, slow).await?;
        info!("慢的那个完成");
        anyhow::Ok(started.elapsed())
    };
    let others = async {
        let (one, two) = (fetch(requests, "/bytes/30000"), fetch(requests, "/bytes/30000"));
        tokio::try_join!(one, two, fetch(requests, "/hello"))?;
        info!("三个快的全部完成");
        anyhow::Ok(started.elapsed())
    };
    tokio::try_join!(slow, others)
}
// ANCHOR_END: side-by-side

/// 慢读者的见闻。
struct Held {
    before: usize,
    meanwhile: Duration,
    after: usize,
}

// ANCHOR: slow-reader
/// 只收数据，不归还额度：对方用完窗口就得停下，别的流照常。
async fn slow_reader(requests: &Requests, pause: Duration) -> anyhow::Result<Held> {
    let (response, _) = ask(requests, &format!("/bytes/{BIG}")).await?;
    let mut body = response.await?.into_body();
    let mut before = 0;
    let hold = async {
        while let Some(data) = body.data().await.transpose()? {
            before += data.len();
        }
        Ok::<_, h2::Error>(())
    };
    // 若对方没有停下，hold 就会读完；这里等的是“没有更多了”。
    if timeout(pause, hold).await.is_err() {
        info!("{pause:?} 过去了，停在 {before} 字节");
    }
    let asked = Instant::now();
    fetch(requests, "/hello").await?;
    let meanwhile = asked.elapsed();

    body.flow_control().release_capacity(before)?; // 归还额度：WINDOW_UPDATE
    let after = drain(&mut body).await?;
    Ok(Held { before, meanwhile, after })
}
// ANCHOR_END: slow-reader
