//! Netlink messages (RFC 3549, `linux/netlink.h`): building and reading them.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |                            Length                             |
//! |             Type              |             Flags             |
//! |                        Sequence number                        |
//! |                            Port id                            |
//! |  family header, then attributes: length, type, value, padding |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```
//! All numbers are in host byte order; everything is padded to four bytes.

/// Bytes of `struct nlmsghdr`.
pub(crate) const HEADER: usize = 16;
/// Bytes of `struct nlattr`.
pub(crate) const ATTRIBUTE_HEADER: usize = 4;

/// Next multiple of four.
pub(crate) fn aligned(length: usize) -> usize {
    (length + 3) & !3
}

/// A message under construction.
pub(crate) struct Message {
    bytes: Vec<u8>,
}

impl Message {
    /// `flags` beside `NLM_F_REQUEST`; `family_header` is what follows `struct nlmsghdr`.
    pub(crate) fn new(kind: u16, flags: i32, family_header: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(256);
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&kind.to_ne_bytes());
        let flags = (libc::NLM_F_REQUEST | flags) as u16;
        bytes.extend_from_slice(&flags.to_ne_bytes());
        bytes.extend_from_slice(&[0; 8]);
        let mut message = Self { bytes };
        message.raw(family_header);
        message
    }

    /// Bytes without an attribute header around them, padded.
    pub(crate) fn raw(&mut self, value: &[u8]) {
        self.bytes.extend_from_slice(value);
        self.bytes.resize(aligned(self.bytes.len()), 0);
    }

    pub(crate) fn attribute(&mut self, kind: u16, value: &[u8]) {
        self.nest(kind, |message| message.raw_unpadded(value));
    }

    pub(crate) fn number(&mut self, kind: u16, value: u32) {
        self.attribute(kind, &value.to_ne_bytes());
    }

    /// A string with its terminating zero.
    pub(crate) fn text(&mut self, kind: u16, value: &str) {
        let mut bytes = value.as_bytes().to_vec();
        bytes.push(0);
        self.attribute(kind, &bytes);
    }

    /// An attribute whose value `inner` writes.
    pub(crate) fn nest(&mut self, kind: u16, inner: impl FnOnce(&mut Self)) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 2]);
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        inner(self);
        let length = (self.bytes.len() - start) as u16;
        self.bytes[start..start + 2].copy_from_slice(&length.to_ne_bytes());
        self.bytes.resize(aligned(self.bytes.len()), 0);
    }

    fn raw_unpadded(&mut self, value: &[u8]) {
        self.bytes.extend_from_slice(value);
    }

    /// Asks the kernel to say whether it did it.
    pub(crate) fn acknowledge(&mut self) {
        self.bytes[6] |= libc::NLM_F_ACK as u8;
    }

    /// The finished message.
    pub(crate) fn finish(mut self, sequence: u32) -> Vec<u8> {
        let length = self.bytes.len() as u32;
        self.bytes[0..4].copy_from_slice(&length.to_ne_bytes());
        self.bytes[8..12].copy_from_slice(&sequence.to_ne_bytes());
        self.bytes
    }
}

/// Calls `each` with the type and value of every attribute in `bytes`; stops at malformed ones.
pub(crate) fn attributes<'a>(mut bytes: &'a [u8], mut each: impl FnMut(u16, &'a [u8])) {
    while let (Some(length), Some(kind)) = (u16_at(bytes, 0), u16_at(bytes, 2)) {
        let length = usize::from(length);
        let Some(value) = bytes.get(ATTRIBUTE_HEADER..length) else { return };
        each(kind & !(libc::NLA_F_NESTED as u16), value);
        bytes = bytes.get(aligned(length)..).unwrap_or_default();
    }
}

/// One received message.
pub(crate) struct Received<'a> {
    pub(crate) kind: u16,
    pub(crate) payload: &'a [u8],
}

/// Splits what one `recv` returned into its messages.
pub(crate) fn messages<'a>(mut bytes: &'a [u8], mut each: impl FnMut(Received<'a>)) {
    while let (Some(length), Some(kind)) = (u32_at(bytes, 0), u16_at(bytes, 4)) {
        let length = length as usize;
        let Some(payload) = bytes.get(HEADER..length) else { return };
        each(Received { kind, payload });
        bytes = bytes.get(aligned(length)..).unwrap_or_default();
    }
}

pub(crate) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_ne_bytes)
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes)
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at + 8)?.try_into().ok().map(u64::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_attributes_read_back() {
        let mut message = Message::new(16, 0, &[0; 4]);
        message.nest(18, |inner| {
            inner.text(1, "veth");
            inner.number(2, 7);
        });
        message.attribute(3, &[9]);
        let bytes = message.finish(5);
        assert_eq!(u32_at(&bytes, 0), Some(bytes.len() as u32));
        assert_eq!(u32_at(&bytes, 8), Some(5));
        let mut seen = Vec::new();
        attributes(&bytes[HEADER + 4..], |kind, value| {
            seen.push(kind);
            if kind == 18 {
                attributes(value, |kind, value| match kind {
                    1 => assert_eq!(value, b"veth\0"),
                    2 => assert_eq!(value, 7u32.to_ne_bytes()),
                    _ => panic!("unexpected attribute"),
                });
            }
        });
        assert_eq!(seen, [18, 3]);
    }

    #[test]
    fn malformed_input_ends_quietly() {
        attributes(&[3, 0, 1, 0], |_, _| panic!("shorter than its header"));
        attributes(&[40, 0, 1, 0, 1], |_, _| panic!("longer than the buffer"));
        messages(&[255; 20], |_| panic!("longer than the buffer"));
    }
}
