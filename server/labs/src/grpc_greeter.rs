//! gRPC：四种调用、元数据、状态码、期限与取消，加上反射和健康检查。（指南 7.2）

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use api::lab::Hints;
use api::line::{Impairments, Line};
use futures::stream::{self, BoxStream, StreamExt as _, TryStreamExt as _};
use garde::Validate;
use lan::{Host, Lan};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Response, Status, Streaming, TimeoutExpired};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::server::HealthReporter;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tracing::{info, warn};

use self::pb::greeter_client::GreeterClient;
use self::pb::greeter_server::{Greeter, GreeterServer};
use self::pb::{GreetOftenRequest, GreetReply, GreetRequest};
use crate::{Lab, Open, Server};

// ANCHOR: include
/// build.rs 由 greeter.proto 生成的：消息是结构体，服务是 trait，客户端是带方法的结构体。
#[allow(unreachable_pub, reason = "生成的代码")]
pub(crate) mod pb {
    tonic::include_proto!("wirebook.greeter.v1");
}

/// 编译过的 greeter.proto（FileDescriptorSet）：反射靠它回答“你有哪些方法、消息长什么样”。
pub(crate) static DESCRIPTOR: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/greeter.bin"));
// ANCHOR_END: include

const PORT: u16 = 50051;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GrpcGreeter {
    /// 名字
    /// 留空，就会得到 INVALID_ARGUMENT。
    #[garde(length(chars, max = 40))]
    name: String,
    /// 问候几遍
    /// 一问多答的那条流里有几条消息；超过 50 会被拒绝。
    #[garde(range(min = 1, max = 60))]
    times: u32,
    /// 两遍之间隔多久（毫秒）
    /// 消息一条一条地到，不是攒齐了才到。
    #[garde(range(min = 0, max = 200))]
    pause_ms: u32,
    /// 服务器要办多久（毫秒）
    /// 期限一幕里的那个请求。
    #[garde(range(min = 0, max = 1000))]
    work_ms: u32,
    /// 期限（毫秒）
    /// 写在请求的 grpc-timeout 里，客户端和服务器都看得到。
    #[garde(range(min = 20, max = 1000))]
    deadline_ms: u32,
}

impl Default for GrpcGreeter {
    fn default() -> Self {
        Self { name: "小明".into(), times: 4, pause_ms: 30, work_ms: 600, deadline_ms: 100 }
    }
}

