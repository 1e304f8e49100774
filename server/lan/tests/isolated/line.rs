//! What line settings do.

use super::bench::{Options, PATIENCE, QUIET, Recorded, run, udp};
use api::line::{Impairments, Line};
use api::trace::{Body, Delivery, Fate, Lifecycle, Transport};
use lan::{Control, Host, Lan};
use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;

/// Sends `count` numbered datagrams of `size` bytes from one host to the other; returns the numbers that
/// arrived, in order of arrival.
async fn datagrams(from: &Host, to: &Host, count: u32, size: usize, pause: Duration) -> Vec<u32> {
    let address = (to.ipv4(), 9);
    let (bound, ready) = tokio::sync::oneshot::channel();
    let receiving = to.spawn_blocking(move || {
        let socket = UdpSocket::bind(address).expect("bind");
        socket.set_read_timeout(Some(PATIENCE)).expect("timeout");
        bound.send(()).expect("sender waits");
        let mut buffer = [0; 2000];
        let mut numbers = Vec::new();
        while socket.recv(&mut buffer).is_ok() {
            numbers.push(u32::from_be_bytes(buffer[..4].try_into().expect("four bytes")));
        }
        numbers
    });
    ready.await.expect("receiver");
    let sending = from.spawn_blocking(move || {
        let socket = UdpSocket::bind("0.0.0.0:0").expect("bind");
        for number in 0..count {
            let mut datagram = number.to_be_bytes().to_vec();
            datagram.resize(size, 0);
            // A full queue of the kernel's own is not what is tested here.
            let _ = socket.send_to(&datagram, address);
            std::thread::sleep(pause);
        }
    });
    sending.await.expect("sender");
    receiving.await.expect("receiver")
}

fn pair(lan: &mut Lan) -> (Host, Host) {
    (lan.host("a").expect("a"), lan.host("b").expect("b"))
}

fn one_way(impairments: Impairments, count: u32, size: usize, pause: Duration) -> (Vec<u32>, Recorded) {
    // A seed that spares the first frames, so that ARP does not take a second.
    let options =
        Options { seed: 3, ..Options::default() }.line("a", Line { up: impairments, ..Line::default() });
    run(options, async move |mut lan: Lan, _control: Arc<Control>| {
        let (a, b) = pair(&mut lan);
        let numbers = datagrams(&a, &b, count, size, pause).await;
        lan.settle(QUIET, Duration::from_secs(2)).await;
        numbers
    })
}

/// What became of the datagrams, by their number.
fn fates(recorded: &Recorded) -> BTreeMap<u32, Vec<(u64, u64, Delivery)>> {
    let numbers: BTreeMap<u32, (u32, u64)> = recorded
        .frames()
        .filter_map(|(time, frame)| {
            let payload = udp(frame)?.payload();
            Some((frame.frame, (u32::from_be_bytes(payload[..4].try_into().ok()?), time)))
        })
        .collect();
    let mut fates: BTreeMap<u32, Vec<_>> = BTreeMap::new();
    for (time, delivery) in recorded.deliveries() {
        if let Some((number, entered)) = numbers.get(&delivery.frame) {
            fates.entry(*number).or_default().push((*entered, time, delivery.clone()));
        }
    }
    fates
}

pub(crate) fn delay_is_accurate() {
    let late = Impairments { delay_ms: 20.0, ..Impairments::default() };
    let (arrived, recorded) = one_way(late, 200, 100, Duration::from_millis(2));
    assert_eq!(arrived, (0..200).collect::<Vec<_>>());
    let mut errors: Vec<u64> =
        fates(&recorded).values().map(|fates| fates[0].1 - fates[0].0 - 20_000_000).collect();
    errors.sort_unstable();
    let (median, p95) = (errors[100] / 1000, errors[190] / 1000);
    println!("  delay error: p50 {median} µs, p95 {p95} µs");
    assert!(median < 1_000, "p50 {median} µs");
    // The arrow can be drawn before the frame is there.
    let due =
        recorded.frames().find_map(|(time, frame)| Some(frame.due? - time).filter(|_| udp(frame).is_some()));
    assert_eq!(due, Some(20_000_000));
}

