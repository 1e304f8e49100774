//! One direction of a connection as a stream of bytes (RFC 9293 section 3.4): what came twice is dropped, what came
//! early waits, and every byte remembers its frame.

use super::buffer::Buffer;

/// Bytes and segments that may wait for a gap to be filled; beyond, the gap is given up.
const EARLY_BYTES: usize = 1 << 18;
const EARLY_SEGMENTS: usize = 512;

/// The payload of one segment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival<'a> {
    pub(crate) frame: u32,
    /// First byte of the payload within the frame.
    pub(crate) at: usize,
    /// Sequence number of the first byte, counted from the start of the connection (the SYN is 0).
    pub(crate) seq: u32,
    pub(crate) bytes: &'a [u8],
    pub(crate) fin: bool,
}

#[derive(Clone, Debug)]
struct Early {
    frame: u32,
    at: usize,
    seq: u32,
    bytes: Vec<u8>,
}

/// One direction.
#[derive(Clone, Debug, Default)]
pub(crate) struct Half {
    /// Sequence number of the next byte; `None` before the first segment.
    next: Option<u32>,
    /// Beyond a gap, in the order of arrival.
    early: Vec<Early>,
    /// Where the stream ends.
    fin: Option<u32>,
    /// A gap was given up: the bytes after it follow from nothing.
    broken: bool,
}

impl Half {
    /// The SYN: the first byte is the next number.
    pub(crate) fn synchronize(&mut self, seq: u32) {
        self.next.get_or_insert(seq.wrapping_add(1));
    }

    /// Takes a segment. Afterwards `buffer` has all that is in order.
    pub(crate) fn push(&mut self, arrival: Arrival<'_>, buffer: &mut Buffer) {
        let Arrival { frame, at, seq, bytes, fin } = arrival;
        self.next.get_or_insert(seq);
        if fin {
            self.fin.get_or_insert(seq.wrapping_add(length(bytes)));
        }
        if bytes.is_empty() {
            return;
        }
        if !self.deliver(frame, at, seq, bytes, buffer) {
            self.early.push(Early { frame, at, seq, bytes: bytes.to_vec() });
        }
        self.fill(buffer);
        let waiting: usize = self.early.iter().map(|early| early.bytes.len()).sum();
        if waiting > EARLY_BYTES || self.early.len() > EARLY_SEGMENTS {
            self.skip_gap(buffer);
        }
    }

    /// The sender has said that it is done, and nothing is missing.
    pub(crate) fn is_finished(&self) -> bool {
        self.fin.is_some() && self.fin == self.next
    }

    /// True once after bytes were given up: what comes now is the middle of something.
    pub(crate) fn take_broken(&mut self) -> bool {
        std::mem::take(&mut self.broken)
    }

    /// Appends what is new of a segment. False if it begins beyond the next byte.
    fn deliver(&mut self, frame: u32, at: usize, seq: u32, bytes: &[u8], buffer: &mut Buffer) -> bool {
        let next = self.next.unwrap_or(seq);
        let ahead = seq.wrapping_sub(next).cast_signed();
        if ahead > 0 {
            return false;
        }
        // What came first stays: a retransmission with other bytes changes nothing.
        let known = ahead.unsigned_abs() as usize;
        let Some(fresh) = bytes.get(known..).filter(|fresh| !fresh.is_empty()) else { return true };
        buffer.append(fresh, frame, at.saturating_add(known));
        self.next = Some(next.wrapping_add(length(fresh)));
        true
    }

    /// Delivers what waited and follows now.
    fn fill(&mut self, buffer: &mut Buffer) {
        loop {
            let next = self.next.unwrap_or(0);
            let ready = self.early.iter().position(|early| early.seq.wrapping_sub(next).cast_signed() <= 0);
            let Some(ready) = ready else { return };
            let early = self.early.remove(ready);
            self.deliver(early.frame, early.at, early.seq, &early.bytes, buffer);
        }
    }

    /// Goes on after the gap: with the earliest bytes that wait.
    fn skip_gap(&mut self, buffer: &mut Buffer) {
        let next = self.next.unwrap_or(0);
        let first = self.early.iter().map(|early| early.seq).min_by_key(|seq| seq.wrapping_sub(next));
        if let Some(first) = first {
            buffer.clear();
            self.broken = true;
            self.next = Some(first);
            self.fill(buffer);
        }
    }
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A direction and what it has in order.
    type Both = (Half, Buffer);

    fn push((half, buffer): &mut Both, frame: u32, seq: u32, bytes: &[u8]) {
        half.push(Arrival { frame, at: 54, seq, bytes, fin: false }, buffer);
    }

    fn frames((_, buffer): &Both) -> Vec<(usize, usize, u32, usize)> {
        buffer.spans().map(|span| (span.offset, span.length, span.frame, span.at)).collect()
    }

    #[test]
    fn order_is_restored_and_every_byte_knows_its_frame() {
        let mut half = Both::default();
        half.0.synchronize(0);
        push(&mut half, 1, 1, b"abc");
        push(&mut half, 2, 7, b"ghi");
        assert_eq!(half.1.bytes(), b"abc");
        push(&mut half, 3, 4, b"def");
        assert_eq!(half.1.bytes(), b"abcdefghi");
        assert_eq!(frames(&half), [(0, 3, 1, 54), (3, 3, 3, 54), (6, 3, 2, 54)]);
        half.1.consume(5);
        assert_eq!(half.1.bytes(), b"fghi");
        assert_eq!(frames(&half), [(0, 1, 3, 56), (1, 3, 2, 54)]);
    }

    #[test]
    fn what_came_first_stays() {
        let mut half = Both::default();
        half.0.synchronize(u32::MAX - 2);
        push(&mut half, 1, u32::MAX - 1, b"abcd");
        push(&mut half, 2, u32::MAX - 1, b"ABCDEF");
        push(&mut half, 3, 0, b"zz");
        assert_eq!(half.1.bytes(), b"abcdEF");
        assert_eq!(frames(&half), [(0, 4, 1, 54), (4, 2, 2, 58)]);
    }

    #[test]
    fn the_end_counts_only_when_nothing_is_missing() {
        let mut half = Both::default();
        half.0.synchronize(0);
        half.0.push(Arrival { frame: 2, at: 54, seq: 3, bytes: b"cd", fin: true }, &mut half.1);
        assert!(!half.0.is_finished());
        push(&mut half, 3, 1, b"ab");
        assert!(half.0.is_finished());
        assert_eq!(half.1.bytes(), b"abcd");
    }

    #[test]
    fn a_gap_that_is_never_filled_is_given_up() {
        let mut half = Both::default();
        half.0.synchronize(0);
        push(&mut half, 1, 1, b"abc");
        for index in 0..400 {
            push(&mut half, 2 + index, 100 + index * 1000, &[b'x'; 1000]);
        }
        assert!(half.0.take_broken() && !half.0.take_broken());
        assert_eq!(half.1.bytes().len() % 1000, 0);
        assert!(half.1.bytes().len() > EARLY_BYTES && half.1.bytes()[0] == b'x');
    }
}
