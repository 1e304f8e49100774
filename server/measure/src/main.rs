//! The figures of `make bench` that need a running site, measured against the binary given as first argument:
//! first event after `start`, memory of idle sockets, fan-out to many readers, page throughput against bare axum.
//! Every figure is taken in one run of this program; prints one JSON object.

#![expect(clippy::print_stdout, reason = "its output is its purpose")]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use api::live::{ClientMessage, ServerMessage};
use api::trace::{Body, Lifecycle};
use futures::{SinkExt as _, StreamExt as _};
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{WebSocketStream, client_async};

const PAGE: &str = "/guide/tcp";

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let binary = args.next().context("usage: measure <path of wirebook> | measure --bare <file>")?;
    if binary == "--bare" {
        return bare(Path::new(&args.next().context("--bare wants a file")?)).await;
    }
    let site = Site::start(Path::new(&binary)).await?;
    let first = first_event(&site, 60).await?;
    let idle = idle_sockets(&site, 500).await?;
    let fan_out = fan_out(&site, 500, 20, Duration::from_secs(8)).await?;
    let page = page_throughput(&site).await?;
    println!("{}", json!({ "first_event": first, "idle_sockets": idle, "fan_out": fan_out, "page": page }));
    Ok(())
}

/// A `wirebook serve` of our own, on a free port with an empty data folder.
struct Site {
    child: tokio::process::Child,
    address: SocketAddr,
    data: PathBuf,
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = self.child.start_kill();
        let _ = std::fs::remove_dir_all(&self.data);
    }
}

