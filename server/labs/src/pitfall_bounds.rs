//! 陷阱二，没有上限：自称的长度、没有尽头的一行、无界的队列，几个字节就能换走几十 MiB 内存。（指南 9.2）

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use garde::Validate;
use lan::{Host, Lan, Task};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, interval, timeout};
use tracing::{info, warn};

use crate::Lab;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PitfallBounds {
    /// 自称的长度（MiB）
    /// 前两幕：客户端只发 4 个字节，说后面还有这么多。
    #[garde(range(min = 1, max = 96))]
    claimed_mib: u32,
    /// 一行有多长（KiB）
    /// 中间两幕：这么多字节，里面没有一个换行符。
    #[garde(range(min = 1, max = 256))]
    line_kib: u32,
    /// 请求的份数
    /// 后两幕：客户端一口气要这么多份回答，一份也不读。
    #[garde(range(min = 1, max = 400))]
    requests: u32,
    /// 队列的容量（份）
    /// 正确的写法里，做好了还没发出的回答最多攒这么多。
    #[garde(range(min = 1, max = 32))]
    capacity: u32,
}

impl Default for PitfallBounds {
    fn default() -> Self {
        Self { claimed_mib: 64, line_kib: 64, requests: 128, capacity: 4 }
    }
}

impl Lab for PitfallBounds {
    const SLUG: &'static str = "pitfall-bounds";
    const TITLE: &'static str = "陷阱：没有上限";
    const SUMMARY: &'static str =
        "四个字节换走 64 MiB 地址空间，几百个字节换走 32 MiB 内存；给长度、行和队列加上限，再看一遍。";
    const HOSTS: &'static [&'static str] = &["server", "client"];

    async fn run(self, mut lan: Lan) -> anyhow::Result<()> {
        let stage = Stage { server: lan.host("server")?, client: lan.host("client")?, lan };
        // 每台主机先做一点事，免得把它们第一次分配的内存也算进去。
        stage.server.spawn(|| async {}).await?;
        stage.client.spawn(|| async {}).await?;

        let claimed = self.claimed_mib << 20;
        stage.lan.section("错误：对方说多长就要多长");
        stage.claim(claimed, read_frame_wrong).await?;
        stage.lan.section("正确：先看长度，再要内存");
        stage.claim(claimed, read_frame_right).await?;

        let length = self.line_kib as usize * 1024;
        stage.lan.section("错误：一行读到换行为止");
        stage.line(length, read_line_wrong).await?;
        stage.lan.section("正确：一行最多这么长");
        stage.line(length, read_line_right).await?;

        stage.lan.section("错误：无界的队列");
        stage.queue(self.requests, reply_wrong).await?;
        stage.lan.section("正确：有界的队列");
        let capacity = self.capacity as usize;
        stage.queue(self.requests, move |stream, made| reply_right(stream, made, capacity)).await?;
        stage.lan.settle(Duration::from_millis(100), Duration::from_secs(3)).await;
        Ok(())
    }
}

struct Stage {
    lan: Lan,
    server: Host,
    client: Host,
}

const PATIENCE: Duration = Duration::from_secs(10);
/// 服务器安静了这么久，内存就不会再变了。
const WATCH: Duration = Duration::from_millis(300);
const MIB: f64 = 1024.0 * 1024.0;

impl Stage {
    /// 服务器用 `serve` 照看一条连接；返回它的地址和这个任务。
    async fn serve<F, T>(
        &self,
        serve: impl FnOnce(TcpStream) -> F + Send + 'static,
    ) -> anyhow::Result<(SocketAddr, Task<io::Result<T>>)>
    where
        F: Future<Output = io::Result<T>> + 'static,
        T: Send + 'static,
    {
        let address = (self.server.ipv4(), 0);
        let listener = self.server.spawn(move || TcpListener::bind(address)).await??;
        let address = listener.local_addr()?;
        let serving = self.server.spawn(move || async move {
            let (stream, _) = listener.accept().await?;
            drop(listener);
            let served = serve(stream).await;
            if let Err(error) = &served {
                warn!("连接结束：{error}");
            }
            served
        });
        Ok((address, serving))
    }

