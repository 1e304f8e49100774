//! The frames in a decrypted packet, RFC 9000 section 19 and RFC 9221.

use super::names::*;
use crate::fields::Fields;
use crate::types::{Field, Value};
use crate::walk::Walk;

/// Frames of one packet that are looked at.
const MOST: usize = 1024;

/// What a packet's frames are and do.
#[derive(Default)]
pub(super) struct Read {
    pub(super) fields: Vec<Field>,
    /// `ACK`, `STREAM(4)`, in their order.
    pub(super) names: Vec<String>,
    pub(super) deeds: Vec<Deed>,
}

/// What a frame means for the connection. Positions are those within the packet's plaintext.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Deed {
    Crypto { offset: u64, at: usize, length: usize },
    Stream { id: u64, offset: u64, at: usize, length: usize, fin: bool },
    NewConnectionId(Vec<u8>),
    Reset(u64),
}

/// Reads all frames of a packet.
pub(super) fn read(plain: &[u8]) -> Read {
    let mut fields = Fields::new(plain, 0, plain.len());
    let mut read = Read::default();
    let mut walk = Walk::new(&mut fields, 0, plain.len());
    for _ in 0..MOST {
        if walk.left() == 0 || frame(&mut walk, &mut read).is_none() {
            break;
        }
    }
    read.fields = fields.list;
    read
}

fn frame(walk: &mut Walk<'_, '_>, read: &mut Read) -> Option<()> {
    let (kind, _) = walk.peek_varint()?;
    let at = walk.at;
    walk.varint(&TYPE)?;
    let name = FRAMES.iter().find(|(known, _)| *known == kind).map(|(_, name)| *name)?;
    let rest = walk.left();
    let (mut end, mut told) = (walk.at, name.to_owned());
    // What is cut short keeps what it has.
    let complete = walk.fields.below(|fields| {
        let mut inside = Walk::new(fields, end, end + rest);
        let complete = body(&mut inside, kind, at, read, &mut told);
        end = inside.at;
        complete
    });
    walk.at = end;
    read.names.push(told);
    complete
}

fn body(walk: &mut Walk<'_, '_>, kind: u64, at: usize, read: &mut Read, told: &mut String) -> Option<()> {
    match kind {
        0x00 => {
            let more = walk.peek(walk.left())?.iter().take_while(|byte| **byte == 0).count();
            walk.fields.derived(&PADDING_LENGTH, walk.at, 1 + more as u64)?;
            walk.skip(more).map(drop)
        }
        0x01 | 0x1e => Some(()),
        0x02 | 0x03 => acknowledgment(walk, kind == 0x03),
        0x04 => {
            let id = walk.varint(&RESET_STREAM)?;
            walk.varint(&RESET_ERROR)?;
            walk.varint(&RESET_SIZE)?;
            *told = format!("{told}({id})");
            read.deeds.push(Deed::Reset(id));
            Some(())
        }
        0x05 => {
            let id = walk.varint(&STOP_STREAM)?;
            *told = format!("{told}({id})");
            walk.varint(&STOP_ERROR).map(drop)
        }
        0x06 => {
            let offset = walk.varint(&CRYPTO_OFFSET)?;
            let length = usize::try_from(walk.varint(&CRYPTO_LENGTH)?).ok()?;
            let at = walk.at;
            walk.group(&CRYPTO_DATA, length, |_| Some(()))?;
            read.deeds.push(Deed::Crypto { offset, at, length });
            Some(())
        }
        0x07 => {
            let length = usize::try_from(walk.varint(&NEW_TOKEN_LENGTH)?).ok()?;
            walk.bytes(&NEW_TOKEN, length)
        }
        0x08..=0x0f => stream(walk, kind, at, read, told),
        0x10 => walk.varint(&MAX_DATA).map(drop),
        0x11 => {
            let id = walk.varint(&MAX_STREAM_ID)?;
            *told = format!("{told}({id})");
            walk.varint(&MAX_STREAM_DATA).map(drop)
        }
        0x12 | 0x13 => walk.varint(&MAX_STREAMS).map(drop),
        0x14 => walk.varint(&BLOCKED_LIMIT).map(drop),
        0x15 => {
            walk.varint(&BLOCKED_STREAM)?;
            walk.varint(&BLOCKED_LIMIT).map(drop)
        }
        0x16 | 0x17 => walk.varint(&STREAMS_LIMIT).map(drop),
        0x18 => {
            walk.varint(&NEW_CID_SEQUENCE)?;
            walk.varint(&NEW_CID_RETIRE)?;
            let length = walk.length(&NEW_CID_LENGTH, 1)?;
            read.deeds.push(Deed::NewConnectionId(walk.peek(length)?.to_vec()));
            walk.bytes(&NEW_CID, length)?;
            walk.bytes(&NEW_CID_TOKEN, 16)
        }
        0x19 => walk.varint(&RETIRED).map(drop),
        0x1a => walk.bytes(&CHALLENGE, 8),
        0x1b => walk.bytes(&RESPONSE, 8),
        0x1c | 0x1d => {
            if kind == 0x1c {
                walk.varint(&CLOSE_ERROR)?;
                walk.varint(&CLOSE_FRAME)?;
            } else {
                walk.varint(&CLOSE_APP_ERROR)?;
            }
            let length = usize::try_from(walk.varint(&CLOSE_REASON_LENGTH)?).ok()?;
            walk.text(&CLOSE_REASON, length).map(drop)
        }
        0x30 => walk.bytes(&DATAGRAM, walk.left()),
        0x31 => {
            let length = usize::try_from(walk.varint(&DATAGRAM_LENGTH)?).ok()?;
            walk.bytes(&DATAGRAM, length)
        }
        _ => None,
    }
}

