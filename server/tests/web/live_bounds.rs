//! What the live socket refuses, and what it does with readers who are slow, loud or gone.

use std::time::Duration;

use api::live::{ClientMessage, ServerMessage};
use api::run::Tier;
use server::config::Times;
use tokio_tungstenite::tungstenite::Message;

use super::support::{Stage, soon, start};
use futures::SinkExt as _;

#[tokio::test]
async fn foreign_pages_are_refused() {
    let stage = Stage::with(&["--origins", "https://book.example"], Times::default(), Tier::Isolated).await;
    let port = stage.addr.port();
    for foreign in [None, Some("http://evil.example"), Some("null"), Some("http://127.0.0.1:1")] {
        assert_eq!(stage.connect_from(foreign).await.err(), Some(403), "{foreign:?}");
    }
    assert_eq!(stage.connect_from(Some(&format!("http://localhost:{port}"))).await.err(), Some(403));
    assert!(stage.connect_from(Some(&format!("http://127.0.0.1:{port}"))).await.is_ok());
    assert!(stage.connect_from(Some("https://book.example")).await.is_ok());
}

#[tokio::test]
async fn sockets_are_bounded() {
    let stage = Stage::with(&["--max-connections", "2"], Times::default(), Tier::Isolated).await;
    let (_first, second) = (stage.connect().await, stage.connect().await);
    let origin = format!("http://{}", stage.addr);
    assert_eq!(stage.connect_from(Some(&origin)).await.err(), Some(503));
    drop(second);
    soon("free place", async {
        while stage.state.sockets.open() > 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    stage.connect().await;
}

#[tokio::test]
async fn mistakes_name_the_field_and_leave_the_socket_open() {
    let stage = Stage::new().await;
    let mut client = stage.connect().await;
    let line =
        r#"{"type":"start","request":1,"lab":"tcp-echo","lines":{"client":{"up":{"loss_percent":150}}}}"#;
    let host = r#"{"type":"start","request":1,"lab":"tcp-echo","lines":{"nobody":{}}}"#;
    for (text, field) in [
        ("hello", ""),
        (r#"{"type":"start","request":1}"#, "lab"),
        (r#"{"type":"start","request":1,"lab":"nothing"}"#, "lab"),
        (r#"{"type":"start","request":1,"lab":"tcp-echo","params":{"nothing":1}}"#, "params.nothing"),
        (r#"{"type":"start","request":1,"lab":"tcp-echo","params":7}"#, "params"),
        (line, "lines.client.up.loss_percent"),
        (host, "lines.nobody"),
        (r#"{"type":"stop","run":"x"}"#, "run"),
    ] {
        client.text(text).await;
        let (found, message) = client.error().await;
        assert_eq!(found, field, "{text}: {message}");
        assert!(!message.is_empty());
    }
    client.socket.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    client.error().await;
    client.start("tcp-echo").await;
}

#[tokio::test]
async fn a_message_that_is_too_long_closes_with_1009() {
    let stage = Stage::new().await;
    let mut client = stage.connect().await;
    client.text(&" ".repeat(16 * 1024 + 1)).await;
    assert_eq!(client.close_code().await, 1009);
    let mut other = stage.connect().await;
    other.text(&" ".repeat(16 * 1024)).await;
    assert_eq!(other.error().await.0, "", "16 KiB are fine, only not JSON");
}

#[tokio::test]
async fn a_reader_who_shouts_is_told_and_then_closed() {
    let stage = Stage::new().await;
    let mut client = stage.connect().await;
    for _ in 0..50 {
        client.text("[]").await;
    }
    let mut refused = 0;
    let message = loop {
        let (_, message) = client.error().await;
        if message.contains("频繁") {
            break message;
        }
        refused += 1;
    };
    assert!(message.contains("20") && (40..50).contains(&refused), "{refused}: {message}");
    for _ in 0..600 {
        if client.socket.feed(Message::text("[]")).await.is_err() {
            break;
        }
    }
    let _ = client.socket.flush().await;
    assert_eq!(client.close_code().await, 1008);
}

#[tokio::test]
async fn runs_are_bounded_for_each_reader_and_each_address() {
    let flags = ["--runs-per-reader", "1", "--runs-per-address", "2"];
    let stage = Stage::with(&flags, Times::default(), Tier::Isolated).await;
    let mut first = stage.connect().await;
    first.start("tcp-echo").await;
    let running = stage.puppet().await;
    first.send(&start(2, "tcp-echo")).await;
    assert!(first.error().await.1.contains('1'));
    let mut second = stage.connect().await;
    second.start("tcp-echo").await;
    let mut third = stage.connect().await;
    third.send(&start(3, "tcp-echo")).await;
    assert!(third.error().await.1.contains("地址"));
    running.finish().await;
    first.until_finished().await;
    third.start("tcp-echo").await;
}

#[tokio::test]
async fn a_slow_reader_is_thinned_and_nobody_else_notices() {
    let times = Times { lag: Duration::from_millis(50), ..Times::default() };
    let stage = Stage::with(&[], times, Tier::Isolated).await;
    let mut quick = stage.connect().await;
    let run = quick.start("tcp-echo").await;
    let puppet = stage.puppet().await;
    let mut slow = stage.connect().await;
    slow.send(&ClientMessage::Watch { run, after_seq: None }).await;
    assert!(matches!(slow.next().await, ServerMessage::Started { .. }));

    // About 20 MB, more than all buffers between here and there, while `slow` reads nothing.
    let total = 10_000;
    let mut seqs = Vec::new();
    for from in (0..total).step_by(100) {
        puppet.events(from, from + 100, 2_000).await;
        while seqs.len() < from as usize + 100 {
            match quick.next().await {
                ServerMessage::Events { events, .. } => seqs.extend(events.iter().map(|event| event.seq)),
                other => panic!("unexpected {other:?}"),
            }
        }
    }
    assert_eq!(seqs, (0..total).collect::<Vec<_>>(), "the quick reader has everything, and at once");
    puppet.finish().await;
    quick.until_finished().await;

    let (mut received, mut thinned) = (0, 0);
    loop {
        match slow.next().await {
            ServerMessage::Events { events, .. } => received += u32::try_from(events.len()).unwrap(),
            ServerMessage::Thinned { events, .. } => thinned += events,
            ServerMessage::Finished { trace, .. } => {
                assert!(trace.is_some());
                break;
            }
            other => panic!("unexpected {other:?}"),
        }
    }
    assert!(thinned > 0, "the slow reader was thinned");
    assert_eq!(received + thinned, total, "and told about every event");
}

#[tokio::test]
async fn a_peer_that_is_gone_is_noticed() {
    let times =
        Times { ping: Duration::from_millis(50), idle: Duration::from_millis(300), ..Times::default() };
    let stage = Stage::with(&[], times, Tier::Isolated).await;
    // This one answers pings only while it is read from.
    let silent = stage.connect().await;
    let mut alive = stage.connect().await;
    soon("closing of the silent socket", async {
        while stage.state.sockets.open() > 1 {
            let _ =
                tokio::time::timeout(Duration::from_millis(20), futures::StreamExt::next(&mut alive.socket))
                    .await;
        }
    })
    .await;
    drop(silent);
    alive.start("tcp-echo").await;
}

#[tokio::test]
async fn the_close_handshake_is_completed() {
    let stage = Stage::new().await;
    let mut client = stage.connect().await;
    client.socket.close(None).await.unwrap();
    assert!(matches!(client.frame().await, Some(Message::Close(_))), "our close frame is answered");
    assert!(client.frame().await.is_none(), "and then the connection ends");
}
