//! Collects the fields of one layer. A read past the end of the layer adds nothing and returns `None`,
//! so a dissector written with `?` ends where the bytes end and keeps what it had.

use crate::reader::Reader;
use crate::spec::{Form, Spec};
use crate::types::{Field, Value};

pub(crate) struct Fields<'a> {
    pub(crate) reader: Reader<'a>,
    /// Bit that offsets count from: the start of the header.
    base: usize,
    pub(crate) list: Vec<Field>,
}

impl<'a> Fields<'a> {
    /// Fields of a header that begins at byte `start` and may read up to byte `end`.
    pub(crate) fn new(frame: &'a [u8], start: usize, end: usize) -> Self {
        Self { reader: Reader::new(frame, end), base: start * 8, list: Vec::new() }
    }

    /// Byte of the frame where this header begins.
    pub(crate) fn start(&self) -> usize {
        self.base / 8
    }

    /// Adds the field at `bit` (from the header's start), `length` bits long. Returns its raw number
    /// (0 for addresses and byte strings).
    pub(crate) fn add(&mut self, spec: &'static Spec, bit: usize, length: usize) -> Option<u64> {
        let at = self.base.checked_add(bit)?;
        let byte = at / 8;
        let (raw, value) = match spec.form {
            Form::Mac => (0, Value::Mac(self.reader.array(byte)?)),
            Form::Ipv4 => (0, Value::Ipv4(self.reader.array(byte)?)),
            Form::Ipv6 => (0, Value::Ipv6(self.reader.array(byte)?)),
            Form::Bytes => (0, Value::Bytes(self.reader.bytes(byte, length / 8)?.to_vec())),
            Form::Group => {
                self.reader.bytes(byte, length.div_ceil(8))?;
                (0, Value::None)
            }
            form => {
                let raw = self.reader.bits(at, length)?;
                (raw, form.number(raw))
            }
        };
        self.push(spec, value, at, at + length)?;
        Some(raw)
    }

    /// Adds several fields: `(spec, bit, length in bits)`.
    pub(crate) fn rows(&mut self, rows: &[(&'static Spec, usize, usize)]) -> Option<()> {
        rows.iter().try_for_each(|(spec, bit, length)| self.add(spec, *bit, *length).map(drop))
    }

    /// Adds a field and, below it, those that `inside` adds. Offsets inside count from the same header start.
    pub(crate) fn nest(
        &mut self,
        spec: &'static Spec,
        bit: usize,
        length: usize,
        inside: impl FnOnce(&mut Self) -> Option<()>,
    ) -> Option<u64> {
        let raw = self.add(spec, bit, length)?;
        self.below(inside).map(|()| raw)
    }

    /// Puts what `inside` adds below the field added last.
    pub(crate) fn below(&mut self, inside: impl FnOnce(&mut Self) -> Option<()>) -> Option<()> {
        let siblings = std::mem::take(&mut self.list);
        let complete = inside(self);
        let children = std::mem::replace(&mut self.list, siblings);
        if let Some(parent) = self.list.last_mut() {
            parent.children.extend(children);
        }
        complete
    }

    /// Adds a value that was worked out. It belongs to byte `byte` (from the header's start) but covers nothing.
    pub(crate) fn derived(&mut self, spec: &'static Spec, byte: usize, number: u64) -> Option<()> {
        let at = self.base.checked_add(byte * 8)?;
        self.push(spec, spec.form.number(number), at, at)
    }

    /// Adds a value that was made from the bytes `start..end` (from the header's start): decoded, trimmed, unmasked.
    pub(crate) fn made(&mut self, spec: &'static Spec, value: Value, start: usize, end: usize) -> Option<()> {
        self.reader.bytes(self.start().checked_add(start)?, end.checked_sub(start)?)?;
        let bit = |byte: usize| self.base.checked_add(byte.checked_mul(8)?);
        self.push(spec, value, bit(start)?, bit(end)?)
    }

    /// Like [`Self::made`] for the bits `start..end`.
    pub(crate) fn made_bits(
        &mut self,
        spec: &'static Spec,
        value: Value,
        start: usize,
        end: usize,
    ) -> Option<()> {
        let (from, to) = (start / 8, end.div_ceil(8));
        self.reader.bytes(self.start().checked_add(from)?, to.checked_sub(from)?)?;
        self.push(spec, value, self.base.checked_add(start)?, self.base.checked_add(end)?)
    }

    /// Like [`Self::made`], with fields below it.
    pub(crate) fn made_over(
        &mut self,
        spec: &'static Spec,
        value: Value,
        start: usize,
        end: usize,
        inside: impl FnOnce(&mut Self) -> Option<()>,
    ) -> Option<()> {
        self.made(spec, value, start, end)?;
        self.below(inside)
    }

    /// Changes the field added last (not its children: they are in it by then).
    pub(crate) fn amend(&mut self, change: impl FnOnce(&mut Field)) {
        if let Some(last) = self.list.last_mut() {
            change(last);
        }
    }

    /// Replaces the shown text of the field added last.
    pub(crate) fn say(&mut self, text: impl FnOnce(&Field) -> String) {
        self.amend(|field| field.text = text(field));
    }

    /// The byte at `byte` from the header's start, without adding a field.
    pub(crate) fn u8(&self, byte: usize) -> Option<u8> {
        self.reader.u8(self.start().checked_add(byte)?)
    }

    /// The 16-bit number at `byte` from the header's start, without adding a field.
    pub(crate) fn u16(&self, byte: usize) -> Option<u16> {
        self.reader.u16(self.start().checked_add(byte)?)
    }

    fn push(&mut self, spec: &'static Spec, value: Value, start: usize, end: usize) -> Option<()> {
        let text = spec.form.text(&value);
        self.list.push(Field {
            name: spec.name,
            label: spec.label,
            value,
            text,
            start_bit: u32::try_from(start).ok()?,
            end_bit: u32::try_from(end).ok()?,
            parts: Vec::new(),
            children: Vec::new(),
        });
        Some(())
    }
}
