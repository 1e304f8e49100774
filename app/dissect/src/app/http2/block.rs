//! Header blocks: pieces in HEADERS, PUSH_PROMISE and CONTINUATION frames, together a list of headers (RFC 9113
//! section 4.3). A header is shown in the frame that completes it.

use super::frame::{CONTINUATION_FRAME, Frame};
use super::names::*;
use crate::app::hpack::{Form, Header, Item, Literal, Stop, Table};
use crate::app::stream::Input;
use crate::fields::Fields;
use crate::spec::clipped;
use crate::streams::Buffer;
use crate::types::{Field, Value};
use std::ops::Range;

/// Headers of a block, and bytes of their names and values, that are shown; the others only change the table.
const HEADERS_SHOWN: usize = 512;
const BYTES_SHOWN: usize = 1 << 17;
/// Bytes of a header that is not complete.
const LONGEST_HEADER: usize = 1 << 18;
/// Characters of a path in a summary.
const SHOWN: usize = 80;

/// The header blocks of one direction.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    table: Table,
    /// The start of a header whose rest is in the next frame.
    pending: Buffer,
    /// Headers of this block so far, and bytes in them.
    shown: (usize, usize),
    request: Request,
    /// Something was not understood; nothing after it can be.
    lost: bool,
}

/// What of a request makes its URI.
#[derive(Debug, Default)]
struct Request {
    scheme: String,
    authority: String,
    path: String,
}

/// What a piece of a block says.
#[derive(Debug, Default)]
pub(super) struct List {
    /// With positions in frames.
    pub(super) fields: Vec<Field>,
    /// `GET /path`, `200`
    pub(super) text: String,
    pub(super) about: About,
}

/// Headers that others must know.
#[derive(Debug, Default)]
pub(crate) struct About {
    pub(crate) path: Option<String>,
    pub(crate) status: bool,
    pub(crate) content_type: Option<String>,
}

impl Blocks {
    /// Bytes of a block were left out.
    pub(super) fn lose(&mut self) {
        self.lost = true;
        self.pending.clear();
    }

    /// Reads the piece at `fragment` of the frame at the front of the stream.
    pub(super) fn read(&mut self, input: &Input<'_>, frame: &Frame, fragment: Range<usize>) -> List {
        let mut list = List::default();
        if self.lost {
            return list;
        }
        if frame.kind != CONTINUATION_FRAME {
            // A block that was never completed: its last header is missing in the table.
            if !self.pending.bytes().is_empty() {
                self.lose();
                return list;
            }
            (self.shown, self.request) = ((0, 0), Request::default());
        }
        let Some(bytes) = input.bytes().get(fragment.clone()) else { return list };
        self.pending.append_from(bytes, &input.place(fragment.start, fragment.end));
        let end = self.headers(&mut list);
        self.pending.place(0, end, input.now).fields(&mut list.fields);
        self.pending.consume(end);
        let rest = self.pending.bytes().len();
        if rest > LONGEST_HEADER || (frame.ends_headers() && rest > 0) {
            self.lose();
        }
        list
    }

    /// Adds all headers that are complete. Returns where the rest begins.
    fn headers(&mut self, list: &mut List) -> usize {
        let block = self.pending.bytes();
        let mut fields = Fields::new(block, 0, block.len());
        let (mut at, mut method) = (0, String::new());
        while at < block.len() {
            // Every range lies within the block, so adding fields cannot fail.
            match self.table.read(block, at) {
                Ok(Item::Resize(size, range)) => {
                    at = range.end;
                    let _ = resize(&mut fields, size, &range);
                }
                Ok(Item::Header(header)) => {
                    at = header.at.end;
                    self.shown.0 += 1;
                    self.shown.1 += header.name.len() + header.value.len();
                    if self.shown.0 > HEADERS_SHOWN || self.shown.1 > BYTES_SHOWN {
                        continue;
                    }
                    let _ = show(&mut fields, block, &header);
                    let value = || String::from_utf8_lossy(&header.value).into_owned();
                    match &*header.name {
                        b":method" => method = value(),
                        b":scheme" => self.request.scheme = value(),
                        b":authority" => self.request.authority = value(),
                        b":path" => {
                            self.request.path = value();
                            list.about.path = Some(value());
                        }
                        b":status" => {
                            list.about.status = true;
                            list.text = value();
                        }
                        b"content-type" => list.about.content_type = Some(value()),
                        b"grpc-status" => {
                            list.text = format!("{} grpc-status {}", list.text, value()).trim().to_owned();
                        }
                        _ => {}
                    }
                }
                Err(Stop::Short) => break,
                Err(Stop::Wrong) => {
                    self.lost = true;
                    break;
                }
            }
        }
        if !method.is_empty() {
            list.text = clipped(&format!("{method} {}", self.request.path), SHOWN);
        }
        list.fields = fields.list;
        at
    }
}

