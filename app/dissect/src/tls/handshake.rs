//! Handshake messages, RFC 8446 section 4, whatever carries them: records of TLS or CRYPTO frames of QUIC.
//!
//! ```text
//! type 1 │ length 3 │ body
//! ```

use super::extensions::extensions;
use super::names::*;
use crate::fields::Fields;
use crate::types::Field;
use crate::walk::Walk;

/// Longest message that is put together.
const LONGEST: usize = 1 << 17;

/// The random number of a ServerHello that asks for another ClientHello (section 4.1.3).
const RETRY: [u8; 4] = [0xcf, 0x21, 0xad, 0x74];

/// What a message says that later bytes depend on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    pub(crate) kind: u8,
    /// Of a ClientHello.
    pub(crate) random: Option<[u8; 32]>,
    /// Chosen by a ServerHello.
    pub(crate) suite: Option<u64>,
    /// A ServerHello that asks for another ClientHello.
    pub(crate) retry: bool,
    /// A ServerHello that chose TLS 1.3.
    pub(crate) is_13: bool,
    /// Of EncryptedExtensions or a ServerHello: what the connection will speak.
    pub(crate) protocol: Option<String>,
    pub(crate) server_name: Option<String>,
    /// Of a ClientHello: what it would like to speak most.
    pub(crate) offered: Option<String>,
}

/// A message and what it says.
pub(crate) struct Message {
    /// Bytes of it all.
    pub(crate) length: usize,
    pub(crate) title: String,
    pub(crate) fields: Vec<Field>,
    pub(crate) told: Told,
}

/// How far a message at the start of bytes reaches.
pub(crate) enum Found {
    Message(Message),
    /// More bytes are needed.
    Wait,
    Never,
}

/// The message at the start of `bytes`.
pub(crate) fn message(bytes: &[u8]) -> Found {
    let [kind, lengths @ ..] = bytes else { return Found::Wait };
    let Some([high, middle, low]) = lengths.first_chunk() else { return Found::Wait };
    let length = 4 + u32::from_be_bytes([0, *high, *middle, *low]) as usize;
    if length > LONGEST {
        return Found::Never;
    }
    if bytes.len() < length {
        return Found::Wait;
    }
    let mut fields = Fields::new(bytes, 0, length);
    let mut told = Told { kind: *kind, ..Told::default() };
    // What is malformed shows what it has up to there.
    let _ = read(&mut fields, length, &mut told);
    let title = match name(*kind, &told) {
        Some(name) => name.to_owned(),
        None => format!("握手消息 {kind}"),
    };
    let title = match (&told.server_name, &told.protocol) {
        (Some(name), _) => format!("{title} {name}"),
        (_, Some(protocol)) => format!("{title} {protocol}"),
        _ => title,
    };
    Found::Message(Message { length, title, fields: fields.list, told })
}

fn name(kind: u8, told: &Told) -> Option<&'static str> {
    if told.retry {
        return Some("HelloRetryRequest");
    }
    TYPES.iter().find(|(known, _)| *known == u64::from(kind)).map(|(_, name)| *name)
}

fn read(fields: &mut Fields<'_>, end: usize, told: &mut Told) -> Option<()> {
    let mut walk = Walk::new(fields, 0, end);
    walk.number(&TYPE, 1)?;
    walk.number(&LENGTH, 3)?;
    match told.kind {
        1 => client_hello(&mut walk, told),
        2 => server_hello(&mut walk, told),
        4 => ticket(&mut walk, told),
        8 => extensions(&mut walk, told),
        11 => certificate(&mut walk, told),
        13 => {
            context(&mut walk)?;
            extensions(&mut walk, told)
        }
        15 => {
            walk.number(&SIGNATURE_SCHEME, 2)?;
            let length = walk.length(&SIGNATURE_LENGTH, 2)?;
            walk.bytes(&SIGNATURE, length)
        }
        20 => walk.bytes(&VERIFY_DATA, walk.left()),
        24 => walk.number(&REQUEST_UPDATE, 1).map(drop),
        _ => None,
    }
}

