//! `/peer/ws-chat` over real sockets: coming and going, bounds, and those who are slow.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use api::peer::{FromRoom, LOBBY, Passed, Said, ToRoom};
use api::run::Tier;
use futures::{SinkExt as _, StreamExt as _};
use server::config::Times;
use tokio::net::TcpSocket;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use super::peer_echo::seen_until;
use super::support::{Client, Stage, soon};

fn text(message: &ToRoom) -> String {
    serde_json::to_string(message).unwrap()
}

pub(crate) fn join(name: &str) -> String {
    text(&ToRoom::Join { name: name.into(), room: LOBBY.into() })
}

pub(crate) fn say(line: &str) -> String {
    text(&ToRoom::Say { text: line.into() })
}

impl Client {
    async fn room(&mut self) -> FromRoom {
        self.json().await
    }

    async fn refused(&mut self) -> String {
        match self.room().await {
            FromRoom::Refused { message } => message,
            other => panic!("{other:?}"),
        }
    }

    async fn said(&mut self) -> Said {
        match self.room().await {
            FromRoom::Said(said) => said,
            other => panic!("{other:?}"),
        }
    }
}

impl Stage {
    /// Somebody in the lobby, and what he was welcomed with.
    async fn guest(&self, name: &str) -> (Client, Vec<String>, Vec<Said>) {
        let mut client = self.peer("/peer/ws-chat").await;
        client.text(&join(name)).await;
        match client.room().await {
            FromRoom::Welcome { room, names, history } if room == LOBBY => (client, names, history),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn people_come_talk_and_go() {
    let stage = Stage::new().await;
    let (mut first, names, history) = stage.guest("甲").await;
    assert_eq!((names, history), (vec!["甲".to_owned()], vec![]));
    first.text(&say("有人吗")).await;
    assert_eq!(first.said().await.number, 1);

    let (mut second, names, history) = stage.guest("乙").await;
    assert_eq!(names, ["甲", "乙"]);
    assert_eq!(history, [Said { number: 1, name: "甲".into(), text: "有人吗".into() }]);
    assert_eq!(first.room().await, FromRoom::Joined { name: "乙".into() });

    second.text(&say("<b>有</b>\u{202e}\n 我")).await;
    let heard = first.said().await;
    assert_eq!(heard, Said { number: 2, name: "乙".into(), text: "<b>有</b>  我".into() });
    assert_eq!(second.said().await, heard);

    // Whether one says goodbye or just goes.
    second.socket.close(None).await.unwrap();
    assert_eq!(first.room().await, FromRoom::Left { name: "乙".into() });
    let (third, ..) = stage.guest("丙").await;
    assert_eq!(first.room().await, FromRoom::Joined { name: "丙".into() });
    drop(third);
    assert_eq!(first.room().await, FromRoom::Left { name: "丙".into() });

    // The room ends with the last one, and its history with it.
    first.socket.close(None).await.unwrap();
    while first.frame().await.is_some() {}
    drop(first);
    let (_, names, history) = stage.guest("丁").await;
    assert_eq!((names, history), (vec!["丁".to_owned()], vec![]));
}

#[tokio::test]
async fn rooms_do_not_hear_each_other() {
    let stage = Stage::new().await;
    let (mut here, ..) = stage.guest("甲").await;
    let mut there = stage.peer("/peer/ws-chat").await;
    there.text(&text(&ToRoom::Join { name: "甲".into(), room: "隔壁".into() })).await;
    assert!(matches!(there.room().await, FromRoom::Welcome { names, .. } if names.len() == 1));
    there.text(&say("这边")).await;
    here.text(&say("那边")).await;
    assert_eq!((there.said().await.text, here.said().await.text), ("这边".into(), "那边".into()));
}

#[tokio::test]
async fn mistakes_get_a_sentence_and_leave_the_socket_open() {
    let stage = Stage::new().await;
    let (_first, ..) = stage.guest("甲").await;
    let mut client = stage.peer("/peer/ws-chat").await;
    let long = "长".repeat(501);
    for wrong in [
        "hello",
        r#"{"shout":{}}"#,
        &say("还没有报名字"),
        &join(""),
        &join("\u{202e}"),
        &join(&"名".repeat(21)),
        &join("甲"),
    ] {
        client.text(wrong).await;
        assert!(!client.refused().await.is_empty(), "{wrong}");
    }
    tokio::time::sleep(Duration::from_millis(1_000)).await;
    client.text(&join("乙")).await;
    assert!(matches!(client.room().await, FromRoom::Welcome { .. }));
    for wrong in [&say(&long), &say(" \n "), &join("丙")] {
        client.text(wrong).await;
        assert!(!client.refused().await.is_empty(), "{wrong}");
    }
    client.text(&say(&long[..500 * 3])).await;
    assert_eq!(client.said().await.text.chars().count(), 500);
    client.socket.send(Message::binary(vec![1])).await.unwrap();
    assert_eq!(client.close_code().await, 1003);
}

#[tokio::test]
async fn who_shouts_is_told_and_then_closed() {
    let stage = Stage::new().await;
    let (mut client, ..) = stage.guest("甲").await;
    for _ in 0..15 {
        client.text(&say("喂")).await;
    }
    let mut answers = HashMap::new();
    for _ in 0..15 {
        let refused = matches!(client.room().await, FromRoom::Refused { .. });
        *answers.entry(refused).or_insert(0) += 1;
    }
    assert!(answers[&false] >= 9 && answers[&true] >= 1, "{answers:?}");
    for _ in 0..200 {
        if client.socket.feed(Message::text(say("喂"))).await.is_err() {
            break;
        }
    }
    let _ = client.socket.flush().await;
    assert_eq!(client.close_code().await, 1008);
}

#[tokio::test]
async fn who_never_says_a_name_is_closed() {
    let times = Times { header_read: Duration::from_millis(200), ..Times::default() };
    let stage = Stage::with(&[], times, Tier::Isolated).await;
    let mut silent = stage.peer("/peer/ws-chat").await;
    assert_eq!(silent.close_code().await, 1008);
}

#[tokio::test]
async fn the_observer_sees_both_directions() {
    let stage = Stage::new().await;
    let (mut observer, id) = stage.observer().await;
    let mut client = stage.peer(&format!("/peer/ws-chat?observer={id}")).await;
    client.text(&join("甲")).await;
    client.text(&say("在吗")).await;
    let _ = (client.room().await, client.said().await);
    let seen = seen_until(&mut observer, |seen| seen.passed == Some(Passed::Sent(1))).await;
    let passed: Vec<_> = seen.iter().filter_map(|seen| seen.passed).collect();
    assert!(passed.contains(&Passed::Received(0)) && passed.contains(&Passed::Received(1)));
}

/// A socket whose kernel takes little and whose owner reads only when asked to.
async fn narrow(stage: &Stage, name: &str) -> Client {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let stream = socket.connect(stage.addr).await.unwrap();
    let mut request = format!("ws://{}/peer/ws-chat", stage.addr).into_client_request().unwrap();
    request.headers_mut().insert("origin", format!("http://{}", stage.addr).parse().unwrap());
    let stream = tokio_tungstenite::MaybeTlsStream::Plain(stream);
    let (socket, _) = tokio_tungstenite::client_async(request, stream).await.unwrap();
    let mut client = Client { socket };
    client.text(&join(name)).await;
    assert!(matches!(client.room().await, FromRoom::Welcome { .. }));
    client
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_is_told_what_he_missed_and_stays() {
    const SPEAKERS: u64 = 12;
    const LINES: u64 = 32;
    let stage = Stage::new().await;
    let (mut quick, ..) = stage.guest("快").await;
    let mut slow = narrow(&stage, "慢").await;
    let long = say(&"话".repeat(490));

    // About 0.6 MB in 384 messages: more than the kernel keeps for `slow`, who reads nothing, and 64 more.
    let mut speakers = tokio::task::JoinSet::new();
    for number in 0..SPEAKERS {
        let (mut speaker, ..) = stage.guest(&format!("甲{number}")).await;
        let long = long.clone();
        speakers.spawn(async move {
            let mut pace = tokio::time::interval(Duration::from_millis(160));
            for _ in 0..LINES {
                // He reads while he waits, or he would be slow himself.
                loop {
                    tokio::select! {
                        _ = pace.tick() => break,
                        message = speaker.socket.next() => drop(message.unwrap().unwrap()),
                    }
                }
                speaker.text(&long).await;
            }
            speaker
        });
    }
    let mut numbers = Vec::new();
    while numbers.len() < (SPEAKERS * LINES) as usize {
        match quick.room().await {
            FromRoom::Said(said) => numbers.push(said.number),
            FromRoom::Joined { .. } | FromRoom::Left { .. } => {}
            other => panic!("the quick reader got {other:?}"),
        }
    }
    assert_eq!(numbers, (1..=SPEAKERS * LINES).collect::<Vec<_>>(), "the quick reader has everything");
    let speakers = speakers.join_all().await;

    // What came plus what he was told he missed is all there was: 12 arrivals and 384 lines.
    let (mut got, mut missed, mut last) = (0, 0, 0);
    let begun = Instant::now();
    while got + missed < SPEAKERS + SPEAKERS * LINES {
        assert!(begun.elapsed() < Duration::from_secs(10), "{got} and {missed}");
        match slow.room().await {
            FromRoom::Lagged { count } => missed += count,
            FromRoom::Said(said) => {
                assert!(said.number > last, "in order");
                (got, last) = (got + 1, said.number);
            }
            FromRoom::Joined { .. } | FromRoom::Left { .. } => got += 1,
            other => panic!("the slow reader got {other:?}"),
        }
    }
    assert!(missed > 0, "he missed some");
    assert_eq!(last, SPEAKERS * LINES, "and has the newest");
    slow.text(&say("我还在")).await;
    soon("his own words", async { while slow.said().await.text != "我还在" {} }).await;
    drop(speakers);
}

#[tokio::test]
async fn a_stalled_reader_does_not_hold_up_the_end() {
    let stage = Stage::new().await;
    let stalled = narrow(&stage, "慢").await;
    let begun = Instant::now();
    stage.stop.cancel();
    soon("end of sockets", stage.state.sockets.closed()).await;
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    drop(stalled);
}
