//! UDP 回显：超时与重试、IP 分片、被截断的数据报、没有人监听时的 ICMP。（指南 3.1、3.2）

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::thread;
use std::time::{Duration, Instant};

use api::line::{Impairments, Line};
use garde::Validate;
use lan::{Host, Lan};
use nix::sys::socket::{MsgFlags, recv};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing::{info, warn};

use crate::lab::on_a_thread;
use crate::{Lab, Open, Server};

const PORT: u16 = 7878;
/// 没有人监听的端口。
const SILENT_PORT: u16 = 7879;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UdpEcho {
    /// 要发送的文字
    /// 每个请求的内容；前面还有 4 个字节的请求编号。
    #[garde(length(chars, min = 1, max = 200))]
    message: String,
    /// 请求个数
    /// 一问一答，答了才问下一个。
    #[garde(range(min = 1, max = 50))]
    count: u32,
    /// 每次等多久（毫秒）
    /// 等不到回答就重发；要比线路的往返时间长。
    #[garde(range(min = 10, max = 2000))]
    timeout_ms: u32,
    /// 最多发几次
    /// 包括第一次；都没有回音就放弃这个请求。
    #[garde(range(min = 1, max = 10))]
    attempts: u32,
    /// 大数据报的长度（字节）
    /// 超过 MTU 的部分由 IP 分片；65507 是 UDP 的上限。
    #[garde(range(min = 4, max = 65507))]
    big_bytes: u32,
    /// 小缓冲区的长度（字节）
    /// 数据报比它长，多出来的就没有了。
    #[garde(range(min = 1, max = 4096))]
    small_buffer: u32,
}

impl Default for UdpEcho {
    fn default() -> Self {
        Self {
            message: "你好，UDP！".into(),
            count: 6,
            timeout_ms: 150,
            attempts: 5,
            big_bytes: 4000,
            small_buffer: 8,
        }
    }
}

impl Lab for UdpEcho {
    const SLUG: &'static str = "udp-echo";
    const TITLE: &'static str = "UDP 回显";
    const SUMMARY: &'static str =
        "数据报会丢、会重复、会乱序，大了要分片，缓冲区小了被截断，没有人监听时换来一个 ICMP。";
    const HOSTS: &'static [&'static str] = &["server", "client"];
    const OPEN: Option<Open> = Some(Open {
        url: "udp://{}",
        server: Server::Udp(|socket| {
            on_a_thread(move || {
                socket.set_nonblocking(false)?;
                serve(&socket);
                Ok(())
            })
        }),
    });

    fn lines() -> BTreeMap<String, Line> {
        let line = Line::both(Impairments {
            delay_ms: 10.0,
            loss_percent: 10.0,
            duplicate_percent: 10.0,
            reorder_percent: 5.0,
            ..Impairments::default()
        });
        BTreeMap::from([("client".into(), line)])
    }

    async fn run(self, mut lan: Lan) -> anyhow::Result<()> {
        let server = lan.host("server")?;
        let client = lan.host("client")?;
        let address = SocketAddr::from((server.ipv4(), PORT));
        let socket = server.spawn_blocking(move || UdpSocket::bind(address)).await??;
        drop(server.spawn_blocking(move || serve(&socket)));

        let patience =
            Patience { timeout: Duration::from_millis(self.timeout_ms.into()), attempts: self.attempts };
        lan.section("一问一答：超时就重发");
        let (message, count) = (self.message.clone(), self.count);
        let tally = client.spawn_blocking(move || chat(address, &message, count, patience)).await??;
        lan.measured(Some(&client), "请求", f64::from(self.count), "个");
        lan.measured(Some(&client), "得到回答", f64::from(tally.answered), "个");
        lan.measured(Some(&client), "发出的数据报", f64::from(tally.sent), "个");
        lan.measured(Some(&client), "迟到或重复、被丢弃的回答", f64::from(tally.stale), "个");

        lan.section("比 MTU 大：IP 分片");
        let big = self.big_bytes as usize;
        let tally = client.spawn_blocking(move || chat_big(address, big, patience)).await??;
        lan.measured(Some(&client), "大数据报", big as f64, "B");
        lan.measured(Some(&client), "发了几次才完整地回来", f64::from(tally.sent), "次");

        lan.section("缓冲区太小：截断");
        let (message, small) = (self.message, self.small_buffer as usize);
        if let Some((got, whole)) =
            client.spawn_blocking(move || truncated(address, &message, small, patience)).await??
        {
            lan.measured(Some(&client), "数据报原本的长度", whole as f64, "B");
            lan.measured(Some(&client), "拿到手的长度", got as f64, "B");
        }

        lan.section("没有人监听：ICMP 端口不可达");
        let silent = SocketAddr::from((server.ipv4(), SILENT_PORT));
        refusal(&lan, &client, silent, patience).await?;
        lan.settle(Duration::from_millis(150), Duration::from_secs(3)).await;
        Ok(())
    }
}

