//! The header of a packet and what protects it, RFC 9000 section 17 and RFC 9001 section 5.
//!
//! The second bit is fixed, unless the two sides have agreed to choose it at random (RFC 9287), as quinn does: a
//! packet without it is one as well.
//!
//! ```text
//! long   1 1 T T R R P P │ version 4 │ DCID length 1, DCID │ SCID length 1, SCID │ [token] │ length │ number 1–4 │ payload
//! short  0 1 S R R K P P │ DCID │ number 1–4 │ payload                     R, K, P and the number are masked
//! ```

use super::names::*;
use crate::fields::Fields;
use crate::secure::Traffic;
use crate::types::Value;
use crate::walk::Walk;

/// Longest connection identifier of version 1.
pub(super) const LONGEST_ID: usize = 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Initial,
    ZeroRtt,
    Handshake,
    Retry,
    Negotiation,
    /// A long header of a version that is not known.
    Foreign,
    Short,
}

/// Where the parts of a packet lie, counted from its first byte.
#[derive(Clone, Debug)]
pub(super) struct Header {
    pub(super) kind: Kind,
    pub(super) version: u32,
    pub(super) destination: Vec<u8>,
    pub(super) source: Vec<u8>,
    /// Of the packet number; for packets without, of what comes after the identifiers.
    pub(super) number_at: usize,
    /// One past the last byte of the packet.
    pub(super) end: usize,
}

/// What was behind the protection.
pub(super) struct Unsealed {
    /// Without mask.
    pub(super) first: u8,
    pub(super) number: u64,
    pub(super) number_length: usize,
    pub(super) plain: Vec<u8>,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Initial => "Initial",
            Self::ZeroRtt => "0-RTT",
            Self::Handshake => "Handshake",
            Self::Retry => "Retry",
            Self::Negotiation => "版本协商",
            Self::Foreign => "其他版本",
            Self::Short => "1-RTT",
        }
    }

    /// Its packet number space (RFC 9000 section 12.3): Initial, Handshake, application data.
    pub(super) fn space(self) -> usize {
        match self {
            Self::Initial => 0,
            Self::Handshake => 1,
            _ => 2,
        }
    }
}

impl Header {
    /// A long header at the start of `bytes`.
    pub(super) fn long(bytes: &[u8]) -> Option<Self> {
        let (&first, rest) = bytes.split_first()?;
        if first & 0x80 == 0 {
            return None;
        }
        let version = u32::from_be_bytes(*rest.first_chunk()?);
        let (destination, at) = identifier(bytes, 5)?;
        let (source, mut at) = identifier(bytes, at)?;
        let kind = match (version, first >> 4 & 3) {
            (0, _) => Kind::Negotiation,
            (1, 0) => Kind::Initial,
            (1, 1) => Kind::ZeroRtt,
            (1, 2) => Kind::Handshake,
            (1, _) => Kind::Retry,
            _ => Kind::Foreign,
        };
        let mut end = bytes.len();
        if kind == Kind::Initial {
            let (token, size) = crate::walk::varint(bytes.get(at..)?)?;
            at = at.checked_add(size)?.checked_add(usize::try_from(token).ok()?)?;
        }
        if matches!(kind, Kind::Initial | Kind::ZeroRtt | Kind::Handshake) {
            let (length, size) = crate::walk::varint(bytes.get(at..)?)?;
            at = at.checked_add(size)?;
            end = at.checked_add(usize::try_from(length).ok()?)?;
            if end > bytes.len() {
                return None;
            }
        }
        Some(Self { kind, version, destination, source, number_at: at, end })
    }

    /// A short header, whose identifier has this length: the receiver knows, and so must we.
    pub(super) fn short(bytes: &[u8], identifier: usize) -> Option<Self> {
        let first = *bytes.first()?;
        let destination = bytes.get(1..1 + identifier)?.to_vec();
        let (kind, version, source, end) = (Kind::Short, 1, Vec::new(), bytes.len());
        (first & 0x80 == 0).then_some(Self {
            kind,
            version,
            destination,
            source,
            number_at: 1 + identifier,
            end,
        })
    }

    /// Removes both protections (RFC 9001 section 5). `largest` is the largest number received so far in this space.
    pub(super) fn unseal(&self, packet: &[u8], largest: Option<u64>, traffic: &Traffic) -> Option<Unsealed> {
        self.unmask(packet, largest, traffic).and_then(|masked| masked.open(self, packet, traffic))
    }

