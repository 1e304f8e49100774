//! 陷阱三，阻塞：一个任务占住线程，同一个线程上的所有人都停下来等它。（指南 9.3）

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use garde::Validate;
use lan::{Host, Lan, Sampler};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{interval, sleep, timeout};
use tracing::{info, warn};

use crate::Lab;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PitfallBlocking {
    /// 阻塞的活儿
    /// 占住线程的是什么；对别人来说，两种一样糟。
    #[garde(skip)]
    kind: Kind,
    /// 一件活儿要多久（毫秒）
    /// 别人最久要等的，大致就是这么久。
    #[garde(range(min = 1, max = 1000))]
    block_ms: u32,
    /// 几件活儿
    /// heavy 同时提出这么多件。
    #[garde(range(min = 1, max = 8))]
    jobs: u32,
    /// 同时最多做几件
    /// 正确的写法里，阻塞的活儿由这么多个许可管着。
    #[garde(range(min = 1, max = 8))]
    permits: u32,
    /// 提问的次数
    /// light 每 10 毫秒问一次，问这么多次。
    #[garde(range(min = 10, max = 120))]
    pings: u32,
}

/// 占住线程的是什么。
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Kind {
    /// 睡：std::thread::sleep，或者任何阻塞的读写
    Sleep,
    /// 算：一直占着处理器
    Compute,
}

impl Default for PitfallBlocking {
    fn default() -> Self {
        Self { kind: Kind::Sleep, block_ms: 200, jobs: 2, permits: 2, pings: 50 }
    }
}

impl Lab for PitfallBlocking {
    const SLUG: &'static str = "pitfall-blocking";
    const TITLE: &'static str = "陷阱：在任务里阻塞";
    const SUMMARY: &'static str =
        "一个客户端的活儿占住了线程，另一个客户端的每一问都要等它做完；交给 spawn_blocking，就互不相干。";
    const HOSTS: &'static [&'static str] = &["server", "light", "heavy"];
    const PARALLEL: bool = true;

    async fn run(self, mut lan: Lan) -> anyhow::Result<()> {
        let server = lan.host("server")?;
        let light = lan.host("light")?;
        let heavy = lan.host("heavy")?;
        let work = Work { kind: self.kind, time: Duration::from_millis(self.block_ms.into()) };
        let sampler = lan.sampler(Some(&light));
        for (title, permits) in [("错误：占住线程", None), ("正确：交给 spawn_blocking", Some(self.permits))]
        {
            lan.section(title);
            let (address, serving) = start(&server, work, permits).await?;
            let (jobs, pings) = (self.jobs, self.pings);
            let hard = heavy.spawn(move || order(address, jobs));
            let sampler = sampler.clone();
            let mut times = light.spawn(move || ask(address, pings, sampler)).await??;
            let waited = hard.await??;
            serving.abort();
            times.sort();
            let late = times.iter().filter(|time| **time > LATE).count();
            lan.measured(Some(&light), "往返时间的中位数", ms(times[times.len() / 2]), "ms");
            lan.measured(Some(&light), "最慢的一次往返", ms(times[times.len() - 1]), "ms");
            lan.measured(Some(&light), "超过 100 ms 的往返", late as f64, "次");
            lan.measured(Some(&heavy), "全部活儿做完", ms(waited), "ms");
            lan.settle(Duration::from_millis(50), Duration::from_secs(2)).await;
        }
        Ok(())
    }
}

const PATIENCE: Duration = Duration::from_secs(20);
/// 比这久，人就感觉得到。
const LATE: Duration = Duration::from_millis(100);

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

async fn start(
    server: &Host,
    work: Work,
    permits: Option<u32>,
) -> anyhow::Result<(SocketAddr, lan::Task<()>)> {
    let address = (server.ipv4(), 0);
    let listener = server.spawn(move || TcpListener::bind(address)).await??;
    let address = listener.local_addr()?;
    let permits = permits.map(|permits| Arc::new(Semaphore::new(permits as usize)));
    Ok((address, server.spawn(move || serve(listener, work, permits))))
}

