//! 绑定地址：端口 0、AddrInUse、谁连得上、双栈，以及 TIME_WAIT 与 SO_REUSEADDR。（指南 1.3）

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use api::line::{Impairments, Line};
use garde::Validate;
use lan::{Host, Lan};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use socket2::{Domain, Socket, Type};
use tracing::{info, warn};

use crate::Lab;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct BindAddr {
    /// 最后一幕谁先关闭
    /// 先关闭的一方留下 TIME_WAIT；它留在服务器上，端口才会“被占用”。
    #[garde(skip)]
    first_to_close: Side,
}

/// 连接的两端。
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Side {
    /// 服务器先关
    Server,
    /// 客户端先关
    Client,
}

impl Default for BindAddr {
    fn default() -> Self {
        Self { first_to_close: Side::Server }
    }
}

impl Lab for BindAddr {
    const SLUG: &'static str = "bind-addr";
    const TITLE: &'static str = "绑定一个地址";
    const SUMMARY: &'static str =
        "端口 0 挑中了谁，什么时候 AddrInUse，绑在不同的地址上谁连得上，以及重启时端口为什么会被自己占着。";
    const HOSTS: &'static [&'static str] = &["server", "client"];

    fn lines() -> BTreeMap<String, Line> {
        let line = Line::both(Impairments { delay_ms: 2.0, ..Impairments::default() });
        BTreeMap::from([("client".into(), line)])
    }

    async fn run(self, mut lan: Lan) -> anyhow::Result<()> {
        let server = lan.host("server")?;
        let client = lan.host("client")?;
        let own = IpAddr::V4(server.ipv4());

        lan.section("端口 0 与 AddrInUse");
        let ports = server.spawn_blocking(move || occupy(own)).await??;
        lan.measured(Some(&server), "内核第一次挑中的端口", f64::from(ports[0]), "号");
        lan.measured(Some(&server), "内核第二次挑中的端口", f64::from(ports[1]), "号");

        lan.section("绑在哪里，谁连得上");
        for bound in [Ipv4Addr::LOCALHOST.into(), Ipv4Addr::UNSPECIFIED.into(), own] {
            let listener = server.spawn_blocking(move || any_port(bound)).await??;
            let port = listener.local_addr()?.port();
            drop(server.spawn_blocking(move || receive(&listener)));
            let through_loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            let through_own = SocketAddr::new(own, port);
            let mut doors = 0;
            for (host, address) in
                [(&server, through_loopback), (&server, through_own), (&client, through_own)]
            {
                doors += u32::from(visit(&lan, host, address).await?);
            }
            lan.measured(Some(&server), &format!("绑定 {}：三次来访连上", name(bound)), doors.into(), "次");
        }

        lan.section("双栈：一个 [::] 套接字接两种客人");
        for only_v6 in [false, true] {
            dual_stack(&lan, &server, &client, only_v6).await?;
        }

        lan.section("重启：TIME_WAIT 与 SO_REUSEADDR");
        let listener = server.spawn_blocking(move || any_port(own)).await??;
        let address = listener.local_addr()?;
        let first = self.first_to_close;
        let host = server.spawn_blocking(move || part_as_server(&listener, first == Side::Server));
        client.spawn_blocking(move || part_as_client(address, first == Side::Client)).await??;
        host.await??; // 监听套接字随之关闭，就像进程退出一样
        lan.settle(Duration::from_millis(50), Duration::from_secs(3)).await;
        for reuse in [false, true] {
            let bound = server.spawn_blocking(move || restart(address, reuse)).await??;
            let label =
                if reuse { "有 SO_REUSEADDR 重新绑定" } else { "没有 SO_REUSEADDR 重新绑定" };
            lan.measured(Some(&server), label, f64::from(u8::from(bound)), "次成功");
        }
        lan.settle(Duration::from_millis(100), Duration::from_secs(3)).await;
        Ok(())
    }
}

/// 读者看得懂的名字。
fn name(bound: IpAddr) -> &'static str {
    match bound {
        bound if bound.is_loopback() && bound == IpAddr::V4(Ipv4Addr::LOCALHOST) => "127.0.0.1",
        bound if bound.is_unspecified() => "0.0.0.0",
        _ => "主机自己的地址",
    }
}

/// 从某台主机去敲门；被拒绝也要报告花了多久。
async fn visit(lan: &Lan, from: &Host, address: SocketAddr) -> anyhow::Result<bool> {
    let started = Instant::now();
    let connected = from.spawn_blocking(move || knock(address)).await??;
    if !connected {
        let waited = started.elapsed().as_secs_f64() * 1e3;
        lan.measured(Some(from), &format!("敲 {}：多久以后知道被拒绝", address.ip()), waited, "ms");
    }
    Ok(connected)
}

/// 双栈的一幕；没有 IPv6 的机器上如实跳过。
async fn dual_stack(lan: &Lan, server: &Host, client: &Host, only_v6: bool) -> anyhow::Result<()> {
    let listener = match server.spawn_blocking(move || listen_v6(only_v6)).await? {
        Ok(listener) => listener,
        Err(error) => {
            let tell = move || warn!("这台机器用不了 IPv6，跳过这一幕：{error}");
            return server.spawn_blocking(tell).await;
        }
    };
    let port = listener.local_addr()?.port();
    let shared = server.spawn_blocking(move || beside(port)).await??;
    drop(server.spawn_blocking(move || receive(&listener)));
    let mut guests = 0;
    for ip in [IpAddr::V4(server.ipv4()), IpAddr::V6(server.ipv6())] {
        guests += u32::from(visit(lan, client, SocketAddr::new(ip, port)).await?);
    }
    let how = if only_v6 { "仅 IPv6 " } else { "双栈" };
    lan.measured(Some(server), &format!("{how}的 [::]：接到的地址族"), guests.into(), "种");
    lan.measured(
        Some(server),
        &format!("{how}时绑定同端口的 0.0.0.0"),
        f64::from(u8::from(shared)),
        "次成功",
    );
    Ok(())
}

