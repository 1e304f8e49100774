//! gRPC-Web：同一个服务，让说不了 HTTP/2 帧的客户端也能调用。（指南 7.2）

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use api::lab::Hints;
use api::line::{Impairments, Line};
use axum::Router;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use garde::Validate;
use lan::{Host, Lan};
use prost::Message as _;
use reqwest::Client;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tonic::service::Routes;
use tonic::transport::server::TcpIncoming;
use tonic_web::GrpcWebLayer;
use tracing::{info, warn};

use crate::grpc_greeter::pb::greeter_client::GreeterClient;
use crate::grpc_greeter::pb::greeter_server::GreeterServer;
use crate::grpc_greeter::pb::{GreetOftenRequest, GreetReply, GreetRequest};
use crate::grpc_greeter::{DESCRIPTOR, Greetings};
use crate::{Lab, Open, Server};

const PORT: u16 = 8080;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GrpcWeb {
    /// 名字
    /// 每个请求里的 name。
    #[garde(length(chars, min = 1, max = 40))]
    name: String,
    /// 问候几遍
    /// 一问多答的那条流里有几条消息。
    #[garde(range(min = 1, max = 20))]
    times: u32,
    /// 两遍之间隔多久（毫秒）
    /// 看消息是不是一条一条地到。
    #[garde(range(min = 0, max = 300))]
    pause_ms: u32,
}

impl Default for GrpcWeb {
    fn default() -> Self {
        Self { name: "小明".into(), times: 4, pause_ms: 60 }
    }
}

impl Lab for GrpcWeb {
    const SLUG: &'static str = "grpc-web";
    const TITLE: &'static str = "gRPC-Web：浏览器里的 gRPC";
    const SUMMARY: &'static str = "同一个服务、同样的消息，一次走 HTTP/2 的帧，一次走 HTTP/1.1 的正文：尾部搬到哪里去了，少了哪两种调用。";
    const HOSTS: &'static [&'static str] = &["server", "client"];
    const OPEN: Option<Open> = Some(Open {
        url: "http://{}（gRPC 与 gRPC-Web）",
        server: Server::Tcp(|listener| Box::pin(async { serve(TcpListener::from_std(listener)?).await })),
    });

    /// Which protocol it is, HTTP/2 or HTTP/1.1, the first bytes of each connection tell.
    fn hints() -> Hints {
        Hints::default().with_descriptors(DESCRIPTOR)
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
        drop(server.spawn(move || serve(listener)));
        let base = format!("http://{address}");
        let http = Client::builder().no_proxy().http1_only().timeout(PATIENCE).build()?;

        lan.section("gRPC：HTTP/2 的帧");
        let (url, name) = (base.clone(), self.name.clone());
        at(&client, async move { native(url, name).await }).await?;

        lan.section("gRPC-Web：一问一答");
        let greet = GreetRequest { name: self.name.clone(), work_ms: 0 };
        let one = Call::new(&http, &base, "Greet", WEB);
        let answer = at(&client, async move { one.ask(&greet).await }).await?;
        report(&lan, &client, "一问一答", &answer);

        lan.section("gRPC-Web：一问多答，逐条到达");
        let often = GreetOftenRequest { name: self.name.clone(), times: self.times, pause_ms: self.pause_ms };
        let one = Call::new(&http, &base, "GreetOften", WEB);
        let answer = at(&client, async move { one.ask(&often).await }).await?;
        report(&lan, &client, "一问多答", &answer);
        if let [first, .., last] = &answer.arrived[..] {
            let spread = (*last - *first).as_secs_f64() * 1e3;
            lan.measured(Some(&client), "第一条与最后一条相隔", spread, "ms");
        }

        lan.section("出错：HTTP 说 200，gRPC 说不行");
        let one = Call::new(&http, &base, "Greet", WEB);
        let answer = at(&client, async move { one.ask(&GreetRequest::default()).await }).await?;
        report(&lan, &client, "名字为空", &answer);

        lan.section("文本的写法：Base64");
        let greet = GreetRequest { name: self.name.clone(), work_ms: 0 };
        let one = Call::new(&http, &base, "Greet", TEXT);
        let length = at(&client, async move { one.length_as_text(&greet).await }).await?;
        lan.measured(Some(&client), "同一个回答的正文，Base64", length as f64, "B");
        drop(http);
        lan.settle(Duration::from_millis(100), Duration::from_secs(3)).await;
        Ok(())
    }
}

fn report(lan: &Lan, client: &Host, what: &str, answer: &Answer) {
    lan.measured(Some(client), &format!("{what}：HTTP 状态码"), f64::from(answer.http), "");
    lan.measured(Some(client), &format!("{what}：gRPC 状态码"), f64::from(answer.status), "");
    lan.measured(Some(client), &format!("{what}：消息"), answer.arrived.len() as f64, "条");
    lan.measured(Some(client), &format!("{what}：正文"), answer.bytes as f64, "B");
}

/// 丢包时内核会重传，给它一些时间。
const PATIENCE: Duration = Duration::from_secs(10);

async fn at<T: Send + 'static>(
    host: &Host,
    work: impl Future<Output = anyhow::Result<T>> + Send + 'static,
) -> anyhow::Result<T> {
    host.spawn(move || timeout(PATIENCE, work)).await?.context("等了 10 秒也没有结果：线路太差了")?
}

