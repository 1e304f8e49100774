//! What a protocol that lives in a stream says about the bytes at hand.

use crate::spec::clipped;
use crate::types::{Field, Value};

/// What to do with the bytes at the front of a stream.
pub(crate) enum Step {
    /// This many bytes (or the end of the stream) are needed before a look is worth it.
    Wait(usize),
    /// A line end (or the end of the stream) is needed before a look is worth it.
    WaitForLine,
    Message(Message),
    /// Not, or no longer, this protocol: the rest is bytes.
    Stop,
}

/// A message at the front of a stream. Positions count from its first byte.
pub(crate) struct Message {
    /// Bytes that it takes from the stream.
    pub(crate) length: usize,
    /// Bytes that belong to it and come after those, too many to collect.
    pub(crate) skip: u64,
    /// Bytes of its header.
    pub(crate) header: usize,
    /// Wireshark's name.
    pub(crate) protocol: &'static str,
    /// For a table's column.
    pub(crate) name: &'static str,
    pub(crate) title: String,
    pub(crate) summary: String,
    pub(crate) fields: Vec<Field>,
    pub(crate) next: Next,
}

/// What the connection speaks after a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Same,
    /// `compressed`: with the extension of RFC 7692.
    WebSocket {
        compressed: bool,
    },
    Opaque,
}

/// Bytes as text if that is what they are, else in hexadecimal.
pub(crate) fn shown(bytes: &[u8]) -> String {
    const LONGEST: usize = 200;
    const BYTES: usize = 24;
    let control = |letter: char| letter.is_control() && !matches!(letter, '\r' | '\n' | '\t');
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.chars().take(LONGEST).any(control) => clipped(text, LONGEST),
        _ if bytes.len() > BYTES => {
            format!("{}…（共 {} 字节）", Value::Bytes(bytes[..BYTES].to_vec()), bytes.len())
        }
        _ => Value::Bytes(bytes.to_vec()).to_string(),
    }
}
