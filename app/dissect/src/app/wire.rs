//! The wire format of Protocol Buffers: records of a tag and a value.
//!
//! ```text
//! | field number (29) | wire type (3) |  as a varint, then by wire type:
//! 0 varint · 1 eight bytes · 2 length as a varint, then so many bytes · 5 four bytes
//! ```
//!
//! <https://protobuf.dev/programming-guides/encoding/>

use std::ops::Range;

pub(crate) const VARINT: u8 = 0;
pub(crate) const FIXED64: u8 = 1;
pub(crate) const BYTES: u8 = 2;
pub(crate) const FIXED32: u8 = 5;

/// A field of a message. Ranges count from the start of what was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) number: u64,
    pub(crate) wire: u8,
    pub(crate) tag: Range<usize>,
    /// Where its length is told.
    pub(crate) length: Option<Range<usize>>,
    pub(crate) value: Range<usize>,
}

/// A varint at `at`, and where it ends.
pub(crate) fn varint(bytes: &[u8], at: usize) -> Option<(u64, usize)> {
    let mut number = 0_u64;
    for (index, byte) in bytes.get(at..)?.iter().take(10).enumerate() {
        number |= u64::from(byte & 0x7f).checked_shl(7 * u32::try_from(index).ok()?)?;
        if byte & 0x80 == 0 {
            return Some((number, at + index + 1));
        }
    }
    None
}

/// The record at `at`.
pub(crate) fn record(bytes: &[u8], at: usize) -> Option<Record> {
    let (tag, start) = varint(bytes, at)?;
    let wire = u8::try_from(tag & 7).ok()?;
    let (length, value) = match wire {
        VARINT => (None, start..varint(bytes, start)?.1),
        FIXED64 => (None, start..start.checked_add(8)?),
        FIXED32 => (None, start..start.checked_add(4)?),
        BYTES => {
            let (size, from) = varint(bytes, start)?;
            (Some(start..from), from..from.checked_add(usize::try_from(size).ok()?)?)
        }
        _ => return None,
    };
    let number = tag >> 3;
    (number > 0 && value.end <= bytes.len()).then_some(Record { number, wire, tag: at..start, length, value })
}

/// All records up to the first that makes no sense.
pub(crate) fn records(bytes: &[u8]) -> impl Iterator<Item = Record> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let record = record(bytes, at)?;
        at = record.value.end;
        Some(record)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_and_what_is_none() {
        // The examples of the encoding's documentation: 150 in field 1, "testing" in field 2.
        let bytes = b"\x08\x96\x01\x12\x07testing";
        let found: Vec<_> = records(bytes).collect();
        assert_eq!(found[0], Record { number: 1, wire: VARINT, tag: 0..1, length: None, value: 1..3 });
        assert_eq!(found[1], Record { number: 2, wire: BYTES, tag: 3..4, length: Some(4..5), value: 5..12 });
        assert_eq!(varint(bytes, 1), Some((150, 3)));
        for end in 0..bytes.len() {
            assert_eq!(records(&bytes[..end]).count(), usize::from(end >= 3), "{end}");
        }
        assert_eq!(varint(&[0xff; 11], 0), None);
        assert_eq!(varint(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 0), Some((u64::MAX, 10)));
        assert_eq!(record(b"\x00\x01", 0), None, "field 0");
        assert_eq!(record(b"\x0b", 0), None, "a group");
        assert_eq!(record(b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 0), None);
    }
}