pub(crate) fn lost_datagrams_are_those_that_do_not_arrive() {
    let lossy = Impairments { loss_percent: 20.0, ..Impairments::default() };
    let (arrived, recorded) = one_way(lossy, 300, 100, Duration::from_micros(100));
    let fates = fates(&recorded);
    let delivered: Vec<u32> = fates
        .iter()
        .filter(|(_, fates)| fates[0].2.fate == Fate::Delivered)
        .map(|(number, _)| *number)
        .collect();
    assert_eq!(arrived, delivered);
    assert!((190..=280).contains(&arrived.len()), "{}", arrived.len());
}

pub(crate) fn duplicates_and_reordering_are_marked() {
    let mixed = Impairments {
        delay_ms: 8.0,
        duplicate_percent: 20.0,
        reorder_percent: 20.0,
        ..Impairments::default()
    };
    let (arrived, recorded) = one_way(mixed, 100, 100, Duration::from_millis(1));
    let fates = fates(&recorded);
    let copies = fates.values().flatten().filter(|(_, _, delivery)| delivery.duplicate).count();
    assert_eq!(arrived.len(), 100 + copies);
    assert!(copies > 5);
    let marked = fates.values().flatten().filter(|(_, _, delivery)| delivery.reordered).count();
    let overtook = arrived.windows(2).filter(|pair| pair[1] < pair[0]).count();
    assert!(marked > 5 && overtook > 5, "{marked} marked, {overtook} seen");
}

pub(crate) fn a_damaged_datagram_is_dropped_by_its_checksum() {
    let noisy = Impairments { corrupt_percent: 30.0, ..Impairments::default() };
    let (arrived, recorded) = one_way(noisy, 100, 1000, Duration::from_micros(200));
    let fates = fates(&recorded);
    let whole: Vec<u32> = fates
        .iter()
        .filter(|(_, fates)| fates[0].2.flipped_bit.is_none())
        .map(|(number, _)| *number)
        .collect();
    // A bit in a field that no checksum covers is not noticed, but there is none here: IPv4 and UDP cover all.
    assert_eq!(arrived, whole);
    assert!(whole.len() < 90);
}

pub(crate) fn a_slow_line_serialises_and_its_queue_overflows() {
    // 1 Mbit/s: a frame of 1042 bytes takes 8.3 ms; 10 of them may wait.
    let slow = Impairments { rate_kbit: 1_000, queue_bytes: 10_420, ..Impairments::default() };
    let (arrived, recorded) = one_way(slow, 30, 1000, Duration::ZERO);
    let fates = fates(&recorded);
    let cut = fates.values().filter(|fates| fates[0].2.fate == Fate::QueueFull).count();
    assert_eq!(arrived.len() + cut, 30);
    assert!((10..=13).contains(&arrived.len()), "{} arrived", arrived.len());
    let times: Vec<u64> =
        fates.values().filter(|fates| fates[0].2.fate == Fate::Delivered).map(|fates| fates[0].1).collect();
    let span = (times[times.len() - 1] - times[0]) as f64 / 1e6;
    let expected = 8.336 * (times.len() - 1) as f64;
    assert!((span - expected).abs() < 5.0, "{span} ms instead of {expected}");
}

pub(crate) fn a_line_changes_during_the_run() {
    let ((before, after), recorded) = run(Options::default(), async |mut lan: Lan, control: Arc<Control>| {
        let (a, b) = pair(&mut lan);
        let before = datagrams(&a, &b, 10, 100, Duration::from_millis(1)).await;
        let dead = Impairments { loss_percent: 100.0, ..Impairments::default() };
        control.set_line("a", Line { up: dead, ..Line::default() }).expect("line");
        let after = datagrams(&a, &b, 10, 100, Duration::from_millis(1)).await;
        assert_eq!(control.set_line("nobody", Line::default()).expect_err("no such host").field, "host");
        let impossible = Impairments { loss_percent: 400.0, ..Impairments::default() };
        let refused = control.set_line("a", Line { down: impossible, ..Line::default() });
        assert_eq!(refused.expect_err("out of bounds").field, "down.loss_percent");
        (before, after)
    });
    assert_eq!((before.len(), after.len()), (10, 0));
    let changes = recorded.events.iter().filter(|event| {
        matches!(&event.body, Body::Lifecycle(Lifecycle::LineChanged { host: 0, line }) if line.up.loss_percent == 100.0)
    });
    assert_eq!(changes.count(), 1);
}