/// 报告多久以后才知道没有人监听；ICMP 也可能丢。
async fn refusal(lan: &Lan, client: &Host, silent: SocketAddr, patience: Patience) -> anyhow::Result<()> {
    let started = Instant::now();
    if client.spawn_blocking(move || knock(silent, patience)).await?? {
        let waited = started.elapsed().as_secs_f64() * 1e3;
        lan.measured(Some(client), "多久以后知道没有人监听", waited, "ms");
    }
    Ok(())
}

/// 客户端愿意等多久、发几次。
#[derive(Clone, Copy)]
struct Patience {
    timeout: Duration,
    attempts: u32,
}

// ANCHOR: server
/// 一个套接字服务所有客户端：没有连接，每个数据报自带来处。
fn serve(socket: &UdpSocket) {
    // 数据报最大 65507 字节；缓冲区小了，多出来的部分会被悄悄丢掉。
    let mut buffer = vec![0; 65_507];
    loop {
        // 一次收发失败只影响这一个数据报，服务器接着干。
        let echoed = socket.recv_from(&mut buffer).and_then(|(n, peer)| {
            info!("收到 {peer} 的 {n} 字节，原样发回");
            socket.send_to(&buffer[..n], peer)
        });
        if let Err(error) = echoed {
            warn!("这个数据报没能回显：{error}");
        }
    }
}
// ANCHOR_END: server

/// 一轮请求下来的数目。
#[derive(Default)]
struct Tally {
    sent: u32,
    answered: u32,
    stale: u32,
}

