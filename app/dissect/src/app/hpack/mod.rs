//! HPACK, the header compression of HTTP/2 (RFC 7541), from the side of the one who reads it.
//!
//! ```text
//!   0   1   2   3   4   5   6   7
//! | 1 |        Index (7+)         |  indexed: name and value are in a table
//! | 0 | 1 |      Index (6+)       |  literal value, kept in the dynamic table
//! | 0 | 0 | 1 |   Max size (5+)   |  the dynamic table changes its size
//! | 0 | 0 | 0 | 1 |  Index (4+)   |  literal value, never to be kept
//! | 0 | 0 | 0 | 0 |  Index (4+)   |  literal value, not kept
//! | H |     Length (7+)           |  a string: the value, and before it the name if the index is 0
//! ```

mod fixed;
pub(crate) mod huffman;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

/// Size of a dynamic table before anybody says otherwise (RFC 9113 section 6.5.2).
const DEFAULT: usize = 4096;
/// The largest dynamic table that is followed.
const LARGEST: usize = 1 << 16;

/// The dynamic table of one direction.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    /// The newest first.
    entries: VecDeque<Entry>,
    /// As section 4.1 counts it.
    size: usize,
    capacity: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    name: Arc<[u8]>,
    value: Arc<[u8]>,
}

/// What stands at one place of a header block, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Header(Header),
    /// A new size of the dynamic table, in these bytes.
    Resize(usize, Range<usize>),
}

/// A header field. Ranges are bytes of the block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) form: Form,
    pub(crate) at: Range<usize>,
    /// Index and its bytes, the bits before it included; 0 if the name is written out.
    pub(crate) index: usize,
    pub(crate) index_at: Range<usize>,
    pub(crate) name: Arc<[u8]>,
    pub(crate) value: Arc<[u8]>,
    pub(crate) name_at: Option<Literal>,
    pub(crate) value_at: Option<Literal>,
}

/// A string that is written out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Literal {
    pub(crate) huffman: bool,
    /// The length.
    pub(crate) length: Range<usize>,
    pub(crate) bytes: Range<usize>,
}

/// Section 6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Indexed,
    Incremental,
    Without,
    Never,
}

/// Why no more of a direction can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// More bytes are needed.
    Short,
    /// It is not what the standard says, or an entry is unknown.
    Wrong,
}

impl Form {
    /// Bits before the index.
    pub(crate) fn bits(self) -> usize {
        match self {
            Self::Indexed => 1,
            Self::Incremental => 2,
            Self::Without | Self::Never => 4,
        }
    }
}

impl Default for Table {
    fn default() -> Self {
        Self { entries: VecDeque::new(), size: 0, capacity: DEFAULT }
    }
}

impl Table {
    /// Reads what stands at `at`. The table changes only if all of it is there.
    pub(crate) fn read(&mut self, block: &[u8], at: usize) -> Result<Item, Stop> {
        let first = *block.get(at).ok_or(Stop::Short)?;
        let form = match first {
            0x80.. => Form::Indexed,
            0x40.. => Form::Incremental,
            0x20.. => {
                let (size, end) = integer(block, at, 5)?;
                self.resize(size)?;
                return Ok(Item::Resize(size, at..end));
            }
            0x10.. => Form::Never,
            _ => Form::Without,
        };
        let (index, end) = integer(block, at, 8 - form.bits())?;
        let index_at = at..end;
        if form == Form::Indexed {
            let Entry { name, value } = self.get(index)?;
            let (name_at, value_at) = (None, None);
            return Ok(Item::Header(Header {
                form,
                at: at..end,
                index,
                index_at,
                name,
                value,
                name_at,
                value_at,
            }));
        }
        let (name, name_at) = if index > 0 {
            (self.get(index)?.name, None)
        } else {
            let (name, literal) = string(block, end)?;
            (name, Some(literal))
        };
        let start = name_at.as_ref().map_or(end, |literal| literal.bytes.end);
        let (value, literal) = string(block, start)?;
        if form == Form::Incremental {
            self.insert(Entry { name: Arc::clone(&name), value: Arc::clone(&value) });
        }
        let at = at..literal.bytes.end;
        Ok(Item::Header(Header { form, at, index, index_at, name, value, name_at, value_at: Some(literal) }))
    }

    /// Static entries first, then dynamic ones (section 2.3.3).
    fn get(&self, index: usize) -> Result<Entry, Stop> {
        let index = index.checked_sub(1).ok_or(Stop::Wrong)?;
        if let Some((name, value)) = fixed::ENTRIES.get(index) {
            return Ok(Entry { name: name.as_bytes().into(), value: value.as_bytes().into() });
        }
        self.entries.get(index - fixed::ENTRIES.len()).cloned().ok_or(Stop::Wrong)
    }

    fn insert(&mut self, entry: Entry) {
        let size = entry.size();
        self.shrink(self.capacity.saturating_sub(size));
        // One that is larger than the table only empties it (section 4.4).
        if size <= self.capacity {
            self.size += size;
            self.entries.push_front(entry);
        }
    }

    fn resize(&mut self, capacity: usize) -> Result<(), Stop> {
        if capacity > LARGEST {
            return Err(Stop::Wrong);
        }
        self.capacity = capacity;
        self.shrink(capacity);
        Ok(())
    }

    /// Drops the oldest until the rest is no larger than this.
    fn shrink(&mut self, most: usize) {
        while self.size > most {
            let Some(oldest) = self.entries.pop_back() else { return };
            self.size -= oldest.size();
        }
    }
}

impl Entry {
    /// Section 4.1.
    fn size(&self) -> usize {
        self.name.len() + self.value.len() + 32
    }
}

/// A number whose first byte has `prefix` bits of it, and the byte after it (section 5.1).
pub(crate) fn integer(block: &[u8], at: usize, prefix: usize) -> Result<(usize, usize), Stop> {
    const BYTES: usize = 4;
    let most = (1 << prefix) - 1;
    let first = usize::from(*block.get(at).ok_or(Stop::Short)?) & most;
    if first < most {
        return Ok((first, at + 1));
    }
    let mut number = first;
    for (count, byte) in block.get(at + 1..).unwrap_or_default().iter().take(BYTES).enumerate() {
        number += usize::from(byte & 0x7f) << (7 * count);
        if byte & 0x80 == 0 {
            return Ok((number, at + 2 + count));
        }
    }
    if block.len() > at + BYTES { Err(Stop::Wrong) } else { Err(Stop::Short) }
}

/// A string (section 5.2).
fn string(block: &[u8], at: usize) -> Result<(Arc<[u8]>, Literal), Stop> {
    let huffman = block.get(at).ok_or(Stop::Short)? & 0x80 != 0;
    let (length, start) = integer(block, at, 7)?;
    let end = start.checked_add(length).ok_or(Stop::Wrong)?;
    let bytes = block.get(start..end).ok_or(Stop::Short)?;
    let text = if huffman { huffman::decode(bytes).ok_or(Stop::Wrong)?.into() } else { bytes.into() };
    Ok((text, Literal { huffman, length: at..start, bytes: start..end }))
}
