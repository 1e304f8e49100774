//! 自定义二进制协议：在字节流上划出帧来——合着到、分着到、只到一半，以及自称有 4 GiB。（指南 7.1）

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use api::lab::Hints;
use api::line::{Impairments, Line};
use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use futures::{SinkExt, StreamExt as _};
use garde::Validate;
use lan::{Host, Lan};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::codec::{Decoder, Encoder, Framed, LengthDelimitedCodec};
use tracing::{info, warn};

use crate::{Lab, Open, Server};

/// 只有长度前缀的那个服务器，和说键值协议的那个。
const PLAIN_PORT: u16 = 7000;
const STORE_PORT: u16 = 7001;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Framing {
    /// 小帧的个数
    /// 用三种办法各发一遍：攒齐了一起冲出、逐个发送但留给 Nagle 合并、逐个发送且立刻上路。
    #[garde(range(min = 2, max = 32))]
    small_frames: u32,
    /// 大帧的载荷（字节）
    /// 一个 TCP 段在这里最多装 1448 字节（MTU 1500 减去 IP、TCP 首部和时间戳选项），更长的帧只好拆开。
    #[garde(range(min = 0, max = 60_000))]
    big_bytes: u32,
    /// 自称的长度（字节）
    /// 一个恶意的帧头：后面其实什么也没有。服务器最多收 65536 字节。
    #[garde(range(min = 65_537, max = u32::MAX))]
    claimed_bytes: u32,
}

impl Default for Framing {
    fn default() -> Self {
        Self { small_frames: 8, big_bytes: 6000, claimed_bytes: u32::MAX }
    }
}

impl Lab for Framing {
    const SLUG: &'static str = "framed";
    const TITLE: &'static str = "自定义二进制协议";
    const SUMMARY: &'static str =
        "长度前缀在字节流上划出帧：几个帧挤进一个段，一个帧拆成几段，自称 4 GiB 的在分配内存之前就被拒绝。";
    const HOSTS: &'static [&'static str] = &["server", "client"];
    const OPEN: Option<Open> = Some(Open {
        url: "tcp://{}",
        server: Server::Tcp(|listener| {
            Box::pin(async {
                let (ended, _) = mpsc::channel(1);
                serve(TcpListener::from_std(listener)?, ended).await;
                Ok(())
            })
        }),
    });

    /// A protocol of its own: nothing that a dissector should guess at.
    fn hints() -> Hints {
        Hints::ports(&[(PLAIN_PORT, "data"), (STORE_PORT, "data")])
    }

    fn lines() -> BTreeMap<String, Line> {
        let line = Line::both(Impairments { delay_ms: 5.0, ..Impairments::default() });
        BTreeMap::from([("client".into(), line)])
    }

    async fn run(self, mut lan: Lan) -> anyhow::Result<()> {
        let server = lan.host("server")?;
        let client = lan.host("client")?;
        small_ones(&lan, &server, &client, self.small_frames).await?;

        let address = SocketAddr::from((server.ipv4(), STORE_PORT));
        let listener = server.spawn(move || TcpListener::bind(address)).await??;
        let (sender, mut ended) = mpsc::channel(4);
        drop(server.spawn(move || serve(listener, sender)));

        lan.section("一个帧，许多段");
        let size = self.big_bytes as usize;
        at(&client, async move { put_and_get(address, size).await }).await?;
        let big = ended.recv().await.context("服务器没有说完")?;
        lan.measured(Some(&server), "大帧一幕：读了几次", f64::from(big.reads), "次");
        lan.measured(Some(&server), "大帧一幕：取出的帧", f64::from(big.messages), "个");

        lan.section("自称很长的帧");
        let claimed = self.claimed_bytes;
        let answer = at(&client, async move { claim(address, claimed).await }).await?;
        let refused = ended.recv().await.context("服务器没有说完")?;
        lan.measured(Some(&client), "发出的字节", HEADER as f64, "B");
        lan.measured(Some(&client), "得到的回答", answer as f64, "B");
        lan.measured(Some(&server), "拒绝时接收缓冲区的容量", refused.capacity as f64, "B");
        lan.measured(Some(&server), "因为太长而拒绝", f64::from(u8::from(refused.too_long())), "次");

        lan.section("说到一半就断开");
        at(&client, async move { leave_halfway(address).await }).await?;
        let halved = ended.recv().await.context("服务器没有说完")?;
        let noticed = matches!(halved.error, Some(KvError::Io(_)));
        lan.measured(Some(&server), "发现帧没有到齐", f64::from(u8::from(noticed)), "次");
        lan.settle(Duration::from_millis(100), Duration::from_secs(3)).await;
        Ok(())
    }
}

