//! The only way to the bytes: every read is checked against the end of the part it may read.

/// A window `start..end` of a frame. Offsets are those of the whole frame.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Everything before `end` (or before the end of the frame, if that comes first) may be read.
    pub(crate) fn new(frame: &'a [u8], end: usize) -> Self {
        Self { bytes: frame.get(..end).unwrap_or(frame) }
    }

    pub(crate) fn end(self) -> usize {
        self.bytes.len()
    }

    /// `length` bytes from `at`.
    pub(crate) fn bytes(self, at: usize, length: usize) -> Option<&'a [u8]> {
        self.bytes.get(at..at.checked_add(length)?)
    }

    pub(crate) fn array<const N: usize>(self, at: usize) -> Option<[u8; N]> {
        self.bytes(at, N)?.try_into().ok()
    }

    pub(crate) fn u8(self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }

    pub(crate) fn u16(self, at: usize) -> Option<u16> {
        self.array(at).map(u16::from_be_bytes)
    }

    /// Up to 64 bits from bit `at` (most significant bit of byte 0 is bit 0), as a big-endian number.
    pub(crate) fn bits(self, at: usize, length: usize) -> Option<u64> {
        let end = at.checked_add(length)?;
        let covering = self.bytes.get(at / 8..end.div_ceil(8))?;
        if length > 64 || covering.len() > 9 {
            return None;
        }
        let number = covering.iter().fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
        let mask = (1_u128 << length) - 1;
        u64::try_from(number >> (covering.len() * 8 - (end - at / 8 * 8)) & mask).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_cross_byte_borders() {
        let reader = Reader::new(&[0b1010_0101, 0b1100_0011, 0xff], 2);
        assert_eq!(reader.bits(0, 4), Some(0b1010));
        assert_eq!(reader.bits(4, 8), Some(0b0101_1100));
        assert_eq!(reader.bits(15, 1), Some(1));
        assert_eq!(reader.bits(15, 2), None, "the third byte is outside the window");
        assert_eq!(reader.bits(16, 0), Some(0));
        assert_eq!(reader.bits(usize::MAX, 1), None);
        assert_eq!(Reader::new(&[0x12; 9], 9).bits(4, 64), Some(0x2121_2121_2121_2121));
    }
}
