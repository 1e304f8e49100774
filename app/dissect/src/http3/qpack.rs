//! QPACK, RFC 9204: header fields as references into a static and a dynamic table.
//!
//! The encoder's stream fills the dynamic table of its direction; a field section says how much of it it needs.

use super::fixed::TABLE;
use crate::app::hpack::{huffman, integer};
use crate::spec::clipped;
use std::collections::VecDeque;
use std::ops::Range;

/// The largest dynamic table that is followed.
const LARGEST: usize = 1 << 16;
/// Lines of a field section, and bytes of all their names and values, that are unpacked: a reference of one byte may
/// stand for a whole entry.
const LINES: usize = 1024;
const UNPACKED: usize = 1 << 18;

type Entry = (Vec<u8>, Vec<u8>);

/// The dynamic table that one side fills and the other reads.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    /// The newest last.
    entries: VecDeque<Entry>,
    size: usize,
    capacity: usize,
    /// What the reader allows; numbers of entries are counted modulo twice what fits.
    pub(super) allowed: usize,
    inserted: usize,
}

/// A header field and the bytes of the section that say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) at: Range<usize>,
    pub(super) name: Vec<u8>,
    pub(super) value: Vec<u8>,
}

/// A string in an instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Literal {
    pub(super) huffman: bool,
    /// Without its length.
    pub(super) bytes: Range<usize>,
    text: Vec<u8>,
}

/// An instruction of the encoder (section 4.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Instruction {
    Capacity(usize),
    InsertNamed { reference: Range<usize>, value: Literal },
    Insert { name: Literal, value: Literal },
    Duplicate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// More bytes are needed.
    Short,
    /// An entry of the dynamic table has not come yet.
    Blocked,
    Wrong,
}

impl Literal {
    /// The string, if it is text.
    pub(super) fn shown(&self) -> Option<String> {
        let text = std::str::from_utf8(&self.text).ok()?;
        Some(clipped(text, 200))
    }
}

impl From<crate::app::hpack::Stop> for Stop {
    fn from(stop: crate::app::hpack::Stop) -> Self {
        match stop {
            crate::app::hpack::Stop::Short => Self::Short,
            crate::app::hpack::Stop::Wrong => Self::Wrong,
        }
    }
}

/// A string whose length has `prefix` bits in its first byte, the bit before them telling how it is coded.
fn string(bytes: &[u8], at: usize, prefix: usize) -> Result<Literal, Stop> {
    let huffman = bytes.get(at).ok_or(Stop::Short)? & 1 << prefix != 0;
    let (length, start) = integer(bytes, at, prefix)?;
    let end = start.checked_add(length).ok_or(Stop::Wrong)?;
    let coded = bytes.get(start..end).ok_or(Stop::Short)?;
    let text = if huffman { huffman::decode(coded).ok_or(Stop::Wrong)? } else { coded.to_vec() };
    Ok(Literal { huffman, bytes: start..end, text })
}

fn fixed(index: usize) -> Result<Entry, Stop> {
    let (name, value) = TABLE.get(index).ok_or(Stop::Wrong)?;
    Ok((name.as_bytes().to_vec(), value.as_bytes().to_vec()))
}

impl Table {
    /// Takes the instruction at the start of `bytes`. Returns it and its length.
    pub(super) fn instruct(&mut self, bytes: &[u8]) -> Result<(Instruction, usize), Stop> {
        let first = *bytes.first().ok_or(Stop::Short)?;
        match first {
            0x80.. => {
                let (index, end) = integer(bytes, 0, 6)?;
                let value = string(bytes, end, 7)?;
                let (name, _) = if first & 0x40 != 0 { fixed(index)? } else { self.newest(index)? };
                self.insert((name, value.text.clone()));
                let length = value.bytes.end;
                Ok((Instruction::InsertNamed { reference: 0..end, value }, length))
            }
            0x40.. => {
                let name = string(bytes, 0, 5)?;
                let value = string(bytes, name.bytes.end, 7)?;
                self.insert((name.text.clone(), value.text.clone()));
                let length = value.bytes.end;
                Ok((Instruction::Insert { name, value }, length))
            }
            0x20.. => {
                let (capacity, end) = integer(bytes, 0, 5)?;
                if capacity > LARGEST {
                    return Err(Stop::Wrong);
                }
                self.capacity = capacity;
                self.shrink(capacity);
                Ok((Instruction::Capacity(capacity), end))
            }
            _ => {
                let (index, end) = integer(bytes, 0, 5)?;
                let entry = self.newest(index)?;
                self.insert(entry);
                Ok((Instruction::Duplicate, end))
            }
        }
    }