/// 丢包时内核会重传，给它一些时间。
const PATIENCE: Duration = Duration::from_secs(10);

/// 在一台主机上做完一件事，最多等十秒。
async fn at<T: Send + 'static>(
    host: &Host,
    work: impl Future<Output = Result<T, KvError>> + Send + 'static,
) -> anyhow::Result<T> {
    let done = host.spawn(move || timeout(PATIENCE, work)).await?;
    Ok(done.context("等了 10 秒也没有结果：线路太差了")??)
}

/// 第一幕：同样几个小帧，三种发法。
async fn small_ones(lan: &Lan, server: &Host, client: &Host, count: u32) -> anyhow::Result<()> {
    for (title, sending) in [
        ("攒齐了一起冲出", Sending::Together),
        ("逐个发，Nagle 合并", Sending::Nagle),
        ("逐个发，立刻上路", Sending::AtOnce),
    ] {
        lan.section(title);
        let address = SocketAddr::from((server.ipv4(), PLAIN_PORT));
        let listener = server.spawn(move || TcpListener::bind(address)).await??;
        let counting = server.spawn(move || timeout(PATIENCE, count_frames(listener, count)));
        at(client, async move { Ok(send_small(address, sending, count).await?) }).await?;
        let (frames, reads) = counting.await?.context("小帧没有到齐")??;
        lan.measured(Some(server), &format!("{title}：取出的帧"), f64::from(frames), "个");
        lan.measured(Some(server), &format!("{title}：读了几次"), f64::from(reads), "次");
    }
    Ok(())
}

/// 小帧怎样交给内核。
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sending {
    Together,
    Nagle,
    AtOnce,
}

// ANCHOR: length
/// 两个字节的长度，后面是内容。上限写在编解码器里：两头都守它。
fn plain_frames() -> LengthDelimitedCodec {
    LengthDelimitedCodec::builder()
        .length_field_type::<u16>() // 默认是 u32
        .max_frame_length(1024) // 默认是 8 MiB
        .new_codec()
}
// ANCHOR_END: length

// ANCHOR: send
async fn send_small(server: SocketAddr, sending: Sending, count: u32) -> io::Result<()> {
    let stream = TcpStream::connect(server).await?;
    stream.set_nodelay(sending == Sending::AtOnce)?;
    let mut frames = Framed::new(stream, plain_frames());
    for number in 1..=count {
        let frame = Bytes::from(format!("第 {number} 条"));
        match sending {
            // feed 只写进 Framed 自己的缓冲区（攒到 8 KiB 才往外送）……
            Sending::Together => frames.feed(frame).await?,
            // ……send 等于 feed 加 flush：每一帧都是一次 write 系统调用。
            Sending::Nagle | Sending::AtOnce => frames.send(frame).await?,
        }
    }
    SinkExt::<Bytes>::flush(&mut frames).await?;
    // 等到回执再走：FIN 会把攒着的数据一起推出去，那就看不清谁合并了它们。
    frames.next().await.transpose()?;
    Ok(())
}
// ANCHOR_END: send

