//! `wirebook open`

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::process::ExitCode;

use anyhow::Context as _;
use labs::{Server, Serving};

#[derive(clap::Args)]
#[group(skip)]
pub(super) struct Args {
    /// 实验的名字，例如 ws-echo
    lab: String,
    /// 监听的地址；端口 0 表示由系统挑选
    #[arg(long, default_value = "127.0.0.1:0")]
    addr: SocketAddr,
}

/// Serves until Ctrl-C.
pub(super) fn open(args: &Args) -> anyhow::Result<ExitCode> {
    let Some(lab) = labs::find(&args.lab) else {
        return Ok(super::misuse(&format!("没有名为 {} 的实验；wirebook labs 列出所有实验", args.lab)));
    };
    let Some(open) = lab.open() else {
        let known: Vec<_> =
            labs::all().iter().filter(|lab| lab.open().is_some()).map(labs::Entry::slug).collect();
        let known = known.join("、");
        return Ok(super::misuse(&format!("{} 没有可以打开的服务器；有的是：{known}", args.lab)));
    };
    // One thread, as in a run.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (address, serving) = bind(open.server, args.addr).with_context(|| refusal(args.addr))?;
        writeln!(std::io::stdout(), "{}（Ctrl-C 结束）", open.url.replace("{}", &address.to_string()))?;
        tokio::select! {
            done = serving => done?,
            interrupted = tokio::signal::ctrl_c() => interrupted?,
        }
        Ok(ExitCode::SUCCESS)
    })
}

fn refusal(addr: SocketAddr) -> String {
    format!("无法监听 {addr}：地址可能已被占用，可用 --addr 换一个，端口 0 由系统挑选")
}

fn bind(server: Server, address: SocketAddr) -> std::io::Result<(SocketAddr, Serving)> {
    match server {
        Server::Tcp(serve) => {
            let listener = TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            Ok((listener.local_addr()?, serve(listener)))
        }
        Server::Udp(serve) => {
            let socket = UdpSocket::bind(address)?;
            socket.set_nonblocking(true)?;
            Ok((socket.local_addr()?, serve(socket)))
        }
    }
}
