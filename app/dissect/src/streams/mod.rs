//! What TCP connections carry. Each segment is put in its place in the stream; a message is shown in the frame that
//! completes it, and every field of it knows in which frames its bytes lie.

mod half;
mod place;

pub(crate) use half::LONGEST;

use crate::app::http::Exchange;
use crate::app::stream::{Message, Next, Step};
use crate::app::{data, websocket};
use crate::context::to_u32;
use crate::conversations::Segment;
use crate::types::{Dissection, Hints, Layer, Opened};
use half::{Arrival, Half};
use place::Place;

const FIN: u16 = 1;
const SYN: u16 = 2;
const RST: u16 = 4;

/// Messages that one frame may complete; what is left is looked at with the next one.
const MESSAGES: usize = 512;
/// Bytes that may come without a line end before that is looked into.
const LINE: usize = 1 << 14;
/// Summaries of messages that are told of one frame.
const TOLD: usize = 3;

/// The streams of all connections seen so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Streams {
    list: Vec<Stream>,
}

#[derive(Clone, Debug)]
struct Stream {
    /// From the first sender, and to it.
    halves: [Direction; 2],
    protocol: Protocol,
}

#[derive(Clone, Debug, Default)]
struct Direction {
    half: Half,
    wanted: Wanted,
    /// Bytes of a body that is too long to collect and that are still to come.
    skip: u64,
}

/// What makes another look worth it.
#[derive(Clone, Copy, Debug)]
enum Wanted {
    /// This many bytes in all.
    Bytes(usize),
    /// A line end after this many bytes.
    LineAfter(usize),
}

impl Default for Wanted {
    fn default() -> Self {
        Self::Bytes(0)
    }
}

