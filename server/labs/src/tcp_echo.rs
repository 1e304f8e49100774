//! TCP 回显：握手、数据、挥手，一直到 TIME_WAIT；没有人监听时则是一个 RST。（指南 2.1、2.2）

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use api::line::{Impairments, Line};
use garde::Validate;
use lan::Lan;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing::{info, warn};

use crate::lab::on_a_thread;
use crate::{Lab, Open, Server};

const PORT: u16 = 7878;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TcpEcho {
    /// 要发送的文字
    /// 一个汉字在 UTF-8 里占 3 个字节，读缓冲区小的时候会被从中间切开。
    #[garde(length(chars, min = 1, max = 1024))]
    message: String,
    /// 客户端的读缓冲区（字节）
    /// 一次 `read` 最多取走这么多字节；比回答短，就要读好几次。
    #[garde(range(min = 1, max = 4096))]
    read_buffer: u32,
    /// 往返次数
    /// 同一条连接上，发送并等到回答，重复这么多次。
    #[garde(range(min = 1, max = 20))]
    rounds: u32,
    /// 没有人监听
    /// 不启动服务器：看看内核怎样回绝一个 SYN。
    #[garde(skip)]
    nobody_listens: bool,
}

impl Default for TcpEcho {
    fn default() -> Self {
        Self { message: "你好，TCP！".into(), read_buffer: 8, rounds: 2, nobody_listens: false }
    }
}

impl Lab for TcpEcho {
    const SLUG: &'static str = "tcp-echo";
    const TITLE: &'static str = "TCP 回显";
    const SUMMARY: &'static str =
        "一条 TCP 连接的一生：三次握手、一来一回的数据、半关闭，最后停在 TIME_WAIT。";
    const HOSTS: &'static [&'static str] = &["server", "client"];
    const OPEN: Option<Open> = Some(Open {
        url: "tcp://{}",
        server: Server::Tcp(|listener| {
            on_a_thread(move || {
                listener.set_nonblocking(false)?;
                serve(&listener);
                Ok(())
            })
        }),
    });
    const WALL_MS: u32 = 60_000;

    fn lines() -> BTreeMap<String, Line> {
        let line = Line::both(Impairments { delay_ms: 5.0, ..Impairments::default() });
        BTreeMap::from([("client".into(), line)])
    }

    async fn run(self, mut lan: Lan) -> anyhow::Result<()> {
        let server = lan.host("server")?;
        let client = lan.host("client")?;
        let address = SocketAddr::from((server.ipv4(), PORT));

        if !self.nobody_listens {
            let listener = server.spawn_blocking(move || listen(address)).await??;
            drop(server.spawn_blocking(move || serve(&listener)));
        }

        let Self { message, read_buffer, rounds, nobody_listens } = self;
        let started = Instant::now();
        let talk =
            client.spawn_blocking(move || talk(address, &message, rounds, read_buffer as usize)).await?;
        match talk {
            Ok(talk) => {
                for (round, time) in talk.round_trips.iter().enumerate() {
                    let label = format!("第 {} 轮往返", round + 1);
                    lan.measured(Some(&client), &label, time.as_secs_f64() * 1e3, "ms");
                }
                lan.measured(Some(&client), "read 调用次数", f64::from(talk.reads), "次");
            }
            Err(error) if nobody_listens && error.kind() == ErrorKind::ConnectionRefused => {
                let waited = started.elapsed().as_secs_f64() * 1e3;
                lan.measured(Some(&client), "从 SYN 到被拒绝", waited, "ms");
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                anyhow::bail!("等了 {} 秒也没有等到服务器的回音：线路太差了", PATIENCE.as_secs())
            }
            Err(error) => return Err(error).context("客户端没能完成对话"),
        }
        lan.settle(Duration::from_millis(150), Duration::from_secs(5)).await;
        Ok(())
    }
}

// ANCHOR: listen
/// 绑定地址并开始监听。从这一刻起内核就会替我们完成握手，哪怕还没有人调用 `accept`。
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    info!("服务器在 {} 上监听", listener.local_addr()?);
    Ok(listener)
}
// ANCHOR_END: listen

