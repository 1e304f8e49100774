//! TCP over the LAN: what a learner will look at first.

use super::bench::{Options, QUIET, Recorded, is_listener_report, parsed, run, tcp};
use api::line::{Impairments, Line};
use api::run::Congestion;
use api::trace::{Fate, FrameId, Kernel, SocketState};
use etherparse::NetSlice;
use lan::{Host, Task};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A server that accepts one connection and echoes it, ready when this returns.
async fn echo(server: &Host, address: IpAddr) -> Task<u64> {
    let (bound, ready) = tokio::sync::oneshot::channel();
    let serving = server.spawn(move || async move {
        let listener = TcpListener::bind((address, 7)).await.expect("bind");
        bound.send(()).expect("client waits");
        let (mut stream, _) = listener.accept().await.expect("accept");
        let (mut read, mut write) = stream.split();
        tokio::io::copy(&mut read, &mut write).await.expect("echo")
    });
    ready.await.expect("server");
    serving
}

/// Sends `bytes` to the echo and returns how many came back.
fn talk(client: &Host, address: IpAddr, bytes: usize) -> Task<usize> {
    client.spawn(move || async move {
        let mut stream = TcpStream::connect((address, 7)).await.expect("connect");
        let (mut read, mut write) = stream.split();
        let (message, mut answer) = (vec![0x55; bytes], vec![0; bytes]);
        // It closes only when all is back, so that ESTABLISHED lasts for a while.
        let (sent, received) = tokio::join!(write.write_all(&message), read.read_exact(&mut answer));
        sent.expect("write");
        received.expect("read");
        write.shutdown().await.expect("shutdown");
        bytes + read.read_to_end(&mut answer).await.expect("read")
    })
}

fn echo_run(options: Options, bytes: usize) -> Recorded {
    let ((), recorded) = run(options, async |mut lan, _control| {
        let server = lan.host("server").expect("server");
        let client = lan.host("client").expect("client");
        let address = server.ipv4().into();
        let serving = echo(&server, address).await;
        assert_eq!(talk(&client, address, bytes).await.expect("client"), bytes);
        assert_eq!(serving.await.expect("server"), bytes as u64);
        lan.settle(QUIET, Duration::from_secs(2)).await;
    });
    assert!(recorded.left_out.is_empty(), "{:?}", recorded.left_out);
    recorded
}

/// States of one host's connection, without repetitions.
fn states(recorded: &Recorded, host: u8) -> Vec<Option<SocketState>> {
    let mut states: Vec<_> = recorded
        .kernel()
        .filter(|(_, kernel)| kernel.host == host && kernel.state != Some(SocketState::Listen))
        .filter(|(_, kernel)| !kernel.remote.ends_with(":0"))
        .map(|(_, kernel)| kernel.state)
        .collect();
    states.dedup();
    states
}

pub(crate) fn echo_shows_the_handshake() {
    let recorded = echo_run(Options::default(), 6);
    let segments: Vec<_> = recorded
        .frames()
        .filter_map(|(_, frame)| Some((frame.from, tcp(frame)?.syn(), tcp(frame)?.ack())))
        .collect();
    assert_eq!(segments[..3], [(1, true, false), (0, true, true), (1, false, true)]);
    let fins = recorded.frames().filter(|(_, frame)| tcp(frame).is_some_and(|tcp| tcp.fin())).count();
    assert_eq!(fins, 2);
    // ARP comes before the first IPv4 packet, and nothing else does.
    let frames = recorded.frames().filter(|(_, frame)| !is_listener_report(frame));
    let kinds: Vec<_> = frames.map(|(_, frame)| parsed(frame).net).collect();
    assert!(matches!(kinds[0], Some(NetSlice::Arp(_))) && matches!(kinds[1], Some(NetSlice::Arp(_))));
    assert!(matches!(kinds[2], Some(NetSlice::Ipv4(_))));
    // Every frame is delivered, exactly once, and events are numbered without gaps.
    let delivered: Vec<_> =
        recorded.deliveries().map(|(_, delivery)| (delivery.frame, delivery.fate)).collect();
    let expected: Vec<_> = recorded.frames().map(|(_, frame)| (frame.frame, Fate::Delivered)).collect();
    assert_eq!(delivered, expected);
    let numbers: BTreeSet<u32> = recorded.events.iter().map(|event| event.seq).collect();
    assert!(numbers.into_iter().eq(0..recorded.events.len() as u32));

    use SocketState::{Established, FinWait1, LastAck, SynReceived, SynSent, TimeWait};
    let client = states(&recorded, 1);
    for state in [SynSent, Established, FinWait1, TimeWait] {
        assert!(client.contains(&Some(state)), "{state:?} is missing in {client:?}");
    }
    let server = states(&recorded, 0);
    for state in [SynReceived, LastAck] {
        assert!(server.contains(&Some(state)), "{state:?} is missing in {server:?}");
    }
    assert!(recorded.kernel().any(|(_, kernel)| kernel.state == Some(SocketState::Listen)));
    // One number for the connection's whole life.
    let numbers: BTreeSet<u32> =
        recorded.kernel().filter(|(_, kernel)| kernel.host == 1).map(|(_, kernel)| kernel.socket).collect();
    assert_eq!(numbers.len(), 1);
}

