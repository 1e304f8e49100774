//! The state of one connection and the rules of judgement.

use super::{Analysis, Ends, Segment};

const FIN: u16 = 1;
const SYN: u16 = 2;
const RST: u16 = 4;
const ACK: u16 = 16;

/// A retransmission this soon after a duplicate acknowledgment is a fast one.
const FAST: u64 = 20_000_000;
/// A segment this late may have been overtaken, as long as the round-trip time is not known.
const OVERTAKEN: u64 = 3_000_000;

/// The peer acknowledged bytes of this side that were never seen: counts as many duplicates (as in Wireshark 4.0).
const UNSEEN: u32 = u32::MAX;

/// A segment as the wire shows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) time: u64,
    pub(super) seq: u32,
    pub(super) ack: u32,
    pub(super) length: u32,
    pub(super) flags: u16,
    pub(super) window: u32,
    pub(super) scale: Option<u8>,
}

impl Seen {
    fn has(&self, flags: u16) -> bool {
        self.flags & flags != 0
    }

    /// SYN and FIN take a sequence number of their own.
    fn next(&self) -> u32 {
        self.seq.wrapping_add(self.length).wrapping_add(u32::from(self.has(SYN | FIN)))
    }
}

/// What one side has sent.
#[derive(Clone, Debug, Default)]
struct Flow {
    /// Sequence number that counts as 0.
    base: Option<u32>,
    /// The highest sequence number that can come next, and when its predecessor was sent.
    next: Option<u32>,
    next_time: u64,
    /// The highest number up to which nothing is missing.
    contiguous: Option<u32>,
    /// The last acknowledgment number, 0 before the first.
    ack: u32,
    ack_time: u64,
    window: u32,
    /// `None` before a SYN told; `Some(0)` if there is no scaling.
    scale: Option<u8>,
    /// How often the last acknowledgment was repeated, or [`UNSEEN`].
    duplicates: u32,
    last: Analysis,
}

#[derive(Clone, Debug)]
pub(super) struct Connection {
    ends: Ends,
    /// Of the side that sent first, and of the other.
    flows: [Flow; 2],
    last_syn: Option<u64>,
    round_trip: Option<u64>,
}

impl Connection {
    pub(super) fn new(ends: Ends) -> Self {
        Self { ends, flows: Default::default(), last_syn: None, round_trip: None }
    }

    pub(super) fn is_between(&self, ends: &Ends) -> bool {
        self.ends == *ends || (self.ends[0] == ends[1] && self.ends[1] == ends[0])
    }

    /// A SYN with a number other than the one this connection began with.
    pub(super) fn is_restarted_by(&self, ends: &Ends, seen: &Seen) -> bool {
        let base = self.flows[usize::from(self.ends != *ends)].base;
        seen.flags & (SYN | ACK) == SYN && base.is_some_and(|base| base != seen.seq)
    }

    pub(super) fn push(&mut self, stream: u32, ends: &Ends, seen: &Seen) -> Segment {
        let from_first = self.ends == *ends;
        let [first, second] = &mut self.flows;
        let (own, peer) = if from_first { (first, second) } else { (second, first) };
        count_from(own, peer, seen);
        scales(own, peer, seen);
        if seen.flags & (SYN | ACK) == SYN {
            self.last_syn = Some(seen.time);
        }
        if seen.flags & (SYN | ACK) == ACK && self.round_trip.is_none() {
            self.round_trip = self.last_syn.map(|syn| seen.time.saturating_sub(syn));
        }
        let analysis = judge(own, peer, seen, self.round_trip);
        remember(own, seen, &analysis);
        let scale = if seen.has(SYN) { 0 } else { own.scale.unwrap_or(0) };
        Segment {
            stream,
            from_first,
            seq: seen.seq.wrapping_sub(own.base.unwrap_or(0)),
            ack: if seen.has(ACK) { seen.ack.wrapping_sub(peer.base.unwrap_or(0)) } else { 0 },
            length: seen.length,
            flags: seen.flags,
            window: seen.window << scale,
            analysis,
        }
    }
}

/// Finds where sequence numbers count from: the SYN, or one before the first segment seen.
fn count_from(own: &mut Flow, peer: &mut Flow, seen: &Seen) {
    let first = if seen.has(SYN) { seen.seq } else { seen.seq.wrapping_sub(1) };
    own.base.get_or_insert(first);
    if seen.has(ACK) {
        peer.base.get_or_insert(seen.ack.wrapping_sub(1));
    }
}

