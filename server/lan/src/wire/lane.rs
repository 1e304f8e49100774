//! One direction of one cable: what its settings do to a frame. Pure: time comes in, decisions go out.

use super::random::{Purpose, Randomness};
use api::line::Impairments;
use api::trace::Fate;
use std::collections::VecDeque;

/// Bytes of an Ethernet header; an `mtu` does not count them, and bit errors spare them: a real card
/// drops a frame whose FCS is wrong, so what reaches a program is damage done behind it.
const ETHERNET_HEADER: usize = 14;

/// State of one direction of one cable.
#[derive(Debug)]
pub(super) struct Lane {
    settings: Impairments,
    perfect: bool,
    random: Randomness,
    /// Frames that entered so far.
    index: u64,
    /// When a rate-limited cable is busy, in order of time.
    busy: VecDeque<Transmission>,
}

#[derive(Clone, Copy, Debug)]
struct Transmission {
    arrived: u64,
    start: u64,
    end: u64,
    bytes: u64,
}

/// What a lane does to one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passage {
    /// It ends here.
    Ends(Fate),
    /// It leaves the lane at `time`.
    Passes { time: u64, flipped_bit: Option<u32>, duplicate: bool },
}

impl Lane {
    pub(super) fn new(settings: Impairments, seed: u64, lane: u64) -> Self {
        let perfect = settings.is_perfect();
        let random = Randomness::new(seed, lane);
        Self { settings, perfect, random, index: 0, busy: VecDeque::new() }
    }

    /// New settings for frames that enter from now on.
    pub(super) fn set(&mut self, settings: Impairments) {
        self.perfect = settings.is_perfect();
        self.settings = settings;
    }

    /// Decides about a frame of `length` bytes that arrives at `time` (which may lie ahead of `now`).
    pub(super) fn pass(&mut self, now: u64, time: u64, length: usize) -> Passage {
        let index = self.index;
        self.index += 1;
        if length > usize::from(self.settings.mtu) + ETHERNET_HEADER {
            return Passage::Ends(Fate::TooBig);
        }
        if self.perfect {
            return Passage::Passes { time, flipped_bit: None, duplicate: false };
        }
        let Self { settings, random, .. } = self;
        if random.happens(settings.loss_percent, index, Purpose::Loss) {
            return Passage::Ends(Fate::Lost);
        }
        let corrupt = random.happens(settings.corrupt_percent, index, Purpose::Corrupt);
        let flipped_bit = (corrupt && length > ETHERNET_HEADER).then(|| {
            let bits = ((length - ETHERNET_HEADER) * 8) as u64;
            let bit = random.bits(index, Purpose::CorruptedBit) % bits;
            bit as u32 + (ETHERNET_HEADER * 8) as u32
        });
        let duplicate = random.happens(settings.duplicate_percent, index, Purpose::Duplicate);
        let overtakes = random.happens(settings.reorder_percent, index, Purpose::Reorder);
        let jitter = settings.jitter_ms * random.fraction(index, Purpose::Jitter);
        let delay = if overtakes { 0.0 } else { (settings.delay_ms + jitter) * 1e6 };
        let Some(sent) = self.transmit(now, time, length as u64) else {
            return Passage::Ends(Fate::QueueFull);
        };
        Passage::Passes { time: sent + delay as u64, flipped_bit, duplicate }
    }

    /// When the last bit of a frame is on the cable, or `None` if the queue before it is full.
    ///
    /// Frames that arrive later may have been asked about earlier (they come from another cable with its
    /// own delay), so each takes the first gap that is long enough.
    fn transmit(&mut self, now: u64, arrived: u64, bytes: u64) -> Option<u64> {
        let rate = u64::from(self.settings.rate_kbit);
        if rate == 0 {
            return Some(arrived);
        }
        while self.busy.front().is_some_and(|first| first.end <= now) {
            self.busy.pop_front();
        }
        let waiting: u64 = self
            .busy
            .iter()
            .filter(|other| other.arrived <= arrived && other.start > arrived)
            .map(|other| other.bytes)
            .sum();
        let duration = bytes * 8 * 1_000_000 / rate;
        let mut start = arrived;
        let mut position = 0;
        for (index, other) in self.busy.iter().enumerate() {
            if other.end <= start {
                position = index + 1;
            } else if start + duration > other.start {
                start = other.end;
                position = index + 1;
            } else {
                break;
            }
        }
        if start > arrived && waiting + bytes > u64::from(self.settings.queue_bytes) {
            return None;
        }
        let end = start + duration;
        self.busy.insert(position, Transmission { arrived, start, end, bytes });
        Some(end)
    }
}

