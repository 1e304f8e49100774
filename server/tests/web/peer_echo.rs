//! `/peer/ws-echo` and its observer, over real sockets.

use std::time::{Duration, Instant};

use api::peer::{FromObserver, Passed, Seen, ToObserver};
use api::run::Tier;
use futures::SinkExt as _;
use server::config::Times;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};

use super::support::{Client, Stage, soon};

const PATHS: [&str; 3] = ["/peer/ws-echo", "/peer/ws-chat", "/peer/observe"];

impl Stage {
    /// A socket opened by one of our own pages.
    pub(crate) async fn peer(&self, path: &str) -> Client {
        self.open(path, Some(&format!("http://{}", self.addr))).await.unwrap()
    }

    /// An observer and its id.
    pub(crate) async fn observer(&self) -> (Client, String) {
        let mut client = self.peer("/peer/observe").await;
        match client.json().await {
            FromObserver::Hello { observer } => (client, observer),
            other => panic!("{other:?}"),
        }
    }
}

/// The next events the observer tells, until one satisfies `last`.
pub(crate) async fn seen_until(observer: &mut Client, last: impl Fn(&Seen) -> bool) -> Vec<Seen> {
    let mut seen = Vec::new();
    while !seen.last().is_some_and(&last) {
        match observer.json().await {
            FromObserver::Seen { events } => seen.extend(events),
            other => panic!("{other:?}"),
        }
    }
    seen
}