    /// Removes the header protection alone.
    pub(super) fn unmask(&self, packet: &[u8], largest: Option<u64>, traffic: &Traffic) -> Option<Unmasked> {
        let sample = packet.get(self.number_at + 4..)?.first_chunk::<16>()?;
        let mask = traffic.keys.mask(sample)?;
        let bits = if self.kind == Kind::Short { 0x1f } else { 0x0f };
        let first = packet.first()? ^ (mask[0] & bits);
        let length = usize::from(first & 3) + 1;
        let masked = packet.get(self.number_at..self.number_at + length)?;
        let number: Vec<u8> = masked.iter().zip(&mask[1..]).map(|(byte, mask)| byte ^ mask).collect();
        let truncated = number.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        let whole = expand(truncated, length, largest);
        Some(Unmasked { first, number: whole, bytes: number })
    }

    /// The fields of the header; `unsealed` gives those that are protected.
    pub(super) fn fields<'a>(&self, packet: &'a [u8], unsealed: Option<&Unsealed>) -> Fields<'a> {
        let mut fields = Fields::new(packet, 0, self.end);
        // What is cut short keeps what it has.
        let _ = if self.kind == Kind::Short {
            self.read_short(&mut fields, unsealed)
        } else {
            self.read_long(&mut fields, unsealed)
        };
        fields
    }

    fn read_long(&self, fields: &mut Fields<'_>, unsealed: Option<&Unsealed>) -> Option<()> {
        fields.derived(&PACKET_LENGTH, 0, self.end as u64)?;
        fields.add(&HEADER_FORM, 0, 1)?;
        if self.kind == Kind::Negotiation {
            fields.add(&VN_UNUSED, 1, 7)?;
        } else {
            fields.add(&FIXED_BIT, 1, 1)?;
            fields.add(&LONG_TYPE, 2, 2)?;
        }
        if let Some(Unsealed { first, .. }) = unsealed {
            fields.made_bits(&LONG_RESERVED, Value::Unsigned((first >> 2 & 3).into()), 4, 6)?;
            fields.made_bits(&NUMBER_LENGTH, Value::Unsigned((first & 3).into()), 6, 8)?;
        }
        let mut walk = Walk::new(fields, 1, self.end);
        walk.number(&VERSION, 4)?;
        walk.number(&DCIL, 1)?;
        walk.bytes(&DCID, self.destination.len())?;
        walk.number(&SCIL, 1)?;
        walk.bytes(&SCID, self.source.len())?;
        match self.kind {
            Kind::Negotiation => {
                while walk.left() >= 4 {
                    walk.number(&SUPPORTED_VERSION, 4)?;
                }
                return Some(());
            }
            Kind::Retry => {
                let token = walk.left().checked_sub(16)?;
                walk.bytes(&RETRY_TOKEN, token)?;
                return walk.bytes(&RETRY_TAG, 16);
            }
            Kind::Foreign => return Some(()),
            Kind::Initial => {
                let length = usize::try_from(walk.varint(&TOKEN_LENGTH)?).ok()?;
                walk.bytes(&TOKEN, length)?;
            }
            _ => {}
        }
        walk.varint(&LENGTH)?;
        self.number(&mut walk, unsealed, &PAYLOAD)
    }

    fn read_short(&self, fields: &mut Fields<'_>, unsealed: Option<&Unsealed>) -> Option<()> {
        fields.derived(&PACKET_LENGTH, 0, self.end as u64)?;
        fields.add(&HEADER_FORM, 0, 1)?;
        fields.add(&FIXED_BIT, 1, 1)?;
        fields.add(&SPIN, 2, 1)?;
        if let Some(Unsealed { first, .. }) = unsealed {
            fields.made_bits(&SHORT_RESERVED, Value::Unsigned((first >> 3 & 3).into()), 3, 5)?;
            fields.made_bits(&KEY_PHASE, Value::Bool(first & 4 != 0), 5, 6)?;
            fields.made_bits(&NUMBER_LENGTH, Value::Unsigned((first & 3).into()), 6, 8)?;
        }
        let mut walk = Walk::new(fields, 1, self.end);
        walk.bytes(&DCID, self.destination.len())?;
        self.number(&mut walk, unsealed, &PROTECTED)
    }

    fn number(
        &self,
        walk: &mut Walk<'_, '_>,
        unsealed: Option<&Unsealed>,
        payload: &'static crate::Spec,
    ) -> Option<()> {
        let Some(Unsealed { number, number_length, .. }) = unsealed else {
            return walk.bytes(&REMAINING, walk.left());
        };
        walk.fields.made(&NUMBER, Value::Unsigned(*number), walk.at, walk.at + number_length)?;
        walk.skip(*number_length)?;
        walk.bytes(payload, walk.left())
    }
}