/// Section 4.1.2.
fn client_hello(walk: &mut Walk<'_, '_>, told: &mut Told) -> Option<()> {
    walk.number(&VERSION, 2)?;
    told.random = walk.peek(32).and_then(|random| random.try_into().ok());
    walk.bytes(&RANDOM, 32)?;
    session_id(walk)?;
    let suites = walk.length(&SUITES_LENGTH, 2)?;
    walk.peek(suites)?;
    for _ in 0..suites / 2 {
        walk.number(&SUITE, 2)?;
    }
    let compressions = walk.length(&COMPRESSIONS_LENGTH, 1)?;
    for _ in 0..compressions {
        walk.number(&COMPRESSION, 1)?;
    }
    extensions(walk, told)
}

/// Section 4.1.3.
fn server_hello(walk: &mut Walk<'_, '_>, told: &mut Told) -> Option<()> {
    walk.number(&VERSION, 2)?;
    told.retry = walk.peek(4) == Some(&RETRY);
    walk.bytes(&RANDOM, 32)?;
    session_id(walk)?;
    told.suite = Some(walk.number(&SUITE, 2)?);
    walk.number(&COMPRESSION, 1)?;
    extensions(walk, told)
}

fn session_id(walk: &mut Walk<'_, '_>) -> Option<()> {
    let length = walk.length(&SESSION_ID_LENGTH, 1)?;
    walk.bytes(&SESSION_ID, length)
}

/// Section 4.6.1. The older message of RFC 5077 has no nonce and no extensions.
fn ticket(walk: &mut Walk<'_, '_>, told: &mut Told) -> Option<()> {
    walk.number(&TICKET_LIFETIME, 4)?;
    walk.number(&TICKET_AGE_ADD, 4)?;
    let nonce = walk.length(&TICKET_NONCE_LENGTH, 1)?;
    walk.bytes(&TICKET_NONCE, nonce)?;
    let ticket = walk.length(&TICKET_LENGTH, 2)?;
    walk.bytes(&TICKET, ticket)?;
    extensions(walk, told)
}

/// Section 4.4.2.
fn certificate(walk: &mut Walk<'_, '_>, told: &mut Told) -> Option<()> {
    context(walk)?;
    let all = walk.length(&CERTIFICATES_LENGTH, 3)?;
    let end = walk.at + all;
    while walk.at < end {
        let length = walk.length(&CERTIFICATE_LENGTH, 3)?;
        walk.bytes(&CERTIFICATE, length)?;
        extensions(walk, told)?;
    }
    Some(())
}

fn context(walk: &mut Walk<'_, '_>) -> Option<()> {
    let length = walk.length(&REQUEST_CONTEXT_LENGTH, 1)?;
    walk.bytes(&REQUEST_CONTEXT, length)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A ClientHello with a name, ALPN h3 and version 1.3.
    fn hello() -> Vec<u8> {
        let mut body = b"\x03\x03".to_vec();
        body.extend([7; 32]);
        body.extend(b"\x00\x00\x02\x13\x01\x01\x00");
        let extensions = b"\x00\x00\x00\x08\x00\x06\x00\x00\x03a.b\x00\x10\x00\x05\x00\x03\x02h3\x00\x2b\x00\x03\x02\x03\x04";
        body.extend((extensions.len() as u16).to_be_bytes());
        body.extend(extensions);
        let mut message = vec![1, 0];
        message.extend((body.len() as u16).to_be_bytes());
        message.extend(body);
        message
    }

    #[test]
    fn a_client_says_what_it_wants() {
        let bytes = hello();
        let Found::Message(message) = message(&bytes) else { panic!("it is whole") };
        assert_eq!((message.length, message.title.as_str()), (bytes.len(), "ClientHello a.b"));
        assert_eq!(message.told.random, Some([7; 32]));
        assert_eq!(message.told.offered.as_deref(), Some("h3"));
    }

    #[test]
    fn a_message_is_whole_or_waited_for() {
        let bytes = hello();
        for end in 0..bytes.len() {
            assert!(matches!(message(&bytes[..end]), Found::Wait), "{end}");
        }
        assert!(matches!(message(&[1, 0xff, 0xff, 0xff]), Found::Never));
    }

    #[test]
    fn changed_bytes_do_no_harm() {
        let mut state = 8446_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 16
        };
        for _ in 0..20_000 {
            let mut bytes = hello();
            bytes[0] = (next() % 26) as u8;
            for _ in 0..1 + next() % 4 {
                let at = 4 + next() as usize % (bytes.len() - 4);
                bytes[at] = next() as u8;
            }
            let length = bytes.len();
            assert!(matches!(message(&bytes), Found::Message(told) if told.length == length));
        }
    }
}
