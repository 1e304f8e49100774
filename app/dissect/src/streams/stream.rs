//! Both directions of a stream of bytes and the protocol it speaks, whatever carries it.

use super::buffer::{Buffer, LONGEST, Now};
use crate::app::data;
use crate::app::stream::{Input, Message, Next, Session, Setup, Step};
use crate::decoders::{Decoder, Guess};
use crate::types::{Layer, Opened};

/// Messages that one frame may complete; what is left is looked at with the next one.
const MESSAGES: usize = 512;
/// Bytes that may come without a line end before that is looked into.
const LINE: usize = 1 << 14;
/// Summaries of messages that are told of one frame.
const TOLD: usize = 3;

/// A stream and what is known of it.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    /// From the one who opened the connection, and to it.
    directions: [Direction; 2],
    protocol: Protocol,
}

#[derive(Debug, Default)]
struct Direction {
    buffer: Buffer,
    /// No more bytes will come.
    finished: bool,
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

#[derive(Debug, Default)]
enum Protocol {
    /// The first bytes will tell.
    #[default]
    Open,
    Known(Box<dyn Session>),
    /// Nothing known.
    Opaque,
    /// The table of decoders has only its name.
    Missing,
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

impl Stream {
    /// A stream that speaks the protocol of this name; one whose first bytes will tell if there is no name.
    pub(crate) fn new(name: Option<&str>, setup: Setup<'_>) -> Self {
        let protocol = name.map_or(Protocol::Open, |name| Protocol::named(name, setup));
        Self { directions: Default::default(), protocol }
    }

    /// A stream that speaks what this session knows.
    pub(crate) fn speaking(session: Box<dyn Session>) -> Self {
        Self { directions: Default::default(), protocol: Protocol::Known(session) }
    }

    /// True if nothing will ever be found in it.
    pub(crate) fn is_opaque(&self) -> bool {
        matches!(self.protocol, Protocol::Opaque | Protocol::Missing)
    }

    /// True if a larger table of decoders would find something in it.
    pub(crate) fn is_missing(&self) -> bool {
        match &self.protocol {
            Protocol::Missing => true,
            Protocol::Known(session) => session.lacks(),
            Protocol::Open | Protocol::Opaque => false,
        }
    }

    /// Where bytes of one direction are put as they come, in order.
    pub(crate) fn buffer(&mut self, from_first: bool) -> &mut Buffer {
        &mut self.direction(from_first).buffer
    }

    /// Says whether more bytes will come.
    pub(crate) fn finish(&mut self, from_first: bool, finished: bool) {
        self.direction(from_first).finished = finished;
    }

    /// Bytes were lost; what is in the buffer now is the middle of something.
    pub(crate) fn lose(&mut self, from_first: bool) {
        let own = self.direction(from_first);
        (own.wanted, own.skip) = (Wanted::default(), 0);
        if let Protocol::Known(session) = &self.protocol
            && !session.survives_gap()
        {
            self.forget();
        }
    }

    /// Follows this stream no further.
    pub(crate) fn forget(&mut self) {
        let protocol = if self.is_missing() { Protocol::Missing } else { Protocol::Opaque };
        *self = Self { protocol, ..Self::default() };
    }

    /// All messages of one direction that are complete now, then what is left of this frame's bytes.
    pub(crate) fn open(&mut self, from_first: bool, now: Now, setup: Setup<'_>) -> Option<Opened> {
        let mut opened = Opened::default();
        let mut told = Vec::new();
        for _ in 0..MESSAGES {
            let Some(message) = self.next(from_first, now, setup) else { break };
            opened.layers.extend(message.layers);
            told.push((message.name, message.summary));
        }
        let name = told.last()?.0;
        let more = told.len().saturating_sub(TOLD);
        let mut summary: Vec<_> = told.into_iter().take(TOLD).map(|(_, summary)| summary).collect();
        if more > 0 {
            summary.push(format!("另有 {more} 条"));
        }
        opened.told = Some((name, summary.join("；")));
        opened.layers.extend(self.direction(from_first).rest(now));
        if self.is_opaque() {
            self.forget();
        }
        Some(opened)
    }

    /// The next complete message of one direction.
    fn next(&mut self, from_first: bool, now: Now, setup: Setup<'_>) -> Option<Message> {
        let own = &mut self.directions[usize::from(!from_first)];
        let skipped = own.buffer.bytes().len().min(usize::try_from(own.skip).unwrap_or(usize::MAX));
        own.buffer.consume(skipped);
        own.skip -= skipped as u64;
        let Direction { buffer, finished, .. } = &*own;
        let (finished, bytes) = (*finished, buffer.bytes());
        if own.skip > 0 || bytes.is_empty() || (!own.wanted.is_met(bytes) && !finished) {
            return None;
        }
        self.protocol.decide(bytes, setup);
        let Protocol::Known(session) = &mut self.protocol else { return None };
        match session.step(&Input { buffer, finished, from_first, now, setup }) {
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
            Step::Message(mut message) => {
                own.buffer.consume(message.length);
                (own.wanted, own.skip) = (Wanted::default(), message.skip);
                match std::mem::replace(&mut message.next, Next::Same) {
                    Next::Same => {}
                    Next::Session(session) => self.protocol = Protocol::Known(session),
                    Next::Named(name) => self.protocol = Protocol::named(name, setup),
                    Next::Opaque => self.protocol = Protocol::Opaque,
                }
                Some(message)
            }
        }
    }

    fn direction(&mut self, from_first: bool) -> &mut Direction {
        &mut self.directions[usize::from(!from_first)]
    }
}

impl Protocol {
    fn named(name: &str, setup: Setup<'_>) -> Self {
        setup.decoders.named(name).map_or(Self::Opaque, Self::of)
    }

    fn of(decoder: &Decoder) -> Self {
        decoder.open.map_or(Self::Missing, |open| Self::Known(open()))
    }

    /// By the first bytes of a direction, if nothing else has told.
    fn decide(&mut self, bytes: &[u8], setup: Setup<'_>) {
        if !matches!(self, Self::Open) {
            return;
        }
        match setup.decoders.guess(bytes) {
            Ok(decoder) => *self = Self::of(decoder),
            Err(Guess::No) => *self = Self::Opaque,
            Err(_) => {}
        }
    }
}

impl Direction {
    /// The bytes of this frame that wait for more, as data.
    fn rest(&self, now: Now) -> Option<Layer> {
        let span = self.buffer.spans().find(|span| span.frame == now.frame)?;
        data::layer(self.buffer.bytes().get(span.offset..span.offset + span.length)?, span.at)
    }
}
