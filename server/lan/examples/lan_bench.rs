//! What the LAN costs: set-up time, and round trips over it compared with plain loopback, in one run.
//! Prints one JSON object. `cargo run --release -p lan --example lan_bench`: on one processor, as runs are;
//! with `-- --free` on as many as there are.

#![allow(clippy::print_stdout, reason = "its output is its purpose")]

use anyhow::Context as _;
use api::run::{Congestion, Limits, Tier};
use lan::{Config, Host, Lan, Recorder};
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

const SETUPS: usize = 50;
/// The machine's mood (which core wakes which) changes between threads: many short blocks, taken in turn.
const BLOCKS: usize = 20;
const ROUND_TRIPS: usize = 300;
const WARM_UP: usize = 30;
const BULK: Duration = Duration::from_secs(2);
const PAYLOAD: usize = 64;

fn main() -> anyhow::Result<()> {
    let report = lan::probe();
    anyhow::ensure!(report.tier == Tier::Isolated, "{} {}", report.reason, report.cure);
    if !std::env::args().any(|argument| argument == "--free") {
        lan::stay_here()?;
    }
    lan::isolate()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut setups = Vec::new();
    for _ in 0..SETUPS {
        let (mut lan, control) = new_lan()?;
        let began = Instant::now();
        let (mut fresh, fresh_control) = new_lan()?;
        fresh.host("server")?;
        fresh.host("client")?;
        setups.push(began.elapsed());
        let _ = fresh_control.finish();
        // A LAN that is there already must not make the next one slower.
        lan.host("other")?;
        let _ = control.finish();
    }
    let (mut lan, control) = new_lan()?;
    let server = lan.host("server")?;
    let client = lan.host("client")?;
    let (mut over_lan, mut loopback) = (Times::default(), Times::default());
    for _ in 0..BLOCKS {
        over_lan.add(runtime.block_on(round_trips(&server, &client, server.ipv4()))?);
        // The same code on the loopback device of one of the hosts.
        loopback.add(runtime.block_on(round_trips(&server, &server, Ipv4Addr::LOCALHOST))?);
    }
    let (over_lan, loopback) = (RoundTrips::of(over_lan), RoundTrips::of(loopback));
    let bulk = runtime.block_on(bulk(&server, &client))?;
    let left_out = control.finish();
    let setup = Summary::of(setups);
    println!(
        "{{\"setup_ms\": {:.3}, \"setup_p95_ms\": {:.3}, \"udp_rtt_us\": {:.2}, \"udp_loopback_us\": {:.2}, \
         \"udp_ratio\": {:.2}, \"tcp_rtt_us\": {:.2}, \"tcp_loopback_us\": {:.2}, \"tcp_ratio\": {:.2}, \
         \"tcp_gbit_per_s\": {:.2}, \"frames_left_out\": {}}}",
        setup.p50 / 1e3,
        setup.p95 / 1e3,
        over_lan.udp.p50,
        loopback.udp.p50,
        over_lan.udp.p50 / loopback.udp.p50,
        over_lan.tcp.p50,
        loopback.tcp.p50,
        over_lan.tcp.p50 / loopback.tcp.p50,
        bulk,
        left_out.frames,
    );
    Ok(())
}

fn new_lan() -> anyhow::Result<(Lan, lan::Control)> {
    let limits = Limits { events: u32::MAX, frame_bytes: 1 << 30, ..Limits::default() };
    let recorder = Recorder::new(&limits, drop);
    let config = Config {
        tier: Tier::Isolated,
        seed: 1,
        subnet: 0,
        lines: BTreeMap::new(),
        congestion: Congestion::Cubic,
        max_hosts: 16,
    };
    let (_inputs, inputs) = tokio::sync::mpsc::channel(1);
    Lan::new(config, recorder, inputs)
}

#[derive(Default)]
struct Times {
    udp: Vec<Duration>,
    tcp: Vec<Duration>,
}

impl Times {
    fn add(&mut self, more: Self) {
        self.udp.extend(more.udp);
        self.tcp.extend(more.tcp);
    }
}