    /// Reads a field section (section 4.5).
    pub(super) fn section(&self, bytes: &[u8]) -> Result<Vec<Line>, Stop> {
        let (encoded, at) = integer(bytes, 0, 8)?;
        let negative = bytes.get(at).ok_or(Stop::Short)? & 0x80 != 0;
        let (delta, mut at) = integer(bytes, at, 7)?;
        let required = self.required(encoded)?;
        if required > self.inserted {
            return Err(Stop::Blocked);
        }
        let base = if negative {
            required.checked_sub(delta + 1).ok_or(Stop::Wrong)?
        } else {
            required.checked_add(delta).ok_or(Stop::Wrong)?
        };
        let (mut lines, mut unpacked) = (Vec::new(), 0);
        while at < bytes.len() {
            let line = self.line(bytes, at, base)?;
            at = line.at.end;
            unpacked += line.name.len() + line.value.len();
            if lines.len() >= LINES || unpacked > UNPACKED {
                return Err(Stop::Wrong);
            }
            lines.push(line);
        }
        Ok(lines)
    }

    /// Section 4.5.1.1: how many insertions a section needs, of which it tells the rest of a division.
    fn required(&self, encoded: usize) -> Result<usize, Stop> {
        if encoded == 0 {
            return Ok(0);
        }
        let most = self.allowed.max(self.capacity) / 32;
        let full = 2 * most;
        if encoded > full {
            return Err(Stop::Wrong);
        }
        let highest = self.inserted + most;
        let wrapped = highest / full * full;
        let required = wrapped + encoded - 1;
        let required =
            if required > highest { required.checked_sub(full).ok_or(Stop::Wrong)? } else { required };
        if required == 0 { Err(Stop::Wrong) } else { Ok(required) }
    }

    fn line(&self, bytes: &[u8], at: usize, base: usize) -> Result<Line, Stop> {
        let first = *bytes.get(at).ok_or(Stop::Short)?;
        let before = |index: usize| base.checked_sub(index + 1).ok_or(Stop::Wrong);
        let after = |index: usize| base.checked_add(index).ok_or(Stop::Wrong);
        let ((name, value), end) = match first {
            0xc0.. => {
                let (index, end) = integer(bytes, at, 6)?;
                (fixed(index)?, end)
            }
            0x80.. => {
                let (index, end) = integer(bytes, at, 6)?;
                (self.absolute(before(index)?)?, end)
            }
            0x40.. => {
                let (index, end) = integer(bytes, at, 4)?;
                let (name, _) =
                    if first & 0x10 != 0 { fixed(index)? } else { self.absolute(before(index)?)? };
                let value = string(bytes, end, 7)?;
                ((name, value.text), value.bytes.end)
            }
            0x20.. => {
                let name = string(bytes, at, 3)?;
                let value = string(bytes, name.bytes.end, 7)?;
                ((name.text, value.text), value.bytes.end)
            }
            0x10.. => {
                let (index, end) = integer(bytes, at, 4)?;
                (self.absolute(after(index)?)?, end)
            }
            _ => {
                let (index, end) = integer(bytes, at, 3)?;
                let (name, _) = self.absolute(after(index)?)?;
                let value = string(bytes, end, 7)?;
                ((name, value.text), value.bytes.end)
            }
        };
        Ok(Line { at: at..end, name, value })
    }