// ANCHOR: port
/// 端口写 0，内核挑一个空闲的。挑中了哪个，要问 `local_addr`。
fn any_port(ip: IpAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind((ip, 0))?;
    info!("bind({ip}, 0) → {}", listener.local_addr()?);
    Ok(listener)
}
// ANCHOR_END: port

// ANCHOR: in_use
/// 占住一个端口，再看看还有什么绑得上、什么绑不上。
fn occupy(own: IpAddr) -> io::Result<[u16; 2]> {
    let first = any_port(own)?;
    let second = any_port(own)?; // 再要一次端口 0，得到的是另一个
    let taken = first.local_addr()?;

    try_bind(taken); // 一模一样：AddrInUse
    try_bind((Ipv4Addr::UNSPECIFIED, taken.port()).into()); // 0.0.0.0 把它包括在内：AddrInUse
    try_bind((Ipv4Addr::LOCALHOST, taken.port()).into()); // 端口相同而地址不同，互不相干
    try_bind((Ipv4Addr::new(192, 0, 2, 1), 0).into()); // 不是自己的地址：AddrNotAvailable
    Ok([taken.port(), second.local_addr()?.port()])
}

fn try_bind(address: SocketAddr) {
    match TcpListener::bind(address) {
        Ok(listener) => info!("bind({address})：成功，{:?}", listener.local_addr()),
        Err(error) => info!("bind({address})：{:?}", error.kind()),
    }
}
// ANCHOR_END: in_use

// ANCHOR: reach
/// 来一个，记下两头的地址，说声好，再送走。
fn receive(listener: &TcpListener) {
    for connection in listener.incoming() {
        let served = connection.and_then(|mut stream| {
            // 监听的是 0.0.0.0，连接的本地地址却总是具体的：客人找的是哪个，就是哪个。
            let (here, peer) = (stream.local_addr()?, stream.peer_addr()?);
            info!("{peer} 来访，找的是 {here}；还原以后是 {}", peer.ip().to_canonical());
            stream.write_all(b"ok")?;
            stream.read(&mut [0; 1]) // 等对方先关，TIME_WAIT 留给对方
        });
        if let Err(error) = served {
            warn!("这位客人没接待好：{error}");
        }
    }
}

/// 去敲门。没有人在那个地址上监听，对方的内核就用 RST 回绝。
fn knock(address: SocketAddr) -> io::Result<bool> {
    match TcpStream::connect_timeout(&address, Duration::from_secs(5)) {
        Ok(mut stream) => {
            stream.read_exact(&mut [0; 2])?;
            info!("{address}：连上了");
            Ok(true)
        }
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            info!("{address}：ConnectionRefused");
            Ok(false)
        }
        Err(error) => Err(error),
    }
}
// ANCHOR_END: reach

// ANCHOR: dual
/// 标准库不能设置 IPV6_V6ONLY，默认值又因系统而异，所以用 socket2 说清楚。
fn listen_v6(only_v6: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::IPV6, Type::STREAM, None)?;
    socket.set_only_v6(only_v6)?; // 必须在 bind 之前
    socket.bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)).into())?;
    socket.listen(128)?;
    let listener = TcpListener::from(socket);
    info!("IPV6_V6ONLY = {only_v6}，监听 {}", listener.local_addr()?);
    Ok(listener)
}

/// 同一个端口上，0.0.0.0 还有没有位置？双栈套接字连它也占了。
fn beside(port: u16) -> io::Result<bool> {
    match TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)) {
        Ok(_released) => {
            info!("bind(0.0.0.0:{port})：成功，IPv4 还没有人占");
            Ok(true)
        }
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            info!("bind(0.0.0.0:{port})：AddrInUse，双栈套接字已经占了两族");
            Ok(false)
        }
        Err(error) => Err(error),
    }
}
// ANCHOR_END: dual

// ANCHOR: restart
/// 重启之后的第一件事：绑定原来的端口。
fn restart(address: SocketAddr, reuse: bool) -> io::Result<bool> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    // 标准库的 TcpListener::bind 在 Unix 上总是替你打开它；这里自己来，好看看没有它会怎样。
    socket.set_reuse_address(reuse)?;
    match socket.bind(&address.into()).and_then(|()| socket.listen(128)) {
        Ok(()) => {
            info!("SO_REUSEADDR = {reuse}：绑定 {address} 成功");
            Ok(true)
        }
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            warn!("SO_REUSEADDR = {reuse}：AddrInUse，占着它的是 TIME_WAIT，不是别的程序");
            Ok(false)
        }
        Err(error) => Err(error),
    }
}
// ANCHOR_END: restart

/// 接一条连接，再道别：先说再见的一方留下 TIME_WAIT。
fn part_as_server(listener: &TcpListener, first: bool) -> io::Result<()> {
    let (stream, peer) = listener.accept()?;
    info!("{peer} 连上了");
    farewell(&stream, first)
}

fn part_as_client(server: SocketAddr, first: bool) -> io::Result<()> {
    let stream = TcpStream::connect_timeout(&server, Duration::from_secs(5))?;
    farewell(&stream, first)
}

/// 先关的一方先发 FIN 再等对方的；后关的一方反过来。
fn farewell(mut stream: &TcpStream, first: bool) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    if first {
        stream.shutdown(Shutdown::Write)?;
        info!("我先关闭：发出 FIN");
    }
    if stream.read(&mut [0; 1])? == 0 {
        info!("对方也关闭了");
    }
    Ok(())
}
