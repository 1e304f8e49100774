//! UDP 广播：要先声明；定向广播和 255.255.255.255；绑定了自己地址的人收不到。（指南 3.3）

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::time::Duration;

use api::line::{Impairments, Line};
use api::run::Tier;
use garde::Validate;
use lan::{Host, Lan, Task};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use socket2::{Domain, Socket, Type};
use tracing::{info, warn};

use crate::Lab;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UdpBroadcast {
    /// 要广播的文字
    /// 每一种广播地址都发一次。
    #[garde(length(chars, min = 1, max = 200))]
    message: String,
    /// 每种地址发几次
    /// 广播没有确认：线路有丢包时，各台主机收到的份数会不一样。
    #[garde(range(min = 1, max = 20))]
    count: u32,
}

impl Default for UdpBroadcast {
    fn default() -> Self {
        Self { message: "有打印机吗？".into(), count: 2 }
    }
}

impl Lab for UdpBroadcast {
    const SLUG: &'static str = "udp-broadcast";
    const TITLE: &'static str = "UDP 广播";
    const SUMMARY: &'static str =
        "一帧发给 ff:ff:ff:ff:ff:ff，同一网段人人收到；为什么要先声明，255.255.255.255 又为什么要问路由。";
    const HOSTS: &'static [&'static str] = &["sender", "alice", "bob", "carol", "dave"];

    fn lines() -> BTreeMap<String, Line> {
        let line = Line { up: Impairments { delay_ms: 5.0, ..Impairments::default() }, ..Line::default() };
        BTreeMap::from([("sender".into(), line)])
    }

    async fn run(self, mut lan: Lan) -> anyhow::Result<()> {
        let sender = lan.host("sender")?;
        let listeners = ["alice", "bob", "carol"].map(|name| lan.host(name));
        let dave = lan.host("dave")?;

        // 各台主机有自己的网卡时绑定 0.0.0.0；loopback 层级里大家挤在 lo 上，就只绑定广播地址。
        let isolated = lan.tier() == Tier::Isolated;
        let any = if isolated { Ipv4Addr::UNSPECIFIED } else { sender.broadcast() };
        let mut port = 0;
        let mut receiving: Vec<(Host, Task<io::Result<u32>>)> = Vec::new();
        for host in listeners {
            let host = host?;
            let address = SocketAddrV4::new(any, port);
            let socket = host.spawn_blocking(move || listen(address)).await??;
            // 第一台由内核挑端口，其余的跟着用同一个。
            port = socket.local_addr()?.port();
            receiving.push((host.clone(), host.spawn_blocking(move || receive(&socket))));
        }
        let own = SocketAddrV4::new(dave.ipv4(), port);
        let socket = dave.spawn_blocking(move || listen(own)).await??;
        receiving.push((dave.clone(), dave.spawn_blocking(move || receive(&socket))));

        let Self { message, count } = self;
        let everyone = SocketAddrV4::new(sender.broadcast(), port);
        lan.section("没有声明 SO_BROADCAST");
        let text = message.clone();
        sender.spawn_blocking(move || undeclared(everyone, &text)).await??;

        lan.section("定向广播：本网段的最后一个地址");
        let text = message.clone();
        let from = sender.ipv4();
        sender.spawn_blocking(move || broadcast(from, everyone, &text, count)).await??;

        // loopback 层级里没有路由的那次发送会从这台机器真正的网卡出去，所以不做。
        if isolated {
            lan.section("受限广播：255.255.255.255");
            sender.spawn_blocking(move || limited(from, port, &message, count)).await??;
        }
        for (host, task) in receiving {
            lan.measured(Some(&host), "收到", f64::from(task.await??), "份");
        }
        lan.settle(Duration::from_millis(100), Duration::from_secs(2)).await;
        Ok(())
    }
}

// ANCHOR: listen
/// 在 `address` 上等广播。SO_REUSEADDR 让同一台主机上的几个程序都能收到一份。
fn listen(address: SocketAddrV4) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    let socket = UdpSocket::from(socket);
    info!("在 {} 上等待", socket.local_addr()?);
    Ok(socket)
}

/// 收广播，直到一秒没有新的；返回份数。
fn receive(socket: &UdpSocket) -> io::Result<u32> {
    socket.set_read_timeout(Some(Duration::from_secs(1)))?;
    let mut buffer = [0; 1500];
    let mut received = 0;
    loop {
        match socket.recv_from(&mut buffer) {
            Ok((n, from)) => {
                received += 1;
                info!("{from} 说：{}", String::from_utf8_lossy(&buffer[..n]));
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let local = socket.local_addr()?;
                if received == 0 {
                    warn!("绑定在 {local} 上，一份也没有收到：广播的目的地址不是它");
                }
                return Ok(received);
            }
            Err(error) => return Err(error),
        }
    }
}
// ANCHOR_END: listen

// ANCHOR: undeclared
/// 不声明就广播：内核不让，一个字节也没有发出去。
fn undeclared(everyone: SocketAddrV4, text: &str) -> io::Result<()> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    match socket.send_to(text.as_bytes(), everyone) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            warn!("发往 {everyone}：{error}");
            Ok(())
        }
        Err(error) => Err(error),
        Ok(_) => Err(io::Error::other("内核居然放行了没有声明的广播")),
    }
}
// ANCHOR_END: undeclared

// ANCHOR: broadcast
/// 声明之后，一次 send_to 就是网段上的一帧，人人一份。
fn broadcast(from: Ipv4Addr, everyone: SocketAddrV4, text: &str, count: u32) -> io::Result<()> {
    // 绑定自己的地址：内核由它知道从哪块网卡发出去。
    let socket = UdpSocket::bind((from, 0))?;
    socket.set_broadcast(true)?;
    for _ in 0..count {
        socket.send_to(text.as_bytes(), everyone)?;
        info!("已发往 {everyone}");
    }
    Ok(())
}
// ANCHOR_END: broadcast

// ANCHOR: limited
/// 255.255.255.255 说的是“我所在的网段”，却没说是哪块网卡：内核要去路由表里找。
fn limited(from: Ipv4Addr, port: u16, text: &str, count: u32) -> io::Result<()> {
    let everyone = SocketAddrV4::new(Ipv4Addr::BROADCAST, port);
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    socket.set_broadcast(true)?;
    match socket.send_to(text.as_bytes(), everyone) {
        // 没有 255.255.255.255 的路由，也没有默认路由：一个字节也发不出去。
        Err(error) if error.kind() == ErrorKind::NetworkUnreachable => {
            warn!("绑定 0.0.0.0、发往 {everyone}：{error}");
        }
        Err(error) => return Err(error),
        // 有几块网卡时，它只从路由表选中的那一块出去。
        Ok(_) => info!("路由表选好了网卡，已发往 {everyone}"),
    }
    // 绑定了自己的地址，网卡就定了，不必再问路由表。
    broadcast(from, everyone, text, count)
}
// ANCHOR_END: limited
