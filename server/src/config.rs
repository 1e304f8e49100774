//! What the operator may set: flags and environment variables of `wirebook serve`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;

/// Everything `serve` needs to know. Every flag can be given by the environment variable beside it.
#[derive(Args, Clone, Debug)]
pub struct Config {
    /// 监听地址
    #[arg(long, env = "WIREBOOK_ADDR", value_name = "ADDR")]
    pub addr: Option<SocketAddr>,
    /// 数据目录：轨迹和录像存放在这里（默认：用户数据目录下的 wirebook）
    #[arg(long, env = "WIREBOOK_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// 同时进行的运行数上限
    #[arg(long, env = "WIREBOOK_MAX_RUNS", default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub max_runs: u32,
    /// 每个页面连接同时进行（含排队）的运行数上限
    #[arg(long, env = "WIREBOOK_RUNS_PER_READER", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub runs_per_reader: u32,
    /// 每个来源地址同时进行（含排队）的运行数上限；0 表示不限（放在反向代理后面时用）
    #[arg(long, env = "WIREBOOK_RUNS_PER_ADDRESS", default_value_t = 16)]
    pub runs_per_address: u32,
    /// 排队的运行数上限
    #[arg(long, env = "WIREBOOK_QUEUE", default_value_t = 500, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    pub queue: u32,
    /// 保存的轨迹条数上限，最旧的先删除
    #[arg(long, env = "WIREBOOK_TRACES", default_value_t = 5_000)]
    pub traces: u32,
    /// 保存的轨迹总大小上限（MiB，压缩后），最旧的先删除
    #[arg(long, env = "WIREBOOK_TRACES_MIB", default_value_t = 1_024)]
    pub traces_mib: u32,
    /// 同时打开的连接数上限
    #[arg(long, env = "WIREBOOK_MAX_CONNECTIONS", default_value_t = 4_096, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub max_connections: u32,
    /// 除本站以外还允许连接 /live 的来源，例如 https://book.example.com，逗号分隔
    #[arg(long, env = "WIREBOOK_ORIGINS", value_delimiter = ',', value_name = "ORIGIN")]
    pub origins: Vec<String>,
    /// 读者访问本站用的地址（用于规范链接），例如 https://book.example.com
    #[arg(long, env = "WIREBOOK_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,
    /// 书稿目录；给出后按开发方式工作：改动立即显示在打开的页面上
    #[arg(long, env = "WIREBOOK_CONTENT", value_name = "DIR")]
    pub content: Option<PathBuf>,
    /// 不录制实验的默认运行
    #[arg(long, env = "WIREBOOK_NO_RECORDINGS")]
    pub no_recordings: bool,
}

impl Config {
    /// The address to listen on: flag, `WIREBOOK_ADDR`, `LEPTOS_SITE_ADDR` (set by `cargo leptos`), or port 3000.
    ///
    /// # Errors
    /// `LEPTOS_SITE_ADDR` is not an address.
    pub fn listen_on(&self) -> anyhow::Result<SocketAddr> {
        if let Some(addr) = self.addr {
            return Ok(addr);
        }
        match std::env::var("LEPTOS_SITE_ADDR") {
            Ok(text) => text.parse().with_context(|| {
                format!("环境变量 LEPTOS_SITE_ADDR 的值 {text:?} 不是有效的地址（应形如 127.0.0.1:3000）")
            }),
            Err(_) => Ok(SocketAddr::from(([127, 0, 0, 1], 3000))),
        }
    }

    /// The data folder, created if need be.
    ///
    /// # Errors
    /// It cannot be found or made.
    pub fn data_dir(&self) -> anyhow::Result<PathBuf> {
        let dir = match &self.data {
            Some(dir) => dir.clone(),
            None => dirs::data_dir()
                .context("找不到用户数据目录，请用 --data 指定一个可写的目录")?
                .join("wirebook"),
        };
        std::fs::create_dir_all(&dir)
            .with_context(|| format!("无法建立数据目录 {}，请用 --data 指定一个可写的目录", dir.display()))?;
        Ok(dir)
    }
}

/// Times that are the same for every reader and every run.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// A connection that has not sent a whole request head by then is closed.
    pub header_read: Duration,
    /// A request that has no answer by then gets 503.
    pub request: Duration,
    /// Between pings on an idle live socket.
    pub ping: Duration,
    /// A live socket from which nothing came for so long is closed.
    pub idle: Duration,
    /// A live socket that took no byte for so long is closed.
    pub send: Duration,
    /// How long a live socket may lag before its trace is thinned.
    pub lag: Duration,
    /// From the signal to the end of the process.
    pub shutdown: Duration,
    /// How long a finished run can still be resumed from memory.
    pub keep_finished: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            header_read: Duration::from_secs(10),
            request: Duration::from_secs(30),
            ping: Duration::from_secs(20),
            idle: Duration::from_secs(60),
            send: Duration::from_secs(20),
            lag: Duration::from_millis(500),
            shutdown: Duration::from_secs(4),
            keep_finished: Duration::from_secs(60),
        }
    }
}
