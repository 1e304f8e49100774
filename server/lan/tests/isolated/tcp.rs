//! TCP over the LAN.

use super::bench::{Options, QUIET, run};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

pub fn echo_shows_the_handshake() {
    let ((), recorded) = run(Options::default(), async |mut lan, _control| {
        let server = lan.host("server").expect("server");
        let client = lan.host("client").expect("client");
        let address = (server.ipv4(), 7);
        let (bound, ready) = tokio::sync::oneshot::channel();
        let serving = server.spawn(move || async move {
            let listener = TcpListener::bind(address).await.expect("bind");
            bound.send(()).expect("client waits");
            let (mut stream, _) = listener.accept().await.expect("accept");
            let mut text = String::new();
            stream.read_to_string(&mut text).await.expect("read");
            stream.write_all(text.as_bytes()).await.expect("write");
        });
        ready.await.expect("server");
        let answer = client.spawn(move || async move {
            let mut stream = TcpStream::connect(address).await.expect("connect");
            stream.write_all("你好".as_bytes()).await.expect("write");
            stream.shutdown().await.expect("shutdown");
            let mut text = String::new();
            stream.read_to_string(&mut text).await.expect("read");
            text
        });
        assert_eq!(answer.await.expect("client"), "你好");
        serving.await.expect("server");
        lan.settle(QUIET, Duration::from_secs(1)).await;
    });
    recorded.print();
}
