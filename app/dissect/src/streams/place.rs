//! From positions in a stream to bits of frames.

use super::buffer::Span;
use crate::context::to_u32;
use crate::types::{Field, Layer, Part, Plain};

/// Where the bytes of one message came from.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// In the order of the stream, offsets from the start of the message.
    pub(crate) spans: Vec<Span>,
    /// The frame that shows it.
    pub(crate) frame: u32,
    /// First byte of the payload of that frame: where a field belongs that has no bytes in it.
    pub(crate) payload: usize,
}

impl Place {
    /// Turns a layer whose positions count from the start of the message into one of this frame.
    pub(crate) fn layer(&self, layer: &mut Layer) {
        let (start, end, parts) = self.bits(layer.start.saturating_mul(8), layer.end.saturating_mul(8));
        (layer.start, layer.end, layer.parts) = (start / 8, end / 8, parts);
        self.fields(&mut layer.fields);
    }

    /// Decrypted bytes that follow the ciphertext at this place one by one.
    pub(crate) fn plain(&self, bytes: Vec<u8>) -> Plain {
        let part = |span: &Span| Part {
            frame: span.frame,
            start_bit: to_u32(span.at * 8),
            end_bit: to_u32((span.at + span.length) * 8),
        };
        Plain { bytes, parts: self.spans.iter().map(part).collect() }
    }

    /// The same for fields alone.
    pub(crate) fn fields(&self, fields: &mut [Field]) {
        fields.iter_mut().for_each(|field| self.field(field));
    }

    fn field(&self, field: &mut Field) {
        (field.start_bit, field.end_bit, field.parts) = self.bits(field.start_bit, field.end_bit);
        field.children.iter_mut().for_each(|child| self.field(child));
    }

    /// What of these bits of the message lies in this frame, and all parts if that is not all.
    fn bits(&self, start: u32, end: u32) -> (u32, u32, Vec<Part>) {
        let mut parts = Vec::new();
        for span in &self.spans {
            let (first, last) = (to_u32(span.offset * 8), to_u32((span.offset + span.length) * 8));
            let (from, to) = (start.max(first), end.min(last));
            // A worked-out field belongs to the byte it was worked out from.
            if from < to || (start == end && first <= start && start < last) {
                let at = to_u32(span.at * 8);
                let (start_bit, end_bit) = (at + (from - first), at + (to - first));
                parts.push(Part { frame: span.frame, start_bit, end_bit });
            }
        }
        // What is empty may stand after the last byte.
        let last =
            self.spans.last().filter(|span| start == end && to_u32((span.offset + span.length) * 8) == start);
        if let Some(span) = last.filter(|_| parts.is_empty()) {
            let at = to_u32((span.at + span.length) * 8);
            parts.push(Part { frame: span.frame, start_bit: at, end_bit: at });
        }
        let own = parts.iter().find(|part| part.frame == self.frame).copied();
        let nowhere = to_u32(self.payload * 8);
        let (own_start, own_end) = own.map_or((nowhere, nowhere), |part| (part.start_bit, part.end_bit));
        let all_here = parts.len() == 1 && own.is_some();
        if all_here || start == end {
            parts.clear();
        }
        (own_start, own_end, parts)
    }
}
