//! The end: readers are told, sockets closed with 1001, the process is gone in time.

use std::process::Stdio;
use std::time::{Duration, Instant};

use api::live::ServerMessage;
use api::run::Outcome;
use futures::StreamExt as _;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio_tungstenite::tungstenite::Message;

use super::support::{Stage, soon};

#[tokio::test]
async fn readers_are_told_before_their_sockets_close() {
    let stage = Stage::new().await;
    let mut idle = stage.connect().await;
    let mut running = stage.connect().await;
    running.start("tcp-echo").await;
    let mut puppet = stage.puppet().await;
    stage.stop.cancel();
    let runs = stage.state.runs.clone();
    let end = tokio::spawn(async move { runs.shutdown().await });
    assert_eq!(idle.close_code().await, 1001);
    assert_eq!(soon("stop", puppet.commands.recv()).await, Some(api::run::ToRun::Stop));
    drop(puppet);
    let (_, last) = running.until_finished().await;
    assert!(matches!(
        last,
        ServerMessage::Finished { outcome: Outcome::Broken { .. } | Outcome::Stopped { .. }, .. }
    ));
    assert_eq!(running.close_code().await, 1001);
    soon("end of runs", end).await.unwrap();
    soon("end of sockets", stage.state.sockets.closed()).await;
}

#[tokio::test]
async fn a_run_that_does_not_stop_is_dropped() {
    let stage = Stage::new().await;
    let mut client = stage.connect().await;
    client.start("tcp-echo").await;
    let _puppet = stage.puppet().await;
    let begun = Instant::now();
    stage.stop.cancel();
    soon("end of runs", stage.state.runs.shutdown()).await;
    assert!(begun.elapsed() < Duration::from_secs(4));
    let (_, last) = client.until_finished().await;
    assert!(matches!(last, ServerMessage::Finished { outcome: Outcome::Stopped { .. }, .. }));
    assert_eq!(client.close_code().await, 1001);
}

/// The real program, told to end by SIGTERM with sockets open.
#[tokio::test]
async fn sigterm_ends_the_process_within_five_seconds() {
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
    let mut sockets = Vec::new();
    for path in ["live", "live", "peer/ws-echo", "peer/ws-chat", "peer/observe"] {
        use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
        let mut request = format!("ws://{addr}/{path}").into_client_request().unwrap();
        request.headers_mut().insert("origin", format!("http://{addr}").parse().unwrap());
        sockets.push(tokio_tungstenite::connect_async(request).await.unwrap().0);
    }
    let begun = Instant::now();
    let id = i32::try_from(server.id().unwrap()).unwrap();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(id), nix::sys::signal::Signal::SIGTERM).unwrap();
    for socket in &mut sockets {
        let code = loop {
            match soon("close frame", socket.next()).await {
                Some(Ok(Message::Close(Some(frame)))) => break u16::from(frame.code),
                Some(Ok(_)) => {}
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(code, 1001);
    }
    let status = soon("end of the process", server.wait()).await.unwrap();
    assert!(status.success(), "{status}");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_dribbled_request_is_cut_off() {
    let times = server::config::Times { header_read: Duration::from_millis(200), ..Default::default() };
    let stage = Stage::with(&[], times, api::run::Tier::Isolated).await;
    let mut socket = tokio::net::TcpStream::connect(stage.addr).await.unwrap();
    socket.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ").await.unwrap();
    let mut answer = Vec::new();
    // Whether with 408 or without a word: the connection ends.
    let _ = soon("end of the connection", socket.read_to_end(&mut answer)).await;
}