    /// 一个自称有 `claimed` 字节的报文：长度字段之后再没有别的。
    async fn claim<F>(
        &self,
        claimed: u32,
        read: impl FnOnce(TcpStream) -> F + Send + 'static,
    ) -> anyhow::Result<()>
    where
        F: Future<Output = io::Result<Vec<u8>>> + 'static,
    {
        let (address, serving) = self.serve(read).await?;
        let before = memory()?;
        let stream = self
            .client
            .spawn(move || async move {
                let mut stream = timeout(PATIENCE, TcpStream::connect(address)).await??;
                stream.write_u32(claimed).await?;
                info!("发出 4 个字节，自称后面还有 {claimed} 个");
                io::Result::Ok(stream)
            })
            .await??;
        let most = self.watch(before, &AtomicU32::new(0)).await?;
        self.report("多出的地址空间", most.size);
        self.report("多出的驻留内存", most.resident);
        self.part(stream).await?;
        serving.await?.err();
        Ok(())
    }

    /// 没有换行符的 `length` 个字节，发完就关。
    async fn line<F>(
        &self,
        length: usize,
        read: impl FnOnce(TcpStream) -> F + Send + 'static,
    ) -> anyhow::Result<()>
    where
        F: Future<Output = io::Result<usize>> + 'static,
    {
        let (address, serving) = self.serve(read).await?;
        let writing = self.client.spawn(move || async move {
            let mut stream = timeout(PATIENCE, TcpStream::connect(address)).await??;
            let writing = async {
                stream.write_all(&vec![b'a'; length]).await?;
                stream.shutdown().await
            };
            timeout(PATIENCE, writing).await?
        });
        let held = timeout(PATIENCE, serving).await.context("服务器没有结束")??;
        // 被拒绝的客户端也许正写到一半：它看到的是连接被对方断开。
        if let Err(error) = writing.await? {
            info!("客户端没有写完：{error}");
        }
        self.lan.measured(Some(&self.server), "为一行攒下的字节", held? as f64, "B");
        Ok(())
    }

    /// 一口气要 `requests` 份回答，一份也不读。
    async fn queue<F>(
        &self,
        requests: u32,
        reply: impl FnOnce(TcpStream, Arc<AtomicU32>) -> F + Send + 'static,
    ) -> anyhow::Result<()>
    where
        F: Future<Output = io::Result<()>> + 'static,
    {
        let made = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&made);
        let (address, serving) = self.serve(move |stream| reply(stream, counter)).await?;
        let before = memory()?;
        let stream = self.client.spawn(move || demand(address, requests)).await??;
        let most = self.watch(before, &made).await?;
        self.lan.measured(Some(&self.client), "发出的请求", f64::from(requests) * 4.0, "B");
        self.lan.measured(Some(&self.server), "做好的回答", made.load(Ordering::Relaxed).into(), "份");
        self.report("多出的驻留内存", most.resident);
        self.part(stream).await?;
        serving.await?.err();
        Ok(())
    }

    /// 看到服务器有 [`WATCH`] 这么久没有再做新的回答为止，把驻留内存记成曲线；返回比起点多出的最大值。
    async fn watch(&self, before: Memory, made: &AtomicU32) -> anyhow::Result<Memory> {
        let mut most = Memory::default();
        let mut ticks = interval(Duration::from_millis(10));
        let (started, mut last) = (Instant::now(), (0, Instant::now()));
        while last.1.elapsed() < WATCH && started.elapsed() < PATIENCE / 5 {
            ticks.tick().await;
            let count = made.load(Ordering::Relaxed);
            if count != last.0 {
                last = (count, Instant::now());
            }
            let now = memory()?;
            most.size = most.size.max(now.size - before.size);
            most.resident = most.resident.max(now.resident - before.resident);
            self.lan.sampled(Some(&self.server), "进程的驻留内存", now.resident / MIB, "MiB");
        }
        Ok(most)
    }

    fn report(&self, label: &str, bytes: f64) {
        self.lan.measured(Some(&self.server), label, bytes / MIB, "MiB");
    }

    /// 套接字在它自己的主机上关闭。
    async fn part(&self, stream: TcpStream) -> anyhow::Result<()> {
        self.client.spawn(move || async move { drop(stream) }).await
    }
}

/// 进程的内存，字节。
#[derive(Clone, Copy, Debug, Default)]
struct Memory {
    /// 要来的地址空间。
    size: f64,
    /// 真正占用的物理内存，只算程序要来的（匿名页）：第一次用到的代码也要读进内存，那与对方无关。
    resident: f64,
}

/// 内核在 /proc/self/status 里说的（proc(5)）。
fn memory() -> anyhow::Result<Memory> {
    let status = std::fs::read_to_string("/proc/self/status").context("读不到 /proc/self/status")?;
    let kib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).context("没有这一项")?;
        anyhow::Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? * 1024.0)
    };
    Ok(Memory { size: kib("VmSize:")?, resident: kib("RssAnon:")? })
}

