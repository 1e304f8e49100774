//! HTTP/1.1, RFC 9110 (what messages mean) and RFC 9112 (how they are written).
//!
//! ```text
//! GET /path?x=1 HTTP/1.1 CRLF          HTTP/1.1 200 OK CRLF
//! Host: example.org CRLF               Transfer-Encoding: chunked CRLF
//! CRLF                                 CRLF
//!                                      5 CRLF hello CRLF 0 CRLF CRLF
//! ```

mod body;
mod head;
pub(crate) mod message;
pub(crate) mod names;

pub(crate) use names::ALL;

use super::stream::{Carried, Input, Message, Next, Session, Step};
use super::websocket;
use crate::decoders::Guess;
use crate::spec::clipped;
use crate::streams::Buffer;
use crate::types::Layer;
use body::{Body, Framing, Missing};
use head::Upgrade;
use message::{Found, Head};
use std::collections::VecDeque;

/// Requests that wait for their response; a peer that sends more without reading is not followed.
const WAITING: usize = 256;

/// Characters of a target that are kept for the response.
const LONGEST_TARGET: usize = 512;

/// Both directions of a connection that speaks HTTP.
#[derive(Debug, Default)]
pub(crate) struct Exchange {
    requests: VecDeque<Request>,
    /// Requests that were answered before they were complete.
    answered: usize,
    /// A body was met that only a larger table of decoders can read.
    lacks: bool,
}

/// What a response must know about its request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Frame that completed it.
    pub(crate) frame: u32,
    /// What it asked for, or the beginning of that.
    pub(crate) target: String,
}

/// Whether the first bytes of a stream are of a request or a status line.
pub(crate) fn begins(bytes: &[u8]) -> Guess {
    if message::may_begin(bytes) { Guess::Yes } else { Guess::No }
}

impl Session for Exchange {
    fn step(&mut self, input: &Input<'_>) -> Step {
        let (bytes, finished) = (input.bytes(), input.finished);
        let head = match message::head(bytes) {
            Found::Yes(head) => head,
            Found::NotYet => return Step::WaitForLine,
            Found::Never => return Step::Stop,
        };
        let response = bytes.starts_with(b"HTTP/");
        let request = if response { self.requests.front() } else { None };
        let told = head::read(bytes, &head, request, input.setup.encrypted);
        let framing = Framing::of(bytes, &head, told.code, request.map(|request| request.method.as_str()));
        let body = match framing.read(bytes, head.end, finished) {
            Ok(body) => body,
            Err(Missing::Bytes(wanted)) => return Step::Wait(wanted),
            Err(Missing::Line) => return Step::WaitForLine,
            Err(Missing::Sense) => return Step::Stop,
        };
        let mut fields = told.fields;
        let encoded = head.header(bytes, "content-encoding").is_some();
        body.fields(&mut fields, bytes, head.end, encoded);
        let asked = request.map_or(told.target.as_str(), |request| request.target.as_str());
        let (carried, lacks) =
            if encoded { Default::default() } else { carried(input, &head, &body, asked, response) };
        self.lacks |= lacks;
        let mut layers =
            vec![input.layer("http", format!("HTTP {}", told.summary), head.end, body.end, fields.list)];
        layers.extend(carried);
        if response {
            // An interim response is followed by the final one (RFC 9110 section 15.2).
            if told.code >= 200 || told.code == 101 {
                self.answered += usize::from(self.requests.pop_front().is_none());
            }
        } else if self.answered > 0 {
            self.answered -= 1;
        } else if self.requests.len() < WAITING {
            let target = clipped(&told.target, LONGEST_TARGET);
            self.requests.push_back(Request { method: told.method, target, frame: input.now.frame });
        }
        let next = match (told.code, told.upgrade, framing) {
            (101, Some(Upgrade::WebSocket), _) => {
                Next::Session(Box::new(websocket::Frames { compressed: told.compressed }))
            }
            (101, Some(Upgrade::Http2), _) => Next::Named("h2c"),
            (101, None, _) | (_, _, Framing::Tunnel) => Next::Opaque,
            _ => Next::Same,
        };
        Step::Message(Message {
            length: body.end,
            skip: body.skip,
            layers,
            name: "HTTP",
            summary: told.summary,
            next,
        })
    }

    /// A message may begin anew.
    fn survives_gap(&self) -> bool {
        true
    }

    fn lacks(&self) -> bool {
        self.lacks
    }
}

/// The layers of what a message carries, if that is more than a file; true if only a larger table of decoders has them.
fn carried(input: &Input<'_>, head: &Head, body: &Body, path: &str, response: bool) -> (Vec<Layer>, bool) {
    let bytes = input.bytes();
    let kind = head.header(bytes, "content-type").and_then(|header| bytes.get(header.value.clone()));
    if !kind.is_some_and(is_grpc_web) {
        return (Vec::new(), false);
    }
    let Some(read) = input.setup.decoders.grpc_web else { return (Vec::new(), true) };
    let mut buffer = Buffer::default();
    for range in body.content(head.end) {
        let place = input.place(range.start, range.end);
        buffer.append_from(bytes.get(range).unwrap_or_default(), &place);
    }
    (read(Carried { buffer, path, response, now: input.now, hints: input.setup.hints }), false)
}

/// `application/grpc-web`, alone or with the format of its messages; not `-text`, whose bytes are in Base64.
fn is_grpc_web(kind: &[u8]) -> bool {
    let rest = kind.strip_prefix(b"application/grpc-web");
    rest.is_some_and(|rest| matches!(rest, [] | [b'+' | b';' | b' ', ..]))
}
