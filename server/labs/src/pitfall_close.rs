//! 陷阱一，关闭：名册攥着套接字不放，描述符一个个漏掉；没读完就关，回答丢在半路。（指南 9.1）

use std::collections::{BTreeMap, HashMap};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use api::line::{Impairments, Line};
use garde::Validate;
use lan::{Host, Lan, Task};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{info, warn};

use crate::Lab;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PitfallClose {
    /// 客户端的个数
    /// 一个接一个地来：连上，听一句问候，然后离开。
    #[garde(range(min = 1, max = 40))]
    clients: u32,
    /// 请求里没人读的部分（字节）
    /// 后两幕：请求的开头之外，客户端还发了这么多，服务器用不着它们。
    #[garde(range(min = 0, max = 8192))]
    unread_bytes: u32,
    /// 回答的长度（KiB）
    /// 后两幕：服务器写完这么长的回答就关闭连接。
    #[garde(range(min = 1, max = 256))]
    reply_kib: u32,
}

impl Default for PitfallClose {
    fn default() -> Self {
        Self { clients: 8, unread_bytes: 2000, reply_kib: 32 }
    }
}

impl Lab for PitfallClose {
    const SLUG: &'static str = "pitfall-close";
    const TITLE: &'static str = "陷阱：没有关好的连接";
    const SUMMARY: &'static str =
        "读到 0 就退出循环，连接却没有关：CLOSE_WAIT 和描述符越积越多；关得太急，回答又丢在半路。";
    const HOSTS: &'static [&'static str] = &["server", "client"];

    fn lines() -> BTreeMap<String, Line> {
        let line = Line::both(Impairments { delay_ms: 5.0, ..Impairments::default() });
        BTreeMap::from([("client".into(), line)])
    }

    async fn run(self, mut lan: Lan) -> anyhow::Result<()> {
        let server = lan.host("server")?;
        let client = lan.host("client")?;
        for (title, guarded) in [("错误：名册还攥着套接字", false), ("正确：座位随任务一起消失", true)]
        {
            lan.section(title);
            let hub = Hub::default();
            let before = descriptors()?;
            let (address, serving) = listen(&server, {
                let hub = hub.clone();
                move |listener| greet(listener, hub, guarded)
            })
            .await?;
            let clients = self.clients;
            let (counting, sampler) = (hub.clone(), lan.sampler(Some(&server)));
            let count = move || sampler.sampled("名册里还有", lock(&counting).len() as f64, "人");
            client.spawn(move || visit(address, clients, count)).await?.context("客户端没有听到问候")?;
            lan.settle(Duration::from_millis(100), Duration::from_secs(3)).await;
            // 监听套接字本身是一个；其余都是客户端走后还开着的。
            let left = descriptors()?.saturating_sub(before + 1);
            lan.measured(Some(&server), "客户端都走了，还开着的连接", left as f64, "个");
            lan.measured(Some(&server), "名册里还有", lock(&hub).len() as f64, "人");
            end(serving, &server, hub).await;
            lan.settle(Duration::from_millis(50), Duration::from_secs(2)).await;
        }
        for (title, patient) in [("错误：没读完就关", false), ("正确：说完，等对方也说完", true)]
        {
            lan.section(title);
            let reply = self.reply_kib as usize * 1024;
            let (address, serving) =
                listen(&server, move |listener| reply_once(listener, reply, patient)).await?;
            let unread = self.unread_bytes as usize;
            let (got, reset) = client.spawn(move || request(address, unread)).await??;
            lan.measured(Some(&client), "收到的回答", got as f64, "B");
            lan.measured(Some(&client), "少了", (reply - got.min(reply)) as f64, "B");
            lan.measured(Some(&client), "以 RST 收场", f64::from(u8::from(reset)), "次");
            lan.settle(Duration::from_millis(100), Duration::from_secs(3)).await;
            serving.abort();
        }
        Ok(())
    }
}

const PATIENCE: Duration = Duration::from_secs(10);

/// 进程此刻开着的描述符。各台主机在同一个进程里，所以这是全部主机之和（proc(5)）。
fn descriptors() -> anyhow::Result<usize> {
    Ok(std::fs::read_dir("/proc/self/fd").context("读不到 /proc/self/fd")?.count())
}

async fn listen<F>(
    server: &Host,
    serve: impl FnOnce(TcpListener) -> F + Send + 'static,
) -> anyhow::Result<(SocketAddr, Task<()>)>
where
    F: Future<Output = ()> + 'static,
{
    let address = (server.ipv4(), 0);
    let listener = server.spawn(move || TcpListener::bind(address)).await??;
    let address = listener.local_addr()?;
    Ok((address, server.spawn(move || serve(listener))))
}

/// 服务器停下，名册随之清空；套接字要在它自己的线程上关闭。
async fn end(serving: Task<()>, server: &Host, hub: Hub) {
    serving.abort();
    server.spawn(move || async move { lock(&hub).clear() }).await.ok();
}

/// 名册：谁在场，以及往哪里写。以后广播就靠它。
type Hub = Arc<Mutex<HashMap<SocketAddr, OwnedWriteHalf>>>;

fn lock(hub: &Hub) -> MutexGuard<'_, HashMap<SocketAddr, OwnedWriteHalf>> {
    hub.lock().unwrap_or_else(PoisonError::into_inner)
}

const GREETING: &[u8] = b"welcome\n";