// ANCHOR: client
/// 发出编号的请求，直到收到同一编号的回答；每次只等 `timeout`，总共发 `attempts` 次。
fn request(
    socket: &UdpSocket,
    id: u32,
    body: &[u8],
    patience: Patience,
    tally: &mut Tally,
) -> io::Result<Option<Vec<u8>>> {
    let datagram = [&id.to_be_bytes(), body].concat();
    for attempt in 1..=patience.attempts {
        let deadline = Instant::now() + patience.timeout;
        match exchange(socket, &datagram, deadline, tally) {
            Ok(Some(reply)) => return Ok(Some(reply)),
            Ok(None) => warn!("第 {id} 个请求，第 {attempt} 次：等不到回答"),
            // 网络的抱怨未必是最后的话，歇到期限再试一次。
            Err(error) if is_complaint(&error) => {
                warn!("第 {id} 个请求，第 {attempt} 次：{error}");
                thread::sleep(deadline.saturating_duration_since(Instant::now()));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// 发一次，等到期限。编号不对的回答（迟到的、重复的）要丢弃，但不能因此延长期限。
fn exchange(
    socket: &UdpSocket,
    datagram: &[u8],
    deadline: Instant,
    tally: &mut Tally,
) -> io::Result<Option<Vec<u8>>> {
    socket.send(datagram)?;
    tally.sent += 1;
    let mut buffer = vec![0; 65_507];
    while let Some(n) = receive_until(socket, &mut buffer, deadline)? {
        if buffer[..n].starts_with(&datagram[..4]) {
            tally.answered += 1;
            return Ok(Some(buffer[4..n].to_vec()));
        }
        tally.stale += 1;
        info!("丢弃一个不相干的回答（{n} 字节）");
    }
    Ok(None)
}

/// ICMP 或 ARP 带来的坏消息：可能只是一时的。
fn is_complaint(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::HostUnreachable)
}

/// 到期限为止收一个数据报；过期是 `None`。
fn receive_until(socket: &UdpSocket, buffer: &mut [u8], deadline: Instant) -> io::Result<Option<usize>> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return Ok(None); // set_read_timeout 不接受 0
    }
    socket.set_read_timeout(Some(left))?;
    match socket.recv(buffer) {
        Ok(n) => Ok(Some(n)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}
// ANCHOR_END: client

fn chat(server: SocketAddr, message: &str, count: u32, patience: Patience) -> io::Result<Tally> {
    let socket = connected(server)?;
    let mut tally = Tally::default();
    for id in 1..=count {
        match request(&socket, id, message.as_bytes(), patience, &mut tally)? {
            Some(reply) => info!("第 {id} 个请求的回答：{}", String::from_utf8_lossy(&reply)),
            None => warn!("第 {id} 个请求：放弃"),
        }
    }
    Ok(tally)
}

// ANCHOR: connect
/// UDP 的 connect 不发任何东西，只是记住对方：此后可以用 send/recv，
/// 别人发来的数据报会被内核过滤掉，对方主机的 ICMP 错误也才会报给我们。
fn connected(server: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind("0.0.0.0:0")?; // 端口 0：由内核挑一个空闲的
    socket.connect(server)?;
    Ok(socket)
}
// ANCHOR_END: connect

// ANCHOR: fragments
/// 超过 MTU 的数据报由 IP 层切成分片，到了对方再拼好；丢一片，整个数据报就没了。
fn chat_big(server: SocketAddr, size: usize, patience: Patience) -> io::Result<Tally> {
    let socket = connected(server)?;
    let body = vec![b'#'; size - 4];
    let mut tally = Tally::default();
    match request(&socket, 1, &body, patience, &mut tally)? {
        Some(reply) => info!("{} 字节完整地回来了，应用看不出它曾被分片", reply.len() + 4),
        None => warn!("每一次都至少丢了一片"),
    }
    Ok(tally)
}
// ANCHOR_END: fragments

// ANCHOR: truncated
/// 用小缓冲区收一个长数据报，返回拿到的长度和它原本的长度。
fn truncated(
    server: SocketAddr,
    message: &str,
    small: usize,
    patience: Patience,
) -> io::Result<Option<(usize, usize)>> {
    let socket = connected(server)?;
    socket.set_read_timeout(Some(patience.timeout))?;
    let mut buffer = vec![0; small];
    for _ in 0..patience.attempts {
        // MSG_TRUNC 让内核报出数据报原本的长度；标准库的 recv 只会说“收到 small 字节”。
        let received = socket
            .send(message.as_bytes())
            .and_then(|_| Ok(recv(socket.as_raw_fd(), &mut buffer, MsgFlags::MSG_TRUNC)?));
        match received {
            Ok(whole) => {
                let got = whole.min(small);
                info!("数据报有 {whole} 字节，拿到 {got} 字节，其余的再读也没有了");
                return Ok(Some((got, whole)));
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock || is_complaint(&error) => {
                warn!("等不到回答，再发一次：{error}");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}
// ANCHOR_END: truncated

// ANCHOR: refused
/// 敲一扇没有人应的门。对方主机的内核用 ICMP 回绝，而错误要到下一次收发时才交给我们。
fn knock(silent: SocketAddr, patience: Patience) -> io::Result<bool> {
    let socket = connected(silent)?;
    socket.set_read_timeout(Some(patience.timeout))?;
    for attempt in 1..=patience.attempts {
        let answer = socket.send(b"knock").and_then(|_| socket.recv(&mut [0; 16]));
        match answer {
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
                info!("ConnectionRefused：{silent} 没有人监听");
                return Ok(true);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                warn!("第 {attempt} 次：没有任何回音；请求或 ICMP 丢了，二者无法区分");
            }
            Err(error) if is_complaint(&error) => warn!("第 {attempt} 次：{error}"),
            Err(error) => return Err(error),
            Ok(n) => info!("竟然有 {n} 字节的回音"),
        }
    }
    Ok(false)
}
// ANCHOR_END: refused