/// Flips the bit with this number, counted from the most significant bit of byte 0.
pub(super) fn flip(frame: &mut [u8], bit: u32) {
    if let Some(byte) = frame.get_mut(bit as usize / 8) {
        *byte ^= 0x80 >> (bit % 8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(settings: Impairments) -> Lane {
        Lane::new(settings, 3, 0)
    }

    fn passes(time: u64) -> Passage {
        Passage::Passes { time, flipped_bit: None, duplicate: false }
    }

    #[test]
    fn a_perfect_lane_changes_nothing_but_has_an_mtu() {
        let mut lane = lane(Impairments { mtu: 576, ..Impairments::default() });
        assert_eq!(lane.pass(5, 5, 590), passes(5));
        assert_eq!(lane.pass(5, 5, 591), Passage::Ends(Fate::TooBig));
    }

    #[test]
    fn delay_is_added_and_an_overtaking_frame_skips_it() {
        let mut late = lane(Impairments { delay_ms: 1.5, ..Impairments::default() });
        assert_eq!(late.pass(7, 7, 60), passes(1_500_007));
        let mut first = lane(Impairments { delay_ms: 1.5, reorder_percent: 100.0, ..Impairments::default() });
        assert_eq!(first.pass(7, 7, 60), passes(7));
    }

    #[test]
    fn jitter_stays_within_its_bounds() {
        let mut lane = lane(Impairments { delay_ms: 1.0, jitter_ms: 2.0, ..Impairments::default() });
        let mut seen = Vec::new();
        for _ in 0..1_000 {
            let Passage::Passes { time, .. } = lane.pass(0, 0, 60) else { panic!("lost") };
            assert!((1_000_000..3_000_000).contains(&time));
            seen.push(time);
        }
        assert!(seen.iter().min() < Some(&1_100_000) && seen.iter().max() > Some(&2_900_000));
    }

    #[test]
    fn rate_serialises_and_a_full_queue_cuts_the_tail() {
        // 1000 bytes at 8000 kbit/s take 1 ms.
        let mut lane = lane(Impairments { rate_kbit: 8_000, queue_bytes: 2_000, ..Impairments::default() });
        assert_eq!(lane.pass(0, 0, 1_000), passes(1_000_000));
        assert_eq!(lane.pass(0, 0, 1_000), passes(2_000_000));
        assert_eq!(lane.pass(0, 0, 1_000), passes(3_000_000));
        assert_eq!(lane.pass(0, 0, 1_000), Passage::Ends(Fate::QueueFull));
        // A millisecond later one of them has left the queue.
        assert_eq!(lane.pass(1_000_000, 1_000_000, 1_000), passes(4_000_000));
    }

    #[test]
    fn a_frame_that_arrives_earlier_uses_the_gap_before() {
        let mut lane = lane(Impairments { rate_kbit: 8_000, ..Impairments::default() });
        assert_eq!(lane.pass(0, 10_000_000, 1_000), passes(11_000_000));
        assert_eq!(lane.pass(1, 1, 1_000), passes(1_000_001));
        assert_eq!(lane.pass(2, 9_500_000, 1_000), passes(12_000_000));
    }

    #[test]
    fn a_flipped_bit_spares_the_ethernet_header() {
        let mut lane = lane(Impairments { corrupt_percent: 100.0, ..Impairments::default() });
        for _ in 0..500 {
            let Passage::Passes { flipped_bit: Some(bit), .. } = lane.pass(0, 0, 60) else {
                panic!("not corrupted")
            };
            assert!((112..480).contains(&bit));
        }
        let mut frame = [0; 2];
        flip(&mut frame, 9);
        assert_eq!(frame, [0, 0x40]);
    }

    #[test]
    fn settings_change_without_shifting_the_decisions() {
        let lossy = Impairments { loss_percent: 30.0, ..Impairments::default() };
        let mut whole = lane(lossy.clone());
        let all: Vec<_> = (0..100).map(|_| whole.pass(0, 0, 60)).collect();
        let mut switched = lane(Impairments::default());
        for _ in 0..50 {
            switched.pass(0, 0, 60);
        }
        switched.set(lossy);
        let second_half: Vec<_> = (0..50).map(|_| switched.pass(0, 0, 60)).collect();
        assert_eq!(all[50..], second_half);
    }
}
