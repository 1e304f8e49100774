//! UDP 多播：加入才收得到，IGMP 的加入与离开，TTL 与环回。（指南 3.3）

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use api::line::{Impairments, Line};
use garde::Validate;
use lan::{Host, Lan, Task};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use socket2::{Domain, Socket, Type};
use tracing::info;

use crate::Lab;

/// 239.0.0.0/8 留给各单位内部使用（RFC 2365），不会与公网上的组冲突。
const GROUP: Ipv4Addr = Ipv4Addr::new(239, 7, 7, 7);

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct UdpMulticast {
    /// 要发给组的文字
    /// 三个阶段各发一次：两台在组里、只剩一台、TTL 为 0。
    #[garde(length(chars, min = 1, max = 200))]
    message: String,
    /// 生存时间（TTL）
    /// 多播的 TTL 默认是 1：不出本网段。每过一台多播路由器减 1；0 表示连本机都不出。
    #[garde(range(min = 0, max = 255))]
    ttl: u8,
    /// 环回
    /// 打开时，发送方自己也是组员，就会收到自己发的一份（IP_MULTICAST_LOOP）。
    #[garde(skip)]
    loopback: bool,
}

impl Default for UdpMulticast {
    fn default() -> Self {
        Self { message: "组员们好！".into(), ttl: 1, loopback: true }
    }
}

impl Lab for UdpMulticast {
    const SLUG: &'static str = "udp-multicast";
    const TITLE: &'static str = "UDP 多播";
    const SUMMARY: &'static str =
        "发一份，组员都收到，旁人的内核悄悄丢掉；IGMP 怎样报告加入和离开，TTL 和环回各管什么。";
    const HOSTS: &'static [&'static str] = &["sender", "alice", "bob", "carol"];

    fn lines() -> BTreeMap<String, Line> {
        let line = Line { up: Impairments { delay_ms: 5.0, ..Impairments::default() }, ..Line::default() };
        BTreeMap::from([("sender".into(), line)])
    }

    async fn run(self, mut lan: Lan) -> anyhow::Result<()> {
        let Self { message, ttl, loopback } = self;
        let sender = lan.host("sender")?;

        lan.section("alice、bob 和发送方加入，carol 不加入");
        let own = listen_on(&sender, 0, true).await?;
        // 第一台由内核挑端口，其余的跟着用同一个。
        let port = own.local_addr()?.port();
        let mut sockets = vec![(sender.clone(), own)];
        for (name, member) in [("alice", true), ("bob", true), ("carol", false)] {
            let host = lan.host(name)?;
            let socket = listen_on(&host, port, member).await?;
            sockets.push((host, socket));
        }
        let receiving: Vec<(&Host, Task<io::Result<u32>>)> = sockets
            .iter()
            .map(|(host, socket)| {
                let socket = Arc::clone(socket);
                (host, host.spawn_blocking(move || receive(&socket)))
            })
            .collect();
        let (from, group) = (sender.ipv4(), SocketAddrV4::new(GROUP, port));
        let say = |text: String, ttl: u8| {
            sender.spawn_blocking(move || send(from, group, &text, ttl.into(), loopback))
        };
        say(message.clone(), ttl).await??;
        lan.settle(Duration::from_millis(60), Duration::from_secs(2)).await;

        lan.section("bob 离开");
        if let Some((bob, socket)) = sockets.iter().find(|(host, _)| host.name() == "bob") {
            let (socket, own) = (Arc::clone(socket), bob.ipv4());
            bob.spawn_blocking(move || leave(&socket, own)).await??;
        }
        say(message.clone(), ttl).await??;
        lan.settle(Duration::from_millis(60), Duration::from_secs(2)).await;

        lan.section("TTL 为 0：不出本机");
        say(message, 0).await??;

        for (host, task) in receiving {
            lan.measured(Some(host), "收到", f64::from(task.await??), "份");
        }
        lan.settle(Duration::from_millis(300), Duration::from_secs(2)).await;
        Ok(())
    }
}

/// 在一台主机上打开接收的套接字。
async fn listen_on(host: &Host, port: u16, member: bool) -> anyhow::Result<Arc<UdpSocket>> {
    let own = host.ipv4();
    let socket = host.spawn_blocking(move || {
        let socket = listen(SocketAddrV4::new(GROUP, port))?;
        if member {
            join(&socket, own)?;
        }
        io::Result::Ok(socket)
    });
    Ok(Arc::new(socket.await??))
}

// ANCHOR: listen
/// 只绑定、不加入：端口对了，但还不是组员。
fn listen(group: SocketAddrV4) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
    // 同一台主机上的几个程序可以都加入同一个组。
    socket.set_reuse_address(true)?;
    // Linux 的旧习惯：只要本机有任何人加入，没加入的套接字也会收到。关掉它。
    socket.set_multicast_all_v4(false)?;
    // 绑定组的地址（而不是 0.0.0.0），发给本机单播地址的数据报就不会混进来。
    socket.bind(&group.into())?;
    Ok(socket.into())
}
// ANCHOR_END: listen

// ANCHOR: join
/// 加入组。要说清是哪块网卡，这里用它的地址来指明；内核随即发出 IGMP 成员报告。
fn join(socket: &UdpSocket, interface: Ipv4Addr) -> io::Result<()> {
    socket.join_multicast_v4(&GROUP, &interface)?;
    info!("{interface} 加入 {GROUP}");
    Ok(())
}

/// 离开组。不调用也会在套接字关闭时自动离开；主机上最后一个组员离开时，内核发出 IGMP。
fn leave(socket: &UdpSocket, interface: Ipv4Addr) -> io::Result<()> {
    socket.leave_multicast_v4(&GROUP, &interface)?;
    info!("{interface} 离开 {GROUP}");
    Ok(())
}
// ANCHOR_END: join

// ANCHOR: receive
/// 收发给组的数据报，直到一秒没有新的；返回份数。
fn receive(socket: &UdpSocket) -> io::Result<u32> {
    socket.set_read_timeout(Some(Duration::from_secs(1)))?;
    let mut buffer = [0; 1500];
    let mut received = 0;
    loop {
        match socket.recv_from(&mut buffer) {
            Ok((n, from)) => {
                received += 1;
                info!("{from} 对组说：{}", String::from_utf8_lossy(&buffer[..n]));
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                info!("一共收到 {received} 份");
                return Ok(received);
            }
            Err(error) => return Err(error),
        }
    }
}
// ANCHOR_END: receive

// ANCHOR: send
/// 发给组不需要加入组；要管的是从哪块网卡出去、能走多远、自己要不要也收一份。
fn send(from: Ipv4Addr, group: SocketAddrV4, text: &str, ttl: u32, loopback: bool) -> io::Result<()> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
    // 不指明网卡就要查路由表；没有默认路由时，send_to 会以 NetworkUnreachable 失败。
    socket.set_multicast_if_v4(&from)?;
    socket.set_multicast_ttl_v4(ttl)?;
    socket.set_multicast_loop_v4(loopback)?;
    socket.send_to(text.as_bytes(), &group.into())?;
    info!("已发往 {group}，TTL {ttl}");
    Ok(())
}
// ANCHOR_END: send
