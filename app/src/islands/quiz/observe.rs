//! What a trace says about a prediction: a pure function, the same in the page and in the test that runs every
//! question of the book.

use api::quiz::Observe;
use api::run::Tier;
use api::trace::{Body, Fate, Lifecycle, Trace};
use dissect::{Conversations, Hints, dissect};
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU8;

/// Why a trace does not decide a prediction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undecided {
    /// Tier `loopback`: there are no frames, or line settings that had no effect.
    Loopback,
    /// Not everything was recorded.
    LeftOut,
    /// The lab reported nothing under this label.
    NotMeasured,
}

/// The number to compare with a prediction.
///
/// # Errors
/// The trace cannot say.
pub fn observe(trace: &Trace, what: &Observe) -> Result<f64, Undecided> {
    let turned = trace.lines.values().any(|line| !line.up.is_perfect() || !line.down.is_perfect());
    if trace.tier == Tier::Loopback && (what.needs_frames() || turned) {
        return Err(Undecided::Loopback);
    }
    let left_out = &trace.left_out;
    if what.needs_frames() && (left_out.frames > 0 || left_out.frame_bytes > 0) {
        return Err(Undecided::LeftOut);
    }
    let count = match what {
        Observe::Frames => trace.events.iter().filter(|event| matches!(event.body, Body::Frame(_))).count(),
        Observe::Lost => lost(trace),
        Observe::Retransmissions => segments(trace).retransmissions,
        Observe::Handshakes => segments(trace).handshakes(),
        Observe::Measured { label, time } => {
            return measured(trace, label, *time).ok_or(Undecided::NotMeasured);
        }
    };
    Ok(f64::from(u32::try_from(count).unwrap_or(u32::MAX)))
}

fn measured(trace: &Trace, wanted: &str, time: Option<NonZeroU8>) -> Option<f64> {
    let mut values = trace.events.iter().filter_map(|event| match &event.body {
        Body::Lifecycle(Lifecycle::Measured { label, value, .. }) if label == wanted => Some(*value),
        _ => None,
    });
    match time {
        None => values.next_back(),
        Some(time) => values.nth(usize::from(time.get()) - 1),
    }
}

fn lost(trace: &Trace) -> usize {
    let lost = trace.events.iter().filter_map(|event| match &event.body {
        Body::Delivery(delivery) if matches!(delivery.fate, Fate::Lost | Fate::QueueFull | Fate::TooBig) => {
            Some(delivery.frame)
        }
        _ => None,
    });
    lost.collect::<BTreeSet<_>>().len()
}

