//! 陷阱五，错误：描述符用完的那一刻，一个 `?` 关掉服务器，一个 `continue` 让它空转。（指南 9.5）

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use garde::Validate;
use lan::{Host, Lan};
use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit};
use nix::time::{ClockId, clock_gettime};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, sleep, sleep_until, timeout};
use tracing::{info, warn};

use crate::Lab;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PitfallErrors {
    /// 客户端的个数
    /// 几乎同时连上来，问一句，得到回答后再待一会儿。
    #[garde(range(min = 2, max = 24))]
    clients: u32,
    /// 还剩几个描述符
    /// 其余的都被占着；比客户端少，就有人要等。
    #[garde(range(min = 1, max = 24))]
    spare: u32,
    /// 待多久（毫秒）
    /// 客户端得到回答以后，还留着连接这么久。
    #[garde(range(min = 50, max = 500))]
    stay_ms: u32,
}

impl Default for PitfallErrors {
    fn default() -> Self {
        Self { clients: 9, spare: 3, stay_ms: 200 }
    }
}

impl Lab for PitfallErrors {
    const SLUG: &'static str = "pitfall-errors";
    const TITLE: &'static str = "陷阱：错误没有处理完";
    const SUMMARY: &'static str =
        "同一次 EMFILE，三种写法：服务器当场关门；占满一个处理器空转；或者歇一歇，一个不落地接待完。";
    const HOSTS: &'static [&'static str] = &["server", "client"];

    async fn run(self, mut lan: Lan) -> anyhow::Result<()> {
        let server = lan.host("server")?;
        let client = lan.host("client")?;
        for (title, manner) in [
            ("错误：用 ? 交出去", Manner::GiveUp),
            ("错误：吞掉，马上再试", Manner::Spin),
            ("正确：分清轻重，歇一歇", Manner::BackOff),
        ] {
            lan.section(title);
            self.perform(&lan, &server, &client, manner).await?;
            lan.settle(Duration::from_millis(100), Duration::from_secs(3)).await;
        }
        Ok(())
    }
}

/// 服务器怎样对待 `accept` 的错误。
#[derive(Clone, Copy, Debug)]
enum Manner {
    GiveUp,
    Spin,
    BackOff,
}

const PATIENCE: Duration = Duration::from_secs(8);

impl PitfallErrors {
    async fn perform(&self, lan: &Lan, server: &Host, client: &Host, manner: Manner) -> anyhow::Result<()> {
        let address = (server.ipv4(), 0);
        let listener = server.spawn(move || TcpListener::bind(address)).await??;
        let address = listener.local_addr()?;
        // 各台主机在同一个进程里，共用一张描述符表。客户端的套接字先备好，免得用完的是它们。
        let count = self.clients;
        let sockets = client.spawn(move || async move { ready(count) }).await??;
        let before = server.spawn(|| async { busy_time() }).await??;
        let ballast = occupy(self.spare as usize)?;

        let (failures, failed) = watch::channel(0_u64);
        let serving = server.spawn(move || async move {
            let ended = match manner {
                Manner::GiveUp => serve_until_error(listener).await,
                Manner::Spin => serve_spinning(listener, &failures).await,
                Manner::BackOff => serve_on(listener, &failures).await,
            };
            if let Err(error) = ended {
                failures.send_modify(|count| *count += 1);
                warn!("服务器结束了：{error}");
            }
        });
        let (sampler, failing) = (lan.sampler(Some(server)), failed.clone());
        let drawing = server.spawn(move || async move {
            let mut ticks = interval(Duration::from_millis(20));
            loop {
                ticks.tick().await;
                sampler.sampled("accept 失败", *failing.borrow() as f64, "次");
            }
        });
        let stay = Duration::from_millis(self.stay_ms.into());
        let started = Instant::now();
        let answered = client.spawn(move || crowd(sockets, address, stay)).await?;
        let took = started.elapsed();
        drop(ballast);

        let busy = server.spawn(|| async { busy_time() }).await??.saturating_sub(before);
        let late = client.spawn(move || greet_late(address)).await?;
        drawing.abort();
        serving.abort();
        lan.measured(Some(client), "得到回答的客户端", f64::from(answered), "个");
        lan.measured(Some(client), "后来的人连得上", f64::from(u8::from(late.is_ok())), "个");
        lan.measured(Some(server), "accept 失败", *failed.borrow() as f64, "次");
        lan.measured(Some(server), "服务器线程用去的处理器时间", busy.as_secs_f64() * 1e3, "ms");
        lan.measured(Some(client), "从开始到全部有了结果", took.as_secs_f64() * 1e3, "ms");
        Ok(())
    }
}