/// 服务器只有一个线程，和 `#[tokio::main(flavor = "current_thread")]` 一样。多线程的运行时也只是多几个：
/// 同时阻塞的任务一旦与线程一样多，剩下的任务就一个也动不了。
async fn serve(listener: TcpListener, work: Work, permits: Option<Arc<Semaphore>>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(converse(stream, work, permits.clone()));
                }
                Err(error) => warn!("接受连接失败：{error}"),
            },
            Some(ended) = connections.join_next() => {
                if let Err(error) = ended.map_err(io::Error::from).flatten() {
                    warn!("连接中断：{error}");
                }
            }
        }
    }
}

const PING: u8 = b'p';
const WORK: u8 = b'w';

/// 一问一答：`p` 立刻回答，`w` 做完一件活儿再回答。
async fn converse(mut stream: TcpStream, work: Work, permits: Option<Arc<Semaphore>>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut question = [0];
    while stream.read(&mut question).await? > 0 {
        if question[0] == WORK {
            info!("开始一件活儿");
            match &permits {
                None => work_wrong(work).await,
                Some(permits) => work_right(work, Arc::clone(permits)).await?,
            }
            info!("活儿做完了");
        }
        stream.write_all(&question).await?;
    }
    Ok(())
}

/// 一件阻塞的活儿。
#[derive(Clone, Copy)]
struct Work {
    kind: Kind,
    time: Duration,
}

impl Work {
    fn run(self) {
        match self.kind {
            Kind::Sleep => thread::sleep(self.time),
            Kind::Compute => {
                let started = Instant::now();
                let mut state = 1_u64;
                while started.elapsed() < self.time {
                    for _ in 0..1000 {
                        state = std::hint::black_box(
                            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1),
                        );
                    }
                }
            }
        }
    }
}

// ANCHOR: wrong
/// 错误：`async` 不会让里面的代码变成异步的。没有 `.await`，任务就一直占着线程。
async fn work_wrong(work: Work) {
    work.run();
}
// ANCHOR_END: wrong

// ANCHOR: right
/// 正确：阻塞的活儿去专门的线程上做，任务在 `.await` 处等，线程空出来照看别人。
async fn work_right(work: Work, permits: Arc<Semaphore>) -> io::Result<()> {
    // 专门的线程最多 512 个，排队没有上限。同时做几件，由我们自己定。
    let permit = permits.acquire_owned().await.map_err(io::Error::other)?;
    spawn_blocking(move || {
        work.run();
        // 许可跟着活儿走：等它的任务就算被取消，活儿也还在做，位置不能提前让出来。
        drop(permit);
    })
    .await
    .map_err(io::Error::other)
}
// ANCHOR_END: right

/// 每 10 毫秒问一次；上一问没有回答，就不问下一问。
async fn ask(server: SocketAddr, pings: u32, sampler: Sampler) -> io::Result<Vec<Duration>> {
    let mut stream = timeout(PATIENCE, TcpStream::connect(server)).await??;
    stream.set_nodelay(true)?;
    let mut ticks = interval(Duration::from_millis(10));
    let mut times = Vec::new();
    for _ in 0..pings {
        ticks.tick().await;
        let asked = Instant::now();
        stream.write_all(&[PING]).await?;
        timeout(PATIENCE, stream.read_exact(&mut [0])).await??;
        sampler.sampled("往返时间", ms(asked.elapsed()), "ms");
        times.push(asked.elapsed());
    }
    Ok(times)
}

/// 稍后提出几件活儿，每件一条连接；返回全部做完用了多久。
async fn order(server: SocketAddr, jobs: u32) -> io::Result<Duration> {
    sleep(Duration::from_millis(100)).await; // 先让 light 问上几次
    let started = Instant::now();
    let mut waiting = JoinSet::new();
    for _ in 0..jobs {
        waiting.spawn(async move {
            let mut stream = TcpStream::connect(server).await?;
            stream.write_all(&[WORK]).await?;
            stream.read_exact(&mut [0]).await
        });
    }
    while let Some(done) = timeout(PATIENCE, waiting.join_next()).await? {
        done.map_err(io::Error::from).flatten()?;
    }
    Ok(started.elapsed())
}
