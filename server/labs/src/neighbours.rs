//! 量握手之前，先让两台主机互相知道 MAC 地址：ARP 的那个往返不该算在握手头上。

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::timeout;

/// 没有人听的端口（RFC 863 的 discard）。
const DISCARD: u16 = 9;

/// 发一个数据报，等回来的 ICMP“端口不可达”；丢了就不等了。
pub(crate) async fn meet(server: IpAddr) -> io::Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await?;
    socket.connect((server, DISCARD)).await?;
    socket.send(b"?").await?;
    // “不可达”在这里以“连接被拒绝”的错误出现，正是要等的。
    let _ = timeout(Duration::from_secs(1), socket.recv(&mut [0])).await;
    Ok(())
}