    /// By how many were inserted before it, ever.
    fn absolute(&self, index: usize) -> Result<Entry, Stop> {
        let oldest = self.inserted - self.entries.len();
        self.entries.get(index.checked_sub(oldest).ok_or(Stop::Wrong)?).cloned().ok_or(Stop::Wrong)
    }

    /// By how many were inserted after it.
    fn newest(&self, index: usize) -> Result<Entry, Stop> {
        self.absolute(self.inserted.checked_sub(index + 1).ok_or(Stop::Wrong)?)
    }

    fn insert(&mut self, entry: Entry) {
        let size = size(&entry);
        self.shrink(self.capacity.saturating_sub(size));
        self.inserted += 1;
        if size <= self.capacity {
            self.size += size;
            self.entries.push_back(entry);
        } else {
            self.entries.clear();
            self.size = 0;
        }
    }

    fn shrink(&mut self, most: usize) {
        while self.size > most {
            let Some(oldest) = self.entries.pop_front() else { return };
            self.size -= size(&oldest);
        }
    }
}

/// Section 3.2.1.
fn size((name, value): &Entry) -> usize {
    name.len() + value.len() + 32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(lines: &[Line]) -> Vec<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        lines.iter().map(|line| (text(&line.name), text(&line.value))).collect()
    }

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    /// RFC 9204 appendix B, step by step.
    #[test]
    fn the_example_of_the_standard() {
        let mut table = Table { allowed: 220, ..Table::default() };
        let lines = table.section(b"\x00\x00\x51\x0b/index.html").unwrap();
        assert_eq!(told(&lines), [pair(":path", "/index.html")]);

        let mut encoder: &[u8] = b"\x3f\xbd\x01\xc0\x0fwww.example.com\xc1\x0c/sample/path";
        assert_eq!(table.section(b"\x03\x81\x10\x11"), Err(Stop::Blocked));
        while !encoder.is_empty() {
            let (_, length) = table.instruct(encoder).unwrap();
            encoder = &encoder[length..];
        }
        assert_eq!((table.size, table.capacity), (106, 220));
        let lines = table.section(b"\x03\x81\x10\x11").unwrap();
        assert_eq!(told(&lines), [pair(":authority", "www.example.com"), pair(":path", "/sample/path")]);

        let (instruction, length) = table.instruct(b"\x4acustom-key\x0ccustom-value").unwrap();
        assert!(matches!(instruction, Instruction::Insert { .. }) && length == 24);
        assert_eq!(table.instruct(b"\x02"), Ok((Instruction::Duplicate, 1)));
        let lines = table.section(b"\x05\x00\x80\xc1\x81").unwrap();
        assert_eq!(
            told(&lines),
            [pair(":authority", "www.example.com"), pair(":path", "/"), pair("custom-key", "custom-value")]
        );
        assert_eq!(table.size, 217);

        table.instruct(b"\x81\x0dcustom-value2").unwrap();
        assert_eq!(table.size, 215);
        assert_eq!(table.entries.len(), 4);
        assert_eq!(table.entries[3], (b"custom-key".to_vec(), b"custom-value2".to_vec()));
    }

    #[test]
    fn what_is_cut_short_or_wrong_says_so() {
        let mut table = Table::default();
        for bytes in [&b""[..], b"\xc0", b"\xc0\x05ab", b"\x3f", b"\x45ab"] {
            assert_eq!(table.instruct(bytes), Err(Stop::Short), "{bytes:?}");
        }
        for bytes in [&b"\x80\x00"[..], b"\x00", b"\xff\xff\xff\xff\xff\x00\x00", b"\xff\x7f\x00"] {
            assert_eq!(table.instruct(bytes), Err(Stop::Wrong), "{bytes:?}");
        }
        assert_eq!(table.section(b"\x00\x00\x80"), Err(Stop::Wrong));
        assert_eq!(table.section(b"\x00\x80\xc1"), Err(Stop::Wrong));
        assert_eq!(table.section(b"\x09\x00"), Err(Stop::Wrong));
    }
}
