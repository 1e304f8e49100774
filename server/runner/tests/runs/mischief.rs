//! The lab that does what labs must not do.

use anyhow::{Context as _, bail};
use garde::Validate;
use labs::{Entry, Input, Lab};
use lan::{Host, Lan};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::{files, isolation, key_log};

pub(crate) static LABS: &[Entry] =
    &[Entry::new::<Mischief>("server/runner/tests/runs/mischief.rs", include_str!("mischief.rs"))];

/// What to do; what number and text mean depends on the deed.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Mischief {
    #[garde(length(max = 40))]
    deed: String,
    #[garde(range(max = 1_000_000_000))]
    number: u32,
    #[garde(length(max = 1000))]
    text: String,
}

impl Lab for Mischief {
    const SLUG: &'static str = "mischief";
    const TITLE: &'static str = "捣乱";
    const SUMMARY: &'static str = "做实验不该做的事。";
    const HOSTS: &'static [&'static str] = &["server", "client"];
    const INPUT: Option<Input> = Some(Input { label: "输入", placeholder: "", max_length: 20 });

    async fn run(self, mut lan: Lan) -> anyhow::Result<()> {
        let number = self.number;
        tracing::info!(target: "labs::mischief", deed = self.deed, "begins");
        match self.deed.as_str() {
            "talk" => talk(&mut lan, number, 4).await,
            "secrets" => key_log::greet(&mut lan).await,
            "nonsense" => key_log::write_nonsense(number),
            "error" => Err(io::Error::from_raw_os_error(libc::ECONNREFUSED)).context("连接失败"),
            "panic" => panic!("main thread"),
            "panic_host" => lan.host("server")?.spawn(|| async { panic!("host thread") }).await,
            "panic_blocking" => lan.host("server")?.spawn_blocking(|| panic!("blocking thread")).await,
            "abort" => std::process::abort(),
            "exit" => std::process::exit(3),
            "overflow" => {
                let depth = overflow(0);
                bail!("survived {depth} frames")
            }
            "spin" => spin(),
            "spin_host" => {
                let host = lan.host("server")?;
                host.spawn(|| async { spin() }).await
            }
            "accept" => accept(&lan.host("server")?).await,
            "freeze" => freeze(),
            "memory" => memory(),
            "huge" => bail!("got {} bytes", Vec::<u8>::with_capacity(1 << 45).capacity()),
            "threads" => threads(),
            "descriptors" => descriptors(&mut Vec::new()),
            "descriptors_panic" => {
                let mut sockets = Vec::new();
                descriptors(&mut sockets).unwrap();
                Ok(())
            }
            "events" => events(&lan.host("server")?, number).await,
            "events_then_hang" => {
                events(&lan.host("server")?, number).await?;
                spin()
            }
            "frames" => talk(&mut lan, number, 1400).await,
            "fork" => fork(),
            "exec" => Command::new("/bin/true").status().map(|_| ()).context("exec"),
            "forbidden" => isolation::attempt_all(&mut lan),
            "files" => files::attempt_all(&lan, &self.text),
            "reach" => isolation::reach(&mut lan, &self.text).await,
            "echo_input" => echo_input(&mut lan).await,
            other => bail!("no deed {other}"),
        }
    }
}

/// `rounds` datagrams of `size` bytes there and back.
async fn talk(lan: &mut Lan, rounds: u32, size: usize) -> anyhow::Result<()> {
    let (server, client) = (lan.host("server")?, lan.host("client")?);
    let address = SocketAddr::from((server.ipv4(), 7));
    let address =
        if lan.tier() == api::run::Tier::Loopback { SocketAddr::new(address.ip(), 7007) } else { address };
    let socket = server.spawn_blocking(move || UdpSocket::bind(address)).await??;
    let echo = server.spawn_blocking(move || -> io::Result<()> {
        let mut buffer = [0; 2048];
        for _ in 0..rounds {
            let (length, peer) = socket.recv_from(&mut buffer)?;
            socket.send_to(&buffer[..length], peer)?;
        }
        Ok(())
    });
    let local = SocketAddr::from((client.ipv4(), 0));
    client
        .spawn_blocking(move || -> io::Result<()> {
            let socket = UdpSocket::bind(local)?;
            socket.connect(address)?;
            let mut buffer = [0; 2048];
            for round in 0..rounds {
                socket.send(&vec![0; size])?;
                socket.recv(&mut buffer)?;
                tracing::info!(target: "labs::mischief", round, "answered");
            }
            Ok(())
        })
        .await??;
    echo.await??;
    Ok(())
}

fn overflow(depth: u64) -> u64 {
    if depth == u64::MAX {
        return depth;
    }
    let frame = std::hint::black_box([depth; 512]);
    overflow(frame[7] + 1) + frame[9]
}

fn spin() -> ! {
    let mut turns = 0_u64;
    loop {
        turns = std::hint::black_box(turns.wrapping_add(1));
    }
}

/// Waits for a client that never comes.
async fn accept(host: &Host) -> anyhow::Result<()> {
    let address = SocketAddr::from((host.ipv4(), 0));
    host.spawn_blocking(move || TcpListener::bind(address)?.accept()).await??;
    Ok(())
}

/// The whole process stops, as a debugger would stop it.
fn freeze() -> anyhow::Result<()> {
    // What has been recorded is to be on its way.
    thread::sleep(Duration::from_millis(50));
    nix::sys::signal::kill(nix::unistd::getpid(), nix::sys::signal::Signal::SIGSTOP)?;
    bail!("went on")
}

fn memory() -> anyhow::Result<()> {
    let mut hoard = Vec::new();
    loop {
        hoard.push(std::hint::black_box(vec![1_u8; 1 << 20]));
    }
}

fn threads() -> anyhow::Result<()> {
    loop {
        match thread::Builder::new().stack_size(64 << 10).spawn(thread::park) {
            Ok(_) => {}
            // The machine may have less than our limit to give; the supervisor is to notice nevertheless.
            Err(_) => thread::sleep(Duration::from_millis(1)),
        }
    }
}

fn descriptors(sockets: &mut Vec<UdpSocket>) -> anyhow::Result<()> {
    loop {
        sockets.push(UdpSocket::bind("0.0.0.0:0").context("no further socket")?);
    }
}

async fn events(host: &Host, count: u32) -> anyhow::Result<()> {
    host.spawn_blocking(move || {
        for event in 0..count {
            tracing::info!(target: "labs::mischief", event, "flood");
        }
    })
    .await
}

fn fork() -> anyhow::Result<()> {
    // SAFETY: the child does nothing but leave.
    match unsafe { nix::unistd::fork() }? {
        // SAFETY: leaves at once.
        nix::unistd::ForkResult::Child => unsafe { libc::_exit(0) },
        nix::unistd::ForkResult::Parent { child } => bail!("forked {child}"),
    }
}

/// Measures the length of every line until there are no more.
async fn echo_input(lan: &mut Lan) -> anyhow::Result<()> {
    lan.host("server")?;
    let mut inputs = lan.inputs();
    while let Some(line) = inputs.next().await {
        #[expect(clippy::cast_precision_loss)]
        lan.measured(None, "length", line.len() as f64, "B");
    }
    lan.measured(None, "goodbye", 1.0, "");
    Ok(())
}
