//! 200 readers in one room for a minute, one of them stalled. Not part of the ordinary tests:
//! `cargo test -p server --test web -- --ignored --nocapture peer_load`

#![allow(clippy::print_stdout, reason = "it reports figures")]

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use api::peer::FromRoom;
use futures::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use super::peer_chat::{join, say};
use super::support::soon;

const READERS: usize = 200;
const SPEAKERS: usize = 5;
const MINUTE: Duration = Duration::from_secs(60);
/// How long one of them reads nothing. After 60 s without a sign of life the server takes a reader to be gone.
const STALLED: Duration = Duration::from_secs(50);
/// Of each speaker; below what the room permits.
const PACE: Duration = Duration::from_millis(250);

type Socket = WebSocketStream<TcpStream>;

async fn enter(addr: &str, name: &str, receive_buffer: Option<u32>) -> Socket {
    let socket = TcpSocket::new_v4().unwrap();
    if let Some(bytes) = receive_buffer {
        socket.set_recv_buffer_size(bytes).unwrap();
    }
    let stream = socket.connect(addr.parse().unwrap()).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut request = format!("ws://{addr}/peer/ws-chat").into_client_request().unwrap();
    request.headers_mut().insert("origin", format!("http://{addr}").parse().unwrap());
    let (mut socket, _) = tokio_tungstenite::client_async(request, stream).await.unwrap();
    socket.send(Message::text(join(name))).await.unwrap();
    socket
}

/// A message, unless it is a ping.
fn message(frame: Message) -> Option<FromRoom> {
    serde_json::from_str(frame.to_text().ok()?).ok()
}

/// Resident memory of a process, kB.
fn resident(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// What one who keeps up has seen.
#[derive(Default)]
struct Seen {
    numbers: Vec<u64>,
    lagged: u64,
    /// Microseconds from the speaker's send to here.
    delays: Vec<u64>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a minute and the whole machine"]
async fn two_hundred_readers_one_of_them_stalled() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = tokio::process::Command::new(env!("CARGO_BIN_EXE_wirebook"))
        .args(["serve", "--addr", "127.0.0.1:0", "--no-recordings", "--data"])
        .arg(folder.path())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(server.stdout.take().unwrap());
    soon("line with the URL", stdout.read_line(&mut line)).await.unwrap();
    let addr = line.split("http://").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    let process = server.id().unwrap();
    let before = resident(process);

    let mut stalled = enter(&addr, "走神的", Some(4096)).await;
    let begun = Instant::now();
    let said = Arc::new(AtomicU64::new(0));
    let mut readers = tokio::task::JoinSet::new();
    for number in 0..READERS - 1 {
        let mut socket = enter(&addr, &format!("读者{number}"), None).await;
        let said = Arc::clone(&said);
        readers.spawn(async move {
            let speaks = number < SPEAKERS;
            let start = begun + Duration::from_secs(5);
            let mut pace = tokio::time::interval_at(start.into(), PACE);
            let mut seen = Seen::default();
            let end = tokio::time::sleep_until((start + MINUTE + Duration::from_secs(3)).into());
            tokio::pin!(end);
            loop {
                tokio::select! {
                    () = &mut end => return seen,
                    _ = pace.tick(), if speaks && start.elapsed() < MINUTE => {
                        said.fetch_add(1, Ordering::Relaxed);
                        let now = begun.elapsed().as_micros();
                        let text = say(&format!("{now} {}", "话".repeat(400)));
                        socket.send(Message::text(text)).await.unwrap();
                    }
                    frame = socket.next() => match message(frame.unwrap().unwrap()) {
                        Some(FromRoom::Said(said)) => {
                            let sent: u64 = said.text.split(' ').next().unwrap().parse().unwrap();
                            seen.delays.push(begun.elapsed().as_micros() as u64 - sent);
                            seen.numbers.push(said.number);
                        }
                        Some(FromRoom::Lagged { count }) => seen.lagged += count,
                        _ => {}
                    },
                }
            }
        });
    }
    println!("{READERS} readers in after {:?}", begun.elapsed());
    assert!(begun.elapsed() < Duration::from_secs(5), "too slow a machine for this test");
    let with_readers = resident(process);
    let mut most = 0;
    while begun.elapsed() < STALLED {
        tokio::time::sleep(Duration::from_secs(1)).await;
        most = most.max(resident(process));
    }
    // He wakes up: what came, what he was told he missed.
    let (mut got, mut missed) = (0_u64, 0_u64);
    let mut newest = 0;
    let end = begun + Duration::from_secs(66);
    while let Ok(Some(Ok(frame))) = tokio::time::timeout_at(end.into(), stalled.next()).await {
        match message(frame) {
            Some(FromRoom::Said(said)) => (got, newest) = (got + 1, said.number),
            Some(FromRoom::Lagged { count }) => missed += count,
            _ => {}
        }
    }
    let seen = readers.join_all().await;
    let said = said.load(Ordering::Relaxed);
    let mut delays: Vec<u64> = seen.iter().flat_map(|seen| seen.delays.iter().copied()).collect();
    delays.sort_unstable();
    let percentile = |percent: usize| delays[(delays.len() - 1) * percent / 100] as f64 / 1e3;
    println!("{said} lines, {} deliveries", delays.len());
    println!(
        "delivery: p50 {:.1} ms, p99 {:.1} ms, longest {:.1} ms",
        percentile(50),
        percentile(99),
        percentile(100)
    );
    println!("server RSS: {before} kB alone, {with_readers} kB with {READERS} readers, at most {most} kB");
    println!("the stalled one: {got} lines, told that he missed {missed}, newest {newest} of {said}");
    for seen in &seen {
        assert_eq!(seen.lagged, 0);
        assert_eq!(
            seen.numbers,
            (1..=said).collect::<Vec<_>>(),
            "those who keep up have every line, in order"
        );
    }
    assert!(missed > 0 && newest == said, "the stalled one is still there and up to date");
    assert!(most - before < 40_000, "memory does not grow with what the stalled one has not read");
}