impl Lab for GrpcGreeter {
    const SLUG: &'static str = "grpc-greeter";
    const TITLE: &'static str = "gRPC 的四种调用";
    const SUMMARY: &'static str =
        "一条 HTTP/2 连接上的四种调用：消息怎样装进 DATA 帧，状态码为什么在最后，期限到了谁先知道。";
    const HOSTS: &'static [&'static str] = &["server", "client"];
    const OPEN: Option<Open> = Some(Open {
        url: "{}（gRPC，明文）",
        server: Server::Tcp(|listener| {
            Box::pin(async {
                serve(TcpListener::from_std(listener)?, Greetings::default(), CancellationToken::new())
                    .await?;
                Ok(())
            })
        }),
    });

    fn hints() -> Hints {
        Hints::ports(&[(PORT, "http2")]).with_descriptors(DESCRIPTOR)
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
        let (greetings, stop) = (Greetings::default(), CancellationToken::new());
        let mut abandoned = greetings.abandoned.subscribe();
        let serving = server.spawn({
            let stop = stop.clone();
            move || serve(listener, greetings, stop)
        });
        let scene = Scene { lan: &lan, client: &client };
        let name = self.name.clone();

        lan.section("一问一答");
        let channel = scene.play("连接加第一次调用", async move {
            let channel = connect(address).await?;
            greet(channel.clone(), name).await?;
            Ok(channel)
        });
        let channel = channel.await?;
        let ask = |work_ms| GreetRequest { name: self.name.clone(), work_ms };

        lan.section("一问多答");
        let request =
            GreetOftenRequest { name: self.name.clone(), times: self.times, pause_ms: self.pause_ms };
        let one = channel.clone();
        let (heard, status) = scene.play("听完一问多答", greet_often(one, request)).await?;
        lan.measured(Some(&client), "一问多答：收到", f64::from(heard), "条");
        lan.measured(Some(&client), "一问多答：状态码", f64::from(status as i32), "");

        lan.section("多问一答");
        let guests = vec![ask(0), GreetRequest { name: "小红".into(), work_ms: 0 }, ask(0)];
        scene.play("多问一答", greet_all(channel.clone(), guests)).await?;

        lan.section("双向");
        let turns = scene.play("双向三个来回", converse(channel.clone())).await?;
        lan.measured(Some(&client), "双向：一来一回", f64::from(turns), "次");

        lan.section("状态码");
        let code = scene
            .play("名字为空", {
                let one = channel.clone();
                async { refused(one).await }
            })
            .await?;
        lan.measured(Some(&client), "名字为空的状态码", f64::from(code as i32), "");

        lan.section("期限");
        let before = *abandoned.borrow();
        let deadline = Duration::from_millis(self.deadline_ms.into());
        let outcome = scene.play("有期限的调用", hurry(channel.clone(), ask(self.work_ms), deadline)).await?;
        lan.measured(Some(&client), "期限一幕的状态码", f64::from(outcome.code as i32), "");
        lan.measured(Some(&client), "因为期限到了", f64::from(u8::from(outcome.expired)), "次");
        if outcome.expired {
            let stopped = abandoned.wait_for(|abandoned| *abandoned > before);
            timeout(PATIENCE, stopped).await.context("服务器没有停手")??;
            lan.measured(Some(&server), "期限一幕：服务器中途停手", 1.0, "次");
        }

        lan.section("取消");
        let before = *abandoned.borrow();
        let endless = GreetOftenRequest { name: self.name.clone(), times: 50, pause_ms: 50 };
        scene.play("听两条就走", leave_early(channel.clone(), endless)).await?;
        let stopped = abandoned.wait_for(|abandoned| *abandoned > before);
        timeout(PATIENCE, stopped).await.context("服务器没有停手")??;
        lan.measured(Some(&server), "取消一幕：服务器中途停手", 1.0, "次");

        lan.section("反射与健康检查");
        let services = scene.play("反射", list_services(channel.clone())).await?;
        lan.measured(Some(&client), "反射列出的服务", services.len() as f64, "个");
        let serving_now = scene.play("健康检查", is_healthy(channel.clone())).await?;
        lan.measured(Some(&client), "健康", f64::from(u8::from(serving_now)), "");

        lan.section("告别");
        stop.cancel();
        client.spawn(move || async move { drop(channel) }).await?;
        serving.await??;
        lan.settle(Duration::from_millis(100), Duration::from_secs(3)).await;
        Ok(())
    }
}

/// 丢包时内核会重传，给它一些时间。
const PATIENCE: Duration = Duration::from_secs(10);

/// 客户端做一件事，并记下用时。
struct Scene<'a> {
    lan: &'a Lan,
    client: &'a Host,
}

impl Scene<'_> {
    async fn play<T: Send + 'static>(
        &self,
        label: &str,
        work: impl Future<Output = anyhow::Result<T>> + Send + 'static,
    ) -> anyhow::Result<T> {
        let started = Instant::now();
        let done = self.client.spawn(move || timeout(PATIENCE, work)).await?;
        let done = done.context("等了 10 秒也没有结果：线路太差了")??;
        self.lan.measured(Some(self.client), label, started.elapsed().as_secs_f64() * 1e3, "ms");
        Ok(done)
    }
}

/// 服务的实现；里面只有一个计数：有多少次办到一半就没有人要了。
#[derive(Clone, Default)]
pub(crate) struct Greetings {
    abandoned: watch::Sender<u32>,
}

/// 一条流最多几条消息、总共最多多久、一次最多问候几个人、一个名字最多多长。
const MOST_TIMES: u32 = 50;
const LONGEST_MS: u32 = 10_000;
const MOST_GUESTS: usize = 100;
const LONGEST_NAME: usize = 100;

