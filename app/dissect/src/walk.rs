//! Reads one field after the other, where each begins where the one before it ended.

use crate::fields::Fields;
use crate::spec::Spec;
use crate::types::Value;

/// A place among the bytes of a message, counted from its start.
pub(crate) struct Walk<'w, 'a> {
    pub(crate) fields: &'w mut Fields<'a>,
    pub(crate) at: usize,
    pub(crate) end: usize,
}

impl<'w, 'a> Walk<'w, 'a> {
    pub(crate) fn new(fields: &'w mut Fields<'a>, at: usize, end: usize) -> Self {
        Self { fields, at, end }
    }

    pub(crate) fn left(&self) -> usize {
        self.end.saturating_sub(self.at)
    }

    /// The next bytes, without adding a field.
    pub(crate) fn peek(&self, length: usize) -> Option<&'a [u8]> {
        if length > self.left() {
            return None;
        }
        self.fields.reader.bytes(self.fields.start().checked_add(self.at)?, length)
    }

    /// Passes over bytes.
    pub(crate) fn skip(&mut self, length: usize) -> Option<&'a [u8]> {
        let bytes = self.peek(length)?;
        self.at += length;
        Some(bytes)
    }

    /// A number of so many bytes.
    pub(crate) fn number(&mut self, spec: &'static Spec, length: usize) -> Option<u64> {
        self.peek(length)?;
        let number = self.fields.add(spec, self.at * 8, length * 8)?;
        self.at += length;
        Some(number)
    }

    /// A length of so many bytes, which must not reach beyond the end.
    pub(crate) fn length(&mut self, spec: &'static Spec, length: usize) -> Option<usize> {
        usize::try_from(self.number(spec, length)?).ok()
    }

    /// A number of one, two, four or eight bytes (RFC 9000 section 16).
    pub(crate) fn varint(&mut self, spec: &'static Spec) -> Option<u64> {
        let (number, length) = varint(self.peek(self.left())?)?;
        self.fields.made(spec, spec.form.number(number), self.at, self.at + length)?;
        self.at += length;
        Some(number)
    }

    /// The next number of that form, and how long it is, without adding a field.
    pub(crate) fn peek_varint(&self) -> Option<(u64, usize)> {
        varint(self.peek(self.left())?)
    }

    /// Bytes as they are; nothing is added if there are none.
    pub(crate) fn bytes(&mut self, spec: &'static Spec, length: usize) -> Option<()> {
        let bytes = self.peek(length)?;
        if length > 0 {
            self.fields.made(spec, Value::Bytes(bytes.to_vec()), self.at, self.at + length)?;
            self.at += length;
        }
        Some(())
    }

    pub(crate) fn text(&mut self, spec: &'static Spec, length: usize) -> Option<String> {
        let text = String::from_utf8_lossy(self.peek(length)?).into_owned();
        if length > 0 {
            self.fields.made(spec, Value::Text(text.clone()), self.at, self.at + length)?;
            self.at += length;
        }
        Some(text)
    }

    /// A heading over what `inside` reads of the next `length` bytes. What it leaves is passed over.
    pub(crate) fn group(
        &mut self,
        spec: &'static Spec,
        length: usize,
        inside: impl FnOnce(&mut Walk<'_, 'a>) -> Option<()>,
    ) -> Option<()> {
        self.peek(length)?;
        let (at, end) = (self.at, self.at + length);
        self.fields.made(spec, Value::None, at, end)?;
        self.at = end;
        self.fields.below(|fields| inside(&mut Walk::new(fields, at, end)))
    }

    /// Below the field added last, what `inside` reads of the next `length` bytes. What it leaves is passed over.
    pub(crate) fn below(
        &mut self,
        length: usize,
        inside: impl FnOnce(&mut Walk<'_, 'a>) -> Option<()>,
    ) -> Option<()> {
        self.peek(length)?;
        let (at, end) = (self.at, self.at + length);
        self.at = end;
        self.fields.below(|fields| inside(&mut Walk::new(fields, at, end)))
    }
}

/// The number at the start of `bytes` (RFC 9000 section 16) and how many bytes it takes.
pub(crate) fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let first = *bytes.first()?;
    let length = 1_usize << (first >> 6);
    let number = bytes.get(..length)?.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    Some((number & (u64::MAX >> (66 - 8 * length)), length))
}

#[cfg(test)]
mod tests {
    use super::varint;

    /// RFC 9000 appendix A.1.
    #[test]
    fn numbers_of_variable_length() {
        assert_eq!(
            varint(&[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c]),
            Some((151_288_809_941_952_652, 8))
        );
        assert_eq!(varint(&[0x9d, 0x7f, 0x3e, 0x7d, 9]), Some((494_878_333, 4)));
        assert_eq!(varint(&[0x7b, 0xbd]), Some((15_293, 2)));
        assert_eq!(varint(&[0x25]), Some((37, 1)));
        assert_eq!(varint(&[0x40, 0x25]), Some((37, 2)));
        assert_eq!(varint(&[0x7b]), None);
        assert_eq!(varint(&[]), None);
    }
}