// ANCHOR: length-wrong
/// 错误：长度是对方写的，内存是我们出的。
async fn read_frame_wrong(mut stream: TcpStream) -> io::Result<Vec<u8>> {
    let length = stream.read_u32().await?;
    let mut body = vec![0; length as usize];
    stream.read_exact(&mut body).await?;
    Ok(body)
}
// ANCHOR_END: length-wrong

// ANCHOR: length-right
/// 一个报文最多这么长：由协议规定，双方都知道。
const MAX_FRAME: u32 = 16 * 1024;

/// 正确：先核对，再分配。
async fn read_frame_right(mut stream: TcpStream) -> io::Result<Vec<u8>> {
    let length = stream.read_u32().await?;
    if length > MAX_FRAME {
        let message = format!("自称 {length} 字节，上限是 {MAX_FRAME}");
        return Err(io::Error::new(ErrorKind::InvalidData, message));
    }
    let mut body = vec![0; length as usize];
    stream.read_exact(&mut body).await?;
    Ok(body)
}
// ANCHOR_END: length-right

// ANCHOR: line-wrong
/// 错误：换行符不来，`line` 就一直长下去。
async fn read_line_wrong(stream: TcpStream) -> io::Result<usize> {
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await?;
    Ok(line.len())
}
// ANCHOR_END: line-wrong

// ANCHOR: line-right
const MAX_LINE: u64 = 1024;

/// 正确：`take` 只放行这么多；读满了还没有换行符，就不是我们愿意听的话。
async fn read_line_right(stream: TcpStream) -> io::Result<usize> {
    let mut line = String::new();
    let mut reader = BufReader::new(stream).take(MAX_LINE);
    reader.read_line(&mut line).await?;
    if !line.ends_with('\n') {
        warn!("{} 字节还没有换行，不听了", line.len());
    }
    Ok(line.len())
}
// ANCHOR_END: line-right

/// 一份回答有多大。
const REPLY: usize = 256 * 1024;

/// 做一份回答：比如渲染好的一页。
fn render(number: u32, made: &AtomicU32) -> Vec<u8> {
    made.fetch_add(1, Ordering::Relaxed);
    vec![number as u8 | 1; REPLY]
}

// ANCHOR: queue-wrong
/// 错误：读请求的和写回答的之间，是一条无界的通道。写得慢，做好的回答就全堆在里面。
async fn reply_wrong(stream: TcpStream, made: Arc<AtomicU32>) -> io::Result<()> {
    let (mut read, mut write) = stream.into_split();
    let (done, mut replies) = mpsc::unbounded_channel();
    let reading = async move {
        while let Ok(number) = read.read_u32().await {
            done.send(render(number, &made)).ok(); // 从不等待
        }
        Ok(())
    };
    let writing = async {
        while let Some(reply) = replies.recv().await {
            write.write_all(&reply).await?;
        }
        Ok(())
    };
    tokio::try_join!(reading, writing).map(drop)
}
// ANCHOR_END: queue-wrong

// ANCHOR: queue-right
/// 正确：通道满了，`reserve` 就等；它一等，就没有人读请求，TCP 的窗口会把压力一路传回客户端。
async fn reply_right(stream: TcpStream, made: Arc<AtomicU32>, capacity: usize) -> io::Result<()> {
    let (mut read, mut write) = stream.into_split();
    let (done, mut replies) = mpsc::channel(capacity);
    let reading = async move {
        while let Ok(number) = read.read_u32().await {
            // 先占好位置，再动手做：位置没有，就一份也不做。
            let Ok(place) = done.reserve().await else { break };
            place.send(render(number, &made));
        }
        Ok(())
    };
    let writing = async {
        while let Some(reply) = replies.recv().await {
            write.write_all(&reply).await?;
        }
        Ok(())
    };
    tokio::try_join!(reading, writing).map(drop)
}
// ANCHOR_END: queue-right

/// 要很多份回答，一份也不读；接收缓冲区很小，免得内核替它收下许多。
async fn demand(server: SocketAddr, requests: u32) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(4096)?;
    let mut stream = timeout(PATIENCE, socket.connect(server)).await??;
    let numbers: Vec<u8> = (0..requests).flat_map(u32::to_be_bytes).collect();
    timeout(PATIENCE, stream.write_all(&numbers)).await??;
    info!("发出 {requests} 个请求，共 {} 字节；回答一份也不读", numbers.len());
    Ok(stream)
}