// ANCHOR: unary
#[tonic::async_trait]
impl Greeter for Greetings {
    async fn greet(&self, request: Request<GreetRequest>) -> Result<Response<GreetReply>, Status> {
        // 元数据就是 HTTP/2 的首部：追踪编号、令牌、语言，都放在这里，不放进消息。
        let trace = request.metadata().get("x-trace-id").cloned();
        let GreetRequest { name, work_ms } = request.into_inner();
        let name = check(name)?;
        let working = self.start();
        sleep(Duration::from_millis(work_ms.min(2000).into())).await;
        working.done();
        let mut response = Response::new(GreetReply { message: format!("你好，{name}！"), number: 1 });
        if let Some(trace) = trace {
            response.metadata_mut().insert("x-trace-id", trace);
        }
        Ok(response)
    }
    // ANCHOR_END: unary

    // ANCHOR: streams
    type GreetOftenStream = BoxStream<'static, Result<GreetReply, Status>>;

    /// 一问多答：返回一条流。没有人来取，它就不往前走——背压一路传到这里。
    async fn greet_often(
        &self,
        request: Request<GreetOftenRequest>,
    ) -> Result<Response<Self::GreetOftenStream>, Status> {
        let GreetOftenRequest { name, times, pause_ms } = request.into_inner();
        let name = check(name)?;
        if !(1..=MOST_TIMES).contains(&times) {
            return Err(Status::invalid_argument(format!("次数要在 1 到 {MOST_TIMES} 之间")));
        }
        if times.saturating_mul(pause_ms) > LONGEST_MS {
            return Err(Status::invalid_argument(format!("一条流最多 {LONGEST_MS} 毫秒")));
        }
        let pause = Duration::from_millis(pause_ms.into());
        let working = self.start();
        let replies = stream::unfold((1, working), move |(number, working)| {
            let name = name.clone();
            async move {
                if number > times {
                    working.done();
                    return None;
                }
                if number > 1 {
                    sleep(pause).await;
                }
                let message = format!("第 {number} 次你好，{name}！");
                Some((Ok(GreetReply { message, number }), (number + 1, working)))
            }
        });
        Ok(Response::new(replies.boxed()))
    }

    /// 多问一答：读到对方说完为止。
    async fn greet_all(
        &self,
        request: Request<Streaming<GreetRequest>>,
    ) -> Result<Response<GreetReply>, Status> {
        let mut names = Vec::new();
        let mut guests = request.into_inner();
        while let Some(guest) = guests.message().await? {
            if names.len() == MOST_GUESTS {
                return Err(Status::resource_exhausted(format!("一次最多问候 {MOST_GUESTS} 人")));
            }
            names.push(check(guest.name)?);
        }
        Ok(Response::new(GreetReply { message: format!("大家好：{}！", names.join("、")), number: 1 }))
    }

    type ConverseStream = BoxStream<'static, Result<GreetReply, Status>>;

    /// 双向：两条流各走各的。这里恰好是来一条答一条，但协议并不要求。
    async fn converse(
        &self,
        request: Request<Streaming<GreetRequest>>,
    ) -> Result<Response<Self::ConverseStream>, Status> {
        let mut number = 0;
        let replies = request.into_inner().and_then(move |guest| {
            number += 1;
            let reply = check(guest.name);
            async move { Ok(GreetReply { message: format!("你好，{}！", reply?), number }) }
        });
        Ok(Response::new(replies.boxed()))
    }
}
// ANCHOR_END: streams

/// proto3 的字段都可以缺席，缺席的字符串就是空的：必填与否，要自己检查。
fn check(name: String) -> Result<String, Status> {
    if name.is_empty() {
        return Err(Status::invalid_argument("名字不能为空"));
    }
    if name.chars().count() > LONGEST_NAME {
        return Err(Status::invalid_argument(format!("名字最多 {LONGEST_NAME} 个字")));
    }
    Ok(name)
}

// ANCHOR: abandoned
/// 正在办的事。没有说 `done` 就被丢下，说明期限到了，或者客户端走了。
struct Working {
    abandoned: Option<watch::Sender<u32>>,
}