#[tokio::test]
async fn only_our_own_pages_and_only_so_many() {
    let stage = Stage::with(&["--max-connections", "3"], Times::default(), Tier::Isolated).await;
    for path in PATHS {
        for foreign in [None, Some("http://evil.example"), Some("null")] {
            assert_eq!(stage.open(path, foreign).await.err(), Some(403), "{path} {foreign:?}");
        }
    }
    let _live = stage.connect().await;
    let (_echo, _chat) = (stage.peer(PATHS[0]).await, stage.peer(PATHS[1]).await);
    let ours = format!("http://{}", stage.addr);
    soon("three sockets", async {
        while stage.state.sockets.open() < 3 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    // The fourth TCP connection waits for a place of its own, so a place has to become free first.
    drop(_live);
    soon("a free place", async {
        while stage.state.sockets.open() > 2 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(stage.open(PATHS[2], Some(&ours)).await.is_ok());
}

#[tokio::test]
async fn every_message_comes_back_as_it_was() {
    let stage = Stage::new().await;
    let mut client = stage.peer("/peer/ws-echo").await;
    for message in [Message::text("你好"), Message::text(""), Message::binary(vec![0, 1, 255])] {
        client.socket.send(message.clone()).await.unwrap();
        assert_eq!(client.frame().await, Some(message));
    }
    // In pieces, cut in the middle of a character, with a Ping in between.
    let bytes = "你好".as_bytes();
    let first = Frame::message(bytes[..2].to_vec(), OpCode::Data(Data::Text), false);
    let second = Frame::message(bytes[2..].to_vec(), OpCode::Data(Data::Continue), true);
    client.socket.send(Message::Frame(first)).await.unwrap();
    client.socket.send(Message::Ping("p".into())).await.unwrap();
    client.socket.send(Message::Frame(second)).await.unwrap();
    assert_eq!(client.frame().await, Some(Message::Pong("p".into())));
    assert_eq!(client.frame().await, Some(Message::text("你好")));
}

#[tokio::test]
async fn every_end_has_its_code() {
    let stage = Stage::new().await;
    let mut normal = stage.peer("/peer/ws-echo").await;
    let frame = CloseFrame { code: CloseCode::Library(4000), reason: "再见".into() };
    normal.socket.close(Some(frame.clone())).await.unwrap();
    assert_eq!(normal.frame().await, Some(Message::Close(Some(frame))));
    assert_eq!(normal.frame().await, None);

    let mut long = stage.peer("/peer/ws-echo").await;
    long.socket.send(Message::binary(vec![0; 16 * 1024])).await.unwrap();
    assert_eq!(long.frame().await, Some(Message::binary(vec![0; 16 * 1024])));
    long.socket.send(Message::binary(vec![0; 16 * 1024 + 1])).await.unwrap();
    assert_eq!(long.close_code().await, 1009);

    let mut garbled = stage.peer("/peer/ws-echo").await;
    let frame = Frame::message(vec![0xff, 0xfe], OpCode::Data(Data::Text), true);
    garbled.socket.send(Message::Frame(frame)).await.unwrap();
    assert_eq!(garbled.close_code().await, 1007);

    let mut disorderly = stage.peer("/peer/ws-echo").await;
    let frame = Frame::message(vec![1], OpCode::Data(Data::Continue), true);
    disorderly.socket.send(Message::Frame(frame)).await.unwrap();
    assert_eq!(disorderly.close_code().await, 1002);
}

#[tokio::test]
async fn who_sends_too_fast_waits_and_loses_nothing() {
    let stage = Stage::new().await;
    let mut client = stage.peer("/peer/ws-echo").await;
    let begun = Instant::now();
    for number in 0..60 {
        client.socket.feed(Message::text(number.to_string())).await.unwrap();
    }
    client.socket.flush().await.unwrap();
    for number in 0..60 {
        assert_eq!(client.frame().await, Some(Message::text(number.to_string())));
    }
    assert!(
        begun.elapsed() > Duration::from_millis(800),
        "{:?}: 40 at once, then 20 a second",
        begun.elapsed()
    );
}

#[tokio::test]
async fn an_observer_sees_what_the_code_does() {
    let stage = Stage::new().await;
    let (mut observer, id) = stage.observer().await;
    let mut client = stage.peer(&format!("/peer/ws-echo?observer={id}")).await;
    let mut unseen = stage.peer("/peer/ws-echo?observer=nobody").await;
    unseen.text("没有人看").await;
    unseen.frame().await;
    for text in ["一", "二二"] {
        client.text(text).await;
        client.frame().await;
    }
    client.socket.close(None).await.unwrap();
    client.frame().await;
    let seen = seen_until(&mut observer, |seen| seen.code.message == "连接结束").await;
    let passed: Vec<_> = seen.iter().filter_map(|seen| seen.passed).collect();
    assert_eq!(passed, [Passed::Received(0), Passed::Sent(0), Passed::Received(1), Passed::Sent(1)]);
    assert!(seen.is_sorted_by_key(|seen| seen.time));
    assert!(
        seen.iter().all(|seen| seen.code.file.as_deref().is_some_and(|file| file.ends_with("peer/echo.rs")))
    );

    // Its clock runs on, and what is seen lies between two looks at it.
    observer.text(&serde_json::to_string(&ToObserver::Clock { probe: 7 }).unwrap()).await;
    let FromObserver::Clock { probe: 7, time } = observer.json().await else { panic!("no clock") };
    assert!(seen.iter().all(|seen| seen.time < time));
    assert!(time < 10_000_000_000);
}

#[tokio::test]
async fn at_shutdown_every_socket_is_told_and_the_observer_sees_it() {
    let stage = Stage::new().await;
    let (mut observer, id) = stage.observer().await;
    let mut echo = stage.peer(&format!("/peer/ws-echo?observer={id}")).await;
    let mut chat = stage.peer(&format!("/peer/ws-chat?observer={id}")).await;
    echo.text("在").await;
    echo.frame().await;
    stage.stop.cancel();
    assert_eq!((echo.close_code().await, chat.close_code().await), (1001, 1001));
    let mut said = 0;
    while said < 2 {
        let FromObserver::Seen { events } = observer.json().await else { panic!("not events") };
        said += events.iter().filter(|seen| seen.code.message.contains("1001")).count();
    }
    assert_eq!(observer.close_code().await, 1001);
    drop((echo, chat, observer));
    soon("end of sockets", stage.state.sockets.closed()).await;
}
