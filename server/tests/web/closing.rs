//! How the server closes: whoever is still sending hears the reason all the same, and never sees a reset.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use api::peer::{FromRoom, ToRoom};
use axum::Router;
use axum::extract::ws::{CloseFrame, Message, WebSocketUpgrade};
use axum::routing::any;
use server::config::Times;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::support::{Stage, soon};

const MIB: usize = 1 << 20;

/// Sends a whole binary message of `length` bytes in pieces, whatever the server does meanwhile; then everything that
/// came after the head of the answer to the upgrade. `Err` if the connection was reset at any time.
async fn send_slowly(addr: SocketAddr, path: &str, length: usize) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(addr).await?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {addr}\r\nOrigin: http://{addr}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
    // FIN, binary; masked with zeros, length in 64 bits (RFC 6455, section 5.2).
    stream.write_all(&[0x82, 0xff]).await?;
    stream.write_all(&(length as u64).to_be_bytes()).await?;
    stream.write_all(&[0; 4]).await?;
    let piece = vec![0; MIB / 16];
    for _ in 0..length / piece.len() {
        stream.write_all(&piece).await?;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    stream.shutdown().await?;
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await?;
    Ok(rest)
}

/// The code of the Close frame at the end of what a server sent (unmasked, shorter than 126 bytes).
fn close_code(bytes: &[u8]) -> Option<u16> {
    let mut rest = bytes;
    loop {
        let [first, length @ ..=125, after @ ..] = rest else { return None };
        let (payload, next) = after.split_at_checked(usize::from(*length))?;
        if *first == 0x88 {
            return next.is_empty().then(|| u16::from_be_bytes([payload[0], payload[1]]));
        }
        rest = next;
    }
}

#[tokio::test]
async fn who_still_sends_a_message_that_is_too_long_hears_1009() {
    let stage = Stage::new().await;
    for path in ["/live", "/peer/ws-echo", "/peer/ws-chat", "/peer/observe"] {
        let rest = soon("end of the connection", send_slowly(stage.addr, path, 4 * MIB)).await;
        let rest = rest.unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(close_code(&rest), Some(1009), "{path}: {rest:?}");
    }
    soon("end of sockets", stage.state.sockets.closed()).await;
}

/// The listener does it, not the sessions: also for a route that only says its code and goes.
#[tokio::test]
async fn so_does_any_other_route_behind_the_listener() {
    let route = any(|upgrade: WebSocketUpgrade| async move {
        server::sockets::tune(upgrade).on_upgrade(|mut socket| async move {
            if let Some(Err(error)) = socket.recv().await
                && let Some((code, reason)) = server::sockets::blame(&error)
            {
                let frame = CloseFrame { code, reason: reason.into() };
                let _ = socket.send(Message::Close(Some(frame))).await;
            }
        })
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let (stop, router) = (CancellationToken::new(), Router::new().route("/", route));
    let serving = tokio::spawn(server::listener::serve(listener, router, 10, Times::default(), stop.clone()));
    let rest = soon("end of the connection", send_slowly(addr, "/", 4 * MIB)).await.unwrap();
    assert_eq!(close_code(&rest), Some(1009), "{rest:?}");
    stop.cancel();
    soon("end of the listener", serving).await.unwrap();
}

/// What is discarded has an end, in bytes as in time.
#[tokio::test]
async fn nobody_is_listened_to_for_ever() {
    let stage = Stage::new().await;
    let begun = Instant::now();
    let sent = soon("end of the connection", send_slowly(stage.addr, "/peer/ws-echo", 64 * MIB)).await;
    assert!(sent.is_err(), "64 MiB were taken in {:?}", begun.elapsed());
}

/// A person whose connection breaks has left the room at once, not when the next ping fails.
#[tokio::test]
async fn a_reset_is_noticed_at_once() {
    let stage = Stage::new().await;
    let mut stays = stage.peer("/peer/ws-chat").await;
    let mut breaks = stage.peer("/peer/ws-chat").await;
    for (client, name) in [(&mut stays, "甲"), (&mut breaks, "乙")] {
        let join = ToRoom::Join { name: name.into(), room: "断线".into() };
        client.text(&serde_json::to_string(&join).unwrap()).await;
        client.json::<FromRoom>().await;
    }
    assert!(matches!(stays.json().await, FromRoom::Joined { .. }));
    let tokio_tungstenite::MaybeTlsStream::Plain(stream) = breaks.socket.get_ref() else { panic!("no TCP") };
    socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO)).unwrap();
    drop(breaks);
    assert!(matches!(stays.json().await, FromRoom::Left { .. }));
}
