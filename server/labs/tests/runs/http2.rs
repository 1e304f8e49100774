//! HTTP/2 frames in a trace: read here by RFC 9113 section 4.1 alone, so that the tests do not believe the
//! library that wrote them.

use api::trace::Trace;

use crate::bytes::sent_by;

/// RFC 9113 section 6.
pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;

/// Flag of DATA and HEADERS: nothing more comes on this stream.
pub(crate) const END_STREAM: u8 = 1;
/// Flag of SETTINGS and PING.
pub(crate) const ACK: u8 = 1;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    /// The first four bytes of the payload: an error code, a window's increment, the last stream.
    pub(crate) fn number(&self) -> u32 {
        u32::from_be_bytes(*self.payload.first_chunk().unwrap())
    }
}

/// The frames that `host` sent on its first connection that speaks HTTP/2. A client's begins with the preface.
pub(crate) fn frames(trace: &Trace, host: &str) -> Vec<Frame> {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let streams = sent_by(trace, host);
    let bytes = &streams.first().unwrap().bytes;
    parse(bytes.strip_prefix(PREFACE).unwrap_or(bytes))
}

fn parse(mut rest: &[u8]) -> Vec<Frame> {
    let mut frames = Vec::new();
    while let [a, b, c, kind, flags, s, t, u, v, after @ ..] = rest {
        let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
        let stream = u32::from_be_bytes([*s & 0x7f, *t, *u, *v]);
        frames.push(Frame { kind: *kind, flags: *flags, stream, payload: after[..length].to_vec() });
        rest = &after[length..];
    }
    assert!(rest.is_empty(), "half a frame at the end");
    frames
}

/// Those of one kind.
pub(crate) fn of(frames: &[Frame], kind: u8) -> Vec<&Frame> {
    frames.iter().filter(|frame| frame.kind == kind).collect()
}
