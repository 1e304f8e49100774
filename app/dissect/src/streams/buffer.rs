//! Bytes of one direction in their order, each of which remembers the frame it came in.

use super::place::Place;
use std::collections::VecDeque;

/// Bytes of a stream kept for a message that is not complete.
pub(crate) const LONGEST: usize = 1 << 20;

/// Bytes that one frame brought into the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// Of the first byte, counted from the start of [`Buffer::bytes`].
    pub(crate) offset: usize,
    pub(crate) length: usize,
    pub(crate) frame: u32,
    /// First byte within that frame.
    pub(crate) at: usize,
}

/// The frame being shown.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    pub(crate) frame: u32,
    /// First byte of its payload: where a field belongs that has no bytes in it.
    pub(crate) payload: usize,
}

/// In order and not yet consumed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Buffer {
    bytes: Vec<u8>,
    spans: VecDeque<Span>,
}

impl Buffer {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The frames of [`Self::bytes`].
    pub(crate) fn spans(&self) -> impl Iterator<Item = Span> {
        self.spans.iter().copied()
    }

    /// Appends bytes that lie in one frame from byte `at`.
    pub(crate) fn append(&mut self, bytes: &[u8], frame: u32, at: usize) {
        if !bytes.is_empty() {
            self.spans.push_back(Span { offset: self.bytes.len(), length: bytes.len(), frame, at });
            self.bytes.extend_from_slice(bytes);
        }
    }

    /// Appends bytes that lie where `place` begins: part of a message that carries another stream's bytes, decrypted
    /// or as they are, byte for byte.
    pub(crate) fn append_from(&mut self, bytes: &[u8], place: &Place) {
        let start = self.bytes.len();
        for span in &place.spans {
            let length = span.length.min(bytes.len().saturating_sub(span.offset));
            if length > 0 {
                self.spans.push_back(Span { offset: start + span.offset, length, ..*span });
            }
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// Where the bytes `start..end` lie, seen from the frame `now`.
    pub(crate) fn place(&self, start: usize, end: usize, now: Now) -> Place {
        let mut spans = Vec::new();
        for span in &self.spans {
            let (from, to) = (span.offset.max(start), (span.offset + span.length).min(end.max(start + 1)));
            if from < to {
                let at = span.at + (from - span.offset);
                spans.push(Span { offset: from - start, length: to - from, at, ..*span });
            }
        }
        Place { spans, frame: now.frame, payload: now.payload }
    }

    /// Drops the first `count` bytes.
    pub(crate) fn consume(&mut self, count: usize) {
        let count = count.min(self.bytes.len());
        self.bytes.drain(..count);
        while let Some(span) = self.spans.front_mut() {
            if span.offset + span.length <= count {
                self.spans.pop_front();
                continue;
            }
            let cut = count.saturating_sub(span.offset);
            span.length -= cut;
            span.at += cut;
            span.offset += cut;
            break;
        }
        for span in &mut self.spans {
            span.offset -= count;
        }
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.spans.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_bytes_remember_their_frames() {
        let mut outer = Buffer::default();
        outer.append(b"..abc", 1, 54);
        outer.append(b"defg", 2, 60);
        let place = outer.place(2, 8, Now { frame: 2, payload: 60 });
        let mut inner = Buffer::default();
        inner.append(b"xy", 1, 50);
        inner.append_from(b"ABCDE", &place);
        let told: Vec<_> =
            inner.spans().map(|span| (span.offset, span.length, span.frame, span.at)).collect();
        assert_eq!(told, [(0, 2, 1, 50), (2, 3, 1, 56), (5, 2, 2, 60)]);
        assert_eq!(inner.bytes(), b"xyABCDE");
        inner.consume(4);
        let told: Vec<_> =
            inner.spans().map(|span| (span.offset, span.length, span.frame, span.at)).collect();
        assert_eq!(told, [(0, 1, 1, 58), (1, 2, 2, 60)]);
    }
}
