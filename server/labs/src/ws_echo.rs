//! WebSocket 回显：升级、掩码、三种长度、分片、心跳，以及各种关闭码。（指南 6.1、6.2）

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use api::line::{Impairments, Line};
use futures::{SinkExt as _, StreamExt as _};
use garde::Validate;
use lan::{Host, Lan};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, accept_hdr_async_with_config, connect_async_with_config,
};
use tracing::{info, warn};

use crate::{Lab, Open, Server};

const PORT: u16 = 9001;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WsEcho {
    /// 要发送的文字
    /// 作为一条文本消息发出；WebSocket 的文本一律是 UTF-8。
    #[garde(length(chars, min = 1, max = 200))]
    message: String,
    /// 分成几帧
    /// 把同一条消息切成这么多帧再发一遍；按字节切，一个汉字可以落在两帧里。
    #[garde(range(min = 1, max = 8))]
    fragments: u32,
    /// 大消息的长度（字节）
    /// 一条二进制消息；不超过 125、不超过 65535、再长，长度字段的写法各不相同。
    #[garde(range(min = 0, max = 100_000))]
    big_bytes: u32,
    /// 怎样结束
    /// 客户端告别的方式。
    #[garde(skip)]
    ending: Ending,
    /// 犯什么错
    /// 最后另开一条连接，亲手写一个不合规矩的帧，看服务器用哪个关闭码回答。
    #[garde(skip)]
    mistake: Mistake,
}

/// 客户端告别的方式。
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Ending {
    /// 1000：正常结束
    Normal,
    /// 4000：应用自己规定的码
    Application,
    /// 空的 Close 帧，不带码
    Empty,
    /// 不说再见，直接断开 TCP
    Abrupt,
}

/// 不合规矩的帧。
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Mistake {
    /// 不犯错
    Nothing,
    /// 没有掩码
    Unmasked,
    /// 文本不是 UTF-8
    BadText,
    /// 没有开头的后续帧
    LoneContinuation,
    /// 用了保留的操作码
    ReservedOpcode,
    /// 自称有 1 GiB
    TooLong,
}

impl Default for WsEcho {
    fn default() -> Self {
        Self {
            message: "你好，WebSocket！".into(),
            fragments: 3,
            big_bytes: 65_536,
            ending: Ending::Normal,
            mistake: Mistake::Unmasked,
        }
    }
}

impl Lab for WsEcho {
    const SLUG: &'static str = "ws-echo";
    const TITLE: &'static str = "WebSocket 回显";
    const SUMMARY: &'static str =
        "一次 HTTP 升级之后，同一条 TCP 连接上跑的就是帧：掩码、三种长度、分片、心跳，最后用关闭码道别。";
    const HOSTS: &'static [&'static str] = &["server", "client"];
    const OPEN: Option<Open> = Some(Open {
        url: "ws://{}/echo",
        server: Server::Tcp(|listener| {
            Box::pin(async {
                serve(TcpListener::from_std(listener)?).await;
                Ok(())
            })
        }),
    });

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

        let url = format!("ws://{address}/echo");
        lan.section("从 HTTP 升级");
        let (opened, upgrade) = at(&client, timed(connect(url.clone()))).await?;
        lan.measured(Some(&client), "TCP 握手加升级", upgrade, "ms");

        lan.section("文本与二进制，三种长度");
        let text = Message::text(self.message.clone());
        let big = vec![0x5a; self.big_bytes as usize];
        let samples = vec![text, Message::binary(vec![1; 125]), Message::binary(vec![2; 126]), big.into()];
        let (talked, times) = at(&client, async move {
            let mut socket = opened;
            let mut times = Vec::new();
            for message in samples {
                let label = describe(&message);
                let ((), time) = timed(round_trip(&mut socket, message)).await?;
                times.push((label, time));
            }
            Ok((socket, times))
        })
        .await?;
        for (label, time) in times {
            lan.measured(Some(&client), &format!("{label}的往返"), time, "ms");
        }

        lan.section("分片，中间插一个 Ping");
        let (message, pieces) = (self.message, self.fragments as usize);
        let (talked, pong) = at(&client, async move {
            let mut socket = talked;
            let pong = in_pieces(&mut socket, &message, pieces).await?;
            Ok((socket, pong))
        })
        .await?;
        lan.measured(Some(&client), "Ping 往返", milliseconds(pong), "ms");

        lan.section("关闭握手");
        let ending = self.ending;
        let answer = at(&client, part(talked, ending)).await?;
        if let Some(code) = answer {
            lan.measured(Some(&client), "对方回应的关闭码", f64::from(code), "");
        }
        if let Some(bytes) = self.mistake.bytes() {
            lan.section("不合规矩的帧");
            let answer = at(&client, misbehave(url, bytes)).await?;
            if let Some(code) = answer {
                lan.measured(Some(&client), "犯错得到的关闭码", f64::from(code), "");
            }
        }
        lan.settle(Duration::from_millis(150), Duration::from_secs(3)).await;
        Ok(())
    }
}

