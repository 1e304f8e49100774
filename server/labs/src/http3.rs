//! HTTP/3：先经 HTTP/2 得知它在哪里，再换到 QUIC 上；同一个网站，两种走法。（指南 7.3）

pub(crate) mod tcp;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use api::line::{Impairments, Line};
use bytes::{Buf as _, Bytes, BytesMut};
use futures::future::try_join_all;
use garde::Validate;
use h3::client::SendRequest;
use h3_quinn::OpenStreams;
use http::{HeaderValue, Method, Request, Response, StatusCode, Version, header};
use lan::{Host, Lan};
use quinn::{Endpoint, EndpointConfig, Incoming, TokioRuntime};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{info, warn};

use crate::neighbours::meet;
use crate::quic_streams::{Identity, NAME};
use crate::{Lab, Open, Server};

/// TCP 的 443 和 UDP 的 443：号码相同，是两个不同的端口。
const PORT: u16 = 443;
/// 一个请求体、一个对象最多这么长。
pub(crate) const LARGEST: usize = 64 << 10;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Http3 {
    /// 同时请求几个对象
    /// 在一条连接上，每个请求一条流。
    #[garde(range(min = 1, max = 8))]
    objects: u32,
    /// 每个对象的字节数
    /// 服务器返回这么长的内容。
    #[garde(range(min = 0, max = 20_000))]
    bytes: u32,
    /// 上传的字节数
    /// 最后一个请求是 POST，服务器原样发回。
    #[garde(range(min = 0, max = 20_000))]
    upload: u32,
    /// 路径
    /// 其中一个请求要的路径；换一个不存在的试试。
    #[garde(length(chars, min = 1, max = 60), custom(is_path))]
    path: String,
}

impl Default for Http3 {
    fn default() -> Self {
        Self { objects: 3, bytes: 4_000, upload: 3_000, path: "/hello".into() }
    }
}

impl Lab for Http3 {
    const SLUG: &'static str = "http3";
    const TITLE: &'static str = "HTTP/3";
    const SUMMARY: &'static str =
        "第一次访问走 TCP，响应里的 Alt-Svc 说 UDP 上也有；换到 HTTP/3，每个请求一条 QUIC 流。";
    const HOSTS: &'static [&'static str] = &["server", "client"];
    const OPEN: Option<Open> = Some(Open {
        url: "https://{}/hello",
        server: Server::Udp(|socket| {
            Box::pin(async {
                let identity = Identity::issue()?;
                info!("客户端要信任的根证书：\n{}", identity.root_pem());
                let config = Some(identity.quic_server(b"h3")?);
                let runtime = Arc::new(TokioRuntime);
                let endpoint = Endpoint::new(EndpointConfig::default(), config, socket, runtime)?;
                serve(endpoint, SITE).await;
                Ok(())
            })
        }),
    });

    fn lines() -> BTreeMap<String, Line> {
        let line = Line::both(Impairments { delay_ms: 15.0, ..Impairments::default() });
        BTreeMap::from([("client".into(), line)])
    }

    async fn run(self, mut lan: Lan) -> anyhow::Result<()> {
        let server = lan.host("server")?;
        let client = lan.host("client")?;
        let identity = Identity::issue()?;
        let address = SocketAddr::from((server.ipv4(), PORT));
        let (tls, config) = (identity.server_tls(b"h2")?, identity.quic_server(b"h3")?);
        let (listener, endpoint) = server
            .spawn(move || async move {
                anyhow::Ok((TcpListener::bind(address).await?, Endpoint::server(config, address)?))
            })
            .await??;
        drop(server.spawn(move || tcp::serve(listener, tls, SITE)));
        drop(server.spawn(move || serve(endpoint, SITE)));

        lan.section("先认识：ARP");
        at(&client, async move { Ok(meet(address.ip()).await?) }).await?;

        lan.section("第一次访问：TCP、TLS、HTTP/2");
        let (tls, request) = (identity.client_tls(b"h2")?, get(&self.path)?);
        let (port, time) = at(&client, async move {
            let started = Instant::now();
            let port = first_visit(tls, address, request).await?;
            Ok((port, started.elapsed()))
        })
        .await?;
        lan.measured(Some(&client), "HTTP/2：连接到第一个响应", milliseconds(time), "ms");

        lan.section("换到 HTTP/3");
        let address = SocketAddr::from((server.ipv4(), port.context("响应里没有 Alt-Svc")?));
        let (config, from, request) = (identity.quic_client(b"h3")?, client.ipv4(), get(&self.path)?);
        let (endpoint, requests, status, time) = at(&client, async move {
            let endpoint = open_client(config, from)?;
            let started = Instant::now();
            let requests = connect(&endpoint, address).await?;
            let response = fetch(requests.clone(), request).await?;
            info!("HTTP/3 的响应：{}", response.status());
            Ok((endpoint, requests, response.status(), started.elapsed()))
        })
        .await?;
        lan.measured(Some(&client), "HTTP/3：连接到第一个响应", milliseconds(time), "ms");
        lan.measured(Some(&client), "HTTP/3：状态码", f64::from(status.as_u16()), "");

        lan.section("同一条连接上的许多请求");
        let (objects, path) = (self.objects, format!("/bytes/{}", self.bytes));
        let going = requests.clone();
        let (received, time) = at(&client, async move { together(&going, objects, &path).await }).await?;
        lan.measured(Some(&client), "收到的字节", received as f64, "B");
        lan.measured(Some(&client), "全部收完", milliseconds(time), "ms");

        lan.section("上传");
        let body = Bytes::from(vec![b'.'; self.upload as usize]);
        let echoed = at(&client, async move { upload(requests, body).await }).await?;
        lan.measured(Some(&client), "原样发回的字节", echoed as f64, "B");
        // 最后一个克隆已经丢弃，连接以 H3_NO_ERROR 关闭；等对方也知道。
        at(&client, async move {
            endpoint.wait_idle().await;
            Ok(())
        })
        .await?;
        lan.settle(Duration::from_millis(150), Duration::from_secs(3)).await;
        Ok(())
    }
}

