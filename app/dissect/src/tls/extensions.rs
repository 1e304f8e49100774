//! Extensions of handshake messages, RFC 8446 section 4.2, and the transport parameters of QUIC, RFC 9000 section 18.

use super::handshake::Told;
use super::names::*;
use crate::spec::{Form, Spec};
use crate::walk::{Walk, varint};

/// A list of extensions with its length. One that is left out altogether is an empty one.
pub(super) fn extensions(walk: &mut Walk<'_, '_>, told: &mut Told) -> Option<()> {
    if walk.left() == 0 {
        return Some(());
    }
    let all = walk.length(&EXTENSIONS_LENGTH, 2)?;
    walk.peek(all)?;
    let end = walk.at + all;
    while walk.at < end {
        let kind = walk.number(&EXTENSION, 2)?;
        let length = usize::from(u16::from_be_bytes(walk.peek(2)?.try_into().ok()?));
        walk.below(2 + length, |inside| {
            inside.number(&EXTENSION_LENGTH, 2)?;
            // One that is malformed says no more; the next is found by the length.
            let _ = extension(inside, kind, told);
            Some(())
        })?;
    }
    Some(())
}

fn extension(walk: &mut Walk<'_, '_>, kind: u64, told: &mut Told) -> Option<()> {
    let from_client = told.kind == 1;
    match kind {
        _ if walk.left() == 0 => Some(()),
        0 => {
            walk.length(&NAMES_LENGTH, 2)?;
            walk.number(&NAME_TYPE, 1)?;
            let length = walk.length(&NAME_LENGTH, 2)?;
            told.server_name = Some(walk.text(&NAME, length)?);
            Some(())
        }
        5 if from_client => {
            walk.number(&STATUS_TYPE, 1)?;
            match walk.length(&RESPONDERS_LENGTH, 2)? {
                0 => walk.number(&REQUEST_EXTENSIONS_LENGTH, 2).map(drop),
                _ => walk.bytes(&EXTENSION_DATA, walk.left()),
            }
        }
        10 => numbers(walk, (&GROUPS_LENGTH, 2), (&GROUP, 2)),
        11 => numbers(walk, (&POINTS_LENGTH, 1), (&POINT, 1)),
        13 => numbers(walk, (&SIGNATURES_LENGTH, 2), (&SIGNATURE_SCHEME, 2)),
        16 => {
            walk.length(&ALPN_LENGTH, 2)?;
            while walk.left() > 0 {
                let length = walk.length(&ALPN_STRING_LENGTH, 1)?;
                let name = walk.text(&ALPN, length)?;
                if from_client {
                    told.offered.get_or_insert(name);
                } else {
                    told.protocol = Some(name);
                }
            }
            Some(())
        }
        21 => walk.bytes(&PADDING, walk.left()),
        41 if from_client => offered_keys(walk),
        41 => walk.number(&SELECTED_IDENTITY, 2).map(drop),
        42 => walk.number(&MAX_EARLY_DATA, 4).map(drop),
        43 if from_client => numbers(walk, (&VERSIONS_LENGTH, 1), (&SUPPORTED_VERSION, 2)),
        43 => {
            told.is_13 = walk.number(&SUPPORTED_VERSION, 2)? == 0x0304;
            Some(())
        }
        45 => numbers(walk, (&MODES_LENGTH, 1), (&MODE, 1)),
        51 if from_client => {
            let all = walk.length(&SHARES_LENGTH, 2)?;
            walk.peek(all)?;
            while walk.left() > 0 {
                share(walk)?;
            }
            Some(())
        }
        51 if told.retry => walk.number(&SELECTED_GROUP, 2).map(drop),
        51 => share(walk),
        57 => {
            while walk.left() > 0 {
                parameter(walk)?;
            }
            Some(())
        }
        _ => walk.bytes(&EXTENSION_DATA, walk.left()),
    }
}

/// A list of numbers of one size with its length in bytes.
fn numbers(
    walk: &mut Walk<'_, '_>,
    (length, bytes): (&'static Spec, usize),
    (spec, size): (&'static Spec, usize),
) -> Option<()> {
    let all = walk.length(length, bytes)?;
    walk.peek(all)?;
    for _ in 0..all / size {
        walk.number(spec, size)?;
    }
    Some(())
}

/// Section 4.2.8.
fn share(walk: &mut Walk<'_, '_>) -> Option<()> {
    walk.number(&SHARE_GROUP, 2)?;
    let length = walk.length(&SHARE_LENGTH, 2)?;
    walk.bytes(&SHARE, length)
}

/// Section 4.2.11: tickets, each with its age, then a proof for each that the client has the key.
fn offered_keys(walk: &mut Walk<'_, '_>) -> Option<()> {
    let end = walk.length(&IDENTITIES_LENGTH, 2)? + walk.at;
    while walk.at < end {
        let length = walk.length(&IDENTITY_LENGTH, 2)?;
        walk.bytes(&IDENTITY, length)?;
        walk.number(&TICKET_AGE, 4)?;
    }
    let length = walk.length(&BINDERS_LENGTH, 2)?;
    walk.bytes(&BINDERS, length)
}

/// A transport parameter: identifier, length, value.
fn parameter(walk: &mut Walk<'_, '_>) -> Option<()> {
    let kind = walk.varint(&PARAMETER)?;
    let (length, prefix) = walk.peek_varint()?;
    let length = usize::try_from(length).ok()?;
    walk.below(prefix.checked_add(length)?, |inside| {
        inside.varint(&PARAMETER_LENGTH)?;
        let at = inside.at;
        inside.bytes(&PARAMETER_VALUE, length)?;
        inside.at = at;
        let spec = match kind {
            0x00 => &ORIGINAL_DCID,
            0x01 => &MAX_IDLE_TIMEOUT,
            0x02 => &RESET_TOKEN,
            0x03 => &MAX_UDP_PAYLOAD,
            0x04 => &INITIAL_MAX_DATA,
            0x05 => &INITIAL_BIDI_LOCAL,
            0x06 => &INITIAL_BIDI_REMOTE,
            0x07 => &INITIAL_UNI,
            0x08 => &INITIAL_STREAMS_BIDI,
            0x09 => &INITIAL_STREAMS_UNI,
            0x0a => &ACK_DELAY_EXPONENT,
            0x0b => &MAX_ACK_DELAY,
            0x0e => &CID_LIMIT,
            0x0f => &INITIAL_SCID,
            0x10 => &RETRY_SCID,
            0x11 => return versions(inside),
            0x20 => &MAX_DATAGRAM,
            _ => return Some(()),
        };
        match spec.form {
            Form::Bytes => inside.bytes(spec, length),
            // A number that is not as long as the parameter is malformed.
            _ if varint(inside.peek(length)?).is_some_and(|(_, size)| size == length) => {
                inside.varint(spec).map(drop)
            }
            _ => Some(()),
        }
    })
}

/// RFC 9368 section 3.
fn versions(walk: &mut Walk<'_, '_>) -> Option<()> {
    walk.number(&CHOSEN_VERSION, 4)?;
    while walk.left() > 0 {
        walk.number(&OTHER_VERSION, 4)?;
    }
    Some(())
}
