//! 多线程聊天室：握着锁广播，一个不读的人就能让所有人停住；每人一个信箱，就不会。（指南 2.3）

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use garde::Validate;
use lan::{Host, Inputs, Lan};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use socket2::{Domain, SockRef, Socket, Type};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use crate::{Input, Lab};

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TcpChatThreads {
    /// 服务器的写法
    /// 两种写法面对同样的客户端和同样的发言；“先错后对”依次各运行一次。
    #[garde(skip)]
    version: Version,
    /// carol 从不读
    /// 关掉它，carol 就和别人一样读消息，两种写法都看不出问题。
    #[garde(skip)]
    slow_reader: bool,
    /// 发言条数
    /// alice 按脚本发出的条数；之后读者可以替她接着说。
    #[garde(range(min = 1, max = 60))]
    lines: u32,
    /// 每条发言的长度（字节）
    /// 越长，carol 的缓冲区满得越快。
    #[garde(range(min = 64, max = 8192))]
    line_bytes: u32,
    /// 信箱容量（条）
    /// 正确写法里，每个客户端的有界通道能攒下多少条；再多，就请这个客户端离开。
    #[garde(range(min = 1, max = 64))]
    outbox: u32,
    /// 等待输入（秒）
    /// 脚本说完以后等读者多久；只要输入过一次，之后每次都等 20 秒。
    #[garde(range(min = 0, max = 20))]
    wait_seconds: u32,
}

/// 服务器的写法。
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Version {
    /// 先错后对
    Both,
    /// 错误：握着锁写套接字
    Wrong,
    /// 正确：每个客户端一个信箱
    Right,
}

impl Default for TcpChatThreads {
    fn default() -> Self {
        let version = Version::Both;
        Self { version, slow_reader: true, lines: 20, line_bytes: 2048, outbox: 8, wait_seconds: 2 }
    }
}