fn resize(fields: &mut Fields<'_>, size: usize, range: &Range<usize>) -> Option<()> {
    fields.made_over(&TABLE_SIZE_UPDATE, Value::None, range.start, range.end, |fields| {
        fields.made_bits(&TABLE_SIZE, Value::Unsigned(size as u64), range.start * 8 + 3, range.end * 8)
    })?;
    fields.say(|_| format!("动态表 {size} 字节"));
    Some(())
}

/// A header with the bits of its parts. A name or value that stands in a table was read from the index.
fn show(fields: &mut Fields<'_>, block: &[u8], header: &Header) -> Option<()> {
    let (name, value) = (value_of(&header.name), value_of(&header.value));
    let text = clipped(&format!("{name}: {value}"), 200);
    fields.made_over(&HEADER, Value::None, header.at.start, header.at.end, |fields| {
        let start = header.index_at.start * 8;
        let index = start + header.form.bits()..header.index_at.end * 8;
        let form = representation(header.form, header.index > 0);
        fields.made_bits(&REPRESENTATION, Value::Text(form.into()), start, index.start)?;
        if header.index > 0 {
            fields.made_bits(&INDEX, Value::Unsigned(header.index as u64), index.start, index.end)?;
        }
        string(fields, &header.name_at, &index, (&NAME_LENGTH, header.name.len()), (&NAME, name))?;
        string(
            fields,
            &header.value_at,
            &index,
            (&VALUE_LENGTH, header.value.len()),
            (&VALUE, value.clone()),
        )?;
        if let Some(spec) = known(&header.name) {
            let range = header.value_at.as_ref().map_or(index.clone(), |value| bits(&value.bytes));
            fields.made_bits(spec, value, range.start, range.end)?;
        }
        Some(())
    })?;
    debug_assert!(header.at.end <= block.len());
    fields.say(|_| text);
    Some(())
}

/// Length and text of a string; both by the index if it stands in a table.
fn string(
    fields: &mut Fields<'_>,
    literal: &Option<Literal>,
    index: &Range<usize>,
    (length_spec, length): (&'static crate::spec::Spec, usize),
    (spec, value): (&'static crate::spec::Spec, Value),
) -> Option<()> {
    let length = Value::Unsigned(length as u64);
    let Some(literal) = literal else {
        fields.made_bits(length_spec, length, index.start, index.start)?;
        return fields.made_bits(spec, value, index.start, index.end);
    };
    let at = bits(&literal.length);
    fields.made_bits(length_spec, length, at.start + 1, at.end)?;
    if literal.huffman {
        fields.say(|field| format!("{}，Huffman 编码后 {} 字节", field.text, literal.bytes.len()));
    }
    let at = bits(&literal.bytes);
    fields.made_bits(spec, value, at.start, at.end)
}

fn bits(range: &Range<usize>) -> Range<usize> {
    range.start * 8..range.end * 8
}

/// Text, or bytes if they are none.
fn value_of(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => Value::Text(text.to_owned()),
        Err(_) => Value::Bytes(bytes.to_vec()),
    }
}

/// In the words of RFC 7541 section 6, as Wireshark has them.
fn representation(form: Form, indexed_name: bool) -> &'static str {
    match (form, indexed_name) {
        (Form::Indexed, _) => "Indexed Header Field",
        (Form::Incremental, true) => "Literal Header Field with Incremental Indexing - Indexed Name",
        (Form::Incremental, false) => "Literal Header Field with Incremental Indexing - New Name",
        (Form::Without, true) => "Literal Header Field without Indexing - Indexed Name",
        (Form::Without, false) => "Literal Header Field without Indexing - New Name",
        (Form::Never, true) => "Literal Header Field never Indexed - Indexed Name",
        (Form::Never, false) => "Literal Header Field never Indexed - New Name",
    }
}