impl Greetings {
    fn start(&self) -> Working {
        Working { abandoned: Some(self.abandoned.clone()) }
    }
}

impl Working {
    fn done(mut self) {
        self.abandoned = None;
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        if let Some(abandoned) = &self.abandoned {
            warn!("办到一半，已经没有人要了");
            abandoned.send_modify(|abandoned| *abandoned += 1);
        }
    }
}
// ANCHOR_END: abandoned

// ANCHOR: server
/// 问候、健康检查和反射是三个服务，路径不同，共用一个端口。
async fn serve(listener: TcpListener, greetings: Greetings, stop: CancellationToken) -> anyhow::Result<()> {
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_serving::<GreeterServer<Greetings>>().await;
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTOR)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    tonic::transport::Server::builder()
        .timeout(Duration::from_secs(10)) // 没有写期限的调用，也不能永远办下去
        .concurrency_limit_per_connection(64)
        .http2_keepalive_interval(Some(Duration::from_secs(20)))
        .add_service(GreeterServer::new(greetings).max_decoding_message_size(64 * 1024)) // 默认 4 MiB
        .add_service(health_service)
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?) // 许多工具还在说旧版
        .serve_with_incoming_shutdown(
            TcpIncoming::from(listener).with_nodelay(Some(true)),
            farewell(stop, health),
        )
        .await?;
    Ok(())
}

/// 停机之前先说自己不再健康：负载均衡器不会再派新的调用来。
async fn farewell(stop: CancellationToken, health: HealthReporter) {
    stop.cancelled().await;
    health.set_not_serving::<GreeterServer<Greetings>>().await;
    info!("不再接新的调用");
}
// ANCHOR_END: server

// ANCHOR: connect
/// 一个 `Channel` 是一条会自己重连的 HTTP/2 连接；克隆它不会多出连接。
async fn connect(server: SocketAddr) -> anyhow::Result<Channel> {
    let endpoint = Endpoint::from_shared(format!("http://{server}"))?
        .connect_timeout(Duration::from_secs(3))
        .http2_keep_alive_interval(Duration::from_secs(20));
    Ok(endpoint.connect().await?)
}

async fn greet(channel: Channel, name: String) -> anyhow::Result<()> {
    let mut request = Request::new(GreetRequest { name, work_ms: 0 });
    request.metadata_mut().insert("x-trace-id", "7f3a".parse()?);
    match GreeterClient::new(channel).greet(request).await {
        Ok(response) => {
            info!("元数据 x-trace-id: {:?}", response.metadata().get("x-trace-id"));
            info!("{}", response.into_inner().message);
        }
        Err(status) => warn!("{:?}：{}", status.code(), status.message()),
    }
    Ok(())
}
// ANCHOR_END: connect

// ANCHOR: often
/// 返回听到几条，以及最后的状态码。
async fn greet_often(channel: Channel, request: GreetOftenRequest) -> anyhow::Result<(u32, Code)> {
    let mut replies = match GreeterClient::new(channel).greet_often(request).await {
        Ok(response) => response.into_inner(),
        Err(status) => return Ok((0, status.code())), // 一条也没有，就直接是状态
    };
    let mut heard = 0;
    loop {
        match replies.message().await {
            Ok(Some(reply)) => info!("{}", reply.message),
            Ok(None) => return Ok((heard, Code::Ok)),
            // 已经听到的仍然算数：流可以在任何地方以错误结束。
            Err(status) => return Ok((heard, status.code())),
        }
        heard += 1;
    }
}
// ANCHOR_END: often

async fn greet_all(channel: Channel, guests: Vec<GreetRequest>) -> anyhow::Result<()> {
    match GreeterClient::new(channel).greet_all(stream::iter(guests)).await {
        Ok(response) => info!("{}", response.into_inner().message),
        Err(status) => warn!("{:?}：{}", status.code(), status.message()),
    }
    Ok(())
}

