//! The header of a frame and the payload of each type (RFC 9113 section 6).

use super::HEADER;
use super::names::*;
use crate::fields::Fields;
use crate::spec::Spec;
use crate::types::Value;
use std::ops::Range;

const DATA_FRAME: u8 = 0;
const HEADERS_FRAME: u8 = 1;
const PRIORITY: u8 = 2;
pub(super) const RST_STREAM: u8 = 3;
const SETTINGS_FRAME: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const PING_FRAME: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION_FRAME: u8 = 9;
const ALTSVC: u8 = 10;

const END_STREAM: u8 = 0x01;
const ACK: u8 = 0x01;
const END_HEADERS: u8 = 0x04;
const PADDED: u8 = 0x08;
const WITH_PRIORITY: u8 = 0x20;

/// The header of a frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    /// Of the payload.
    pub(super) length: usize,
    pub(super) kind: u8,
    flags: u8,
    pub(super) stream: u32,
}

/// What else a frame says. Ranges are bytes of the frame.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// For the summary.
    pub(super) text: String,
    /// A piece of a header block.
    pub(super) block: Option<Range<usize>>,
    pub(super) data: Option<Range<usize>>,
    pub(super) promised: Option<u32>,
}

impl Frame {
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let &[a, b, c, kind, flags, d, e, f, g] = bytes.first_chunk::<HEADER>()?;
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        Some(Self { length, kind, flags, stream: u32::from_be_bytes([d & 0x7f, e, f, g]) })
    }

    /// Where a connection, or a recording of it, may begin.
    pub(super) fn may_be_first(&self) -> bool {
        self.length <= 1 << 14 && self.kind <= CONTINUATION_FRAME
    }

    pub(super) fn name(&self) -> String {
        let name = TYPES.iter().find(|(known, _)| *known == u64::from(self.kind));
        name.map_or_else(|| format!("类型 {}", self.kind), |(_, name)| (*name).to_owned())
    }

    pub(super) fn ends_stream(&self) -> bool {
        matches!(self.kind, DATA_FRAME | HEADERS_FRAME) && self.flags & END_STREAM != 0
    }

    pub(super) fn ends_headers(&self) -> bool {
        self.flags & END_HEADERS != 0
    }

    /// Adds all fields but those of a header block.
    pub(super) fn fields(&self, fields: &mut Fields<'_>) -> Told {
        let mut told = Told::default();
        // A payload that is too short gives the fields that are there.
        let _ = self.head(fields).and_then(|()| self.payload(fields, &mut told));
        told
    }

    fn head(&self, fields: &mut Fields<'_>) -> Option<()> {
        fields.add(&LENGTH, 0, 24)?;
        fields.add(&TYPE, 24, 8)?;
        let bits: &[(&'static Spec, usize, usize)] = match self.kind {
            DATA_FRAME => &[(&FLAG_PADDED, 36, 1), (&FLAG_END_STREAM, 39, 1)],
            HEADERS_FRAME => &[
                (&FLAG_PRIORITY, 34, 1),
                (&FLAG_PADDED, 36, 1),
                (&FLAG_END_HEADERS, 37, 1),
                (&FLAG_END_STREAM, 39, 1),
            ],
            PUSH_PROMISE | CONTINUATION_FRAME => &[(&FLAG_PADDED, 36, 1), (&FLAG_END_HEADERS, 37, 1)],
            SETTINGS_FRAME => &[(&FLAG_UNUSED_SETTINGS, 32, 7), (&FLAG_ACK_SETTINGS, 39, 1)],
            PING_FRAME => &[(&FLAG_UNUSED_PING, 32, 7), (&FLAG_ACK_PING, 39, 1)],
            _ => &[(&FLAG_UNUSED, 32, 8)],
        };
        fields.nest(&FLAGS, 32, 8, |fields| fields.rows(bits))?;
        fields.say(|field| {
            let set = field.children.iter().filter(|child| child.value == Value::Bool(true));
            let names: Vec<_> = set.map(|child| child.label).collect();
            if names.is_empty() {
                field.text.clone()
            } else {
                format!("{}（{}）", field.text, names.join(", "))
            }
        });
        fields.rows(&[(&RESERVED, 40, 1), (&STREAM_ID, 41, 31)])
    }

    fn payload(&self, fields: &mut Fields<'_>, told: &mut Told) -> Option<()> {
        let end = HEADER + self.length;
        match self.kind {
            DATA_FRAME => {
                let data = self.padded(fields)?;
                told.text = format!("{} 字节", data.len());
                bytes(fields, &DATA, &data)?;
                bytes(fields, &DATA_PADDING, &(data.end..end))?;
                told.data = Some(data);
            }
            HEADERS_FRAME => {
                let mut content = self.padded(fields)?;
                if self.flags & WITH_PRIORITY != 0 {
                    priority(fields, content.start)?;
                    content.start += 5;
                }
                told.block = Some(fragment(fields, &HEADERS, content)?);
                bytes(fields, &HEADERS_PADDING, &(told.block.as_ref()?.end..end))?;
            }
            PRIORITY => priority(fields, HEADER)?,
            RST_STREAM => told.text = error(fields.add(&RST_ERROR, HEADER * 8, 32)?),
            SETTINGS_FRAME => {
                if self.flags & ACK != 0 {
                    told.text = "ACK".to_owned();
                }
                for at in (HEADER..end).step_by(6) {
                    setting_at(fields, at)?;
                }
            }
            PUSH_PROMISE => {
                let content = self.padded(fields)?;
                let promised = reserved(fields, &PROMISED_RESERVED, &PROMISED, content.start)?;
                told.promised = u32::try_from(promised).ok();
                told.text = format!("→ {promised}");
                told.block = Some(fragment(fields, &PROMISE_HEADERS, content.start + 4..content.end)?);
                bytes(fields, &PROMISE_PADDING, &(content.end..end))?;
            }
            PING_FRAME => {
                let ack = self.flags & ACK != 0;
                told.text = (if ack { "ACK" } else { "" }).to_owned();
                bytes(fields, if ack { &PONG } else { &PING }, &(HEADER..end))?;
            }
            GOAWAY => {
                let last = reserved(fields, &GOAWAY_RESERVED, &LAST_STREAM_ID, HEADER)?;
                let code = fields.add(&GOAWAY_ERROR, (HEADER + 4) * 8, 32)?;
                told.text = format!("{}，最后处理的流 {last}", error(code));
                bytes(fields, &GOAWAY_DATA, &(HEADER + 8..end))?;
            }
            WINDOW_UPDATE => {
                let more = reserved(fields, &WINDOW_RESERVED, &WINDOW_INCREMENT, HEADER)?;
                told.text = format!("+{more}");
            }
            CONTINUATION_FRAME => told.block = Some(fragment(fields, &CONTINUATION, HEADER..end)?),
            ALTSVC => {
                let length = usize::try_from(fields.add(&ALTSVC_ORIGIN_LENGTH, HEADER * 8, 16)?).ok()?;
                let value = HEADER + 2 + length;
                text(fields, &ALTSVC_ORIGIN, HEADER + 2..value)?;
                text(fields, &ALTSVC_VALUE, value..end)?;
            }
            _ => bytes(fields, &UNKNOWN, &(HEADER..end))?,
        }
        Some(())
    }

    /// What is neither padding nor its length.
    fn padded(&self, fields: &mut Fields<'_>) -> Option<Range<usize>> {
        let end = HEADER + self.length;
        if self.flags & PADDED == 0 {
            return Some(HEADER..end);
        }
        let padding = usize::try_from(fields.add(&PAD_LENGTH, HEADER * 8, 8)?).ok()?;
        let start = HEADER + 1;
        end.checked_sub(padding).filter(|end| *end >= start).map(|end| start..end)
    }
}

