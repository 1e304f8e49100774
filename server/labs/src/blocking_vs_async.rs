//! 许多几乎闲着的连接：每连接一个线程，对比一个线程上的 tokio 任务。（指南 1.2）

use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use garde::Validate;
use lan::{Host, Lan, Task};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use crate::Lab;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct BlockingVsAsync {
    /// 连接数
    /// 同时开着的连接，大多数时候一声不响。上限由一次运行能用的描述符决定：每条连接两端各占一个。
    #[garde(range(min = 1, max = 400))]
    connections: u32,
    /// 请求数
    /// 所有连接都开着的时候，轮流在其中几条上一问一答，量它的往返时间。
    #[garde(range(min = 1, max = 100))]
    requests: u32,
}

impl Default for BlockingVsAsync {
    fn default() -> Self {
        Self { connections: 24, requests: 8 }
    }
}

impl Lab for BlockingVsAsync {
    const SLUG: &'static str = "blocking-vs-async";
    const TITLE: &'static str = "线程与任务";
    const SUMMARY: &'static str = "同样多的闲置连接，先用每连接一个线程，再用一个线程上的 tokio：线程、内存与延迟，都在进程里当场量出来。";
    const HOSTS: &'static [&'static str] = &["server", "client"];
    const PARALLEL: bool = true;

    async fn run(self, mut lan: Lan) -> anyhow::Result<()> {
        let server = lan.host("server")?;
        let client = lan.host("client")?;
        let count = self.connections as usize;

        lan.section("每个连接一个线程");
        let before = threads()?;
        let (arrive, mut arrived) = mpsc::channel(count);
        let listener = listen(&server).await?;
        let address = listener.local_addr()?;
        let serving = server.spawn_blocking(move || serve_with_threads(&listener, count, &arrive));
        let streams = connect(&lan, &client, address, count, "线程").await?;
        let stacks = all(&mut arrived, count).await?;
        let during = threads()?;
        lan.measured(Some(&server), "线程：多出的线程", during - before, "个");
        let (reserved, resident) = mappings(&stacks)?;
        lan.measured(Some(&server), "线程：每个栈预留的地址空间", reserved / count as f64, "KiB");
        lan.measured(Some(&server), "线程：每个栈真正占用的内存", resident / count as f64, "KiB");
        self.ask(&lan, &client, streams, "线程").await?;
        serving.await??;
        back_to(before).await?;
        lan.settle(Duration::from_millis(50), Duration::from_secs(3)).await;

        lan.section("一个线程，许多任务");
        let before = threads()?;
        let (arrive, mut arrived) = mpsc::channel(count);
        let listener = listen(&server).await?;
        let address = listener.local_addr()?;
        let serving: Task<io::Result<()>> =
            server.spawn(move || async move { serve_with_tasks(listener, count, &arrive).await });
        let streams = connect(&lan, &client, address, count, "任务").await?;
        let sizes = all(&mut arrived, count).await?;
        let during = threads()?;
        lan.measured(Some(&server), "任务：多出的线程", during - before, "个");
        let size = sizes.iter().sum::<usize>() as f64 / count as f64 / 1024.0;
        lan.measured(Some(&server), "任务：每个 future 的大小", size, "KiB");
        self.ask(&lan, &client, streams, "任务").await?;
        serving.await??;
        lan.settle(Duration::from_millis(100), Duration::from_secs(3)).await;
        Ok(())
    }
}

impl BlockingVsAsync {
    /// 在开着的连接里轮流问几次，报告往返时间，然后把连接都关掉。
    async fn ask(&self, lan: &Lan, client: &Host, streams: Vec<TcpStream>, side: &str) -> anyhow::Result<()> {
        let requests = self.requests as usize;
        let mut times = client.spawn_blocking(move || round_trips(streams, requests)).await??;
        times.sort();
        let ms = |time: Option<&Duration>| time.copied().unwrap_or_default().as_secs_f64() * 1e3;
        lan.measured(
            Some(client),
            &format!("{side}：往返时间的中位数"),
            ms(times.get(times.len() / 2)),
            "ms",
        );
        lan.measured(Some(client), &format!("{side}：最慢的一次往返"), ms(times.last()), "ms");
        Ok(())
    }
}

async fn listen(server: &Host) -> anyhow::Result<TcpListener> {
    let address = (server.ipv4(), 0);
    Ok(server.spawn(move || async move { TcpListener::bind(address) }).await??)
}

/// 客户端这一侧不另开线程，两种服务器面对的是同样的它。
async fn connect(
    lan: &Lan,
    client: &Host,
    server: SocketAddr,
    count: usize,
    side: &str,
) -> anyhow::Result<Vec<TcpStream>> {
    let started = Instant::now();
    let connecting = client.spawn(move || async move {
        let mut streams = Vec::with_capacity(count);
        for _ in 0..count {
            let stream = timeout(PATIENCE, tokio::net::TcpStream::connect(server)).await??;
            streams.push(stream.into_std()?);
        }
        anyhow::Ok(streams)
    });
    let streams = connecting.await??;
    lan.measured(Some(client), &format!("{side}：建立全部连接"), started.elapsed().as_secs_f64() * 1e3, "ms");
    Ok(streams)
}

/// 等到每条连接都有了照看它的人，收下他们报来的数。
async fn all(arrived: &mut mpsc::Receiver<usize>, count: usize) -> anyhow::Result<Vec<usize>> {
    let mut reports = Vec::with_capacity(count);
    while reports.len() < count {
        let report = timeout(PATIENCE, arrived.recv()).await;
        reports.push(report.context("等不到所有连接都被接受")?.context("服务器提前结束了")?);
    }
    Ok(reports)
}