/// 两种写法之外，服务器的其余部分完全一样。
async fn greet(listener: TcpListener, hub: Hub, guarded: bool) {
    let mut guests = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let hub = Arc::clone(&hub);
                    guests.spawn(async move {
                        match guarded {
                            true => attend_right(stream, peer, &hub).await,
                            false => attend_wrong(stream, peer, &hub).await,
                        }
                    });
                }
                Err(error) => warn!("接受连接失败：{error}"),
            },
            Some(ended) = guests.join_next() => {
                if let Err(error) = ended.map_err(io::Error::from).flatten() {
                    warn!("连接中断：{error}");
                }
            }
        }
    }
}

// ANCHOR: wrong
/// 错误：读到 0 就退出循环，看起来没有问题。可是写的那一半还在名册里。
async fn attend_wrong(stream: TcpStream, peer: SocketAddr, hub: &Hub) -> io::Result<()> {
    let (mut read, mut write) = stream.into_split();
    write.write_all(GREETING).await?;
    lock(hub).insert(peer, write);
    let mut buffer = [0; 256];
    while read.read(&mut buffer).await? > 0 {}
    info!("{peer} 走了"); // 套接字的另一位主人还在，所以它不会关闭
    Ok(())
}
// ANCHOR_END: wrong

// ANCHOR: right
/// 正确：座位就是名册里的那一项。座位被丢弃，名册里的写半边也就没了，套接字随之关闭。
struct Seat<'a> {
    hub: &'a Hub,
    peer: SocketAddr,
}

impl<'a> Seat<'a> {
    fn take(hub: &'a Hub, peer: SocketAddr, write: OwnedWriteHalf) -> Self {
        lock(hub).insert(peer, write);
        Self { hub, peer }
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        lock(self.hub).remove(&self.peer);
    }
}

async fn attend_right(stream: TcpStream, peer: SocketAddr, hub: &Hub) -> io::Result<()> {
    let (mut read, mut write) = stream.into_split();
    write.write_all(GREETING).await?;
    // 读到 0、出错提前返回、任务被取消：不论怎样离开这个函数，座位都会让出来。
    let _seat = Seat::take(hub, peer, write);
    let mut buffer = [0; 256];
    while read.read(&mut buffer).await? > 0 {}
    info!("{peer} 走了");
    Ok(())
}
// ANCHOR_END: right

/// 客户端一个接一个地来，听完问候就走。
async fn visit(server: SocketAddr, clients: u32, left: impl Fn()) -> io::Result<()> {
    for _ in 0..clients {
        let mut stream = timeout(PATIENCE, TcpStream::connect(server)).await??;
        timeout(PATIENCE, stream.read_exact(&mut [0; GREETING.len()])).await??;
        left();
    }
    info!("{clients} 个客户端来过，都走了");
    Ok(())
}

const HEAD: &[u8; 4] = b"GET\n";

async fn reply_once(listener: TcpListener, length: usize, patient: bool) {
    let reply = vec![b'#'; length];
    let answered = async {
        let (stream, _) = listener.accept().await?;
        match patient {
            true => answer_right(stream, &reply).await,
            false => answer_wrong(stream, &reply).await,
        }
    };
    if let Err(error) = answered.await {
        warn!("没有答完：{error}");
    }
}

// ANCHOR: hasty
/// 错误：回答写进了内核，就以为送到了。函数一返回，套接字被丢弃；接收缓冲区里还有没读的字节，
/// 内核便以 RST 收场，还没送出的回答全部作废（RFC 9293 第 3.6 节，RFC 1122 第 4.2.2.13 节）。
async fn answer_wrong(mut stream: TcpStream, reply: &[u8]) -> io::Result<()> {
    stream.read_exact(&mut [0; HEAD.len()]).await?;
    stream.write_all(reply).await
}
// ANCHOR_END: hasty

// ANCHOR: patient
/// 正确：关掉写的方向（FIN），再把对方剩下的话读完扔掉，直到他也关闭。都有上限。
async fn answer_right(mut stream: TcpStream, reply: &[u8]) -> io::Result<()> {
    stream.read_exact(&mut [0; HEAD.len()]).await?;
    stream.write_all(reply).await?;
    stream.shutdown().await?;
    let (mut rest, mut nowhere) = (stream.take(64 * 1024), tokio::io::sink());
    let drained = timeout(Duration::from_secs(5), tokio::io::copy(&mut rest, &mut nowhere)).await??;
    info!("读完并扔掉了 {drained} 字节");
    Ok(())
}
// ANCHOR_END: patient

/// 发出请求，读到流结束；返回收到的字节数，以及是否以 RST 收场。
///
/// 接收缓冲区很小，好比读得慢的客户端：服务器关闭的时候，回答的大部分还在它的发送缓冲区里。
async fn request(server: SocketAddr, unread: usize) -> io::Result<(usize, bool)> {
    let asking = async {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(8192)?;
        let mut stream = socket.connect(server).await?;
        let mut request = HEAD.to_vec();
        request.resize(HEAD.len() + unread, b'.');
        stream.write_all(&request).await?;
        let mut reply = Vec::new();
        match stream.read_to_end(&mut reply).await {
            Ok(_) => Ok((reply.len(), false)),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {
                warn!("读到 {} 字节时：{error}", reply.len());
                Ok((reply.len(), true))
            }
            Err(error) => Err(error),
        }
    };
    timeout(PATIENCE, asking).await?
}
