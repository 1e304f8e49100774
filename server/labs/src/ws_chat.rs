//! WebSocket 聊天室：一个广播通道，跟不上的人错过几条，但不必被赶出去。（指南 6.3）

use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use anyhow::Context as _;
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt as _, StreamExt as _};
use garde::Validate;
use lan::{Host, Lan, Task};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use socket2::SockRef;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, oneshot};
use tokio::task::JoinSet;
use tokio::time::error::Elapsed;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig, frame::coding::CloseCode};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, accept_async_with_config, client_async};
use tracing::{info, warn};

use crate::ws_echo::refuse;
use crate::{Lab, Open, Server};

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WsChat {
    /// 服务器的写法
    /// 两种写法面对同样的客人和同样的发言；“先错后对”依次各运行一次。
    #[garde(skip)]
    version: Version,
    /// 发言条数
    /// alice 说的条数；这段时间里 carol 一直不读。
    #[garde(range(min = 1, max = 60))]
    lines: u32,
    /// 每条发言的长度（字节）
    /// 越长，通往 carol 的缓冲区满得越快。
    #[garde(range(min = 16, max = 4000))]
    line_bytes: u32,
    /// 广播通道的容量（条）
    /// 最慢的人最多落后这么多条；再慢，最旧的就被新的盖掉。tokio 会把它向上取到 2 的幂。
    #[garde(range(min = 1, max = 64))]
    capacity: u32,
    /// carol 走神
    /// 关掉它，carol 就和别人一样读消息，两种写法都看不出问题。
    #[garde(skip)]
    slow_reader: bool,
}

/// 服务器的写法。
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Version {
    /// 先错后对
    Both,
    /// 错误：落后就结束任务
    Wrong,
    /// 正确：告诉他错过了几条
    Right,
}

impl Default for WsChat {
    fn default() -> Self {
        Self { version: Version::Both, lines: 20, line_bytes: 1200, capacity: 4, slow_reader: true }
    }
}

impl Lab for WsChat {
    const SLUG: &'static str = "ws-chat";
    const TITLE: &'static str = "WebSocket 聊天室";
    const SUMMARY: &'static str =
        "消息经由广播通道送到每个人；有人走神时，Lagged 说出他错过了几条，别人一条不少，他自己也不必离场。";
    const HOSTS: &'static [&'static str] = &["server", "alice", "bob", "carol"];
    const OPEN: Option<Open> = Some(Open {
        url: "ws://{}/",
        server: Server::Tcp(|listener| {
            Box::pin(async {
                let (_open, stop) = oneshot::channel();
                let capacity = Self::default().capacity as usize;
                serve(TcpListener::from_std(listener)?, capacity, Version::Right, stop).await;
                Ok(())
            })
        }),
    });

    async fn run(self, mut lan: Lan) -> anyhow::Result<()> {
        let stage = Stage {
            server: lan.host("server")?,
            alice: lan.host("alice")?,
            bob: lan.host("bob")?,
            carol: lan.host("carol")?,
        };
        if self.version != Version::Right {
            lan.section("错误：落后就结束任务");
            self.perform(&lan, &stage, Version::Wrong).await?;
        }
        if self.version != Version::Wrong {
            lan.section("正确：告诉他错过了几条");
            self.perform(&lan, &stage, Version::Right).await?;
        }
        Ok(())
    }
}

/// 登台的主机。
struct Stage {
    server: Host,
    alice: Host,
    bob: Host,
    carol: Host,
}

/// alice 两条发言之间的间隔。
const PACE: Duration = Duration::from_millis(15);
/// 线路再差也只等这么久。
const PATIENCE: Duration = Duration::from_secs(20);

