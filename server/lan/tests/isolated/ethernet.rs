//! Broadcast, multicast, segments and routers.

use super::bench::{Options, PATIENCE, QUIET, destination, is_listener_report, parsed, run, udp};
use etherparse::{NetSlice, TransportSlice};
use lan::{Host, Lan, Segment, Task};
use std::net::{Ipv4Addr, UdpSocket};
use std::time::Duration;

const GROUP: Ipv4Addr = Ipv4Addr::new(239, 1, 2, 3);

/// A receiver on port 9, ready when this returns; tells what it got.
async fn receiver(host: &Host, group: Option<Ipv4Addr>) -> Task<Option<String>> {
    let (bound, ready) = tokio::sync::oneshot::channel();
    let own = host.ipv4();
    let task = host.spawn_blocking(move || {
        let socket = UdpSocket::bind("0.0.0.0:9").expect("bind");
        if let Some(group) = group {
            socket.join_multicast_v4(&group, &own).expect("join");
        }
        socket.set_read_timeout(Some(PATIENCE)).expect("timeout");
        bound.send(()).expect("sender waits");
        let mut buffer = [0; 100];
        let (length, _) = socket.recv_from(&mut buffer).ok()?;
        Some(String::from_utf8_lossy(&buffer[..length]).into_owned())
    });
    ready.await.expect("receiver");
    task
}

fn send(host: &Host, to: Ipv4Addr) -> Task<()> {
    // The source address names the interface: 255.255.255.255 has no route.
    let from = host.ipv4();
    host.spawn_blocking(move || {
        let socket = UdpSocket::bind((from, 0)).expect("bind");
        socket.set_broadcast(true).expect("broadcast");
        socket.send_to("大家好".as_bytes(), (to, 9)).expect("send");
    })
}

pub(crate) fn a_broadcast_reaches_everybody() {
    let ((), recorded) = run(Options::default(), async |mut lan: Lan, _control| {
        let hosts: Vec<Host> = ["a", "b", "c", "d"].map(|name| lan.host(name).expect(name)).into();
        for to in [hosts[0].broadcast(), Ipv4Addr::BROADCAST] {
            let mut receivers = Vec::new();
            for host in &hosts[1..] {
                receivers.push(receiver(host, None).await);
            }
            send(&hosts[0], to).await.expect("send");
            for task in receivers {
                assert_eq!(task.await.expect("receiver").as_deref(), Some("大家好"));
            }
        }
    });
    let (_, frame) = recorded.frames().find(|(_, frame)| udp(frame).is_some()).expect("frame");
    assert_eq!(destination(frame), [0xff; 6]);
    let to: Vec<_> = recorded
        .deliveries()
        .filter(|(_, delivery)| delivery.frame == frame.frame)
        .map(|(_, delivery)| delivery.to)
        .collect();
    assert_eq!(to, [Some(1), Some(2), Some(3)]);
}

pub(crate) fn multicast_reaches_members_and_igmp_is_seen() {
    let ((), recorded) = run(Options::default(), async |mut lan: Lan, _control| {
        let hosts: Vec<Host> = ["a", "b", "c", "d"].map(|name| lan.host(name).expect(name)).into();
        let members = [receiver(&hosts[1], Some(GROUP)).await, receiver(&hosts[2], Some(GROUP)).await];
        let stranger = receiver(&hosts[3], None).await;
        send(&hosts[0], GROUP).await.expect("send");
        for task in members {
            assert_eq!(task.await.expect("member").as_deref(), Some("大家好"));
        }
        assert_eq!(stranger.await.expect("stranger"), None);
        lan.settle(QUIET, Duration::from_secs(1)).await;
    });
    let (_, frame) = recorded.frames().find(|(_, frame)| udp(frame).is_some()).expect("frame");
    // RFC 1112 section 6.4: the low 23 bits of the group.
    assert_eq!(destination(frame), [0x01, 0x00, 0x5e, 1, 2, 3]);
    let igmp: Vec<u8> = recorded
        .frames()
        .filter(|(_, frame)| matches!(parsed(frame).transport, Some(TransportSlice::Igmp(_))))
        .map(|(_, frame)| frame.from)
        .collect();
    assert!(igmp.contains(&1) && igmp.contains(&2) && !igmp.contains(&3), "{igmp:?}");
}

pub(crate) fn a_router_forwards_with_one_hop_less() {
    let ((), recorded) = run(Options::default(), async |mut lan: Lan, _control| {
        let far = lan.segment();
        let client = lan.host("client").expect("client");
        let router = lan.router("router", &[Segment::FIRST, far]).expect("router");
        let server = lan.host_on("server", far).expect("server");
        assert_eq!(server.ipv4(), Ipv4Addr::new(10, 0, 1, 3));
        assert_eq!((router.ipv4(), router.interface()), (Ipv4Addr::new(10, 0, 0, 2), "eth0"));
        let waiting = receiver(&server, None).await;
        send(&client, server.ipv4()).await.expect("send");
        assert_eq!(waiting.await.expect("server").as_deref(), Some("大家好"));
        let v6 = (server.ipv6(), 10);
        let listening = server.spawn(move || async move {
            let socket = tokio::net::UdpSocket::bind(v6).await.expect("bind");
            socket.recv_from(&mut [0; 10]).await.expect("receive").1
        });
        let sending = client.spawn(move || async move {
            let socket = tokio::net::UdpSocket::bind("[::]:0").await.expect("bind");
            for _ in 0..20 {
                socket.send_to(b"6", v6).await.expect("send");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        assert_eq!(listening.await.expect("server").ip(), std::net::IpAddr::V6(client.ipv6()));
        sending.await.expect("client");
    });
    let hops: Vec<(u8, u8, u8)> = recorded
        .frames()
        .filter(|(_, frame)| udp(frame).is_some_and(|udp| udp.destination_port() == 9))
        .filter_map(|(_, frame)| match parsed(frame).net {
            Some(NetSlice::Ipv4(ip)) => Some((frame.from, frame.segment, ip.header().ttl())),
            _ => None,
        })
        .collect();
    assert_eq!(hops, [(0, 0, 64), (1, 1, 63)]);
    assert_eq!(recorded.hosts[1].interfaces.len(), 2);
    assert_eq!(recorded.hosts[1].interfaces[1].mac.as_deref(), Some("02:00:00:00:01:02"));
}

pub(crate) fn an_idle_network_is_silent() {
    let ((), recorded) = run(Options::default(), async |mut lan: Lan, _control| {
        for name in ["a", "b", "c"] {
            // Cables are plugged in when the first code runs.
            lan.host(name).expect(name).spawn(|| async {}).await.expect(name);
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
    });
    assert_eq!(recorded.frames().filter(|(_, frame)| !is_listener_report(frame)).count(), 0);
}

pub(crate) fn nothing_outside_the_lan_can_be_reached() {
    let ((), _) = run(Options::default(), async |mut lan: Lan, _control| {
        let host = lan.host("a").expect("a");
        let outcome = host.spawn_blocking(|| {
            ["1.1.1.1:53", "127.0.0.1:22", "169.254.169.254:80"]
                .map(|address| std::net::TcpStream::connect(address).map_err(|error| error.kind()))
                .map(|result| result.expect_err("connected"))
        });
        let errors = outcome.await.expect("host");
        assert_eq!(errors[0], std::io::ErrorKind::NetworkUnreachable);
        assert_eq!(errors[1], std::io::ErrorKind::ConnectionRefused);
    });
}