// ANCHOR: server
/// 同一个端口：HTTP/2 上是 gRPC，HTTP/1.1 上是 gRPC-Web，由 `GrpcWebLayer` 两头翻译。
async fn serve(listener: TcpListener) -> anyhow::Result<()> {
    tonic::transport::Server::builder()
        .accept_http1(true) // 默认只说 HTTP/2
        .timeout(Duration::from_secs(10))
        .layer(GrpcWebLayer::new())
        .add_service(GreeterServer::new(Greetings::default()).max_decoding_message_size(64 * 1024))
        .serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true)))
        .await?;
    Ok(())
}
// ANCHOR_END: server

// ANCHOR: router
/// 或者放进一个 axum 应用，例如本站：`Router::new().nest_service("/peer/grpc", router())`。
///
/// 不要用 `merge`：tonic 的路由自带“没有这个方法”的兜底，合并之后整个网站的 404 都会变成它。
pub fn router() -> Router {
    let greeter = GreeterServer::new(Greetings::default()).max_decoding_message_size(16 * 1024);
    Routes::new(greeter).prepare().into_axum_router().layer(GrpcWebLayer::new())
}
// ANCHOR_END: router

/// 作对照：同一个方法，真正的 gRPC。
async fn native(url: String, name: String) -> anyhow::Result<()> {
    let mut client = GreeterClient::connect(url).await?;
    let reply = client.greet(GreetRequest { name, work_ms: 0 }).await?;
    info!("{}", reply.into_inner().message);
    Ok(())
}

const WEB: &str = "application/grpc-web+proto";
const TEXT: &str = "application/grpc-web-text+proto";

/// 一次 gRPC-Web 调用：方法就是路径，消息就是正文。
struct Call {
    http: Client,
    url: String,
    kind: &'static str,
}

/// 一次调用的结局。
struct Answer {
    http: u16,
    status: u16,
    /// 每条消息到达的时刻，从发出请求算起。
    arrived: Vec<Duration>,
    bytes: usize,
}

impl Call {
    fn new(http: &Client, base: &str, method: &str, kind: &'static str) -> Self {
        let url = format!("{base}/wirebook.greeter.v1.Greeter/{method}");
        Self { http: http.clone(), url, kind }
    }
}

// ANCHOR: frame
/// 消息前面的 5 个字节：1 个标志，4 个长度。gRPC 与 gRPC-Web 都是这样。
const PREFIX: usize = 5;
/// 最高位为 1：里面不是消息，而是尾部。只有 gRPC-Web 这样用。
const TRAILERS: u8 = 0x80;
/// 一条消息最多多长。
const MOST: usize = 64 * 1024;

fn wrap(message: &impl prost::Message) -> Bytes {
    let mut framed = BytesMut::with_capacity(PREFIX + message.encoded_len());
    framed.put_u8(0); // 没有压缩
    framed.put_u32(message.encoded_len() as u32);
    framed.extend_from_slice(&message.encode_to_vec());
    framed.freeze()
}

/// 又到了一些字节：够一帧就取走一帧，返回标志和内容。
fn take(buffer: &mut BytesMut) -> anyhow::Result<Option<(u8, Bytes)>> {
    let Some(&[flag, ref length @ ..]) = buffer.first_chunk::<PREFIX>() else { return Ok(None) };
    let length = u32::from_be_bytes(*length) as usize;
    anyhow::ensure!(length <= MOST, "一帧自称 {length} 字节");
    if buffer.len() < PREFIX + length {
        return Ok(None);
    }
    buffer.advance(PREFIX);
    Ok(Some((flag, buffer.split_to(length).freeze())))
}
// ANCHOR_END: frame

// ANCHOR: call
impl Call {
    /// 发出一条消息，边收边拆。
    async fn ask(self, message: &impl prost::Message) -> anyhow::Result<Answer> {
        let started = Instant::now();
        let request = self.http.post(self.url).header(CONTENT_TYPE, self.kind).header(ACCEPT, self.kind);
        let mut response = request.body(wrap(message)).send().await?;
        let http = response.status().as_u16();
        // 一条消息也没有的时候，状态直接写在首部里。
        let status =
            response.headers().get("grpc-status").and_then(|status| status.to_str().ok()?.parse().ok());
        let mut answer = Answer { http, status: status.unwrap_or(2), arrived: Vec::new(), bytes: 0 };
        let mut buffer = BytesMut::new();
        while let Some(chunk) = response.chunk().await? {
            answer.bytes += chunk.len();
            buffer.extend_from_slice(&chunk);
            while let Some((flag, content)) = take(&mut buffer)? {
                if flag & TRAILERS == 0 {
                    answer.arrived.push(started.elapsed());
                    info!("{}", GreetReply::decode(content)?.message);
                } else {
                    answer.status = status_of(&content).context("尾部里没有 grpc-status")?;
                }
            }
        }
        if answer.status != 0 {
            warn!("HTTP {http}，而 grpc-status 是 {}", answer.status);
        }
        Ok(answer)
    }

    /// 文本的写法（给不能逐字节读取的老浏览器）：正文整个是 Base64；返回它的长度。
    async fn length_as_text(self, message: &impl prost::Message) -> anyhow::Result<usize> {
        let body = BASE64.encode(wrap(message));
        let request = self.http.post(self.url).header(CONTENT_TYPE, self.kind).header(ACCEPT, self.kind);
        Ok(request.body(body).send().await?.error_for_status()?.bytes().await?.len())
    }
}

/// 尾部帧里是 HTTP/1 写法的首部，每行一项。
fn status_of(trailers: &[u8]) -> Option<u16> {
    let text = str::from_utf8(trailers).ok()?;
    text.lines().find_map(|line| line.strip_prefix("grpc-status:")?.trim().parse().ok())
}
// ANCHOR_END: call