/// 在一台主机上做完一件事；线路再差也只等这么久。
async fn at<T: Send + 'static>(
    host: &Host,
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> anyhow::Result<T> {
    let done = host.spawn(move || timeout(PATIENCE, work)).await?;
    Ok(done.context("等了 20 秒也没有等到服务器的回音：线路太差了")??)
}

/// 丢包时内核会一再重传，每次等待加倍。
const PATIENCE: Duration = Duration::from_secs(20);

/// 做完一件事，连同用去的毫秒数。
async fn timed<T>(work: impl Future<Output = Result<T, Error>>) -> Result<(T, f64), Error> {
    let started = Instant::now();
    let done = work.await?;
    Ok((done, milliseconds(started.elapsed())))
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

// ANCHOR: server
/// 一个连接最多占用多少内存，由这里说了算。默认值是一条消息 64 MiB，对回显来说太大了。
fn limits() -> WebSocketConfig {
    WebSocketConfig::default().max_message_size(Some(1 << 20)).max_frame_size(Some(1 << 20))
}

/// 多久没有任何消息，就不再等这个客户端。
const IDLE: Duration = Duration::from_secs(60);

/// 每个连接一个任务；集合管着它们，服务器停下时它们也一起停下。
async fn serve(listener: TcpListener) {
    let mut clients = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    clients.spawn(async move {
                        if let Err(error) = welcome(stream).await {
                            warn!("{peer} 的连接中断：{error}");
                        }
                    });
                }
                Err(error) => warn!("接受连接失败：{error}"),
            },
            // 结束了的任务要取走，否则集合只增不减。
            Some(_) = clients.join_next() => {}
        }
    }
}

/// 先以 HTTP 的方式握手；成功之后，这条 TCP 连接就归 WebSocket 了。
async fn welcome(stream: TcpStream) -> Result<(), Error> {
    // 心跳和短消息不该被 Nagle 算法攒着。
    stream.set_nodelay(true)?;
    let handshake = accept_hdr_async_with_config(stream, inspect, Some(limits()));
    let Ok(socket) = timeout(Duration::from_secs(10), handshake).await else {
        warn!("10 秒还没有说完握手，不等了");
        return Ok(());
    };
    echo(socket?).await
}

/// 握手请求先经过这里：可以查路径、查 Origin，不合适就回一个 4xx。
#[expect(clippy::result_large_err, reason = "签名由 tungstenite 规定")]
fn inspect(request: &Request, response: Response) -> Result<Response, ErrorResponse> {
    info!("升级请求：{} {}", request.method(), request.uri());
    Ok(response)
}
// ANCHOR_END: server

