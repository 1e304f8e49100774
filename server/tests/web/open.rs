//! `wirebook open`: a lab's server for programs outside of the lan.

use std::net::SocketAddr;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpStream, UdpSocket};
use tokio::process::{Child, ChildStdout, Command};
use tokio_tungstenite::tungstenite::Message;

use super::support::soon;

/// A lab's server at work.
struct Open {
    process: Child,
    /// Stays open: what the program writes goes somewhere.
    _stdout: BufReader<ChildStdout>,
    /// `ws://127.0.0.1:43210/echo`
    url: String,
    addr: SocketAddr,
}

impl Open {
    async fn lab(lab: &str) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_wirebook"))
            .args(["open", lab])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        soon("line with the URL", stdout.read_line(&mut line)).await.unwrap();
        let (url, hint) = line.trim_end().split_once('（').unwrap_or_else(|| panic!("{lab}: {line:?}"));
        assert_eq!(hint, "Ctrl-C 结束）");
        let authority = url.split_once("://").unwrap().1.split('/').next().unwrap();
        Self { process, _stdout: stdout, url: url.into(), addr: authority.parse().unwrap() }
    }

    /// Ctrl-C.
    async fn interrupted(mut self) -> ExitStatus {
        let id = i32::try_from(self.process.id().unwrap()).unwrap();
        kill(Pid::from_raw(id), Signal::SIGINT).unwrap();
        soon("end of the process", self.process.wait()).await.unwrap()
    }
}

#[tokio::test]
async fn a_websocket_talks_to_it_until_ctrl_c() {
    let open = Open::lab("ws-echo").await;
    assert_eq!(open.url, format!("ws://{}/echo", open.addr));
    let (mut socket, _) = tokio_tungstenite::connect_async(&open.url).await.unwrap();
    for message in [Message::text("你好"), Message::binary(vec![0, 255])] {
        socket.send(message.clone()).await.unwrap();
        assert_eq!(soon("echo", socket.next()).await.unwrap().unwrap(), message);
    }
    socket.send(Message::Ping("在吗".into())).await.unwrap();
    assert_eq!(soon("pong", socket.next()).await.unwrap().unwrap(), Message::Pong("在吗".into()));
    assert_eq!(open.interrupted().await.code(), Some(0));
}

#[tokio::test]
async fn a_chat_room_brings_two_guests_together() {
    let open = Open::lab("ws-chat").await;
    let (mut listens, _) = tokio_tungstenite::connect_async(&open.url).await.unwrap();
    listens.send(Message::text("甲")).await.unwrap();
    let (mut speaks, _) = tokio_tungstenite::connect_async(&open.url).await.unwrap();
    speaks.send(Message::text("乙")).await.unwrap();
    speaks.send(Message::text("有人吗")).await.unwrap();
    soon("what he says", async {
        while !listens.next().await.unwrap().unwrap().to_text().unwrap().contains("有人吗") {}
    })
    .await;
    assert_eq!(open.interrupted().await.code(), Some(0));
}

/// The close code that answers these bytes, which a guest of the room sends behind his name.
async fn code_for(open: &Open, bytes: &[u8]) -> Option<u16> {
    let (mut guest, _) = tokio_tungstenite::connect_async(&open.url).await.unwrap();
    guest.send(Message::text("丙")).await.unwrap();
    guest.get_mut().write_all(bytes).await.unwrap();
    loop {
        match soon("Close", guest.next()).await {
            Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code.into()),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return None,
        }
    }
}

#[tokio::test]
async fn a_chat_room_says_why_it_parts_from_a_guest() {
    let open = Open::lab("ws-chat").await;
    let (mut stays, _) = tokio_tungstenite::connect_async(&open.url).await.unwrap();
    stays.send(Message::text("甲")).await.unwrap();
    let too_long = [&[0x82, 0xfe, 0x40, 0x01, 0, 0, 0, 0][..], &[0; 0x4001]].concat();
    for (bytes, code) in [
        (&b"\x81\x82\0\0\0\0\xff\xfe"[..], 1007), // a text that is not UTF-8
        (b"\x81\x02hi", 1002),                    // not masked
        (b"\x83\x82\0\0\0\0hi", 1002),            // a reserved opcode
        (&too_long, 1009),
    ] {
        assert_eq!(code_for(&open, bytes).await, Some(code), "{:?}", &bytes[..2]);
    }
    // Whoever stays hears of them as of any other guest.
    let mut left = 0;
    while left < 4 {
        let news = soon("news", stays.next()).await.unwrap().unwrap();
        left += usize::from(news.to_text().unwrap().contains("left"));
    }
    assert_eq!(open.interrupted().await.code(), Some(0));
}

/// The answer to a GET, head and body.
async fn get(addr: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    soon("answer", stream.read_to_string(&mut answer)).await.unwrap();
    answer
}

#[tokio::test]
async fn http_servers_answer() {
    for (lab, path, holds) in [
        ("axum-basic", "/", "你好，axum！"),
        ("axum-routing", "/books/abc", "HTTP/1.1 400 "),
        ("http-client", "/get?round=7", r#""round":"7""#),
    ] {
        let open = Open::lab(lab).await;
        let answer = get(open.addr, path).await;
        assert!(answer.contains(holds), "{lab}: {answer}");
        assert_eq!(open.interrupted().await.code(), Some(0), "{lab}");
    }
}

#[tokio::test]
async fn echoes_of_bytes_also_from_servers_that_block() {
    for lab in ["tcp-echo", "tokio-tcp"] {
        let open = Open::lab(lab).await;
        let mut stream = TcpStream::connect(open.addr).await.unwrap();
        stream.write_all(b"hello").await.unwrap();
        let mut echo = [0; 5];
        soon("echo", stream.read_exact(&mut echo)).await.unwrap();
        assert_eq!(&echo, b"hello", "{lab}");
        assert_eq!(open.interrupted().await.code(), Some(0), "{lab}");
    }
    for lab in ["udp-echo", "tokio-udp"] {
        let open = Open::lab(lab).await;
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.connect(open.addr).await.unwrap();
        socket.send(b"hello").await.unwrap();
        let mut echo = [0; 16];
        let length = soon("echo", socket.recv(&mut echo)).await.unwrap();
        assert_eq!(&echo[..length], b"hello", "{lab}");
        assert_eq!(open.interrupted().await.code(), Some(0), "{lab}");
    }
}

#[tokio::test]
async fn mistakes_are_one_sentence() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    for (args, status, words) in [
        (vec!["open", "nothing"], 2, vec!["nothing", "wirebook labs"]),
        (vec!["open", "icmp-ping"], 2, vec!["icmp-ping", "ws-echo"]),
        (vec!["open", "ws-echo", "--addr", &addr], 1, vec![addr.as_str(), "已被占用", "--addr"]),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_wirebook")).args(&args).kill_on_drop(true).output();
        let output = tokio::time::timeout(Duration::from_secs(10), output).await.unwrap().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(status), "{args:?}: {said}");
        assert!(said.lines().count() == 1 && output.stdout.is_empty(), "{args:?}: {said}");
        assert!(words.iter().all(|word| said.contains(word)), "{args:?}: {said}");
    }
}
