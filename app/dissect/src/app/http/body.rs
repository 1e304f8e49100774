//! Where a body ends (RFC 9112 section 6.3) and its fields.

use super::head::{string, text};
use super::message::{self, Chunks, Found, Head};
use super::names::{CHUNK_BOUNDARY, CHUNK_DATA, CHUNK_SIZE, FILE_DATA, TRAILER};
use crate::app::data;
use crate::app::stream::shown;
use crate::fields::Fields;
use crate::spec::Spec;
use crate::streams::LONGEST;
use crate::types::Value;
use std::ops::Range;

/// Chunks that get fields of their own.
const CHUNKS: usize = 256;

/// What tells the length of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    None,
    Length(u64),
    Chunked,
    /// A response that ends with the connection.
    UntilClose,
    /// No more HTTP: an answer to CONNECT.
    Tunnel,
}

/// A body that is complete.
#[derive(Debug, Default)]
pub(super) struct Body {
    /// One past the last byte of the message.
    pub(super) end: usize,
    /// Bytes of it that are too many to show, after `end`.
    pub(super) skip: u64,
    chunks: Option<Chunks>,
}

/// Why a body cannot be shown.
pub(super) enum Missing {
    /// The message must have this many bytes, or the stream must end.
    Bytes(usize),
    /// Another line end must come.
    Line,
    /// It is not written as it should be.
    Sense,
}

impl Framing {
    /// `code` is 0 for a request; `method` is that of the request which a response answers.
    pub(super) fn of(bytes: &[u8], head: &Head, code: u16, method: Option<&str>) -> Self {
        let response = bytes.starts_with(b"HTTP/");
        match (code, method) {
            (100..=199 | 204 | 304, _) | (_, Some("HEAD")) if response => return Self::None,
            (200..=299, Some("CONNECT")) if response => return Self::Tunnel,
            _ => {}
        }
        let value = |name| head.header(bytes, name).map(|header| text(bytes, &header.value));
        if let Some(coding) = value("transfer-encoding") {
            let last = coding.rsplit(',').next().unwrap_or_default().trim().to_ascii_lowercase();
            return match last.as_str() {
                "chunked" => Self::Chunked,
                _ if response => Self::UntilClose,
                _ => Self::None,
            };
        }
        match value("content-length").map(|length| length.parse()) {
            Some(Ok(length)) => Self::Length(length),
            _ if response => Self::UntilClose,
            _ => Self::None,
        }
    }

    /// The body from `start`, if all of it is there.
    pub(super) fn read(self, bytes: &[u8], start: usize, finished: bool) -> Result<Body, Missing> {
        let plain = |end| Body { end, ..Body::default() };
        match self {
            Self::None | Self::Tunnel => Ok(plain(start)),
            Self::Length(length) => {
                match usize::try_from(length).ok().and_then(|length| start.checked_add(length)) {
                    Some(end) if end <= bytes.len() => Ok(plain(end)),
                    Some(end) if end <= LONGEST => Err(Missing::Bytes(end)),
                    _ => Ok(Body { end: start, skip: length, chunks: None }),
                }
            }
            Self::Chunked => match message::chunks(bytes, start) {
                Found::Yes(chunks) => Ok(Body { end: chunks.end, skip: 0, chunks: Some(chunks) }),
                Found::NotYet => Err(Missing::Line),
                Found::Never => Err(Missing::Sense),
            },
            Self::UntilClose if finished => Ok(plain(bytes.len())),
            Self::UntilClose => Err(Missing::Bytes(usize::MAX)),
        }
    }
}

impl Body {
    /// Where its content lies, without what frames chunks.
    pub(super) fn content(&self, start: usize) -> Vec<Range<usize>> {
        match &self.chunks {
            Some(chunks) => chunks.list.iter().map(|chunk| chunk.data.clone()).collect(),
            None => std::iter::once(start..self.end).collect(),
        }
    }

    /// Adds the body that begins at `start`. `encoded`: it must be unpacked before it means anything.
    pub(super) fn fields(&self, fields: &mut Fields<'_>, bytes: &[u8], start: usize, encoded: bool) {
        let spec = if encoded { &data::DATA } else { &FILE_DATA };
        // Every range lies within the message, so nothing of this can fail.
        let _ = match &self.chunks {
            Some(chunks) => chunked(fields, bytes, chunks).and_then(|joined| {
                // The chunks put together are bytes that travelled nowhere as one.
                let told = !encoded && !joined.is_empty();
                told.then(|| body(fields, spec, &joined, start..start))
            }),
            None => {
                let whole = bytes.get(start..self.end).filter(|whole| !whole.is_empty());
                whole.map(|whole| body(fields, spec, whole, start..self.end))
            }
        };
    }
}

/// Adds the chunks and returns their data put together.
fn chunked(fields: &mut Fields<'_>, bytes: &[u8], chunks: &Chunks) -> Option<Vec<u8>> {
    let mut joined = Vec::new();
    for (index, chunk) in chunks.list.iter().enumerate() {
        let data = bytes.get(chunk.data.clone())?;
        joined.extend_from_slice(data);
        // The last one always, so that the end can be seen.
        if index >= CHUNKS && chunk.size > 0 {
            continue;
        }
        let (line, range, boundary) = (&chunk.line, &chunk.data, &chunk.boundary);
        fields.made(&CHUNK_SIZE, Value::Unsigned(chunk.size as u64), line.start, line.end)?;
        if chunk.size > 0 {
            fields.made(&CHUNK_DATA, Value::Bytes(data.to_vec()), range.start, range.end)?;
            fields.say(|_| shown(data));
            fields.add(&CHUNK_BOUNDARY, boundary.start * 8, boundary.len() * 8)?;
        }
    }
    if !chunks.trailers.is_empty() {
        let Range { start, end } = chunks.trailers;
        fields.made(&TRAILER, string(bytes, &chunks.trailers), start, end)?;
    }
    Some(joined)
}

fn body(fields: &mut Fields<'_>, spec: &'static Spec, data: &[u8], at: Range<usize>) -> Option<()> {
    fields.made(spec, Value::Bytes(data.to_vec()), at.start, at.end)?;
    fields.say(|_| shown(data));
    Some(())
}
