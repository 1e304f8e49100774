//! The frame around every block.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |                          Block Type                           |
//! |                      Block Total Length                       |
//! |             Block Body, padded to 32 bits, variable           |
//! |                      Block Total Length                       |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```
//! Numbers are in the writer's byte order, which the Section Header Block tells.

use std::io::{self, Write};

/// Type and the two lengths.
const OVERHEAD: usize = 12;
/// Longest value of an option.
const LONGEST_OPTION: usize = 0xffff;

/// A block under construction.
pub(super) struct Block {
    kind: u32,
    body: Vec<u8>,
}

impl Block {
    pub(super) fn new(kind: u32) -> Self {
        Self { kind, body: Vec::new() }
    }

    pub(super) fn u16(&mut self, value: u16) -> &mut Self {
        self.body.extend_from_slice(&value.to_ne_bytes());
        self
    }

    pub(super) fn u32(&mut self, value: u32) -> &mut Self {
        self.body.extend_from_slice(&value.to_ne_bytes());
        self
    }

    pub(super) fn u64(&mut self, value: u64) -> &mut Self {
        self.body.extend_from_slice(&value.to_ne_bytes());
        self
    }

    pub(super) fn padded(&mut self, bytes: &[u8]) -> &mut Self {
        self.body.extend_from_slice(bytes);
        self.body.resize(self.body.len().next_multiple_of(4), 0);
        self
    }

    /// An option, or a record of a Name Resolution Block, which looks the same.
    pub(super) fn option(&mut self, code: u16, value: &[u8]) -> &mut Self {
        let value = &value[..value.len().min(LONGEST_OPTION)];
        self.u16(code).u16(value.len() as u16).padded(value)
    }

    pub(super) fn end_of_options(&mut self) -> &mut Self {
        self.u32(0)
    }

    pub(super) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let length = ((self.body.len() + OVERHEAD) as u32).to_ne_bytes();
        out.write_all(&self.kind.to_ne_bytes())?;
        out.write_all(&length)?;
        out.write_all(&self.body)?;
        out.write_all(&length)
    }
}