impl WsChat {
    /// 一场聊天：入场、alice 发言、carol 回过神来、散场，最后报告各人的见闻。
    async fn perform(&self, lan: &Lan, stage: &Stage, version: Version) -> anyhow::Result<()> {
        let Stage { server, alice, bob, carol } = stage;
        // 前一场的服务器还占着它的端口，所以每种写法用自己的端口。
        let address = SocketAddr::from((server.ipv4(), if version == Version::Wrong { 9001 } else { 9002 }));
        let listener = server.spawn(move || TcpListener::bind(address)).await??;
        let capacity = self.capacity as usize;
        let (stop, stopped) = oneshot::channel();
        let serving = server.spawn(move || serve(listener, capacity, version, stopped));

        let attend = |host: &Host, name: &'static str, slow: bool| {
            let (wake, woken) = oneshot::channel();
            let (joined, ready) = oneshot::channel();
            let nap = slow.then_some(woken);
            let listening = host.spawn(move || timeout(PATIENCE, attend(address, name, nap, joined)));
            async move {
                ready.await.with_context(|| format!("{name} 没能进门"))?;
                anyhow::Ok(Guest { wake, listening })
            }
        };
        let bobs = attend(bob, "bob", false).await?;
        let carols = attend(carol, "carol", self.slow_reader).await?;
        let (lines, bytes) = (self.lines, self.line_bytes as usize);
        alice
            .spawn(move || timeout(PATIENCE, speak(address, lines, bytes)))
            .await?
            .context("alice 等得太久")??;

        // alice 已经走了。carol 这时才回过神来，开始读。
        drop(carols.wake);
        lan.settle(Duration::from_millis(100), Duration::from_secs(3)).await;
        // 服务器停下：留在房间里的人会收到关闭码 1001。
        drop(stop);
        serving.await?;
        for (host, guest) in [(bob, bobs.listening), (carol, carols.listening)] {
            let heard = guest.await?.context("散场以后还有人没有离开")??;
            lan.measured(Some(host), "听到 alice 的话", f64::from(heard.lines), "条");
            lan.measured(Some(host), "被告知错过", f64::from(heard.missed), "条");
            if let Some(code) = heard.code {
                lan.measured(Some(host), "关闭码", f64::from(code), "");
            }
        }
        lan.settle(Duration::from_millis(100), Duration::from_secs(3)).await;
        Ok(())
    }
}

/// 一位听众：丢掉 `wake`，他就开始读。
struct Guest {
    wake: oneshot::Sender<()>,
    listening: Task<Result<Result<Heard, Error>, Elapsed>>,
}

/// 服务器的发送缓冲区和 carol 的接收缓冲区。真实的缓冲区有几百 KB，要等更久才会满；道理一样。
const SMALL_BUFFER: u32 = 4096;

/// 一条聊天消息最长 16 KiB。
fn limits() -> WebSocketConfig {
    WebSocketConfig::default().max_message_size(Some(16 << 10)).max_frame_size(Some(16 << 10))
}

// ANCHOR: news
/// 服务器发给房间里每个人的消息，线路上是 JSON。反过来，客人只发文字：第一条是名字，其余是发言。
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum News {
    Joined {
        name: String,
    },
    Said {
        name: String,
        text: String,
    },
    Left {
        name: String,
    },
    /// 只发给落后的那个人。
    Missed {
        count: u64,
    },
}

impl News {
    /// 序列化一次，所有人共用这份字节。
    fn text(&self) -> Utf8Bytes {
        serde_json::to_string(self).unwrap_or_default().into()
    }
}
// ANCHOR_END: news

// ANCHOR: server
/// 房间只有一个强引用，在服务器手里；放开它，所有的接收端都得到 `Closed`，这就是关门。
async fn serve(listener: TcpListener, capacity: usize, version: Version, mut stop: oneshot::Receiver<()>) {
    let (room, _) = broadcast::channel::<Utf8Bytes>(capacity);
    let mut guests = JoinSet::new();
    loop {
        let (stream, peer) = tokio::select! {
            _ = &mut stop => break,
            Some(_) = guests.join_next() => continue,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    warn!("接受连接失败：{error}");
                    continue;
                }
            },
        };
        let door = room.downgrade();
        guests.spawn(async move {
            if let Err(error) = receive(stream, &door, version).await {
                warn!("{peer} 的连接中断：{error}");
            }
        });
    }
    info!("关门，等客人一一道别");
    drop(room);
    while guests.join_next().await.is_some() {}
}