impl Lab for TcpChatThreads {
    const SLUG: &'static str = "tcp-chat-threads";
    const TITLE: &'static str = "多线程聊天室";
    const SUMMARY: &'static str =
        "一个从不读消息的客户端，怎样让一把锁后面的所有人一起停住；有界的信箱又怎样解开这个结。";
    const HOSTS: &'static [&'static str] = &["server", "alice", "bob", "carol"];
    const INPUT: Option<Input> =
        Some(Input { label: "替 alice 发言", placeholder: "大家好！", max_length: 200 });
    const WALL_MS: u32 = 60_000;

    async fn run(self, mut lan: Lan) -> anyhow::Result<()> {
        let stage = Stage {
            server: lan.host("server")?,
            alice: lan.host("alice")?,
            bob: lan.host("bob")?,
            carol: lan.host("carol")?,
        };
        let mut inputs = lan.inputs();
        if self.version != Version::Right {
            lan.section("错误：握着锁写套接字");
            let live = (self.version == Version::Wrong).then_some(&mut inputs);
            self.perform(&lan, &stage, Version::Wrong, live).await?;
        }
        if self.version != Version::Wrong {
            lan.section("正确：每个客户端一个信箱");
            self.perform(&lan, &stage, Version::Right, Some(&mut inputs)).await?;
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

/// 两条脚本发言之间的间隔。
const PACE: Duration = Duration::from_millis(30);
/// 脚本说完以后再看这么久：停住的人是不是真的停住了。
const WATCH: Duration = Duration::from_millis(500);

impl TcpChatThreads {
    /// 一场聊天：入场、按脚本发言、等读者的话、散场，最后报告 bob 的体验。
    async fn perform(
        &self,
        lan: &Lan,
        stage: &Stage,
        version: Version,
        live: Option<&mut Inputs>,
    ) -> anyhow::Result<()> {
        let Stage { server, alice, bob, carol } = stage;
        // 前一场的服务器还在它的端口上等客人，所以每种写法用自己的端口。
        let address = SocketAddr::from((server.ipv4(), if version == Version::Wrong { 7878 } else { 7879 }));
        let listener = server.spawn_blocking(move || TcpListener::bind(address)).await??;
        let outbox = self.outbox as usize;
        drop(server.spawn_blocking(move || match version {
            Version::Wrong => serve_wrong(&listener),
            _ => serve_right(&listener, outbox),
        }));

        let alices = alice.spawn_blocking(move || join(address, None)).await??;
        let bobs = bob.spawn_blocking(move || join(address, None)).await??;
        let carols = carol.spawn_blocking(move || join(address, Some(SMALL_BUFFER))).await??;
        let readers = [alices.get_ref().try_clone()?, bobs.get_ref().try_clone()?];

        let (say, lines) = mpsc::channel(16);
        let voice = alices.get_ref().try_clone()?;
        drop(alice.spawn_blocking(move || speak(voice, lines)));
        drop(alice.spawn_blocking(move || listen(alices, |_| ())));
        let heard = Arc::new(Mutex::new(Vec::new()));
        let diary = Arc::clone(&heard);
        drop(bob.spawn_blocking(move || listen(bobs, |_| lock(&diary).push(Instant::now()))));
        let idle = if self.slow_reader {
            // carol 留着连接，但再也不读。
            Some(carols)
        } else {
            drop(carol.spawn_blocking(move || listen(carols, |_| ())));
            None
        };

        let mut said = Vec::new();
        for number in 1..=self.lines {
            said.push(Instant::now());
            say.send(script_line(number, self.line_bytes as usize)).await.context("alice 已经离开")?;
            sleep(PACE).await;
        }
        sleep(WATCH).await;
        if let Some(inputs) = live {
            let wait = Duration::from_secs(self.wait_seconds.into());
            pass_on(inputs, &say, &mut said, wait).await;
        }
        let heard_before = lock(&heard).len();

        // 散场。carol 一走，被她挡住的写立刻失败，锁松开，积压的消息一拥而出。
        drop(idle);
        lan.settle(Duration::from_millis(150), Duration::from_secs(3)).await;
        let longest = said.iter().zip(lock(&heard).iter()).map(|(said, heard)| *heard - *said).max();
        lan.measured(Some(bob), "alice 发出", said.len() as f64, "条");
        lan.measured(Some(bob), "carol 离开之前 bob 收到", heard_before as f64, "条");
        if let Some(longest) = longest {
            lan.measured(Some(bob), "bob 等得最久的一条", longest.as_secs_f64() * 1e3, "ms");
        }
        drop(say);
        for reader in readers {
            reader.shutdown(Shutdown::Both).ok();
        }
        lan.settle(Duration::from_millis(100), Duration::from_secs(2)).await;
        Ok(())
    }
}

/// 第 `number` 条脚本发言，连同行尾大约 `bytes` 字节。
fn script_line(number: u32, bytes: usize) -> String {
    let head = format!("第 {number} 条，粘贴一段长日志：");
    let filler = bytes.saturating_sub(head.len() + "alice：\n".len());
    head + &"日".repeat(filler / "日".len())
}

/// 把读者输入的话交给 alice，直到读者久不作声。
async fn pass_on(inputs: &mut Inputs, say: &mpsc::Sender<String>, said: &mut Vec<Instant>, first: Duration) {
    let mut wait = first;
    while let Ok(Some(text)) = timeout(wait, inputs.next()).await {
        said.push(Instant::now());
        // 错误的写法里 alice 可能也停住了：那就不再等她。
        if !matches!(timeout(Duration::from_secs(2), say.send(text)).await, Ok(Ok(()))) {
            warn!("alice 说不出话了：她的发送缓冲区也满了");
            return;
        }
        wait = Duration::from_secs(20);
    }
}

/// 服务器的发送缓冲区和 carol 的接收缓冲区。真实的缓冲区有几百 KB，要等更久才会满；道理一样。
const SMALL_BUFFER: usize = 4096;
/// 一行最多这么长，多出来的不等它：否则一个不发换行的客户端就能用光内存。
const MAX_LINE: u64 = 16 * 1024;

/// 锁中毒（别的线程 panic 过）不该传染：名单本身仍然可用。
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// 每个连接一个线程；拿不到线程就放弃这个连接，而不是 panic。
fn start(name: &str, work: impl FnOnce() -> io::Result<()> + Send + 'static) {
    let spawned = thread::Builder::new().name(name.into()).spawn(move || {
        if let Err(error) = work() {
            warn!("连接中断：{error}");
        }
    });
    if let Err(error) = spawned {
        warn!("没有线程可用：{error}");
    }
}

/// 接受下一个客户端。
fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
    let (stream, peer) = listener.accept()?;
    SockRef::from(&stream).set_send_buffer_size(SMALL_BUFFER)?;
    info!("{peer} 进来了");
    Ok(stream)
}

/// 读下一行，包括换行符；读完了是 `None`。
fn next_line(reader: &mut BufReader<TcpStream>) -> io::Result<Option<String>> {
    let mut line = String::new();
    let n = reader.by_ref().take(MAX_LINE).read_line(&mut line)?;
    Ok((n > 0).then_some(line))
}

// ANCHOR: wrong
/// 错误的写法：一把锁管着所有套接字，广播时一直握着它。
fn serve_wrong(listener: &TcpListener) {
    let clients = Arc::new(Mutex::new(Vec::<TcpStream>::new()));
    loop {
        let room = Arc::clone(&clients);
        let joined = accept(listener).and_then(|mut stream| {
            stream.write_all("欢迎\n".as_bytes())?;
            lock(&room).push(stream.try_clone()?);
            start("chat", move || chat_wrong(stream, &room));
            Ok(())
        });
        if let Err(error) = joined {
            warn!("接受连接失败：{error}");
        }
    }
}

fn chat_wrong(stream: TcpStream, clients: &Mutex<Vec<TcpStream>>) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    while let Some(line) = next_line(&mut reader)? {
        let mut clients = lock(clients);
        info!("拿到锁，逐个写给 {} 人", clients.len());
        // write_all 是阻塞的：只要有一个人的缓冲区满了，它就停在这里，手里还握着锁。
        // 别的线程要广播、新客户端要进来，全都得等这把锁。
        clients.retain_mut(|client| client.write_all(line.as_bytes()).is_ok());
        info!("写完，松开锁");
    }
    Ok(()) // 还有一个错：离开的人没有从名单里除名，他的套接字停在 CLOSE_WAIT
}
// ANCHOR_END: wrong