// ANCHOR: echo
/// 收到什么就发回什么，直到流结束。
async fn echo(mut socket: WebSocketStream<TcpStream>) -> Result<(), Error> {
    while let Ok(Some(received)) = timeout(IDLE, socket.next()).await {
        match received {
            Ok(message @ (Message::Text(_) | Message::Binary(_))) => {
                info!("收到 {}，原样发回", describe(&message));
                socket.send(message).await?;
            }
            Ok(Message::Ping(data)) => info!("收到 {} 字节的 Ping：Pong 由库自动回", data.len()),
            // 这里不能 break：库要在下一次读的时候才把回应的 Close 帧送出去。
            Ok(Message::Close(frame)) => info!("对方要关闭：{}", reason(frame.as_ref())),
            Ok(_) => {}
            Err(error) => return refuse(socket, error).await,
        }
    }
    info!("连接结束");
    Ok(())
}

/// 收到不合规矩的东西：断开之前，用关闭码说清楚为什么。（RFC 6455 第 7.4.1 节）
pub(crate) async fn refuse(mut socket: WebSocketStream<TcpStream>, error: Error) -> Result<(), Error> {
    let code = match &error {
        // 没有 Close 帧，TCP 就断了：已经没有人可以回答。浏览器把这种结局记作 1006。
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => return Err(error),
        Error::Protocol(_) => CloseCode::Protocol, // 1002
        Error::Utf8(_) => CloseCode::Invalid,      // 1007
        Error::Capacity(_) => CloseCode::Size,     // 1009
        _ => return Err(error),
    };
    warn!("以 {code} 关闭：{error}");
    socket.close(Some(CloseFrame { code, reason: Utf8Bytes::default() })).await?;
    // 出过错的流不能再读成消息了，但对方回应的 Close 还在路上。立刻丢掉套接字，它只会换来一个 RST；
    // 所以先关掉写的方向，把剩下的字节读完扔掉，最多等一秒。
    let stream = socket.get_mut();
    stream.shutdown().await?;
    let mut rest = [0; 1024];
    let drain = async { while stream.read(&mut rest).await.is_ok_and(|n| n > 0) {} };
    if timeout(Duration::from_secs(1), drain).await.is_err() {
        warn!("对方没有回应 Close，不等了");
    }
    Ok(())
}
// ANCHOR_END: echo

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

// ANCHOR: connect
/// 连接并升级。返回的响应是 101 Switching Protocols，里面有对我们的随机数的证明。
async fn connect(url: String) -> Result<Socket, Error> {
    let no_delay = true;
    let (socket, response) = connect_async_with_config(url, Some(limits()), no_delay).await?;
    info!("{}，从现在起双方说的是 WebSocket", response.status());
    Ok(socket)
}
// ANCHOR_END: connect

// ANCHOR: round-trip
/// 发一条消息，等它回来。
async fn round_trip(socket: &mut Socket, message: Message) -> Result<(), Error> {
    // 克隆只增加一个引用计数：Message 里是 Bytes 和 Utf8Bytes，不是 Vec 和 String。
    socket.send(message.clone()).await?;
    let reply = next_data(socket).await?;
    info!("{} 回来了，内容{}", describe(&reply), if reply == message { "一致" } else { "不一致" });
    Ok(())
}

/// 下一条文本或二进制消息；控制帧已经由库处理过，跳过就好。
async fn next_data(socket: &mut Socket) -> Result<Message, Error> {
    while let Some(message) = socket.next().await.transpose()? {
        if message.is_text() || message.is_binary() {
            return Ok(message);
        }
    }
    Err(Error::ConnectionClosed)
}
// ANCHOR_END: round-trip

