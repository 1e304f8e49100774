//! Hosts as places where code runs, and what is left when they end.

use super::bench::{Options, PATIENCE, run};
use api::run::Limits;
use api::trace::{Body, Lifecycle};
use lan::{Lan, Recorder};
use std::net::Ipv4Addr;
use std::time::Duration;
use tokio::net::UdpSocket;
use tracing_subscriber::layer::SubscriberExt as _;

pub(crate) fn panics_become_errors_and_tasks_can_be_aborted() {
    run(Options::default(), async |mut lan: Lan, _control| {
        let host = lan.host("a").expect("a");
        let panicked = host.spawn(|| async { panic!("第 {} 次", 1) }).await;
        assert!(panicked.map(|(): ()| ()).expect_err("panic").to_string().contains("第 1 次"));
        let panicked = host.spawn_blocking(|| panic!("plain")).await;
        assert!(panicked.map(|(): ()| ()).expect_err("panic").to_string().contains("plain"));
        let endless = host.spawn(std::future::pending::<()>);
        endless.abort();
        assert!(endless.await.is_err());
        // The host still works, also for futures that are not Send.
        let answer = host.spawn(|| async {
            let shared = std::rc::Rc::new(41);
            tokio::task::yield_now().await;
            *shared + 1
        });
        assert_eq!(answer.await.expect("host"), 42);
        assert!(lan.host("a").is_err());
    });
}

pub(crate) fn a_second_address_is_as_good_as_the_first() {
    let ((), recorded) = run(Options::default(), async |mut lan: Lan, _control| {
        let server = lan.host("server").expect("server");
        let client = lan.host_with_two_addresses("client").expect("client");
        assert_eq!(server.second_ipv4(), None);
        let second = client.second_ipv4().expect("a second address");
        assert_eq!(second.octets(), [10, 0, 0, 102]);
        let address = (server.ipv4(), 7);
        let socket = server.spawn(move || UdpSocket::bind(address)).await.expect("server").expect("bind");
        let echo = server.spawn(move || async move {
            let mut from = Vec::new();
            for _ in 0..2 {
                let (length, peer) = socket.recv_from(&mut [0; 8]).await?;
                socket.send_to(&[b'.'; 8][..length], peer).await?;
                from.push(peer.ip());
            }
            std::io::Result::Ok(from)
        });
        for local in [Ipv4Addr::UNSPECIFIED, second] {
            let asking = client.spawn(move || async move {
                let socket = UdpSocket::bind((local, 0)).await?;
                socket.connect(address).await?;
                socket.send(b"who?").await?;
                tokio::time::timeout(PATIENCE, socket.recv(&mut [0; 8])).await?
            });
            assert_eq!(asking.await.expect("client").expect("an answer"), 4);
        }
        let seen = echo.await.expect("server").expect("echo");
        assert_eq!(seen, [client.ipv4(), second].map(std::net::IpAddr::V4));
    });
    let addresses = &recorded.hosts[1].interfaces[0].addresses;
    assert!(addresses.iter().any(|address| address.to_string() == "10.0.0.102"), "{addresses:?}");
}

pub(crate) fn every_thread_of_a_host_is_known_as_its_own() {
    let collected = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let sink = std::sync::Arc::clone(&collected);
    let recorder = Recorder::new(&Limits::default(), move |message| {
        if let api::run::FromRun::Events { events } = message {
            sink.lock().expect("collector").extend(events);
        }
    });
    let subscriber = tracing_subscriber::registry().with(lan::code_layer(recorder.clone(), "isolated"));
    tracing::subscriber::set_global_default(subscriber).expect("first subscriber");
    run(Options::default(), async |mut lan: Lan, _control| {
        let hosts = [lan.host("a").expect("a"), lan.host("b").expect("b")];
        for host in &hosts {
            host.spawn(|| async {
                tracing::info!("async");
                tokio::task::spawn_blocking(|| tracing::info!("tokio blocking")).await.expect("blocking");
            })
            .await
            .expect("host");
            let thread = host.spawn_blocking(|| {
                std::thread::spawn(|| std::thread::spawn(|| tracing::info!("grandchild")).join()).join()
            });
            thread.await.expect("host").expect("thread").expect("thread");
        }
        tracing::info!("orchestration");
    });
    let _ = recorder.close();
    let codes: Vec<_> = collected
        .lock()
        .expect("collector")
        .iter()
        .filter_map(|event| match &event.body {
            Body::Code(code) => Some((code.host, code.message.clone())),
            _ => None,
        })
        .collect();
    let expected: Vec<_> = [Some(0), Some(1)]
        .into_iter()
        .flat_map(|host| ["async", "tokio blocking", "grandchild"].map(|message| (host, message.to_string())))
        .chain([(None, "orchestration".to_string())])
        .collect();
    assert_eq!(codes, expected);
}

pub(crate) fn setting_up_is_fast() {
    let mut times = Vec::new();
    for _ in 0..20 {
        let ((), recorded) = run(Options::default(), async |mut lan: Lan, _control| {
            lan.host("a").expect("a");
            lan.host("b").expect("b");
        });
        times.extend(recorded.events.iter().find_map(|event| match event.body {
            Body::Lifecycle(Lifecycle::Started { setup_us }) => Some(setup_us),
            _ => None,
        }));
    }
    times.sort_unstable();
    println!("  set-up of two hosts: p50 {:.1} ms, max {:.1} ms", ms(times[10]), ms(times[19]));
    assert!(times[10] < 50_000);
}

fn ms(us: u32) -> f64 {
    f64::from(us) / 1000.0
}

pub(crate) fn fifty_lans_in_sequence_leave_nothing() {
    let count = |what: &str| std::fs::read_dir(format!("/proc/self/{what}")).expect(what).count();
    let one = || {
        run(Options::default(), async |mut lan: Lan, _control| {
            let a = lan.host("a").expect("a");
            let b = lan.host("b").expect("b");
            let address = (b.ipv4(), 9);
            let socket =
                b.spawn(move || async move { tokio::net::UdpSocket::bind(address).await.expect("bind") });
            let socket = socket.await.expect("b");
            let sent = a.spawn(move || async move {
                let socket = tokio::net::UdpSocket::bind("0.0.0.0:0").await.expect("bind");
                socket.send_to(b"x", address).await.expect("send")
            });
            assert_eq!(sent.await.expect("a"), 1);
            drop(socket);
        });
    };
    one();
    let before = (count("fd"), count("task"));
    for _ in 0..50 {
        one();
    }
    // A thread that was joined may still be on its way out.
    for _ in 0..100 {
        if (count("fd"), count("task")) == before {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("descriptors and threads: {before:?} before, {:?} after", (count("fd"), count("task")));
}