/// 在一台主机上做完一件事；线路再差也只等这么久。
async fn at<T: Send + 'static>(
    host: &Host,
    work: impl Future<Output = anyhow::Result<T>> + Send + 'static,
) -> anyhow::Result<T> {
    let done = host.spawn(move || timeout(Duration::from_secs(15), work)).await?;
    done.context("等了 15 秒也没有结果：线路太差了")?
}

fn is_path(path: &str, (): &()) -> garde::Result {
    if path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    Err(garde::Error::new("路径以 / 开头，只能用看得见的 ASCII 字符；其余的写成 %XX"))
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

// ANCHOR: site
/// 一个网站：怎样回答，出了事告诉谁。它不知道自己走的是 HTTP/2 还是 HTTP/3。
#[derive(Clone, Copy)]
pub(crate) struct Site {
    pub(crate) respond: fn(&Request<Bytes>) -> Response<Bytes>,
    pub(crate) trouble: fn(&anyhow::Error),
}

const SITE: Site = Site { respond, trouble: |error| warn!("连接中断：{error:#}") };

fn respond(request: &Request<Bytes>) -> Response<Bytes> {
    let (method, path) = (request.method(), request.uri().path());
    info!("{:?} {method} {path}", request.version());
    let mut response = match (method, path) {
        (&Method::GET, "/hello") => Response::new(Bytes::from_static("你好，HTTP/3！\n".as_bytes())),
        (&Method::GET, path) => match path.strip_prefix("/bytes/").and_then(|length| length.parse().ok()) {
            Some(length @ 0..=LARGEST) => Response::new(vec![b'.'; length].into()),
            _ => status(StatusCode::NOT_FOUND),
        },
        (&Method::POST, "/echo") => Response::new(request.body().clone()),
        _ => status(StatusCode::NOT_FOUND),
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    if request.version() != Version::HTTP_3 {
        // “这个网站在 UDP 的 443 端口上也有，讲 HTTP/3；一小时之内都可以照此办理。”（RFC 7838）
        headers.insert(header::ALT_SVC, HeaderValue::from_static("h3=\":443\"; ma=3600"));
    }
    response
}

fn status(status: StatusCode) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(b"?\n"));
    *response.status_mut() = status;
    response
}
// ANCHOR_END: site

// ANCHOR: visit
/// 第一次访问：还不知道有没有 HTTP/3，先走 TCP。返回 Alt-Svc 里说的 UDP 端口。
async fn first_visit(
    tls: rustls::ClientConfig,
    server: SocketAddr,
    request: Request<Bytes>,
) -> anyhow::Result<Option<u16>> {
    let requests = tcp::connect(tls, server).await?;
    let response = tcp::fetch(requests, request).await?;
    let service = response.headers().get(header::ALT_SVC).and_then(|value| value.to_str().ok());
    info!("HTTP/2 的响应：{}；Alt-Svc：{}", response.status(), service.unwrap_or("没有"));
    Ok(service.and_then(h3_port))
}

/// `h3=":443"; ma=3600` 里的 443。
fn h3_port(service: &str) -> Option<u16> {
    let (port, _) = service.strip_prefix("h3=\":")?.split_once('"')?;
    port.parse().ok()
}

fn get(path: &str) -> Result<Request<Bytes>, http::Error> {
    Request::get(format!("https://{NAME}{path}")).header(header::USER_AGENT, "wirebook").body(Bytes::new())
}
// ANCHOR_END: visit