// ANCHOR: right
/// 正确的写法：锁只管名单，从不跨过一次写；写由每个客户端自己的线程去做。
struct Member {
    peer: SocketAddr,
    /// 有界的信箱：满了就说明这个人跟不上。
    outbox: SyncSender<Arc<str>>,
    stream: TcpStream,
}

fn serve_right(listener: &TcpListener, capacity: usize) {
    let members = Arc::new(Mutex::new(Vec::<Member>::new()));
    loop {
        if let Err(error) = accept(listener).and_then(|stream| enter(stream, &members, capacity)) {
            warn!("接受连接失败：{error}");
        }
    }
}

/// 为新来的人准备信箱和两个线程：一个只写，一个只读。
fn enter(mut stream: TcpStream, members: &Arc<Mutex<Vec<Member>>>, capacity: usize) -> io::Result<()> {
    stream.write_all("欢迎\n".as_bytes())?;
    let peer = stream.peer_addr()?;
    let (outbox, letters) = sync_channel(capacity);
    let (writer, handle) = (stream.try_clone()?, stream.try_clone()?);
    lock(members).push(Member { peer, outbox, stream: handle });
    start("writer", move || deliver(writer, &letters));
    let members = Arc::clone(members);
    start("reader", move || {
        let result = chat_right(stream, &members);
        // 无论怎样结束，都从名单里除名；信箱随之关闭，写线程也就结束了。
        lock(&members).retain(|member| member.peer != peer);
        result
    });
    Ok(())
}

fn chat_right(stream: TcpStream, members: &Mutex<Vec<Member>>) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    while let Some(line) = next_line(&mut reader)? {
        broadcast(&line.into(), &mut lock(members));
    }
    Ok(())
}

/// 往每个信箱里放一份。try_send 从不阻塞，所以锁只握住几微秒。
fn broadcast(line: &Arc<str>, members: &mut Vec<Member>) {
    members.retain(|member| match member.outbox.try_send(Arc::clone(line)) {
        Ok(()) => true,
        Err(TrySendError::Full(_)) => {
            warn!("{} 的信箱满了，请它离开", member.peer);
            // 它的写线程正卡在 write_all 里，shutdown 会让那次写立刻失败。
            member.stream.shutdown(Shutdown::Both).ok();
            false
        }
        Err(TrySendError::Disconnected(_)) => false,
    });
    info!("已投进 {} 个信箱", members.len());
}

/// 写线程：慢就慢它自己。
fn deliver(mut stream: TcpStream, letters: &Receiver<Arc<str>>) -> io::Result<()> {
    for line in letters {
        stream.write_all(line.as_bytes())?;
    }
    Ok(())
}
// ANCHOR_END: right

// ANCHOR: client
/// 连上服务器，等到它说“欢迎”。接收缓冲区要在连接之前设置，窗口的大小在握手时就定下了。
fn join(server: SocketAddr, receive_buffer: Option<usize>) -> io::Result<BufReader<TcpStream>> {
    let socket = Socket::new(Domain::for_address(server), Type::STREAM, None)?;
    if let Some(bytes) = receive_buffer {
        socket.set_recv_buffer_size(bytes)?;
    }
    socket.connect_timeout(&server.into(), Duration::from_secs(10))?;
    let mut reader = BufReader::new(TcpStream::from(socket));
    let welcome = next_line(&mut reader)?.ok_or(io::ErrorKind::UnexpectedEof)?;
    info!("{}", welcome.trim_end());
    Ok(reader)
}

/// 把要说的话一行一行发出去。
fn speak(mut stream: TcpStream, mut lines: mpsc::Receiver<String>) -> io::Result<()> {
    while let Some(line) = lines.blocking_recv() {
        stream.write_all(format!("alice：{line}\n").as_bytes())?;
        info!("说：{}", preview(&line));
    }
    stream.shutdown(Shutdown::Write)
}

/// 一直听，直到对方关闭。
fn listen(mut reader: BufReader<TcpStream>, mut on_line: impl FnMut(&str)) -> io::Result<()> {
    while let Some(line) = next_line(&mut reader)? {
        on_line(&line);
        info!("听到：{}", preview(&line));
    }
    Ok(())
}
// ANCHOR_END: client

/// 日志里只留开头。
fn preview(line: &str) -> String {
    let mut preview: String = line.trim_end().chars().take(24).collect();
    if preview.len() < line.trim_end().len() {
        preview.push('…');
    }
    preview
}