/// 数一数：这些帧是分几次读到的。
async fn count_frames(listener: TcpListener, count: u32) -> io::Result<(u32, u32)> {
    let (stream, _) = listener.accept().await?;
    let mut frames = Framed::new(stream, Counted::new(plain_frames()));
    let mut taken = 0;
    while taken < count
        && let Some(frame) = frames.next().await.transpose()?
    {
        taken += 1;
        info!("取出一帧：{}", String::from_utf8_lossy(&frame));
    }
    frames.send(Bytes::from_static("收齐了".as_bytes())).await?;
    Ok((taken, frames.codec().reads + 1)) // 最后一次读到的正好够，没有再说“不够”
}

/// 在编解码器外面数一数：每说一次“不够”，`Framed` 就会再读一次。
struct Counted<Codec> {
    codec: Codec,
    reads: u32,
}

impl<Codec> Counted<Codec> {
    fn new(codec: Codec) -> Self {
        Self { codec, reads: 0 }
    }
}

impl<Codec: Decoder> Decoder for Counted<Codec> {
    type Item = Codec::Item;
    type Error = Codec::Error;

    fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Self::Item>, Self::Error> {
        let decoded = self.codec.decode(buffer)?;
        self.reads += u32::from(decoded.is_none());
        Ok(decoded)
    }
}

impl<Item, Codec: Encoder<Item>> Encoder<Item> for Counted<Codec> {
    type Error = Codec::Error;

    fn encode(&mut self, item: Item, buffer: &mut BytesMut) -> Result<(), Self::Error> {
        self.codec.encode(item, buffer)
    }
}

// ANCHOR: protocol
/// 帧头的长度：版本（1）、种类（1）、请求编号（2）、载荷长度（4），都是网络字节序。
const HEADER: usize = 8;
/// 载荷的上限。它是协议的一部分：写进文档，两头都守。
const MAX_PAYLOAD: usize = 64 * 1024;
const VERSION: u8 = 1;

/// 一条消息。`id` 由提问的一方挑选，回答里照抄：不必等前一个回答，就可以问下一个。
#[derive(Debug)]
struct Message {
    id: u16,
    body: Body,
}

#[derive(Debug)]
enum Body {
    /// 种类 1。载荷：键的长度（1 字节）、键、值。
    Put { key: Bytes, value: Bytes },
    /// 种类 2。载荷：键。
    Get { key: Bytes },
    /// 种类 3：存好了。
    Stored,
    /// 种类 4。载荷：值。
    Value(Bytes),
    /// 种类 5：没有这个键。
    Missing,
    /// 种类 6：存满了。
    Full,
}

/// 为什么不再听下去。帧界一旦错了，后面的字节就都失去了意义，所以每一种都意味着断开连接。
#[derive(Debug, thiserror::Error)]
enum KvError {
    #[error("载荷自称 {0} 字节，最多 {MAX_PAYLOAD}")]
    TooLong(usize),
    #[error("不认识的版本 {0}")]
    Version(u8),
    #[error("种类 {0} 的载荷不合格式")]
    Malformed(u8),
    #[error(transparent)]
    Io(#[from] io::Error),
}
// ANCHOR_END: protocol

struct KvCodec;

// ANCHOR: decode
impl Decoder for KvCodec {
    type Item = Message;
    type Error = KvError;