pub(crate) fn a_smaller_mtu_during_the_run_is_a_black_hole() {
    let ((small, large), recorded) = run(Options::default(), async |mut lan: Lan, control: Arc<Control>| {
        let (a, b) = pair(&mut lan);
        let narrow = Impairments { mtu: 576, ..Impairments::default() };
        control.set_line("a", Line { up: narrow, ..Line::default() }).expect("line");
        // 548 bytes of UDP payload fill an IPv4 packet of 576.
        let small = datagrams(&a, &b, 5, 548, Duration::from_millis(1)).await;
        let large = datagrams(&a, &b, 5, 549, Duration::from_millis(1)).await;
        (small, large)
    });
    assert_eq!((small.len(), large.len()), (5, 0));
    let too_big = recorded.deliveries().filter(|(_, delivery)| delivery.fate == Fate::TooBig);
    assert_eq!(too_big.count(), 5);
}

pub(crate) fn an_mtu_from_the_start_makes_fragments() {
    let narrow = Impairments { mtu: 576, ..Impairments::default() };
    let options = Options::default().line("a", Line::both(narrow));
    let (arrived, recorded) = run(options, async |mut lan: Lan, _control| {
        let (a, b) = pair(&mut lan);
        datagrams(&a, &b, 1, 1400, Duration::ZERO).await
    });
    assert_eq!(arrived, [0]);
    let ipv4 = recorded.frames().filter(|(_, frame)| frame.from == 0 && frame.bytes[12..14] == [8, 0]);
    // More-fragments flag and offset in units of 8 bytes (RFC 791 section 3.1).
    let fragments: Vec<u16> =
        ipv4.map(|(_, frame)| u16::from_be_bytes([frame.bytes[20], frame.bytes[21]])).collect();
    assert_eq!(fragments, [0x2000, 0x2000 + 69, 138]);
}

pub(crate) fn what_is_still_travelling_at_the_end_is_told() {
    let far = Impairments { delay_ms: 5_000.0, ..Impairments::default() };
    let options = Options::default().line("a", Line { up: far, ..Line::default() });
    let ((), recorded) = run(options, async |mut lan: Lan, _control| {
        let (a, _b) = pair(&mut lan);
        let socket = a.spawn_blocking(|| {
            let socket = UdpSocket::bind("0.0.0.0:0").expect("bind");
            socket.set_broadcast(true).expect("broadcast");
            socket.send_to(b"late", "10.0.0.255:9").expect("send");
        });
        socket.await.expect("send");
        lan.settle(QUIET, Duration::from_millis(50)).await;
    });
    let (_, sent) = recorded.frames().find(|(_, frame)| udp(frame).is_some()).expect("frame");
    let fates = recorded.deliveries().filter(|(_, delivery)| delivery.frame == sent.frame);
    assert_eq!(fates.map(|(_, delivery)| delivery.fate).collect::<Vec<_>>(), [Fate::StillTravelling]);
}

pub(crate) fn a_full_receive_buffer_shows_as_drops() {
    let ((), recorded) = run(Options::default(), async |mut lan: Lan, _control| {
        let (a, b) = pair(&mut lan);
        let address = (b.ipv4(), 9);
        let lazy = b.spawn_blocking(move || UdpSocket::bind(address).expect("bind"));
        let lazy = lazy.await.expect("b");
        let sending = a.spawn_blocking(move || {
            let socket = UdpSocket::bind("0.0.0.0:0").expect("bind");
            for _ in 0..400 {
                socket.send_to(&[0; 1400], address).expect("send");
                // What waits for ARP has a queue of its own, which is not what is tested here.
                std::thread::sleep(Duration::from_micros(50));
            }
        });
        sending.await.expect("a");
        lan.settle(QUIET, Duration::from_secs(1)).await;
        drop(lazy);
    });
    let full = recorded.kernel().filter(|(_, kernel)| kernel.host == 1 && kernel.transport == Transport::Udp);
    let (drops, waiting) =
        full.map(|(_, kernel)| (kernel.drops, kernel.receive_queue)).max().expect("socket");
    assert!(drops > 0 && waiting > 0, "{drops} drops, {waiting} bytes waiting");
}
