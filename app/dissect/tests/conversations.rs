//! Connections followed across frames, against what `tshark` makes of them.

mod support;

use support::build::{ACK, FIN, IP_1, IP_2, Ipv4, PSH, RST, SYN, Tcp, hex, seal};
use support::capture::{Frame, TemporaryPcap};
use support::random::Random;
use support::{judgements, pdml};

/// One direction of a made-up conversation.
struct Side {
    port: u16,
    next: u32,
    window: u16,
    /// Segments sent and not acknowledged: start and length.
    sent: Vec<(u32, usize)>,
}

/// Makes up conversations in which every rule applies now and then.
fn conversations(seed: u64) -> Vec<Frame> {
    let mut random = Random::new(seed);
    let mut frames = Vec::new();
    let mut time = 1_000_000_000;
    for port in 0..12 {
        let mut sides = [(40_000 + port, 0), (50_000, 0)].map(|(port, _)| Side {
            port,
            next: 0,
            window: 64_000,
            sent: Vec::new(),
        });
        for side in &mut sides {
            side.next = random.next() as u32;
        }
        let scaled = random.below(2) == 0;
        let mut send =
            |time: u64, sides: &[Side; 2], from: usize, flags: u16, seq: u32, ack: u32, data: usize| {
                let options = if flags & SYN != 0 && scaled { hex("020405b4 01030307") } else { Vec::new() };
                let segment = Tcp {
                    source: sides[from].port,
                    destination: sides[1 - from].port,
                    seq,
                    ack,
                    flags,
                    window: sides[from].window,
                    options,
                    data: vec![b'x'; data],
                    ..Tcp::default()
                };
                let (mut bytes, ends) = (segment.segment(), [IP_1, IP_2]);
                seal(&mut bytes, 16, &ends[from], &ends[1 - from], 6);
                let header = Ipv4 { from: ends[from], to: ends[1 - from], ..Ipv4::new(6) };
                frames.push(Frame { time, bytes: header.frame(&bytes) });
            };
        // The handshake, sometimes with a SYN repeated.
        let first = sides[0].next;
        for _ in 0..1 + random.below(2) {
            send(time, &sides, 0, SYN, first, 0, 0);
            time += 40_000_000;
        }
        sides[0].next = first.wrapping_add(1);
        let second = sides[1].next;
        send(time, &sides, 1, SYN | ACK, second, sides[0].next, 0);
        sides[1].next = second.wrapping_add(1);
        time += [100_000, 10_000_000][random.below(2)];
        send(time, &sides, 0, ACK, sides[0].next, sides[1].next, 0);
        let mut acked = [sides[0].next, sides[1].next];
        for _ in 0..random.below(120) {
            time += [1_000, 500_000, 4_000_000, 25_000_000, 300_000_000][random.below(5)];
            let from = random.below(2);
            let ack = acked[1 - from];
            let seq = sides[from].next;
            match random.below(13) {
                // New data, recorded or lost before the recorder.
                0..=4 => {
                    let size = 1 + random.below(1400);
                    if random.below(12) != 0 {
                        send(time, &sides, from, PSH | ACK, seq, ack, size);
                    }
                    sides[from].sent.push((seq, size));
                    sides[from].next = seq.wrapping_add(size as u32);
                }
                // An old segment again.
                5 | 6 if !sides[from].sent.is_empty() => {
                    let index = random.below(sides[from].sent.len());
                    let (seq, size) = sides[from].sent[index];
                    send(time, &sides, from, ACK, seq, ack, size);
                }
                // Acknowledge some, or repeat the acknowledgment.
                7 => {
                    acked[1 - from] = sides[1 - from].next;
                    send(time, &sides, from, ACK, seq, acked[1 - from], 0);
                }
                8 => {
                    if let Some((start, size)) = sides[1 - from].sent.pop() {
                        acked[1 - from] = start.wrapping_add(size as u32 / 2);
                    }
                    send(time, &sides, from, ACK, seq, acked[1 - from], 0);
                }
                9 => {
                    for _ in 0..random.below(5) {
                        time += 50_000;
                        send(time, &sides, from, ACK, seq, ack, 0);
                    }
                    // What they ask for, perhaps at once.
                    time += [1_000_000, 30_000_000][random.below(2)];
                    send(time, &sides, 1 - from, ACK, ack, acked[from], 100);
                }
                // A new window, perhaps none.
                10 => {
                    sides[from].window = [0, 0, 500, 64_000][random.below(4)];
                    send(time, &sides, from, ACK, seq, ack, 0);
                }
                // Are you there? With or without a byte.
                11 => {
                    send(time, &sides, from, ACK, seq.wrapping_sub(1), ack, random.below(2));
                    time += 100_000;
                    send(time, &sides, 1 - from, ACK, sides[1 - from].next, acked[from], 0);
                }
                // One byte into no window.
                _ => send(time, &sides, from, ACK, seq, ack, 1),
            }
        }
        time += 1_000_000;
        let flags = if random.below(4) == 0 { RST | ACK } else { FIN | ACK };
        send(time, &sides, 0, flags, sides[0].next, acked[1], 0);
        time += 1_000_000;
        send(time, &sides, 1, FIN | ACK, sides[1].next, sides[0].next.wrapping_add(1), 0);
        if random.below(3) == 0 {
            // The same ports again.
            send(time + 1_000, &sides, 0, SYN, sides[0].next.wrapping_add(77_777), 0, 0);
        }
    }
    frames
}

#[test]
fn judgements_are_those_of_tshark() {
    if pdml::left_out() {
        return;
    }
    let mut report = judgements::Report::default();
    for seed in 1..=12 {
        let frames = conversations(seed);
        let capture = TemporaryPcap::new(&format!("conversations-{seed}"), &frames).unwrap();
        judgements::compare(&capture.path, &frames, &mut report).unwrap();
    }
    println!("{} segments, {} differences, {:?}", report.segments, report.differences.len(), report.told);
    assert!(report.differences.is_empty(), "{}", report.differences.join("\n"));
    for name in judgements::COLUMNS {
        assert!(report.told.contains_key(name), "no segment was {name}");
    }
}