    /// `buffer` 里是已经读到、还没有取走的字节。够一帧就取走一帧；不够就说 `None`，原样留着。
    fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Message>, KvError> {
        let Some(&[version, kind, i, d, length @ ..]) = buffer.first_chunk::<HEADER>() else {
            return Ok(None);
        };
        if version != VERSION {
            return Err(KvError::Version(version));
        }
        let length = u32::from_be_bytes(length) as usize;
        if length > MAX_PAYLOAD {
            return Err(KvError::TooLong(length)); // 在分配任何内存之前
        }
        if buffer.len() < HEADER + length {
            // 长度已经查过，可以放心地一次备足，免得缓冲区一点一点地长。
            buffer.reserve(HEADER + length - buffer.len());
            return Ok(None);
        }
        buffer.advance(HEADER);
        let payload = buffer.split_to(length).freeze(); // 不复制，只移动指针
        let body = Body::parse(kind, payload).ok_or(KvError::Malformed(kind))?;
        Ok(Some(Message { id: u16::from_be_bytes([i, d]), body }))
    }
}

impl Body {
    /// 载荷已经完整，但里面写了什么仍然不可信：每取一段之前都要看够不够。
    fn parse(kind: u8, mut payload: Bytes) -> Option<Self> {
        match kind {
            1 => {
                let length = usize::from(payload.try_get_u8().ok()?);
                let key = (length <= payload.len()).then(|| payload.split_to(length))?;
                Some(Self::Put { key, value: payload })
            }
            2 => Some(Self::Get { key: payload }),
            3 => payload.is_empty().then_some(Self::Stored),
            4 => Some(Self::Value(payload)),
            5 => payload.is_empty().then_some(Self::Missing),
            6 => payload.is_empty().then_some(Self::Full),
            _ => None,
        }
    }
}
// ANCHOR_END: decode

// ANCHOR: encode
impl Encoder<Message> for KvCodec {
    type Error = KvError;

    fn encode(&mut self, message: Message, buffer: &mut BytesMut) -> Result<(), KvError> {
        let (kind, key, value) = match message.body {
            Body::Put { key, value } => (1, Some(key), value),
            Body::Get { key } => (2, None, key),
            Body::Stored => (3, None, Bytes::new()),
            Body::Value(value) => (4, None, value),
            Body::Missing => (5, None, Bytes::new()),
            Body::Full => (6, None, Bytes::new()),
        };
        let length = key.as_ref().map_or(0, |key| 1 + key.len()) + value.len();
        if length > MAX_PAYLOAD {
            return Err(KvError::TooLong(length)); // 发出去对方也不收
        }
        // 全部查完再动笔：写了一半的帧，收不回来。
        let key_length = key.as_ref().map_or(0, Bytes::len);
        let key_length = u8::try_from(key_length).map_err(|_| KvError::Malformed(kind))?;
        buffer.reserve(HEADER + length);
        buffer.put_u8(VERSION);
        buffer.put_u8(kind);
        buffer.put_u16(message.id);
        buffer.put_u32(length as u32);
        if let Some(key) = key {
            buffer.put_u8(key_length);
            buffer.put(key);
        }
        buffer.put(value);
        Ok(())
    }
}
// ANCHOR_END: encode

/// 一条连接是怎样结束的。
#[derive(Debug)]
struct Ended {
    messages: u32,
    reads: u32,
    /// 结束时接收缓冲区占着的内存，字节。
    capacity: usize,
    error: Option<KvError>,
}

impl Ended {
    fn too_long(&self) -> bool {
        matches!(self.error, Some(KvError::TooLong(_)))
    }
}

type Store = Arc<Mutex<HashMap<Bytes, Bytes>>>;

/// 键的个数的上限：合规矩的请求也不能把内存写满。
const MAX_KEYS: usize = 256;

/// 接受连接。每条连接结束时报告一声；没有人听也无妨。
async fn serve(listener: TcpListener, ended: mpsc::Sender<Ended>) {
    let store = Store::default();
    let mut clients = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let (store, ended) = (Arc::clone(&store), ended.clone());
                    clients.spawn(async move { drop(ended.try_send(converse(stream, &store).await)) });
                }
                Err(error) => warn!("接受连接失败：{error}"),
            },
            Some(_) = clients.join_next() => {}
        }
    }
}

