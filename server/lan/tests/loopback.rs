//! Tier `loopback`: the same calls on a machine that permits no namespaces.

#![allow(clippy::unwrap_used, reason = "all of this is a test")]

use api::line::Line;
use api::run::{Congestion, FromRun, Limits, Tier};
use api::trace::{Body, Event, HostInfo, LeftOut, Lifecycle, SocketState};
use lan::{Config, Control, Lan, Recorder, Segment};
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

type Collected = Arc<Mutex<(Vec<HostInfo>, Vec<Event>)>>;

fn run<Fut: Future<Output = ()>>(
    subnet: u16,
    lab: impl FnOnce(Lan, Arc<Control>) -> Fut,
) -> (Vec<HostInfo>, Vec<Event>, LeftOut) {
    let collected = Collected::default();
    let sink = Arc::clone(&collected);
    let recorder = Recorder::new(&Limits::default(), move |message| {
        let mut collected = sink.lock().unwrap();
        match message {
            FromRun::Host { info } => collected.0.push(info),
            FromRun::Events { events } => collected.1.extend(events),
            // The end says it again.
            FromRun::LeftOut { so_far } => assert!(!so_far.is_empty(), "nothing was left out"),
            other => panic!("unexpected message {other:?}"),
        }
    });
    let config = Config {
        tier: Tier::Loopback,
        seed: 1,
        subnet,
        lines: BTreeMap::new(),
        congestion: Congestion::Cubic,
        max_hosts: 16,
    };
    let (inputs, receiver) = tokio::sync::mpsc::channel(8);
    inputs.try_send("第一行".into()).unwrap();
    drop(inputs);
    let (lan, control) = Lan::new(config, recorder, receiver).unwrap();
    let control = Arc::new(control);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(lab(lan, Arc::clone(&control)));
    let left_out = Arc::into_inner(control).unwrap().finish();
    let (hosts, events) = std::mem::take(&mut *collected.lock().unwrap());
    (hosts, events, left_out)
}

#[test]
fn hosts_talk_and_their_sockets_are_seen() {
    let (hosts, events, left_out) = run(0x0203, async |mut lan, _control| {
        let server = lan.host("server").unwrap();
        let client = lan.host("client").unwrap();
        assert_eq!(server.ipv4().octets(), [127, 3, 3, 1]);
        assert_eq!((server.interface(), server.mac()), ("lo", [0; 6]));
        let address = (server.ipv4(), 0);
        let (bound, port) = tokio::sync::oneshot::channel();
        let serving = server.spawn(move || async move {
            let listener = TcpListener::bind(address).await.unwrap();
            bound.send(listener.local_addr().unwrap()).unwrap();
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut text = [0; 5];
            stream.read_exact(&mut text).await.unwrap();
            // Long enough for a look at the connection.
            tokio::time::sleep(Duration::from_millis(100)).await;
            stream.write_all(&text).await.unwrap();
        });
        let address = port.await.unwrap();
        let source = (client.ipv4(), 0).into();
        let talking = client.spawn(move || async move {
            let socket = tokio::net::TcpSocket::new_v4().unwrap();
            socket.bind(source).unwrap();
            let mut stream: TcpStream = socket.connect(address).await.unwrap();
            stream.write_all(b"hello").await.unwrap();
            stream.read_exact(&mut [0; 5]).await.unwrap();
        });
        talking.await.unwrap();
        serving.await.unwrap();
        lan.settle(Duration::from_millis(20), Duration::from_secs(1)).await;
        let sampler = lan.sampler(Some(&client));
        let sampling = client.spawn(move || async move { sampler.sampled("读到", 5.0, "字节") });
        sampling.await.unwrap();
        let mut inputs = lan.inputs();
        assert_eq!(inputs.next().await.as_deref(), Some("第一行"));
        assert_eq!(inputs.next().await, None);
    });
    assert!(left_out.is_empty());
    assert_eq!(hosts.len(), 2);
    assert_eq!((hosts[1].interfaces.len(), &hosts[1].interfaces[0].mac), (1, &None));
    let mut seen: Vec<(u8, Option<SocketState>)> = Vec::new();
    for event in &events {
        match &event.body {
            Body::Kernel(kernel) => {
                assert!(kernel.local.starts_with("127.3.3."), "{}", kernel.local);
                seen.push((kernel.host, kernel.state));
            }
            Body::Frame(_) | Body::Delivery(_) => panic!("a frame in tier loopback"),
            _ => {}
        }
    }
    for expected in [(0, SocketState::Listen), (0, SocketState::Established), (1, SocketState::Established)] {
        assert!(seen.contains(&(expected.0, Some(expected.1))), "{expected:?} is missing in {seen:?}");
    }
    let input =
        |event: &Event| matches!(&event.body, Body::Lifecycle(Lifecycle::Input { text }) if text == "第一行");
    assert!(events.iter().any(input));
    let sampled = |event: &Event| {
        let Body::Lifecycle(Lifecycle::Sampled { host, series, value, unit }) = &event.body else {
            return false;
        };
        (*host, series.as_str(), *value, unit.as_str()) == (Some(1), "读到", 5.0, "字节")
    };
    assert!(events.iter().any(sampled));
    assert!(matches!(events[0].body, Body::Lifecycle(Lifecycle::Started { .. })));
}

#[test]
fn a_second_address_belongs_to_its_host() {
    let (hosts, events, _) = run(0x0204, async |mut lan, _control| {
        lan.host("server").unwrap();
        let client = lan.host_with_two_addresses("client").unwrap();
        let second = client.second_ipv4().unwrap();
        assert_eq!(second.octets(), [127, 3, 4, 102]);
        let listening = client.spawn(move || async move {
            let listener = TcpListener::bind((second, 0)).await.unwrap();
            tokio::time::sleep(Duration::from_millis(100)).await;
            drop(listener);
        });
        listening.await.unwrap();
    });
    assert_eq!(hosts[1].interfaces[0].addresses[1].to_string(), "127.3.4.102");
    let listens = |event: &Event| {
        matches!(&event.body, Body::Kernel(kernel)
            if kernel.host == 1 && kernel.local.starts_with("127.3.4.102:"))
    };
    assert!(events.iter().any(listens));
}

#[test]
fn what_needs_the_isolated_tier_says_so() {
    run(1, async |mut lan, control| {
        lan.host("a").unwrap();
        let refused = control.set_line("a", Line::default()).unwrap_err();
        assert!(refused.message.contains("isolated"));
        let second = lan.segment();
        let router = lan.router("router", &[Segment::FIRST, second]).unwrap_err();
        assert!(router.to_string().contains("isolated"));
    });
}

#[test]
fn hosts_have_a_limit_and_names_of_their_own() {
    run(2, async |mut lan, _control| {
        for number in 0..16 {
            lan.host(&format!("host{number}")).unwrap();
        }
        assert!(lan.host("one too many").unwrap_err().to_string().contains("16"));
    });
    run(3, async |mut lan, _control| {
        lan.host("a").unwrap();
        assert!(lan.host("a").is_err() && lan.host("").is_err());
    });
}