/// 等线程数回到原来：线程里的代码结束以后，线程本身退出还要一小会儿，不能算到下一半头上。
async fn back_to(before: f64) -> anyhow::Result<()> {
    let exited = async {
        while threads()? > before {
            sleep(Duration::from_millis(5)).await;
        }
        anyhow::Ok(())
    };
    timeout(PATIENCE, exited).await.context("线程迟迟没有退出")?
}

/// 丢包时内核会重传，给它一些时间。
const PATIENCE: Duration = Duration::from_secs(10);

// ANCHOR: threads
/// 阻塞的写法：`read` 会停住整个线程，所以每个连接要有自己的线程。
fn serve_with_threads(listener: &TcpListener, count: usize, arrive: &mpsc::Sender<usize>) -> io::Result<()> {
    // scope 在所有线程结束之后才返回：没有哪个线程会被遗忘。
    thread::scope(|scope| {
        for connection in listener.incoming().take(count) {
            let stream = connection?;
            let arrive = arrive.clone();
            thread::Builder::new().spawn_scoped(scope, move || {
                let on_stack = 0_u8;
                // 报到，顺便说出自己的栈在哪里，好去查它占了多少内存。
                arrive.blocking_send(&raw const on_stack as usize).ok();
                if let Err(error) = echo(stream) {
                    warn!("连接中断：{error}");
                }
            })?; // 系统不肯再给线程时，是一个错误，不是 panic
        }
        Ok(())
    })
}

fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 1024];
    loop {
        let n = stream.read(&mut buffer)?; // 线程停在这里，直到有数据
        if n == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..n])?;
        info!("{:?} 回显 {n} 字节", thread::current().id());
    }
}
// ANCHOR_END: threads

// ANCHOR: tasks
/// 异步的写法：`.await` 只停住这个任务，线程转身去照看别的连接。
async fn serve_with_tasks(
    listener: TcpListener,
    count: usize,
    arrive: &mpsc::Sender<usize>,
) -> io::Result<()> {
    listener.set_nonblocking(true)?; // 交给 tokio 之前必须如此
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let mut tasks = JoinSet::new();
    for _ in 0..count {
        let (stream, _) = listener.accept().await?;
        let task = echo_async(stream);
        // 一个任务要记住的全部东西，就是这个 future：大小在编译时就定了。
        arrive.try_send(size_of_val(&task)).ok();
        tasks.spawn(task);
    }
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended.map_err(io::Error::from).flatten() {
            warn!("连接中断：{error}");
        }
    }
    Ok(())
}

async fn echo_async(mut stream: tokio::net::TcpStream) -> io::Result<()> {
    let mut buffer = [0; 1024];
    loop {
        let n = stream.read(&mut buffer).await?; // 任务停在这里，线程不停
        if n == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..n]).await?;
        info!("{:?} 回显 {n} 字节", thread::current().id());
    }
}
// ANCHOR_END: tasks

/// 轮流在各条连接上一问一答；返回时关闭全部连接。
fn round_trips(mut streams: Vec<TcpStream>, requests: usize) -> io::Result<Vec<Duration>> {
    let (count, mut times) = (streams.len(), Vec::with_capacity(requests));
    for request in 0..requests {
        // 散开挑：第一条、最后一条和中间的都轮得到。
        let stream = &mut streams[request * count / requests];
        stream.set_nonblocking(false)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let sent = Instant::now();
        stream.write_all(b"still there?")?;
        stream.read_exact(&mut [0; 12])?;
        times.push(sent.elapsed());
    }
    info!("问完 {requests} 次，关闭 {count} 条连接");
    Ok(times)
}

// ANCHOR: measure
/// 整个进程此刻有多少线程：内核在 /proc/self/status 里说得清清楚楚（proc(5)）。
fn threads() -> anyhow::Result<f64> {
    let status = fs::read_to_string("/proc/self/status").context("读不到 /proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("Threads:"));
    Ok(line.context("/proc/self/status 里没有 Threads")?.trim().parse()?)
}

/// 这些地址所在的映射，预留了多少、真正驻留在内存里的又有多少，单位 KiB（/proc/self/smaps）。
fn mappings(addresses: &[usize]) -> anyhow::Result<(f64, f64)> {
    let maps = fs::read_to_string("/proc/self/smaps").context("读不到 /proc/self/smaps")?;
    let (mut reserved, mut resident, mut wanted) = (0.0, 0.0, false);
    for line in maps.lines() {
        if let Some((from, to)) = range(line) {
            wanted = addresses.iter().any(|address| (from..to).contains(address));
        } else if let Some((name, kib)) = line.split_once(':').filter(|_| wanted) {
            let kib = || kib.trim().trim_end_matches(" kB").parse::<f64>();
            match name {
                "Size" => reserved += kib()?,
                "Rss" => resident += kib()?, // 只有碰过的页才算
                _ => {}
            }
        }
    }
    Ok((reserved, resident))
}

/// `7f12a4000000-7f12a4021000 rw-p …`：一个映射的第一行。
fn range(line: &str) -> Option<(usize, usize)> {
    let (from, to) = line.split_whitespace().next()?.split_once('-')?;
    Some((usize::from_str_radix(from, 16).ok()?, usize::from_str_radix(to, 16).ok()?))
}
// ANCHOR_END: measure