// ANCHOR: converse
/// 一条连接：收一条，答一条，直到对方说完，或者说了不合规矩的话。
async fn converse(stream: TcpStream, store: &Store) -> Ended {
    let mut frames = Framed::new(stream, Counted::new(KvCodec));
    let mut messages = 0;
    let error = loop {
        let message = match timeout(PATIENCE, frames.next()).await {
            Ok(Some(Ok(message))) => message,
            Ok(Some(Err(error))) => break Some(error),
            Ok(None) | Err(_) => break None, // 说完了，或者沉默太久
        };
        messages += 1;
        let Some(body) = answer(message.body, store) else { break Some(KvError::Malformed(0)) };
        if let Err(error) = frames.send(Message { id: message.id, body }).await {
            break Some(error);
        }
    };
    let capacity = frames.read_buffer().capacity();
    match &error {
        Some(error) => warn!("断开：{error}；接收缓冲区 {capacity} 字节"),
        None => info!("对方说完了，一共 {messages} 条"),
    }
    Ended { messages, reads: frames.codec().reads, capacity, error }
}
// ANCHOR_END: converse

// ANCHOR: answer
/// 客户端发来服务器才该说的话，得到 `None`。
fn answer(question: Body, store: &Store) -> Option<Body> {
    let mut store = store.lock().unwrap_or_else(PoisonError::into_inner);
    match question {
        Body::Put { key, value } if store.len() < MAX_KEYS || store.contains_key(&key) => {
            info!("存下 {} 字节", value.len());
            // 两个 Bytes 都只是接收缓冲区里的一小段，留着它们就留住了整块缓冲区：要久存，就复制一份。
            store.insert(Bytes::copy_from_slice(&key), Bytes::copy_from_slice(&value));
            Some(Body::Stored)
        }
        Body::Put { .. } => Some(Body::Full),
        Body::Get { key } => Some(store.get(&key).map_or(Body::Missing, |value| Body::Value(value.clone()))),
        Body::Stored | Body::Value(_) | Body::Missing | Body::Full => None,
    }
}
// ANCHOR_END: answer

// ANCHOR: client
/// 三个请求一起发出，不等回答；编号说明哪个回答属于哪个请求。
async fn put_and_get(server: SocketAddr, size: usize) -> Result<(), KvError> {
    let stream = TcpStream::connect(server).await?;
    stream.set_nodelay(true)?;
    let mut frames = Framed::new(stream, KvCodec);
    let (key, value) = (Bytes::from_static(b"poem"), Bytes::from(vec![b'~'; size]));
    frames.feed(Message { id: 1, body: Body::Put { key: key.clone(), value } }).await?;
    frames.feed(Message { id: 2, body: Body::Get { key } }).await?;
    frames.feed(Message { id: 3, body: Body::Get { key: Bytes::from_static(b"nothing") } }).await?;
    frames.flush().await?;
    for _ in 1..=3 {
        match frames.next().await.transpose()? {
            Some(Message { id, body: Body::Value(value) }) => info!("{id} 号的回答：{} 字节", value.len()),
            Some(Message { id, body }) => info!("{id} 号的回答：{body:?}"),
            None => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
        }
    }
    Ok(())
}
// ANCHOR_END: client

// ANCHOR: claim
/// 只发八个字节的帧头，自称后面还有 `length` 字节；返回服务器回了多少字节。
async fn claim(server: SocketAddr, length: u32) -> Result<usize, KvError> {
    let mut stream = TcpStream::connect(server).await?;
    let mut header = [VERSION, 1, 0, 1, 0, 0, 0, 0];
    header[4..].copy_from_slice(&length.to_be_bytes());
    stream.write_all(&header).await?;
    info!("发出 {HEADER} 字节，自称后面还有 {length} 字节");
    Ok(stream.read_to_end(&mut Vec::new()).await?) // 服务器关闭连接，这里才返回
}
// ANCHOR_END: claim

/// 帧头说有 100 字节，只发 10 个就断开。
async fn leave_halfway(server: SocketAddr) -> Result<(), KvError> {
    let mut stream = TcpStream::connect(server).await?;
    stream.write_all(&[VERSION, 1, 0, 1, 0, 0, 0, 100]).await?;
    stream.write_all(&[0; 10]).await?;
    stream.shutdown().await?;
    stream.read_to_end(&mut Vec::new()).await?;
    Ok(())
}
