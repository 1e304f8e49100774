//! 一个数据报：最小的实验。（新实验的样板）

use std::net::UdpSocket;
use std::time::Duration;

use garde::Validate;
use lan::Lan;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing::info;

use crate::Lab;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct HelloUdp {
    /// 要寄出的文字
    /// 原样装进一个数据报。
    #[garde(length(chars, min = 1, max = 100))]
    message: String,
}

impl Default for HelloUdp {
    fn default() -> Self {
        Self { message: "你好".into() }
    }
}

impl Lab for HelloUdp {
    const SLUG: &'static str = "hello-udp";
    const TITLE: &'static str = "一个数据报";
    const SUMMARY: &'static str = "一台主机寄出一个数据报，另一台收下。";
    const HOSTS: &'static [&'static str] = &["server", "client"];

    async fn run(self, mut lan: Lan) -> anyhow::Result<()> {
        let server = lan.host("server")?;
        let client = lan.host("client")?;
        let (to, from) = (server.ipv4(), client.ipv4());
        let socket = server.spawn_blocking(move || UdpSocket::bind((to, 7000))).await??;
        let receiving = server.spawn_blocking(move || receive(&socket));
        client
            .spawn_blocking(move || send(&UdpSocket::bind((from, 0))?, (to, 7000).into(), &self.message))
            .await??;
        let length = receiving.await??;
        lan.measured(Some(&server), "收到", f64::from(length), "字节");
        Ok(())
    }
}

// ANCHOR: receive
/// 收下一个数据报。
fn receive(socket: &UdpSocket) -> std::io::Result<u32> {
    socket.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut buffer = [0; 1500];
    let (length, from) = socket.recv_from(&mut buffer)?;
    info!("收到来自 {from} 的 {length} 字节");
    Ok(u32::try_from(length).unwrap_or(u32::MAX))
}
// ANCHOR_END: receive

/// 寄出一个数据报。
fn send(socket: &UdpSocket, to: std::net::SocketAddr, message: &str) -> std::io::Result<()> {
    let sent = socket.send_to(message.as_bytes(), to)?;
    info!("寄出 {sent} 字节");
    Ok(())
}