pub(crate) fn ipv6_works_after_neighbour_discovery() {
    let ((), recorded) = run(Options::default(), async |mut lan, _control| {
        let server = lan.host("server").expect("server");
        let client = lan.host("client").expect("client");
        let address = server.ipv6().into();
        let serving = echo(&server, address).await;
        assert_eq!(talk(&client, address, 100).await.expect("client"), 100);
        serving.await.expect("server");
    });
    let frames = recorded.frames().filter(|(_, frame)| !is_listener_report(frame));
    let kinds: Vec<u8> = frames.map(|(_, frame)| frame.bytes[54]).collect();
    // Neighbour solicitation and advertisement (RFC 4861), types 135 and 136.
    assert_eq!(kinds[..2], [135, 136]);
    assert!(recorded.kernel().any(|(_, kernel)| kernel.remote == "[fd00::1]:7"));
}

pub(crate) fn checksums_are_real_and_frames_have_their_size() {
    let recorded = echo_run(Options::default(), 300_000);
    let mut checked = 0;
    for (_, frame) in recorded.frames() {
        assert!(frame.length <= 1514 && frame.length as usize == frame.bytes.len());
        let packet = parsed(frame);
        if let (Some(NetSlice::Ipv4(ip)), Some(tcp)) = (&packet.net, tcp(frame)) {
            let expected = tcp.to_header().calc_checksum_ipv4(&ip.header().to_header(), tcp.payload());
            assert_eq!(expected.expect("checksum"), tcp.checksum());
            checked += 1;
        }
    }
    assert!(checked > 400, "{checked}");
}

pub(crate) fn same_seed_loses_the_same_frames() {
    let lost = |seed| {
        let lossy = Impairments { loss_percent: 20.0, ..Impairments::default() };
        let options =
            Options { seed, ..Options::default() }.line("client", Line { up: lossy, ..Line::default() });
        let recorded = echo_run(options, 50_000);
        let fates: BTreeMap<FrameId, Fate> =
            recorded.deliveries().map(|(_, delivery)| (delivery.frame, delivery.fate)).collect();
        // Numbers of the lost frames among those of the client.
        let client = recorded.frames().filter(|(_, frame)| frame.from == 1);
        let lost = client.enumerate().filter(|(_, (_, frame))| fates[&frame.frame] == Fate::Lost);
        lost.map(|(index, _)| index).filter(|index| *index < 30).collect::<Vec<usize>>()
    };
    let (first, second, other) = (lost(3), lost(3), lost(4));
    assert!(!first.is_empty());
    assert_eq!(first, second);
    assert_ne!(first, other);
}

/// Segments with data or SYN that were on the wire before, by host.
fn repeated(recorded: &Recorded, host: u8) -> u32 {
    let mut highest: Option<u32> = None;
    let mut count = 0;
    for (_, frame) in recorded.frames().filter(|(_, frame)| frame.from == host) {
        let Some(tcp) = tcp(frame) else { continue };
        let length = tcp.payload().len() as u32 + u32::from(tcp.syn()) + u32::from(tcp.fin());
        if length == 0 {
            continue;
        }
        let end = tcp.sequence_number().wrapping_add(length);
        match highest {
            Some(highest) if end.wrapping_sub(highest).cast_signed() <= 0 => count += 1,
            _ => highest = Some(end),
        }
    }
    count
}

pub(crate) fn recorded_retransmissions_are_the_kernels() {
    let lossy = Impairments { loss_percent: 5.0, delay_ms: 5.0, ..Impairments::default() };
    for seed in [1, 2, 5] {
        let options = Options { seed, ..Options::default() }.line("client", Line::both(lossy.clone()));
        let recorded = echo_run(options, 200_000);
        let mut all = 0;
        for host in [0, 1] {
            let last = |kernel: &Kernel| kernel.tcp.as_ref().map(|tcp| tcp.total_retransmissions);
            let kernel = recorded
                .kernel()
                .filter(|(_, kernel)| kernel.host == host)
                .filter_map(|(_, kernel)| last(kernel))
                .max()
                .expect("tcp info");
            assert_eq!(repeated(&recorded, host), kernel, "seed {seed} host {host}");
            all += kernel;
        }
        println!("  seed {seed}: {all} retransmissions in the trace and in the kernel");
        assert!(all > 0);
    }
}

pub(crate) fn congestion_control_is_pinned() {
    for (congestion, name) in
        [(Congestion::Cubic, "cubic"), (Congestion::Reno, "reno"), (Congestion::Bbr, "bbr")]
    {
        let available = std::fs::read_to_string("/proc/sys/net/ipv4/tcp_available_congestion_control")
            .expect("list of algorithms");
        if !available.contains(name) {
            println!("  SKIPPED: this kernel has no {name}");
            continue;
        }
        let recorded = echo_run(Options { congestion, ..Options::default() }, 10);
        let names: BTreeSet<&str> = recorded
            .kernel()
            .filter_map(|(_, kernel)| Some(kernel.tcp.as_ref()?.congestion.as_str()))
            .collect();
        assert_eq!(names, BTreeSet::from([name]));
    }
}