struct RoundTrips {
    udp: Summary,
    tcp: Summary,
}

impl RoundTrips {
    fn of(times: Times) -> Self {
        Self { udp: Summary::of(times.udp), tcp: Summary::of(times.tcp) }
    }
}

/// Microseconds.
struct Summary {
    p50: f64,
    p95: f64,
}

impl Summary {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1e6;
        Self { p50: at(50), p95: at(95) }
    }
}

/// Ping-pong of small messages with blocking sockets, on threads of the two hosts.
async fn round_trips(server: &Host, client: &Host, address: Ipv4Addr) -> anyhow::Result<Times> {
    let (bound, ports) = tokio::sync::oneshot::channel();
    let serving = server.spawn_blocking(move || serve(address.into(), bound));
    let (udp, tcp) = ports.await.context("server")?;
    let result = client.spawn_blocking(move || -> anyhow::Result<Times> {
        Ok(Times { udp: ping_udp(udp)?, tcp: ping_tcp(tcp)? })
    });
    let result = result.await??;
    serving.await??;
    Ok(result)
}

/// Gigabits per second of one TCP connection, recorded like everything else.
async fn bulk(server: &Host, client: &Host) -> anyhow::Result<f64> {
    let address = (server.ipv4(), 5001);
    let (bound, ready) = tokio::sync::oneshot::channel();
    let receiving = server.spawn_blocking(move || -> anyhow::Result<u64> {
        let listener = TcpListener::bind(address)?;
        let _ = bound.send(());
        let (mut stream, _) = listener.accept()?;
        Ok(std::io::copy(&mut stream, &mut std::io::sink())?)
    });
    ready.await.context("server")?;
    let sending = client.spawn_blocking(move || -> anyhow::Result<f64> {
        let mut stream = TcpStream::connect(address)?;
        let began = Instant::now();
        while began.elapsed() < BULK {
            stream.write_all(&[7; 1 << 16])?;
        }
        Ok(began.elapsed().as_secs_f64())
    });
    let seconds = sending.await??;
    Ok(receiving.await?? as f64 * 8.0 / seconds / 1e9)
}

type Addresses = (std::net::SocketAddr, std::net::SocketAddr);

fn serve(address: IpAddr, bound: tokio::sync::oneshot::Sender<Addresses>) -> anyhow::Result<()> {
    let udp = UdpSocket::bind((address, 0))?;
    let tcp = TcpListener::bind((address, 0))?;
    let _ = bound.send((udp.local_addr()?, tcp.local_addr()?));
    let mut buffer = [0; PAYLOAD];
    for _ in 0..WARM_UP + ROUND_TRIPS {
        let (length, peer) = udp.recv_from(&mut buffer)?;
        udp.send_to(&buffer[..length], peer)?;
    }
    let (mut stream, _) = tcp.accept()?;
    stream.set_nodelay(true)?;
    while stream.read_exact(&mut buffer).is_ok() {
        stream.write_all(&buffer)?;
    }
    Ok(())
}

fn ping_udp(server: std::net::SocketAddr) -> anyhow::Result<Vec<Duration>> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    socket.connect(server)?;
    socket.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut buffer = [0; PAYLOAD];
    timed(|| {
        socket.send(&[7; PAYLOAD])?;
        socket.recv(&mut buffer)?;
        Ok(())
    })
}

fn ping_tcp(server: std::net::SocketAddr) -> anyhow::Result<Vec<Duration>> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_nodelay(true)?;
    let mut buffer = [0; PAYLOAD];
    timed(|| {
        stream.write_all(&[7; PAYLOAD])?;
        stream.read_exact(&mut buffer)?;
        Ok(())
    })
}

fn timed(mut once: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<Vec<Duration>> {
    for _ in 0..WARM_UP {
        once()?;
    }
    let mut times = Vec::with_capacity(ROUND_TRIPS);
    for _ in 0..ROUND_TRIPS {
        let began = Instant::now();
        once()?;
        times.push(began.elapsed());
    }
    Ok(times)
}
