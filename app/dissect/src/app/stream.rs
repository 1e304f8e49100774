//! What a protocol that lives in a stream says about the bytes at hand.

use crate::decoders::Decoders;
use crate::secure::Secrets;
use crate::spec::clipped;
use crate::streams::{Buffer, Now, Place};
use crate::types::{Field, Hints, Layer, Opened, Value};
use std::fmt::Debug;

/// A protocol at work on both directions of one stream: of a TCP connection, or of bytes that another protocol carries.
pub(crate) trait Session: Debug + Send + Sync {
    /// The message at the front of one direction.
    fn step(&mut self, input: &Input<'_>) -> Step;

    /// True if messages can be found again after bytes were lost.
    fn survives_gap(&self) -> bool {
        false
    }

    /// True if a larger table of decoders would find more in it.
    fn lacks(&self) -> bool {
        false
    }
}

/// What a message of HTTP/1.1 carries, put together.
#[derive(Debug)]
pub(crate) struct Carried<'a> {
    pub(crate) buffer: Buffer,
    /// Target of the request.
    pub(crate) path: &'a str,
    pub(crate) response: bool,
    pub(crate) now: Now,
    pub(crate) hints: &'a Hints,
}

/// A protocol at work on all datagrams of a capture.
pub(crate) trait Datagrams: Debug + Send + Sync {
    /// Takes a UDP datagram whose payload is `start..end` of the frame. `None` if it stays bare bytes.
    fn push(&mut self, datagram: &Datagram<'_>, setup: Setup<'_>) -> Option<Opened>;
}

/// The payload of a UDP datagram.
#[derive(Clone, Debug)]
pub(crate) struct Datagram<'a> {
    /// Number of its frame.
    pub(crate) number: u32,
    pub(crate) frame: &'a [u8],
    /// Of the payload within the frame.
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Address and port of sender and receiver.
    pub(crate) ends: [(Value, u16); 2],
}

/// What was told from outside.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup<'a> {
    pub(crate) hints: &'a Hints,
    pub(crate) decoders: Decoders,
    pub(crate) secrets: &'a Secrets,
    /// What carries the stream encrypts it.
    pub(crate) encrypted: bool,
}

/// One direction of a stream, as far as it is known and not consumed.
#[derive(Debug)]
pub(crate) struct Input<'a> {
    pub(crate) buffer: &'a Buffer,
    /// No more bytes will come.
    pub(crate) finished: bool,
    /// From the one who opened the connection.
    pub(crate) from_first: bool,
    pub(crate) now: Now,
    pub(crate) setup: Setup<'a>,
}

impl Input<'_> {
    pub(crate) fn bytes(&self) -> &[u8] {
        self.buffer.bytes()
    }

    /// Where the bytes `start..end` lie.
    pub(crate) fn place(&self, start: usize, end: usize) -> Place {
        self.buffer.place(start, end, self.now)
    }

    /// A layer of fields whose positions count from the first byte of a message of `length` bytes.
    pub(crate) fn layer(
        &self,
        protocol: &'static str,
        title: String,
        header: usize,
        length: usize,
        fields: Vec<Field>,
    ) -> Layer {
        let end = crate::context::to_u32(header);
        let mut layer = Layer { protocol, title, start: 0, end, fields, ..Layer::default() };
        self.place(0, length).layer(&mut layer);
        layer
    }
}

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

/// A message at the front of a stream.
pub(crate) struct Message {
    /// Bytes that it takes from the stream.
    pub(crate) length: usize,
    /// Bytes that belong to it and come after those, too many to collect.
    pub(crate) skip: u64,
    /// Its own layer, then those of what it carries. Positions are those of frames.
    pub(crate) layers: Vec<Layer>,
    /// For a table's column.
    pub(crate) name: &'static str,
    pub(crate) summary: String,
    pub(crate) next: Next,
}

/// What the stream speaks after a message.
#[derive(Debug)]
pub(crate) enum Next {
    Same,
    Session(Box<dyn Session>),
    /// By one of its names, if it is known.
    Named(&'static str),
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
