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

use super::stream::{Input, Message, Next, Session, Step};
use super::websocket;
use crate::decoders::Guess;
use body::{Framing, Missing};
use head::Upgrade;
use message::Found;
use std::collections::VecDeque;

/// Requests that wait for their response; a peer that sends more without reading is not followed.
const WAITING: usize = 256;

/// Both directions of a connection that speaks HTTP.
#[derive(Debug, Default)]
pub(crate) struct Exchange {
    requests: VecDeque<Request>,
    /// Requests that were answered before they were complete.
    answered: usize,
}

/// What a response must know about its request.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Frame that completed it.
    pub(crate) frame: u32,
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
        if response {
            // An interim response is followed by the final one (RFC 9110 section 15.2).
            if told.code >= 200 || told.code == 101 {
                self.answered += usize::from(self.requests.pop_front().is_none());
            }
        } else if self.answered > 0 {
            self.answered -= 1;
        } else if self.requests.len() < WAITING {
            self.requests.push_back(Request { method: told.method, frame: input.now.frame });
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
            layers: vec![input.layer(
                "http",
                format!("HTTP {}", told.summary),
                head.end,
                body.end,
                fields.list,
            )],
            name: "HTTP",
            summary: told.summary,
            next,
        })
    }

    /// A message may begin anew.
    fn survives_gap(&self) -> bool {
        true
    }
}