/// What the header protection hid.
pub(super) struct Unmasked {
    pub(super) first: u8,
    pub(super) number: u64,
    /// The packet number as it is sent.
    bytes: Vec<u8>,
}

impl Unmasked {
    /// Decrypts the payload.
    pub(super) fn open(&self, header: &Header, packet: &[u8], traffic: &Traffic) -> Option<Unsealed> {
        let start = header.number_at + self.bytes.len();
        let mut aad = packet.get(..start)?.to_vec();
        *aad.first_mut()? = self.first;
        aad.get_mut(header.number_at..)?.copy_from_slice(&self.bytes);
        let plain = traffic.keys.open(self.number, &aad, packet.get(start..header.end)?)?;
        Some(Unsealed { first: self.first, number: self.number, number_length: self.bytes.len(), plain })
    }
}

fn identifier(bytes: &[u8], at: usize) -> Option<(Vec<u8>, usize)> {
    let length = usize::from(*bytes.get(at)?);
    let end = at + 1 + length;
    (length <= LONGEST_ID).then_some((bytes.get(at + 1..end)?.to_vec(), end))
}

/// The number nearest to the next one expected that ends in these bytes (RFC 9000 appendix A.3).
fn expand(truncated: u64, length: usize, largest: Option<u64>) -> u64 {
    let expected = largest.map_or(0, |largest| largest.saturating_add(1));
    let window = 1_u64 << (8 * length);
    let candidate = (expected & !(window - 1)) | truncated;
    if candidate.saturating_add(window / 2) <= expected && candidate < (1 << 62) - window {
        candidate + window
    } else if candidate > expected.saturating_add(window / 2) && candidate >= window {
        candidate - window
    } else {
        candidate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9000 appendix A.3.
    #[test]
    fn numbers_are_expanded() {
        assert_eq!(expand(0x9b32, 2, Some(0xa82f_30ea)), 0xa82f_9b32);
        assert_eq!(expand(0, 1, None), 0);
        assert_eq!(expand(0xff, 1, Some(0x101)), 0xff);
        assert_eq!(expand(0x01, 1, Some(0xff)), 0x101);
    }

    /// RFC 9001 appendix A.3: the server's first packet.
    #[test]
    fn a_packet_of_the_standard() {
        let digits = "cf000000010008f067a5502a4262b5004075c0d95a482cd0991cd25b0aac406a5816b6394100f37a1c69797554780bb3\
             8cc5a99f5ede4cf73c3ec2493a1839b3dbcba3f6ea46c5b7684df3548e7ddeb9c3bf9c73cc3f3bded74b562bfb19fb84\
             022f8ef4cdd93795d77d06edbb7aaf2f58891850abbdca3d20398c276456cbc42158407dd074ee";
        let digits: Vec<_> = digits.chars().filter_map(|digit| digit.to_digit(16)).collect();
        let packet: Vec<_> = digits.chunks(2).map(|pair| (pair[0] << 4 | pair[1]) as u8).collect();
        let header = Header::long(&packet).unwrap();
        assert_eq!((header.kind, header.end), (Kind::Initial, packet.len()));
        assert_eq!(header.source, [0xf0, 0x67, 0xa5, 0x50, 0x2a, 0x42, 0x62, 0xb5]);
        let destination = [0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08];
        let [_, server] = Traffic::initial(&destination).unwrap();
        let Unsealed { first, number, number_length, plain } = header.unseal(&packet, None, &server).unwrap();
        assert_eq!((first, number, number_length), (0xc1, 1, 2));
        let read = super::super::frames::read(&plain);
        assert_eq!(read.names, ["ACK", "CRYPTO"]);
        // A ServerHello.
        assert_eq!(plain[9..13], [0x02, 0x00, 0x00, 0x56]);
        let mut changed = packet;
        *changed.last_mut().unwrap() ^= 1;
        assert!(header.unseal(&changed, None, &server).is_none());
    }
}