/// 一位客人，从进门到离开。
async fn receive(
    stream: TcpStream,
    door: &broadcast::WeakSender<Utf8Bytes>,
    version: Version,
) -> Result<(), Error> {
    stream.set_nodelay(true)?;
    SockRef::from(&stream).set_send_buffer_size(SMALL_BUFFER as usize)?;
    // 握手和报名字都有期限：不说话的连接不该一直占着位置。
    let entrance = async {
        let mut socket = accept_async_with_config(stream, Some(limits())).await?;
        let first = socket.next().await;
        Ok::<_, Error>((socket, first))
    };
    let Ok(entered) = timeout(Duration::from_secs(10), entrance).await else { return Ok(()) };
    let (mut socket, first) = entered?;
    let name = match first {
        Some(Ok(message)) => message.to_text().unwrap_or_default().trim().to_owned(),
        Some(Err(error)) => return refuse(socket, error).await,
        None => return Ok(()),
    };
    if name.is_empty() || name.chars().count() > 20 {
        let code = CloseCode::Policy; // 1008
        return socket.close(Some(CloseFrame { code, reason: "名字要有 1 到 20 个字".into() })).await;
    }
    // 先订阅，再宣布：自己的“来了”自己也听得到。
    let Some(room) = door.upgrade() else { return Ok(()) };
    let news = room.subscribe();
    tell(&room, &News::Joined { name: name.clone() });
    drop(room);

    let (mut sink, mut stream) = socket.split();
    let ended = {
        let mut listening = pin!(listen(&mut stream, door, &name));
        tokio::select! {
            ended = &mut listening => ended,
            delivered = deliver(&mut sink, news, &name, version) => {
                // 我们先说了再见：再读一会儿，等对方回应。错误的写法没有说，也就没有可等的。
                match version {
                    Version::Wrong => Ok(()),
                    _ => timeout(Duration::from_secs(1), listening).await.unwrap_or(delivered),
                }
            }
        }
    };
    if let Some(room) = door.upgrade() {
        tell(&room, &News::Left { name });
    }
    // 他说了不合规矩的话：两半合起来，像回显服务器那样用关闭码说清楚为什么。
    match (ended, stream.reunite(sink)) {
        (Err(error), Ok(socket)) => refuse(socket, error).await,
        (ended, _) => ended,
    }
}

/// 放进广播通道，从不等待。没有人在听也不要紧。
fn tell(room: &broadcast::Sender<Utf8Bytes>, news: &News) {
    let listeners = room.send(news.text()).unwrap_or(0);
    info!("广播给 {listeners} 人");
}

/// 客人说的话进广播通道，直到他离开。
async fn listen(
    stream: &mut SplitStream<WebSocketStream<TcpStream>>,
    door: &broadcast::WeakSender<Utf8Bytes>,
    name: &str,
) -> Result<(), Error> {
    while let Some(message) = stream.next().await.transpose()? {
        if let (Message::Text(text), Some(room)) = (message, door.upgrade()) {
            tell(&room, &News::Said { name: name.into(), text: text.to_string() });
        }
    }
    Ok(())
}
// ANCHOR_END: server

type Sink = SplitSink<WebSocketStream<TcpStream>, Message>;

async fn deliver(
    sink: &mut Sink,
    news: broadcast::Receiver<Utf8Bytes>,
    name: &str,
    version: Version,
) -> Result<(), Error> {
    match version {
        Version::Wrong => deliver_wrong(sink, news, name).await,
        _ => deliver_right(sink, news, name).await,
    }
}

// ANCHOR: wrong
/// 错误的写法：把 `recv` 的任何错误都当作结束。
async fn deliver_wrong(
    sink: &mut Sink,
    mut news: broadcast::Receiver<Utf8Bytes>,
    name: &str,
) -> Result<(), Error> {
    // 落后的人得到的第一个错误是 Lagged：循环就此结束，没有 Close 帧，人就被挂断了。
    while let Ok(text) = news.recv().await {
        sink.send(Message::Text(text)).await?;
    }
    warn!("不再给 {name} 送消息");
    Ok(())
}
// ANCHOR_END: wrong

