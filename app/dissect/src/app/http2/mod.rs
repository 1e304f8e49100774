//! HTTP/2 frames, RFC 9113 section 4.1.
//!
//! ```text
//! +-----------------------------------------------+
//! |                 Length (24)                   |
//! +---------------+---------------+---------------+
//! |   Type (8)    |   Flags (8)   |
//! +-+-------------+---------------+-------------------------------+
//! |R|                 Stream Identifier (31)                      |
//! +=+=============================================================+
//! |                   Frame Payload (0...)                      ...
//! +---------------------------------------------------------------+
//! ```

mod block;
mod frame;
mod names;

pub(crate) use block::About;
pub(crate) use names::ALL;

use super::grpc::Calls;
use super::stream::{Input, Message, Next, Session, Step};
use crate::decoders::Guess;
use crate::fields::Fields;
use crate::streams::LONGEST;
use crate::types::{Layer, Value};
use block::Blocks;
use frame::Frame;

/// What a client sends first (section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Bytes of a frame's header.
const HEADER: usize = 9;

/// Both directions of a connection that speaks HTTP/2.
#[derive(Debug, Default)]
pub(crate) struct Connection {
    directions: [Direction; 2],
    calls: Calls,
}

#[derive(Debug, Default)]
struct Direction {
    /// The first frame has been seen.
    started: bool,
    blocks: Blocks,
}

/// Whether the first bytes of a stream are a client's preface, or the first settings of a server that does not wait for it.
pub(crate) fn begins(bytes: &[u8]) -> Guess {
    let known = bytes.len().min(PREFACE.len());
    if bytes[..known] == PREFACE[..known] {
        return if known == PREFACE.len() { Guess::Yes } else { Guess::NotYet };
    }
    match bytes {
        [0, 0, 0, 4, 0, 0, 0, 0, 0, ..] => Guess::Yes,
        // With a setting that exists.
        [0, 0, length, 4, 0, 0, 0, 0, 0, 0, 1..=9, ..] if length % 6 == 0 && *length <= 60 => Guess::Yes,
        _ => Guess::No,
    }
}

impl Session for Connection {
    fn step(&mut self, input: &Input<'_>) -> Step {
        let bytes = input.bytes();
        let own = &mut self.directions[usize::from(!input.from_first)];
        if !own.started {
            let known = bytes.len().min(PREFACE.len());
            if input.from_first && bytes[..known] == PREFACE[..known] {
                return if known == PREFACE.len() { preface(input) } else { Step::Wait(PREFACE.len()) };
            }
        }
        let Some(frame) = Frame::read(bytes) else { return Step::Wait(HEADER) };
        if !own.started && !frame.may_be_first() {
            return Step::Stop;
        }
        let whole = HEADER + frame.length;
        if bytes.len() < whole && whole <= LONGEST {
            return Step::Wait(whole);
        }
        own.started = true;
        self.frame(input, &frame)
    }
}

impl Connection {
    /// A frame that is all there, or too long to wait for.
    fn frame(&mut self, input: &Input<'_>, frame: &Frame) -> Step {
        let own = &mut self.directions[usize::from(!input.from_first)];
        let whole = HEADER + frame.length;
        let (length, skip) = if whole <= LONGEST { (whole, 0) } else { (HEADER, frame.length as u64) };
        let mut fields = Fields::new(input.bytes(), 0, length);
        let told = frame.fields(&mut fields);
        let mut summary = format!("{}[{}]", frame.name(), frame.stream);
        if !told.text.is_empty() {
            summary = format!("{summary} {}", told.text);
        }
        let mut layer = input.layer("http2", String::new(), length, length, fields.list);
        if skip > 0 {
            own.blocks.lose();
        } else if let Some(fragment) = told.block {
            let list = own.blocks.read(input, frame, fragment);
            layer.fields.extend(list.fields);
            if !list.text.is_empty() {
                summary = format!("{summary} {}", list.text);
            }
            // What a push promises is not said by the stream it is said on.
            let stream = told.promised.unwrap_or(frame.stream);
            self.calls.headers(stream, input.from_first, &list.about);
        }
        layer.title = format!("HTTP/2 {summary}");
        let mut message =
            Message { length, skip, layers: vec![layer], name: "HTTP2", summary, next: Next::Same };
        if let Some(data) = told.data {
            self.carried(input, frame, data, &mut message);
        }
        if frame.ends_stream() {
            self.calls.end(frame.stream, input.from_first);
            message.summary.push_str(" END_STREAM");
        } else if frame.kind == frame::RST_STREAM {
            self.calls.reset(frame.stream);
        }
        Step::Message(message)
    }

    /// Messages of gRPC that a DATA frame completes.
    fn carried(
        &mut self,
        input: &Input<'_>,
        frame: &Frame,
        data: std::ops::Range<usize>,
        message: &mut Message,
    ) {
        let place = input.place(data.start, data.end);
        let Some(bytes) = input.bytes().get(data) else { return };
        let found = self.calls.data(frame.stream, input.from_first, bytes, &place, input);
        let Some(found) = found else { return };
        message.layers.extend(found.layers);
        if !found.summary.is_empty() {
            message.name = "gRPC";
            message.summary = format!("{} {}", message.summary, found.summary);
        }
    }
}

fn preface(input: &Input<'_>) -> Step {
    let mut fields = Fields::new(input.bytes(), 0, PREFACE.len());
    let text = String::from_utf8_lossy(PREFACE).into_owned();
    // All of it is there, so this cannot fail.
    let _ = fields.made(&names::MAGIC, Value::Text(text), 0, PREFACE.len());
    let title = "HTTP/2 连接前言".to_owned();
    let layer: Layer = input.layer("http2", title, PREFACE.len(), PREFACE.len(), fields.list);
    Step::Message(Message {
        length: PREFACE.len(),
        skip: 0,
        layers: vec![layer],
        name: "HTTP2",
        summary: "连接前言".to_owned(),
        next: Next::Same,
    })
}