/// What the TCP segments of a trace amount to.
#[derive(Default)]
struct Segments {
    retransmissions: usize,
    /// By connection: how far its handshake is.
    shaken: BTreeMap<u32, Shaken>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shaken {
    Syn,
    SynAck,
    Ack,
}

impl Segments {
    fn handshakes(&self) -> usize {
        self.shaken.values().filter(|shaken| **shaken == Shaken::Ack).count()
    }
}

const SYN: u16 = 0x02;
const RST: u16 = 0x04;
const ACK: u16 = 0x10;

fn segments(trace: &Trace) -> Segments {
    let (hints, mut conversations) = (Hints::default(), Conversations::new());
    let mut found = Segments::default();
    for event in &trace.events {
        let Body::Frame(frame) = &event.body else { continue };
        let Some(segment) = conversations.push(event.time, &dissect(&frame.bytes, &hints)) else { continue };
        if segment.analysis.retransmission {
            found.retransmissions += 1;
        }
        let known = found.shaken.get(&segment.stream).copied();
        let now = match (known, segment.flags & (SYN | ACK), segment.from_first) {
            (None, SYN, true) => Shaken::Syn,
            (Some(Shaken::Syn), flags, false) if flags == SYN | ACK => Shaken::SynAck,
            (Some(Shaken::SynAck), ACK, true) if segment.flags & RST == 0 => Shaken::Ack,
            _ => continue,
        };
        found.shaken.insert(segment.stream, now);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::line::{Impairments, Line};
    use api::run::Outcome;
    use api::trace::{Delivery, Event, Frame, LeftOut};

    fn trace(bodies: Vec<Body>) -> Trace {
        let events =
            (0..).zip(bodies).map(|(seq, body)| Event { seq, time: u64::from(seq) * 1_000_000, body });
        Trace {
            version: 1,
            id: "a".into(),
            lab: "tcp-echo".into(),
            params: serde_json::Value::Null,
            lines: BTreeMap::new(),
            seed: 1,
            tier: Tier::Isolated,
            started_at_ms: 0,
            hosts: Vec::new(),
            outcome: Outcome::Completed,
            left_out: LeftOut::default(),
            events: events.collect(),
        }
    }

    /// An Ethernet frame with a TCP segment between ports 40000 and 80, one way or the other.
    fn segment(id: u32, forth: bool, seq: u32, ack: u32, flags: u8, payload: &[u8]) -> Body {
        let mut bytes = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0x00];
        let length = u16::try_from(40 + payload.len()).unwrap();
        bytes.extend([0x45, 0, (length >> 8) as u8, length as u8, 0, 0, 0x40, 0, 64, 6, 0, 0]);
        let (here, there) = ([10, 0, 0, 2], [10, 0, 0, 1]);
        let (from, to) = if forth { (here, there) } else { (there, here) };
        bytes.extend(from);
        bytes.extend(to);
        let (source, destination) = if forth { (40_000u16, 80u16) } else { (80, 40_000) };
        bytes.extend(source.to_be_bytes());
        bytes.extend(destination.to_be_bytes());
        bytes.extend(seq.to_be_bytes());
        bytes.extend(ack.to_be_bytes());
        bytes.extend([0x50, flags, 0x20, 0, 0, 0, 0, 0]);
        bytes.extend(payload);
        let length = u32::try_from(bytes.len()).unwrap();
        Body::Frame(Frame { frame: id, from: u8::from(forth), segment: 0, bytes, length, due: None })
    }

    fn delivery(frame: u32, to: Option<u8>, fate: Fate) -> Body {
        Body::Delivery(Delivery { frame, to, fate, reordered: false, duplicate: false, flipped_bit: None })
    }

    fn measured(label: &str, value: f64) -> Body {
        Body::Lifecycle(Lifecycle::Measured { host: None, label: label.into(), value, unit: "个".into() })
    }

    #[test]
    fn segments_are_counted_on_the_wire() {
        let talk = trace(vec![
            segment(0, true, 100, 0, 0x02, b""),
            segment(1, false, 500, 101, 0x12, b""),
            segment(2, true, 101, 501, 0x10, b""),
            segment(3, true, 101, 501, 0x18, b"abc"),
            delivery(3, None, Fate::Lost),
            segment(4, true, 101, 501, 0x18, b"abc"),
            segment(5, false, 501, 104, 0x10, b""),
        ]);
        assert_eq!(observe(&talk, &Observe::Frames), Ok(6.0));
        assert_eq!(observe(&talk, &Observe::Lost), Ok(1.0));
        assert_eq!(observe(&talk, &Observe::Retransmissions), Ok(1.0));
        assert_eq!(observe(&talk, &Observe::Handshakes), Ok(1.0));
    }

    #[test]
    fn a_refused_connection_is_no_handshake() {
        let refused = trace(vec![segment(0, true, 100, 0, 0x02, b""), segment(1, false, 0, 101, 0x14, b"")]);
        assert_eq!(observe(&refused, &Observe::Handshakes), Ok(0.0));
    }

    #[test]
    fn a_frame_lost_for_two_receivers_is_one_frame() {
        let broadcast = trace(vec![
            delivery(0, Some(1), Fate::Lost),
            delivery(0, Some(2), Fate::QueueFull),
            delivery(1, Some(1), Fate::Delivered),
        ]);
        assert_eq!(observe(&broadcast, &Observe::Lost), Ok(1.0));
    }

    #[test]
    fn the_last_measurement_counts_or_the_one_that_is_named() {
        let bodies = vec![measured("回答", 1.0), measured("用时", 9.0), measured("回答", 3.0)];
        let mut trace = trace(bodies);
        let said = |trace: &Trace, what: &str| observe(trace, &what.parse().unwrap());
        assert_eq!(said(&trace, "measured:回答"), Ok(3.0));
        assert_eq!(said(&trace, "measured@1:回答"), Ok(1.0));
        assert_eq!(said(&trace, "measured@2:回答"), Ok(3.0));
        assert_eq!(said(&trace, "measured@3:回答"), Err(Undecided::NotMeasured));
        assert_eq!(said(&trace, "measured:无"), Err(Undecided::NotMeasured));
        trace.tier = Tier::Loopback;
        assert_eq!(said(&trace, "measured:回答"), Ok(3.0));
        let lossy = Line::both(Impairments { loss_percent: 5.0, ..Impairments::default() });
        trace.lines.insert("client".into(), lossy);
        assert_eq!(said(&trace, "measured:回答"), Err(Undecided::Loopback));
    }

    #[test]
    fn without_all_frames_there_is_nothing_to_count() {
        let mut trace = trace(Vec::new());
        trace.left_out.frames = 1;
        assert_eq!(observe(&trace, &Observe::Frames), Err(Undecided::LeftOut));
        trace.tier = Tier::Loopback;
        assert_eq!(observe(&trace, &Observe::Frames), Err(Undecided::Loopback));
    }
}