// ANCHOR: right
/// 正确的写法：两种错误，两种含义。
async fn deliver_right(
    sink: &mut Sink,
    mut news: broadcast::Receiver<Utf8Bytes>,
    name: &str,
) -> Result<(), Error> {
    loop {
        let text = match news.recv().await {
            Ok(text) => text,
            // 他太慢，最旧的 count 条已经被新的盖掉。接收端自动跳到还在的最旧一条，接着收就是。
            Err(RecvError::Lagged(count)) => {
                warn!("{name} 落后了，错过 {count} 条");
                News::Missed { count }.text()
            }
            // 房间关了：好好道别。
            Err(RecvError::Closed) => {
                let code = CloseCode::Away; // 1001
                return sink.send(Message::Close(Some(CloseFrame { code, reason: "打烊了".into() }))).await;
            }
        };
        // 慢的人只会让自己的这一个任务停在这里。
        sink.send(Message::Text(text)).await?;
    }
}
// ANCHOR_END: right

// ANCHOR: client
/// alice：说一句，听到自己的话回来，再说下一句。
async fn speak(server: SocketAddr, lines: u32, bytes: usize) -> Result<(), Error> {
    let mut socket = enter(server, "alice", None).await?;
    for number in 1..=lines {
        let line = format!("第 {number} 条，");
        let line = line.clone() + &"说".repeat(bytes.saturating_sub(line.len()) / "说".len());
        socket.send(Message::text(line.clone())).await?;
        while !matches!(next_news(&mut socket).await?, Some(News::Said { text, .. }) if text == line) {}
        info!("第 {number} 条说完了");
        sleep(PACE).await;
    }
    socket.close(None).await?;
    while socket.next().await.transpose()?.is_some() {}
    Ok(())
}

/// 连接、升级、报上名字，等到自己的“来了”。
async fn enter(
    server: SocketAddr,
    name: &str,
    receive_buffer: Option<u32>,
) -> Result<WebSocketStream<TcpStream>, Error> {
    let socket = TcpSocket::new_v4()?;
    if let Some(bytes) = receive_buffer {
        // 窗口的大小在握手时就定下了，所以要在连接之前设置。
        socket.set_recv_buffer_size(bytes)?;
    }
    let stream = socket.connect(server).await?;
    stream.set_nodelay(true)?;
    let (mut socket, _) = client_async(format!("ws://{server}/"), stream).await?;
    socket.send(Message::text(name)).await?;
    while !matches!(next_news(&mut socket).await?, Some(News::Joined { name: who }) if who == name) {}
    info!("{name} 进了房间");
    Ok(socket)
}

/// 下一条消息；看不懂的和控制帧都是 `None`。
async fn next_news(socket: &mut WebSocketStream<TcpStream>) -> Result<Option<News>, Error> {
    let message = socket.next().await.ok_or(Error::ConnectionClosed)??;
    Ok(message.to_text().ok().and_then(|text| serde_json::from_str(text).ok()))
}
// ANCHOR_END: client

/// 一位听众的见闻。
#[derive(Default)]
struct Heard {
    lines: u32,
    missed: u32,
    code: Option<u16>,
}

// ANCHOR: listener
/// bob 和 carol：一直听到散场。`nap`：先走神，直到有人叫醒。
async fn attend(
    server: SocketAddr,
    name: &'static str,
    nap: Option<oneshot::Receiver<()>>,
    joined: oneshot::Sender<()>,
) -> Result<Heard, Error> {
    let mut socket = enter(server, name, nap.is_some().then_some(SMALL_BUFFER)).await?;
    let _ = joined.send(()); // 没有人在等，也不要紧
    if let Some(nap) = nap {
        // 这段时间里什么也不读：先是这边的接收缓冲区满，然后是服务器的发送缓冲区。
        let _ = nap.await;
        info!("回过神来，开始读");
    }
    let mut heard = Heard::default();
    loop {
        let message = match socket.next().await {
            Some(Ok(message)) => message,
            Some(Err(error)) => {
                warn!("没有 Close 帧，连接就断了：{error}");
                return Ok(heard);
            }
            None => return Ok(heard),
        };
        if let Message::Close(frame) = &message {
            heard.code = frame.as_ref().map(|frame| frame.code.into());
        }
        match message.to_text().ok().and_then(|text| serde_json::from_str(text).ok()) {
            Some(News::Said { .. }) => heard.lines += 1,
            Some(News::Missed { count }) => {
                warn!("错过了 {count} 条");
                heard.missed += u32::try_from(count).unwrap_or(u32::MAX);
            }
            _ => {}
        }
    }
}
// ANCHOR_END: listener