// ANCHOR: server
/// 每来一个客户端，就用一个线程为它服务。
fn serve(listener: &TcpListener) {
    for connection in listener.incoming() {
        // 一次 accept 失败（例如对方抢先断开、描述符用完）不该让整个服务器退出。
        let stream = match connection {
            Ok(stream) => stream,
            Err(error) => {
                warn!("接受连接失败：{error}");
                continue;
            }
        };
        // thread::spawn 在系统不肯给线程时会 panic；Builder 把它变成一个可以处理的错误。
        let spawned = thread::Builder::new().name("echo".into()).spawn(move || {
            // 一个客户端出错，只结束它自己的线程，并且留下记录，而不是 unwrap。
            if let Err(error) = echo(stream) {
                warn!("连接中断：{error}");
            }
        });
        if let Err(error) = spawned {
            warn!("没有线程可用，放弃这个连接：{error}");
        }
    }
}

/// 收到什么就写回什么，直到对方不再写。
fn echo(mut stream: TcpStream) -> io::Result<()> {
    info!("新连接：{}", stream.peer_addr()?);
    let mut buffer = [0; 1024];
    loop {
        let n = stream.read(&mut buffer)?;
        if n == 0 {
            info!("read 返回 0：对方已经关闭了写方向（收到 FIN）");
            return Ok(()); // stream 在这里被丢弃，我们的 FIN 随之发出
        }
        stream.write_all(&buffer[..n])?;
        info!("写回 {n} 字节");
    }
}
// ANCHOR_END: server

/// 客户端这一侧量到的东西。
struct Talk {
    round_trips: Vec<Duration>,
    reads: u32,
}

/// 丢包时内核会一再重传，每次等待加倍；给它 20 秒。
const PATIENCE: Duration = Duration::from_secs(20);

// ANCHOR: client
/// 连接服务器，对话若干轮，再有序地道别。
fn talk(server: SocketAddr, message: &str, rounds: u32, buffer_size: usize) -> io::Result<Talk> {
    // 不带超时的 connect 在对方毫无回音时要等两分多钟。
    let mut stream = TcpStream::connect_timeout(&server, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    info!("已连接：{} → {}", stream.local_addr()?, stream.peer_addr()?);

    let mut buffer = vec![0; buffer_size];
    let mut talk = Talk { round_trips: Vec::new(), reads: 0 };
    for round in 1..=rounds {
        let sent = Instant::now();
        stream.write_all(message.as_bytes())?;
        let reply = read_reply(&mut stream, message.len(), &mut buffer, &mut talk.reads)?;
        talk.round_trips.push(sent.elapsed());
        info!("第 {round} 轮的回答：{}", String::from_utf8_lossy(&reply));
    }

    // 半关闭：发出 FIN，告诉服务器“我说完了”；读方向仍然开着。
    stream.shutdown(Shutdown::Write)?;
    info!("写方向已关闭，等服务器也说完");
    if stream.read(&mut buffer)? == 0 {
        info!("服务器也关闭了；先关的是我们，所以 TIME_WAIT 留在我们这边");
    }
    Ok(talk)
}
// ANCHOR_END: client

// ANCHOR: partial
/// TCP 传的是字节流，没有“一条消息”：一次 `read` 拿到多少都有可能，所以要读到够数为止。
fn read_reply(
    stream: &mut impl Read,
    expected: usize,
    buffer: &mut [u8],
    reads: &mut u32,
) -> io::Result<Vec<u8>> {
    let mut reply = Vec::with_capacity(expected);
    while reply.len() < expected {
        let n = stream.read(buffer)?;
        if n == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        *reads += 1;
        // 此时不能急着转成 &str：切口可能正好落在一个汉字中间。
        reply.extend_from_slice(&buffer[..n]);
        info!("read 返回 {n} 字节，共 {}/{expected}", reply.len());
    }
    Ok(reply)
}
// ANCHOR_END: partial