/// A reserved bit and 31 bits of a number.
fn reserved(fields: &mut Fields<'_>, bit: &'static Spec, number: &'static Spec, at: usize) -> Option<u64> {
    fields.add(bit, at * 8, 1)?;
    fields.add(number, at * 8 + 1, 31)
}

/// The five bytes that RFC 7540 gave a meaning.
fn priority(fields: &mut Fields<'_>, at: usize) -> Option<()> {
    fields.rows(&[(&EXCLUSIVE, at * 8, 1), (&DEPENDENCY, at * 8 + 1, 31)])?;
    let weight = fields.add(&WEIGHT, (at + 4) * 8, 8)?;
    fields.made(&WEIGHT_REAL, Value::Unsigned(weight + 1), at + 4, at + 5)
}

fn setting_at(fields: &mut Fields<'_>, at: usize) -> Option<()> {
    let mut value = 0;
    fields.nest(&SETTING, at * 8, 48, |fields| {
        let id = fields.add(&SETTING_ID, at * 8, 16)?;
        value = fields.add(setting(id), (at + 2) * 8, 32)?;
        Some(())
    })?;
    fields.say(|field| {
        let name = field.children.first().map_or("", |child| child.text.as_str());
        format!("{name} = {value}")
    });
    Some(())
}

/// A piece of a header block.
fn fragment(fields: &mut Fields<'_>, spec: &'static Spec, range: Range<usize>) -> Option<Range<usize>> {
    let length = range.end.checked_sub(range.start)?;
    if length > 0 {
        fields.add(spec, range.start * 8, length * 8)?;
    }
    Some(range)
}

/// Bytes, if there are any.
fn bytes(fields: &mut Fields<'_>, spec: &'static Spec, range: &Range<usize>) -> Option<()> {
    let length = range.end.checked_sub(range.start)?;
    if length > 0 {
        let value = fields.reader.bytes(range.start, length)?;
        fields.add(spec, range.start * 8, length * 8)?;
        fields.say(|_| crate::app::stream::shown(value));
    }
    Some(())
}

fn text(fields: &mut Fields<'_>, spec: &'static Spec, range: Range<usize>) -> Option<()> {
    let length = range.end.checked_sub(range.start)?;
    let value = String::from_utf8_lossy(fields.reader.bytes(range.start, length)?).into_owned();
    fields.made(spec, Value::Text(value), range.start, range.end)
}