// ANCHOR: pieces
/// 把一条文本消息切成几帧来发，第一帧之后插一个 Ping。返回 Ping 的往返时间。
async fn in_pieces(socket: &mut Socket, text: &str, pieces: usize) -> Result<Duration, Error> {
    let bytes = text.as_bytes();
    let chunks: Vec<_> = bytes.chunks(bytes.len().div_ceil(pieces)).map(<[u8]>::to_vec).collect();
    let last = chunks.len() - 1;
    let mut pinged = Instant::now();
    for (index, chunk) in chunks.into_iter().enumerate() {
        // 第一帧说明这是文本，后面的帧操作码都是 0；只有最后一帧的 FIN 是 1。
        let opcode = OpCode::Data(if index == 0 { Data::Text } else { Data::Continue });
        info!("第 {} 帧：{} 字节，FIN={}", index + 1, chunk.len(), u8::from(index == last));
        socket.send(Message::Frame(Frame::message(chunk, opcode, index == last))).await?;
        if index == 0 {
            // 控制帧可以插在一条消息的中间，数据帧不可以。
            pinged = Instant::now();
            socket.send(Message::Ping("还在吗".into())).await?;
        }
    }
    let (mut answered, mut whole) = (None, false);
    while answered.is_none() || !whole {
        match socket.next().await.ok_or(Error::ConnectionClosed)?? {
            Message::Pong(_) => answered = Some(pinged.elapsed()),
            message => whole |= message.is_text(),
        }
    }
    info!("Pong 和拼好的整条消息都到了");
    Ok(answered.unwrap_or_default())
}
// ANCHOR_END: pieces

// ANCHOR: close
/// 告别，然后一直读到流结束：这样才看得到对方的回应。返回对方回应的关闭码。
async fn part(mut socket: Socket, ending: Ending) -> Result<Option<u16>, Error> {
    let farewell = |code, reason| Some(CloseFrame { code, reason: Utf8Bytes::from_static(reason) });
    match ending {
        Ending::Normal => socket.close(farewell(CloseCode::Normal, "说完了")).await?,
        Ending::Application => socket.close(farewell(CloseCode::Library(4000), "换一间房")).await?,
        Ending::Empty => socket.close(None).await?,
        // 直接丢掉：TCP 照样会好好关闭，但对方没有等到 Close 帧。
        Ending::Abrupt => return Ok(None),
    }
    last_word(socket).await
}

/// 读到流结束；路上遇到的 Close 帧里的码。
async fn last_word(mut socket: Socket) -> Result<Option<u16>, Error> {
    let mut code = None;
    while let Some(message) = socket.next().await.transpose()? {
        if let Message::Close(frame) = message {
            info!("对方的 Close 帧：{}", reason(frame.as_ref()));
            code = frame.map(|frame| frame.code.into());
        }
    }
    Ok(code)
}
// ANCHOR_END: close

impl Mistake {
    /// 帧的字节，客户端亲手写出。
    fn bytes(self) -> Option<&'static [u8]> {
        // ANCHOR: mistakes
        // 第一个字节：FIN、三个保留位、操作码。第二个字节：掩码位、长度。掩码全用 0，好让内容直接可读。
        Some(match self {
            Self::Nothing => return None,
            Self::Unmasked => b"\x81\x02hi",
            Self::BadText => b"\x81\x82\0\0\0\0\xff\xfe",
            Self::LoneContinuation => b"\x80\x82\0\0\0\0hi",
            Self::ReservedOpcode => b"\x83\x82\0\0\0\0hi",
            Self::TooLong => b"\x82\xff\0\0\0\0\x40\0\0\0\0\0\0\0",
        })
        // ANCHOR_END: mistakes
    }
}

/// 先好好握手，再绕过库，直接往 TCP 连接里写字节。
async fn misbehave(url: String, bytes: &[u8]) -> Result<Option<u16>, Error> {
    let mut socket = connect(url).await?;
    info!("亲手写一个帧：{bytes:02x?}");
    socket.get_mut().write_all(bytes).await?;
    last_word(socket).await
}

/// “12 字节文本”
fn describe(message: &Message) -> String {
    let kind = if message.is_text() { "文本" } else { "二进制" };
    format!("{} 字节{kind}", message.len())
}

/// “1000 说完了”
fn reason(frame: Option<&CloseFrame>) -> String {
    frame.map_or_else(|| "没有写码".into(), |frame| format!("{} {}", frame.code, frame.reason))
}
