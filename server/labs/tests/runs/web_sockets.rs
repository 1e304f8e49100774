//! WebSocket frames in a trace: read here by RFC 6455 section 5.2 alone, so that the tests do not believe
//! the library that wrote them.

use api::trace::Trace;

use crate::bytes::sent_by;

/// One frame as it was on the wire, its payload unmasked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WsFrame {
    pub(crate) last: bool,
    pub(crate) opcode: u8,
    pub(crate) masked: bool,
    /// The second byte's length field: 0–125, 126 or 127.
    pub(crate) form: u8,
    pub(crate) payload: Vec<u8>,
}

/// What one host sent on one of its connections, in order: the HTTP head and the frames after it.
pub(crate) struct Half {
    pub(crate) head: String,
    pub(crate) frames: Vec<WsFrame>,
}

impl Half {
    /// The value of a header, whatever its case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    /// `(last, opcode)` of every frame.
    pub(crate) fn shapes(&self) -> Vec<(bool, u8)> {
        self.frames.iter().map(|frame| (frame.last, frame.opcode)).collect()
    }

    /// Status codes of its Close frames.
    pub(crate) fn close_codes(&self) -> Vec<u16> {
        let closes = self.frames.iter().filter(|frame| frame.opcode == 8);
        closes.filter_map(|frame| frame.payload.first_chunk()).map(|code| u16::from_be_bytes(*code)).collect()
    }
}

/// What `host` sent on each of its connections, in the order in which they spoke first.
pub(crate) fn halves(trace: &Trace, host: &str) -> Vec<Half> {
    sent_by(trace, host).iter().map(|stream| half(&stream.bytes)).collect()
}

fn half(stream: &[u8]) -> Half {
    let end = stream.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    let head = String::from_utf8(stream[..end].to_vec()).unwrap();
    let (mut frames, mut rest) = (Vec::new(), &stream[end..]);
    while !rest.is_empty() {
        let (frame, after) = frame(rest);
        frames.push(frame);
        rest = after;
    }
    Half { head, frames }
}

fn frame(bytes: &[u8]) -> (WsFrame, &[u8]) {
    let (first, second) = (bytes[0], bytes[1]);
    let form = second & 0x7f;
    let (length, mut at) = match form {
        126 => (usize::from(u16::from_be_bytes(*bytes[2..].first_chunk().unwrap())), 4),
        127 => (u64::from_be_bytes(*bytes[2..].first_chunk().unwrap()) as usize, 10),
        short => (usize::from(short), 2),
    };
    let masked = second & 0x80 != 0;
    let mut mask = [0; 4];
    if masked {
        mask.copy_from_slice(&bytes[at..at + 4]);
        at += 4;
    }
    let payload = bytes[at..at + length].iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key);
    let payload = payload.collect();
    (WsFrame { last: first & 0x80 != 0, opcode: first & 0x0f, masked, form, payload }, &bytes[at + length..])
}