impl Wanted {
    fn is_met(self, bytes: &[u8]) -> bool {
        match self {
            Self::Bytes(count) => bytes.len() >= count,
            // Without one for long it is worth a look too: it may not be what it seemed.
            Self::LineAfter(count) => {
                bytes.get(count..).is_some_and(|new| new.contains(&b'\n') || new.len() > LINE)
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Protocol {
    Http(Exchange),
    WebSocket {
        compressed: bool,
    },
    /// Nothing known.
    Opaque,
}

impl Streams {
    /// Takes a segment of the frame with this number. `None` if its payload stays bare bytes.
    pub(crate) fn push(
        &mut self,
        number: u32,
        frame: &[u8],
        dissection: &Dissection,
        segment: &Segment,
        hints: &Hints,
    ) -> Option<Opened> {
        let index = usize::try_from(segment.stream).ok()?;
        if index >= self.list.len() {
            self.list
                .resize_with(index + 1, || Stream { halves: Default::default(), protocol: Protocol::Opaque });
            // Only the newest one is new: numbers of connections count up.
            let stream = self.list.last_mut()?;
            stream.protocol = Protocol::by_hint(dissection, hints);
        }
        let stream = self.list.get_mut(index)?;
        if matches!(stream.protocol, Protocol::Opaque) {
            return None;
        }
        let tcp = dissection.layers.iter().find(|layer| layer.protocol == "tcp" && !layer.quoted)?;
        let at = (tcp.end as usize).min(frame.len());
        let end = at.saturating_add(segment.length as usize);
        // Of a frame that was cut when it was recorded, what is there; the rest is a gap.
        let bytes = frame.get(at..end.min(frame.len()))?;
        let fin = segment.flags & FIN != 0 && end <= frame.len();
        stream.push(Arrival { frame: number, at, seq: segment.seq, bytes, fin }, segment)
    }
}

impl Protocol {
    /// By the lab's hint; without one it may be HTTP, which the first bytes tell.
    fn by_hint(dissection: &Dissection, hints: &Hints) -> Self {
        let port = |name| dissection.field(name).and_then(|field| field.value.unsigned());
        let ports = [port("tcp.srcport"), port("tcp.dstport")];
        let hinted = hints.ports.iter().find(|(port, _)| ports.contains(&Some((*port).into())));
        match hinted.map(|(_, name)| name.as_str()) {
            None | Some("http") => Self::Http(Exchange::default()),
            Some("websocket") => Self::WebSocket { compressed: false },
            Some(_) => Self::Opaque,
        }
    }
}

impl Stream {
    fn push(&mut self, arrival: Arrival<'_>, segment: &Segment) -> Option<Opened> {
        let own = &mut self.halves[usize::from(!segment.from_first)];
        if segment.flags & SYN != 0 {
            own.half.synchronize(segment.seq);
            return None;
        }
        if segment.flags & RST != 0 {
            self.forget();
            return None;
        }
        own.half.push(arrival);
        if own.half.take_broken() {
            // A frame's border is lost with the bytes, a message of HTTP may begin anew.
            (own.wanted, own.skip) = (Wanted::default(), 0);
            if matches!(self.protocol, Protocol::WebSocket { .. }) {
                self.forget();
                return None;
            }
        }
        let opened = self.open(segment.from_first, &arrival);
        if matches!(self.protocol, Protocol::Opaque) {
            self.forget();
        }
        opened
    }

    /// All messages that are complete now, then what is left of this segment.
    fn open(&mut self, from_first: bool, arrival: &Arrival<'_>) -> Option<Opened> {
        let mut opened = Opened::default();
        let mut told = Vec::new();
        for _ in 0..MESSAGES {
            let Some((message, place)) = self.next(from_first, arrival) else { break };
            let mut layer = Layer {
                protocol: message.protocol,
                title: message.title,
                start: 0,
                end: to_u32(message.header),
                parts: Vec::new(),
                quoted: false,
                fields: message.fields,
            };
            place.layer(&mut layer);
            opened.layers.push(layer);
            told.push((message.name, message.summary));
        }
        let name = told.first()?.0;
        let more = told.len().saturating_sub(TOLD);
        let mut summary: Vec<_> = told.into_iter().take(TOLD).map(|(_, summary)| summary).collect();
        if more > 0 {
            summary.push(format!("另有 {more} 条"));
        }
        opened.told = Some((name, summary.join("；")));
        opened.layers.extend(self.halves[usize::from(!from_first)].rest(arrival));
        Some(opened)
    }

    /// The next complete message of one direction.
    fn next(&mut self, from_first: bool, arrival: &Arrival<'_>) -> Option<(Message, Place)> {
        let own = &mut self.halves[usize::from(!from_first)];
        let skipped = own.half.bytes().len().min(usize::try_from(own.skip).unwrap_or(usize::MAX));
        own.half.consume(skipped);
        own.skip -= skipped as u64;
        let finished = own.half.is_finished();
        let bytes = own.half.bytes();
        if own.skip > 0 || bytes.is_empty() || (!own.wanted.is_met(bytes) && !finished) {
            return None;
        }
        let step = match &mut self.protocol {
            Protocol::Http(exchange) => exchange.step(bytes, finished, arrival.frame),
            Protocol::WebSocket { compressed } => websocket::step(bytes, *compressed),
            Protocol::Opaque => return None,
        };
        match step {
            Step::Wait(wanted) if bytes.len() < LONGEST => {
                own.wanted = Wanted::Bytes(wanted);
                None
            }
            Step::WaitForLine if bytes.len() < LONGEST => {
                own.wanted = Wanted::LineAfter(bytes.len());
                None
            }
            Step::Wait(_) | Step::WaitForLine | Step::Stop => {
                self.protocol = Protocol::Opaque;
                None
            }
            Step::Message(message) => {
                let length = message.length;
                let place = Place {
                    spans: own.half.spans().filter(|span| span.offset < length.max(1)).collect(),
                    frame: arrival.frame,
                    payload: arrival.at,
                };
                own.half.consume(length);
                (own.wanted, own.skip) = (Wanted::default(), message.skip);
                match message.next {
                    Next::Same => {}
                    Next::WebSocket { compressed } => self.protocol = Protocol::WebSocket { compressed },
                    Next::Opaque => self.protocol = Protocol::Opaque,
                }
                Some((message, place))
            }
        }
    }

    /// Follows this connection no further.
    fn forget(&mut self) {
        self.protocol = Protocol::Opaque;
        self.halves = Default::default();
    }
}

impl Direction {
    /// The bytes of this frame that wait for more, as data.
    fn rest(&self, arrival: &Arrival<'_>) -> Option<Layer> {
        let span = self.half.spans().find(|span| span.frame == arrival.frame)?;
        data::layer(arrival.at, arrival.bytes, span.at, span.at + span.length)
    }
}