// ANCHOR: converse
/// 一边说一边听：听到上一句的回答，才说下一句。
async fn converse(channel: Channel) -> anyhow::Result<u32> {
    let (say, said) = mpsc::channel(1);
    let mut replies = GreeterClient::new(channel).converse(ReceiverStream::new(said)).await?.into_inner();
    let mut turns = 0;
    for name in ["甲", "乙", "丙"] {
        say.send(GreetRequest { name: name.into(), work_ms: 0 }).await?;
        let reply = replies.message().await?.context("对方先说完了")?;
        info!("第 {} 句：{}", reply.number, reply.message);
        turns += 1;
    }
    drop(say); // 我说完了：请求一侧的 END_STREAM
    anyhow::ensure!(replies.message().await?.is_none(), "对方应当也说完了");
    Ok(turns)
}
// ANCHOR_END: converse

async fn refused(channel: Channel) -> anyhow::Result<Code> {
    let status = GreeterClient::new(channel).greet(GreetRequest::default()).await.err();
    let status = status.context("空的名字应当被拒绝")?;
    warn!("{:?}（{}）：{}", status.code(), status.code() as i32, status.message());
    Ok(status.code())
}

/// 有期限的调用是怎样结束的。
struct Outcome {
    code: Code,
    expired: bool,
}

// ANCHOR: deadline
async fn hurry(channel: Channel, request: GreetRequest, deadline: Duration) -> anyhow::Result<Outcome> {
    let mut request = Request::new(request);
    request.set_timeout(deadline); // 首部 grpc-timeout，两头都据此掐表
    match GreeterClient::new(channel).greet(request).await {
        Ok(response) => {
            info!("赶上了：{}", response.into_inner().message);
            Ok(Outcome { code: Code::Ok, expired: false })
        }
        Err(status) => {
            let expired = is_expired(&status);
            warn!("{:?}：{}；期限到了：{expired}", status.code(), status.message());
            Ok(Outcome { code: status.code(), expired })
        }
    }
}

/// 规范里“期限到了”是 DEADLINE_EXCEEDED (4)，tonic 0.14 自己掐的表却报 CANCELLED (1)：两种都要认。
fn is_expired(status: &Status) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(status);
    let ours = std::iter::from_fn(|| {
        let this = cause?;
        cause = this.source();
        Some(this.is::<TimeoutExpired>())
    });
    status.code() == Code::DeadlineExceeded || ours.into_iter().any(|expired| expired)
}
// ANCHOR_END: deadline

// ANCHOR: leave
/// 听两条就走：丢下流就是取消，不需要另外说什么。
async fn leave_early(channel: Channel, request: GreetOftenRequest) -> anyhow::Result<()> {
    let mut replies = GreeterClient::new(channel).greet_often(request).await?.into_inner();
    for _ in 1..=2 {
        replies.message().await?;
    }
    drop(replies); // 线路上：RST_STREAM，CANCEL
    Ok(())
}
// ANCHOR_END: leave

// ANCHOR: reflection
/// 手里没有 .proto，问服务器自己：你有哪些服务？
async fn list_services(channel: Channel) -> anyhow::Result<Vec<String>> {
    let question = MessageRequest::ListServices(String::new());
    let question = ServerReflectionRequest { host: String::new(), message_request: Some(question) };
    let mut client = ServerReflectionClient::new(channel);
    let mut answers = client.server_reflection_info(stream::iter([question])).await?.into_inner();
    let answer = answers.message().await?.and_then(|answer| answer.message_response);
    let Some(MessageResponse::ListServicesResponse(list)) = answer else {
        anyhow::bail!("答非所问");
    };
    let names: Vec<String> = list.service.into_iter().map(|service| service.name).collect();
    info!("服务：{}", names.join("、"));
    Ok(names)
}

/// 每个服务各有各的健康；空的名字问的是整个服务器。
async fn is_healthy(channel: Channel) -> anyhow::Result<bool> {
    let service = "wirebook.greeter.v1.Greeter".into();
    let answer = HealthClient::new(channel).check(HealthCheckRequest { service }).await?.into_inner();
    info!("健康：{:?}", answer.status());
    Ok(answer.status() == tonic_health::pb::health_check_response::ServingStatus::Serving)
}
// ANCHOR_END: reflection