/// Section 19.3: from the largest number downwards, acknowledged and not in turn.
fn acknowledgment(walk: &mut Walk<'_, '_>, ecn: bool) -> Option<()> {
    walk.varint(&ACK_LARGEST)?;
    walk.varint(&ACK_DELAY)?;
    let count = walk.varint(&ACK_COUNT)?;
    walk.varint(&ACK_FIRST)?;
    for _ in 0..count {
        walk.varint(&ACK_GAP)?;
        walk.varint(&ACK_RANGE)?;
    }
    if ecn {
        walk.varint(&ECT0)?;
        walk.varint(&ECT1)?;
        walk.varint(&ECN_CE)?;
    }
    Some(())
}

/// Section 19.8. Three bits of the type say which fields there are.
fn stream(walk: &mut Walk<'_, '_>, kind: u64, at: usize, read: &mut Read, told: &mut String) -> Option<()> {
    walk.fields.add(&STREAM_FIN, at * 8 + 7, 1)?;
    walk.fields.add(&STREAM_LEN, at * 8 + 6, 1)?;
    walk.fields.add(&STREAM_OFF, at * 8 + 5, 1)?;
    let id = walk.varint(&STREAM_ID)?;
    let last = walk.at * 8;
    let bit = |number: u64| Value::Unsigned(number & 1);
    walk.fields.made_bits(&INITIATOR, bit(id), last - 1, last)?;
    walk.fields.made_bits(&DIRECTION, bit(id >> 1), last - 2, last - 1)?;
    let offset = if kind & 4 != 0 { walk.varint(&STREAM_OFFSET)? } else { 0 };
    let length = match kind & 2 {
        0 => walk.left(),
        _ => usize::try_from(walk.varint(&STREAM_LENGTH)?).ok()?,
    };
    let at = walk.at;
    walk.bytes(&STREAM_DATA, length)?;
    let fin = kind & 1 != 0;
    *told = format!("STREAM({id}) {length} 字节{}", if fin { " FIN" } else { "" });
    read.deeds.push(Deed::Stream { id, offset, at, length, fin });
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(bytes: &[u8]) -> Vec<String> {
        read(bytes).names
    }

    #[test]
    fn frames_are_told_in_their_order() {
        // ACK of 9 to 6 and 3, CRYPTO at 0 with two bytes, STREAM 4 from 300 with FIN, three bytes of PADDING.
        let bytes = b"\x02\x09\x00\x01\x03\x01\x00\x06\x00\x02ab\x0f\x04\x41\x2c\x01x\x00\x00\x00";
        assert_eq!(names(bytes), ["ACK", "CRYPTO", "STREAM(4) 1 字节 FIN", "PADDING"]);
        assert_eq!(
            read(bytes).deeds,
            [
                Deed::Crypto { offset: 0, at: 10, length: 2 },
                Deed::Stream { id: 4, offset: 300, at: 17, length: 1, fin: true }
            ]
        );
    }

    #[test]
    fn what_is_cut_short_keeps_what_it_has() {
        assert_eq!(names(b"\x02\x09"), ["ACK"]);
        assert_eq!(read(b"\x02\x09").fields[0].children.len(), 1);
        assert!(read(b"\x06\x00\x7f\xffab").deeds.is_empty(), "longer than the packet");
        assert!(names(b"\x21\x00").is_empty(), "nobody knows where an unknown frame ends");
        assert!(names(b"").is_empty());
    }

    #[test]
    fn noise_does_no_harm() {
        let mut state = 9000_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        for round in 0..20_000 {
            let mut bytes: Vec<_> = (0..round % 80).map(|_| next()).collect();
            if let Some(first) = bytes.first_mut() {
                *first %= 0x32;
            }
            let told = read(&bytes);
            for deed in told.deeds {
                if let Deed::Crypto { at, length, .. } | Deed::Stream { at, length, .. } = deed {
                    assert!(bytes.get(at..at + length).is_some());
                }
            }
        }
    }
}