// ANCHOR: together
/// 同时请求许多对象：一条连接，每个请求一条流。
async fn together(requests: &Requests, count: u32, path: &str) -> anyhow::Result<(usize, Duration)> {
    let started = Instant::now();
    let wanted = (0..count).map(|_| async { fetch(requests.clone(), get(path)?).await });
    let responses = try_join_all(wanted).await?;
    Ok((responses.iter().map(|response| response.body().len()).sum(), started.elapsed()))
}

/// 请求体和响应体走同一条流的两个方向。
async fn upload(requests: Requests, body: Bytes) -> anyhow::Result<usize> {
    let request = Request::post(format!("https://{NAME}/echo")).body(body)?;
    let response = fetch(requests, request).await?;
    Ok(response.body().len())
}
// ANCHOR_END: together

fn open_client(config: quinn::ClientConfig, from: Ipv4Addr) -> anyhow::Result<Endpoint> {
    let mut endpoint = Endpoint::client((from, 0).into())?;
    endpoint.set_default_client_config(config);
    Ok(endpoint)
}

// ANCHOR: serve
/// 每条 QUIC 连接一个任务，里面每个请求又一个任务。
pub(crate) async fn serve(endpoint: Endpoint, site: Site) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            incoming = endpoint.accept() => match incoming {
                Some(incoming) => {
                    connections.spawn(async move {
                        if let Err(error) = converse(incoming, site).await {
                            (site.trouble)(&error);
                        }
                    });
                }
                None => return,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// 双方先各开一条控制流，交换 SETTINGS；之后对方每开一条双向流，就是一个请求。
async fn converse(incoming: Incoming, site: Site) -> anyhow::Result<()> {
    let quic = h3_quinn::Connection::new(incoming.await?);
    let mut connection = h3::server::Connection::<_, Bytes>::new(quic).await?;
    let mut requests = JoinSet::new();
    loop {
        tokio::select! {
            accepted = connection.accept() => match accepted {
                Ok(Some(resolver)) => {
                    requests.spawn(answer(resolver, site));
                }
                Ok(None) => break,
                Err(error) if error.is_h3_no_error() => break, // H3_NO_ERROR：对方正常离开
                Err(error) => return Err(error.into()),
            },
            Some(answered) = requests.join_next() => {
                if let Err(error) = answered? {
                    (site.trouble)(&error);
                }
            }
        }
    }
    // 对方不再有新的请求；手头的答完再走。
    while requests.join_next().await.is_some() {}
    Ok(())
}

type Resolver = h3::server::RequestResolver<h3_quinn::Connection, Bytes>;

/// 一条流，一问一答：HEADERS、DATA…，再关上写的方向。
async fn answer(resolver: Resolver, site: Site) -> anyhow::Result<()> {
    let (request, mut stream) = resolver.resolve_request().await?;
    let mut body = BytesMut::new();
    while let Some(mut piece) = stream.recv_data().await? {
        let length = piece.remaining();
        anyhow::ensure!(body.len() + length <= LARGEST, "请求体太长");
        body.extend_from_slice(&piece.copy_to_bytes(length));
    }
    let (head, body) = (site.respond)(&request.map(|()| body.freeze())).into_parts();
    stream.send_response(Response::from_parts(head, ())).await?;
    stream.send_data(body).await?;
    stream.finish().await?;
    Ok(())
}
// ANCHOR_END: serve

// ANCHOR: client
/// 一条 HTTP/3 连接。克隆是同一条；最后一个克隆被丢弃时，连接正常关闭。
pub(crate) type Requests = SendRequest<OpenStreams, Bytes>;

pub(crate) async fn connect(endpoint: &Endpoint, server: SocketAddr) -> anyhow::Result<Requests> {
    let quic = endpoint.connect(server, NAME)?.await?;
    let (mut driver, requests) = h3::client::new(h3_quinn::Connection::new(quic)).await?;
    // 控制流要有人一直读；连接关闭，这个任务就结束。
    tokio::spawn(async move { driver.wait_idle().await });
    Ok(requests)
}

/// 发一个请求，收完整个响应。
pub(crate) async fn fetch(
    mut requests: Requests,
    request: Request<Bytes>,
) -> anyhow::Result<Response<Bytes>> {
    let (head, body) = request.into_parts();
    let mut stream = requests.send_request(Request::from_parts(head, ())).await?;
    if !body.is_empty() {
        stream.send_data(body).await?;
    }
    stream.finish().await?; // 请求到此为止；流的另一个方向还开着
    let response = stream.recv_response().await?;
    let mut body = BytesMut::new();
    while let Some(mut piece) = stream.recv_data().await? {
        let length = piece.remaining();
        body.extend_from_slice(&piece.copy_to_bytes(length));
    }
    Ok(response.map(|()| body.freeze()))
}
// ANCHOR_END: client