impl Site {
    async fn start(binary: &Path) -> Result<Self> {
        let data = std::env::temp_dir().join(format!("wirebook-bench-{}", std::process::id()));
        let mut child = tokio::process::Command::new(binary)
            .args(["serve", "--addr", "127.0.0.1:0", "--data"])
            .arg(&data)
            .args(["--runs-per-reader", "64", "--runs-per-address", "0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .context("starting the server")?;
        let mut lines = BufReader::new(child.stdout.take().context("no stdout")?).lines();
        while let Some(line) = lines.next_line().await? {
            if let Some((_, rest)) = line.split_once("http://") {
                let address =
                    rest.split(|c: char| !(c.is_ascii_digit() || c == '.' || c == ':')).next().unwrap_or("");
                let address = address.trim_end_matches(':').parse().with_context(|| line.clone())?;
                tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                let site = Self { child, address, data };
                site.recordings_done().await?;
                return Ok(site);
            }
        }
        bail!("the server ended without naming its address")
    }

    /// The recordings made at first start would disturb the figures: wait until every lab has its own.
    async fn recordings_done(&self) -> Result<()> {
        let (_, list) = get(self.address, "/labs", "identity").await?;
        let list = String::from_utf8_lossy(&list).into_owned();
        let mut labs: Vec<&str> =
            list.split("href=\"/labs/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        labs.sort_unstable();
        labs.dedup();
        anyhow::ensure!(!labs.is_empty(), "/labs names no lab");
        for lab in labs {
            let path = format!("/labs/{lab}/recording.json");
            let mut tries = 0;
            while get(self.address, &path, "gzip").await?.0 != 200 {
                tries += 1;
                anyhow::ensure!(tries < 600, "no recording of {lab} after two minutes");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
        Ok(())
    }

    async fn socket(&self) -> Result<WebSocketStream<TcpStream>> {
        let mut request = format!("ws://{}/live", self.address).into_client_request()?;
        request.headers_mut().insert("origin", format!("http://{}", self.address).parse()?);
        let (mut socket, _) = client_async(request, TcpStream::connect(self.address).await?).await?;
        socket.next().await.context("no hello")??;
        Ok(socket)
    }

    /// Resident memory of the server process in bytes.
    fn memory(&self) -> Result<u64> {
        let pid = self.child.id().context("the server is gone")?;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let line = status.lines().find(|line| line.starts_with("VmRSS")).context("no VmRSS")?;
        Ok(line.split_whitespace().nth(1).context("no number")?.parse::<u64>()? * 1024)
    }

    /// Processor time of the server process, seconds.
    fn cpu(&self) -> Result<f64> {
        let pid = self.child.id().context("the server is gone")?;
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
        Ok((fields[11].parse::<f64>()? + fields[12].parse::<f64>()?) / 100.0)
    }
}

async fn say(socket: &mut WebSocketStream<TcpStream>, message: &ClientMessage) -> Result<()> {
    Ok(socket.send(Message::text(serde_json::to_string(message)?)).await?)
}

async fn hear(socket: &mut WebSocketStream<TcpStream>) -> Result<ServerMessage> {
    loop {
        match socket.next().await.context("the socket closed")?? {
            Message::Text(text) => return Ok(serde_json::from_str(&text)?),
            Message::Close(frame) => bail!("closed: {frame:?}"),
            _ => {}
        }
    }
}

fn start(lab: &str, params: Value) -> ClientMessage {
    ClientMessage::Start {
        request: 1,
        lab: lab.into(),
        params,
        lines: None,
        seed: Some(1),
        congestion: api::run::Congestion::default(),
    }
}

/// Milliseconds from sending `start` to the first batch of events, one run after another.
async fn first_event(site: &Site, runs: usize) -> Result<Value> {
    let mut times = Vec::new();
    let mut socket = site.socket().await?;
    for _ in 0..runs {
        let begun = Instant::now();
        say(&mut socket, &start("tcp-echo", json!({}))).await?;
        let mut first = None;
        loop {
            match hear(&mut socket).await? {
                ServerMessage::Events { events, .. } if !events.is_empty() && first.is_none() => {
                    first = Some(begun.elapsed().as_secs_f64() * 1e3);
                }
                ServerMessage::Finished { .. } => break,
                ServerMessage::Error { message, .. } => bail!(message),
                _ => {}
            }
        }
        times.push(first.context("a run without events")?);
    }
    Ok(json!({ "runs": runs, "p50_ms": percentile(&mut times, 50), "p95_ms": percentile(&mut times, 95) }))
}

async fn idle_sockets(site: &Site, count: usize) -> Result<Value> {
    let _warm = site.socket().await?;
    let before = site.memory()?;
    let mut sockets = Vec::new();
    for _ in 0..count {
        sockets.push(site.socket().await?);
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let after = site.memory()?;
    Ok(json!({ "sockets": count, "bytes_each": after.saturating_sub(before) / count as u64 }))
}

/// One run, `readers` watchers; lines typed at `rate` per second; latency of each line at each watcher.
async fn fan_out(site: &Site, readers: usize, rate: u32, time: Duration) -> Result<Value> {
    let mut driver = site.socket().await?;
    // It takes lines as long as they come, the first of them within 20 s: all readers must be there by then.
    let chat = json!({ "version": "right", "slow_reader": false, "lines": 1, "wait_seconds": 20 });
    say(&mut driver, &start("tcp-chat-threads", chat)).await?;
    let run = loop {
        match hear(&mut driver).await? {
            ServerMessage::Started { run, .. } => break run,
            ServerMessage::Error { message, .. } => bail!(message),
            _ => {}
        }
    };
    let begun = Instant::now();
    let mut watchers = Vec::new();
    for _ in 0..readers {
        let mut socket = site.socket().await?;
        let run = run.clone();
        watchers.push(tokio::spawn(async move {
            say(&mut socket, &ClientMessage::Watch { run, after_seq: None }).await?;
            let mut latencies = Vec::new();
            loop {
                match hear(&mut socket).await? {
                    ServerMessage::Events { events, .. } => {
                        for event in events {
                            if let Body::Lifecycle(Lifecycle::Input { text }) = event.body
                                && let Some(sent) =
                                    text.strip_prefix("t=").and_then(|t| t.parse::<u64>().ok())
                            {
                                latencies.push(
                                    (begun.elapsed().as_nanos() as u64).saturating_sub(sent) as f64 / 1e6,
                                );
                            }
                        }
                    }
                    ServerMessage::Finished { .. } => return Ok::<_, anyhow::Error>(latencies),
                    ServerMessage::Error { message, .. } => bail!(message),
                    _ => {}
                }
            }
        }));
    }
    let sink = tokio::spawn(async move {
        let mut tick = tokio::time::interval(Duration::from_secs(1) / rate);
        let until = Instant::now() + time;
        let mut sent = 0u32;
        while Instant::now() < until {
            tick.tick().await;
            let text = format!("t={}", begun.elapsed().as_nanos());
            say(&mut driver, &ClientMessage::Input { run: run.clone(), text }).await?;
            sent += 1;
        }
        say(&mut driver, &ClientMessage::Stop { run }).await?;
        while !matches!(hear(&mut driver).await?, ServerMessage::Finished { .. }) {}
        Ok::<_, anyhow::Error>(sent)
    });
    let cpu_before = site.cpu()?;
    let sent = sink.await??;
    let cpu = (site.cpu()? - cpu_before) / begun.elapsed().as_secs_f64();
    let mut all = Vec::new();
    for watcher in watchers {
        all.extend(watcher.await??);
    }
    anyhow::ensure!(!all.is_empty(), "no line reached a watcher");
    Ok(json!({
        "readers": readers, "lines_sent": sent, "lines_seen": all.len(),
        "p50_ms": percentile(&mut all, 50), "p99_ms": percentile(&mut all, 99), "cpu_of_a_core": cpu,
    }))
}

/// Requests per second of the chapter page (gzip), against axum serving the same bytes from memory.
async fn page_throughput(site: &Site) -> Result<Value> {
    let (status, html) = get(site.address, PAGE, "identity").await?;
    anyhow::ensure!(status == 200, "{PAGE} answers {status}");
    let (_, gzip) = get(site.address, PAGE, "gzip").await?;
    let file = site.data.join("page.gz");
    std::fs::write(&file, &gzip)?;
    let mut bare = tokio::process::Command::new(std::env::current_exe()?)
        .arg("--bare")
        .arg(&file)
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let address = BufReader::new(bare.stdout.take().context("no stdout")?).lines().next_line().await?;
    let address: SocketAddr = address.context("bare axum did not start")?.parse()?;
    let (mut ours, mut theirs) = (0.0f64, 0.0f64);
    for _ in 0..3 {
        ours = ours.max(load(site.address, PAGE).await?);
        theirs = theirs.max(load(address, "/").await?);
    }
    bare.kill().await?;
    Ok(json!({
        "requests_per_second": ours, "bare_axum": theirs, "ratio": ours / theirs,
        "html_bytes": html.len(), "html_gzip_bytes": gzip.len(),
    }))
}

async fn bare(file: &Path) -> Result<()> {
    let bytes = bytes::Bytes::from(std::fs::read(file)?);
    let page = move || {
        let bytes = bytes.clone();
        async move { ([("content-type", "text/html; charset=utf-8"), ("content-encoding", "gzip")], bytes) }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    Ok(axum::serve(listener, axum::Router::new().route("/", axum::routing::get(page))).await?)
}

/// 16 keep-alive connections for two seconds; requests per second.
async fn load(address: SocketAddr, path: &str) -> Result<f64> {
    let begun = Instant::now();
    let until = begun + Duration::from_secs(2);
    let mut workers = Vec::new();
    for _ in 0..16 {
        let path = path.to_owned();
        workers.push(tokio::spawn(async move {
            let mut sender = connect(address).await?;
            let mut count = 0u64;
            while Instant::now() < until {
                let response = sender.send_request(request(address, &path, "gzip")?).await?;
                response.into_body().collect().await?;
                count += 1;
            }
            Ok::<_, anyhow::Error>(count)
        }));
    }
    let mut total = 0;
    for worker in workers {
        total += worker.await??;
    }
    Ok(total as f64 / begun.elapsed().as_secs_f64())
}

type Sender = hyper::client::conn::http1::SendRequest<Empty<bytes::Bytes>>;

async fn connect(address: SocketAddr) -> Result<Sender> {
    let (sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(TcpStream::connect(address).await?)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

fn request(address: SocketAddr, path: &str, encoding: &str) -> Result<http::Request<Empty<bytes::Bytes>>> {
    Ok(http::Request::get(path)
        .header("host", address.to_string())
        .header("accept-encoding", encoding)
        .body(Empty::new())?)
}

async fn get(address: SocketAddr, path: &str, encoding: &str) -> Result<(u16, Vec<u8>)> {
    let response = connect(address).await?.send_request(request(address, path, encoding)?).await?;
    let status = response.status().as_u16();
    Ok((status, response.into_body().collect().await?.to_bytes().to_vec()))
}

/// The `p`th percentile, rounded to 10 µs.
fn percentile(values: &mut [f64], p: usize) -> f64 {
    values.sort_by(f64::total_cmp);
    let index = (values.len() * p / 100).min(values.len().saturating_sub(1));
    (values[index] * 100.0).round() / 100.0
}