/// 占住描述符，只剩 `spare` 个；丢弃返回值就还回来。
fn occupy(spare: usize) -> anyhow::Result<Vec<File>> {
    let (limit, _) = getrlimit(Resource::RLIMIT_NOFILE)?;
    anyhow::ensure!(limit <= 16_384, "这里的描述符上限是 {limit}，多得占不完");
    let first = File::open("/dev/null")?;
    let mut files = Vec::new();
    loop {
        match first.try_clone() {
            Ok(file) => files.push(file),
            Err(error) if out_of_descriptors(&error) => break,
            Err(error) => return Err(error).context("占不住描述符"),
        }
    }
    // `first` 自己也会还回来。
    files.truncate((files.len() + 1).saturating_sub(spare));
    Ok(files)
}

/// 这个线程到现在用去的处理器时间。
fn busy_time() -> anyhow::Result<Duration> {
    Ok(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?.into())
}

// ANCHOR: give-up
/// 错误：`accept` 的错误不分轻重，一概交给调用者。一次描述符用尽，服务器就关门了，连同在场的人。
async fn serve_until_error(listener: TcpListener) -> io::Result<()> {
    let mut guests = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await?;
        guests.spawn(echo(stream));
    }
}
// ANCHOR_END: give-up

// ANCHOR: spin
/// 错误：吞掉错误，马上再试。等着接受的连接还在，`accept` 立刻又失败：一个线程全花在这上面。
async fn serve_spinning(listener: TcpListener, failures: &watch::Sender<u64>) -> io::Result<()> {
    let mut guests = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            failures.send_modify(|count| *count += 1);
            continue;
        };
        guests.spawn(echo(stream));
    }
}
// ANCHOR_END: spin

// ANCHOR: back-off
/// 正确：错误分三种。
async fn serve_on(listener: TcpListener, failures: &watch::Sender<u64>) -> io::Result<()> {
    let mut guests = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    guests.spawn(echo(stream));
                }
                // 资源暂时用完：歇一歇，等在场的人让出位置。客人在内核的队列里等着，不会丢。
                Err(error) if out_of_descriptors(&error) => {
                    failures.send_modify(|count| *count += 1);
                    warn!("暂时接不了新的连接：{error}");
                    sleep(Duration::from_millis(50)).await;
                }
                // 这条连接自己的毛病（例如还没接受就被对方放弃）：它没了，接着接待下一条。
                Err(error) if one_connection_only(&error) => info!("一条连接没有接成：{error}"),
                // 其余的（例如监听套接字本身坏了）再试也没有用，这才该交出去。
                Err(error) => return Err(error),
            },
            // 每条连接的错误也要有人收下：它只关系到那一条。
            Some(ended) = guests.join_next() => {
                if let Err(error) = ended.map_err(io::Error::from).flatten() {
                    info!("一条连接中断：{error}");
                }
            }
        }
    }
}

/// 进程的（EMFILE）或者整台机器的（ENFILE）描述符、内存用完了。
fn out_of_descriptors(error: &io::Error) -> bool {
    let known = [Errno::EMFILE, Errno::ENFILE, Errno::ENOBUFS, Errno::ENOMEM];
    error.raw_os_error().is_some_and(|code| known.contains(&Errno::from_raw(code)))
}

/// accept(2)：Linux 会把新连接上已经发生的网络错误，当作 `accept` 的错误交出来。
fn one_connection_only(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, HostUnreachable, NetworkUnreachable, TimedOut};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionReset | HostUnreachable | NetworkUnreachable | TimedOut
    )
}
// ANCHOR_END: back-off

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 64];
    loop {
        let n = stream.read(&mut buffer).await?;
        if n == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..n]).await?;
    }
}

/// 备好套接字，还没有连接。
fn ready(count: u32) -> io::Result<Vec<TcpSocket>> {
    (0..count).map(|_| TcpSocket::new_v4()).collect()
}

/// 一起连上去，各问一句；返回得到回答的个数。
async fn crowd(sockets: Vec<TcpSocket>, server: SocketAddr, stay: Duration) -> u32 {
    let mut guests = JoinSet::new();
    for socket in sockets {
        guests.spawn(async move {
            let mut stream = socket.connect(server).await?;
            ask(&mut stream).await?;
            sleep_until(Instant::now() + stay).await;
            io::Result::Ok(())
        });
    }
    let mut answered = 0;
    let all = async {
        while let Some(ended) = guests.join_next().await {
            match ended.map_err(io::Error::from).flatten() {
                Ok(()) => answered += 1,
                Err(error) => warn!("没有得到回答：{error}"),
            }
        }
    };
    if timeout(PATIENCE, all).await.is_err() {
        warn!("还有客户端没有结果，不等了");
    }
    answered
}

async fn ask(stream: &mut TcpStream) -> io::Result<()> {
    stream.write_all(b"hello").await?;
    stream.read_exact(&mut [0; 5]).await.map(drop)
}

/// 风波过后，描述符又够用了：服务器还在吗？
async fn greet_late(server: SocketAddr) -> io::Result<()> {
    let mut stream = timeout(Duration::from_secs(1), TcpStream::connect(server)).await??;
    timeout(Duration::from_secs(1), ask(&mut stream)).await?
}