/// Windows are scaled only if both SYNs offered it (RFC 7323 section 2.2).
fn scales(own: &mut Flow, peer: &mut Flow, seen: &Seen) {
    if !seen.has(SYN) {
        return;
    }
    match seen.scale {
        Some(scale) => own.scale = Some(scale.min(14)),
        None => (own.scale, peer.scale) = (Some(0), Some(0)),
    }
}

fn judge(own: &mut Flow, peer: &mut Flow, seen: &Seen, round_trip: Option<u64>) -> Analysis {
    let mut told = Analysis::default();
    let ordinary = !seen.has(SYN | FIN | RST);
    let expected = own.next.unwrap_or(0);
    let repeats = seen.length == 0 && ordinary && seen.seq == expected && seen.ack == own.ack;
    if seen.length == 1 && seen.seq == expected && peer.window == 0 {
        told.zero_window_probe = true;
    } else {
        told.zero_window = seen.window == 0 && ordinary;
        told.previous_lost = own.next.is_some_and(|next| after(seen.seq, next)) && !seen.has(RST);
        told.keep_alive = seen.length <= 1 && ordinary && seen.seq == expected.wrapping_sub(1);
        told.window_update = repeats && seen.window != 0 && seen.window != own.window;
        told.window_full = window_full(peer, seen) && ordinary;
        if repeats && seen.window == own.window {
            told.keep_alive_ack = seen.window != 0 && peer.last.keep_alive;
            told.zero_window_probe_ack = seen.window == 0 && peer.last.zero_window_probe;
            if seen.window != 0 && !told.keep_alive_ack {
                own.duplicates = if own.duplicates == UNSEEN { 1 } else { own.duplicates + 1 };
                told.duplicate_ack = own.duplicates;
            }
        }
    }
    if seen.ack != own.ack {
        own.duplicates = 0;
    }
    told.acked_unseen = acked_unseen(peer, seen);
    if (seen.length > 0 || seen.has(SYN | FIN)) && !told.keep_alive {
        retransmission(own, peer, seen, round_trip, &mut told);
    }
    told
}

/// The segment goes exactly to the edge of the window that the peer offered.
fn window_full(peer: &Flow, seen: &Seen) -> bool {
    let Some(scale) = peer.scale else { return false };
    seen.length > 0 && seen.seq.wrapping_add(seen.length) == peer.ack.wrapping_add(peer.window << scale)
}

/// The acknowledgment goes beyond what the peer was seen to send; told once for each gap.
fn acked_unseen(peer: &mut Flow, seen: &Seen) -> bool {
    let (Some(next), Some(contiguous)) = (peer.next, peer.contiguous) else { return false };
    if !seen.has(ACK) || !after(seen.ack, contiguous) {
        return false;
    }
    if after(next, contiguous) {
        peer.contiguous = Some(next);
        return true;
    }
    // Even beyond the highest number seen: only the first of several in a row is told.
    let first = peer.duplicates == 0;
    peer.duplicates = UNSEEN;
    first
}

/// A segment that does not advance the sequence number was sent before or was overtaken.
fn retransmission(own: &Flow, peer: &Flow, seen: &Seen, round_trip: Option<u64>, told: &mut Analysis) {
    let Some(next) = own.next else { return };
    // One byte before the expected number with more than one byte: the answer to a zero-window probe made good.
    let advances = !after(next, seen.seq) || (seen.length > 1 && next.wrapping_sub(1) == seen.seq);
    let end = seen.seq.wrapping_add(seen.length);
    if seen.length > 0 && peer.ack != 0 && !after(end, peer.ack) {
        (told.spurious_retransmission, told.retransmission) = (true, true);
    } else if advances {
    } else if peer.duplicates >= 2 && peer.ack == seen.seq && seen.time.saturating_sub(peer.ack_time) < FAST {
        (told.fast_retransmission, told.retransmission) = (true, true);
    } else if seen.time.saturating_sub(own.next_time) < round_trip.unwrap_or(OVERTAKEN) && next != seen.next()
    {
        told.out_of_order = true;
    } else {
        told.retransmission = true;
    }
}

fn remember(own: &mut Flow, seen: &Seen, told: &Analysis) {
    if !told.zero_window_probe {
        if own.next.is_none_or(|next| after(seen.next(), next)) {
            own.next = Some(seen.next());
            own.next_time = seen.time;
        }
        if own.contiguous.is_none_or(|contiguous| contiguous == seen.seq) {
            own.contiguous = own.next;
        }
    }
    (own.ack, own.ack_time, own.window) = (seen.ack, seen.time, seen.window);
    own.last = told.clone();
}

/// `left` comes after `right` in the circle of sequence numbers (RFC 9293 section 3.4).
fn after(left: u32, right: u32) -> bool {
    left.wrapping_sub(right).cast_signed() > 0
}
