//! HTTP/3, RFC 9114, in the streams of a QUIC connection, with QPACK, RFC 9204.
//!
//! ```text
//! frame            type │ length │ payload                  numbers of one to eight bytes
//! one-way stream   type │ frames, or instructions of QPACK
//! ```

mod fixed;
mod names;
mod qpack;

pub(crate) use names::ALL;

use crate::app::stream::{Input, Message, Next, Session, Step};
use crate::fields::Fields;
use crate::spec::clipped;
use crate::streams::LONGEST;
use crate::types::Value;
use crate::walk::{Walk, varint};
use names::*;
use qpack::{Instruction, Literal, Stop, Table};
use std::sync::{Arc, Mutex, PoisonError};

const DATA: u64 = 0;
const HEADERS: u64 = 1;
const SETTINGS_FRAME: u64 = 4;
const PUSH_PROMISE: u64 = 5;

/// The dynamic tables of a connection: that which the client fills, that which the server fills.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shared(Arc<Mutex<[Table; 2]>>);

impl Shared {
    fn with<T>(&self, from_client: bool, act: impl FnOnce(&mut Table) -> T) -> T {
        let mut tables = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        act(&mut tables[usize::from(!from_client)])
    }
}

/// Who reads the stream with this number.
pub(crate) fn session(id: u64, shared: &Shared) -> Box<dyn Session> {
    let kind = if id & 2 == 0 { Kind::Request } else { Kind::Unknown };
    Box::new(Reader { kind, shared: shared.clone() })
}

#[derive(Debug)]
struct Reader {
    kind: Kind,
    shared: Shared,
}

/// What a stream is for (section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Request,
    /// One-way, and its first bytes have not come yet.
    Unknown,
    Control,
    Push,
    Encoder,
    Decoder,
}

impl Session for Reader {
    fn step(&mut self, input: &Input<'_>) -> Step {
        match self.kind {
            Kind::Unknown => self.begin(input),
            Kind::Request | Kind::Control | Kind::Push => self.frame(input),
            Kind::Encoder => self.instructions(input),
            Kind::Decoder => acknowledgments(input),
        }
    }
}

fn message(input: &Input<'_>, length: usize, title: String, fields: Fields<'_>, summary: String) -> Message {
    let layers = vec![input.layer("http3", format!("HTTP/3 {title}"), length, length, fields.list)];
    Message { length, skip: 0, layers, name: "HTTP3", summary, next: Next::Same }
}

impl Reader {
    /// The type of a one-way stream (section 6.2).
    fn begin(&mut self, input: &Input<'_>) -> Step {
        let bytes = input.bytes();
        let Some((kind, length)) = varint(bytes) else { return Step::Wait(bytes.len() + 1) };
        let (known, name) = match kind {
            0 => (Some(Kind::Control), "控制流"),
            1 => (Some(Kind::Push), "推送流"),
            2 => (Some(Kind::Encoder), "QPACK 编码器流"),
            3 => (Some(Kind::Decoder), "QPACK 解码器流"),
            _ => (None, "未知类型的流"),
        };
        let mut length = length;
        let mut fields = Fields::new(bytes, 0, bytes.len());
        let mut walk = Walk::new(&mut fields, 0, bytes.len());
        let _ = walk.varint(&STREAM_TYPE);
        if known == Some(Kind::Push) {
            let Some((_, size)) = walk.peek_varint() else { return Step::Wait(bytes.len() + 1) };
            let _ = walk.varint(&PUSH_ID);
            length += size;
        }
        let mut message = message(input, length, name.to_owned(), fields, name.to_owned());
        match known {
            Some(kind) => self.kind = kind,
            // Others may be ignored, and are used to see whether they are (section 6.2.3).
            None => message.next = Next::Opaque,
        }
        Step::Message(message)
    }

    /// A frame (section 7).
    fn frame(&mut self, input: &Input<'_>) -> Step {
        let bytes = input.bytes();
        let Some((kind, size)) = varint(bytes) else { return Step::Wait(bytes.len() + 1) };
        let Some((length, more)) = varint(bytes.get(size..).unwrap_or_default()) else {
            return Step::Wait(bytes.len() + 1);
        };
        let header = size + more;
        let end = usize::try_from(length).ok().and_then(|length| header.checked_add(length));
        let end = match end {
            Some(end) if end <= bytes.len() => end,
            Some(end) if end <= LONGEST => return Step::Wait(end),
            // A body that is too long to collect is passed over, anything else is not HTTP/3.
            _ if kind == DATA => {
                let title = format!("DATA {length} 字节");
                let mut fields = Fields::new(bytes, 0, header);
                let mut walk = Walk::new(&mut fields, 0, header);
                let _ = walk.varint(&TYPE).and_then(|_| walk.varint(&LENGTH));
                let mut message = message(input, header, title.clone(), fields, title);
                message.skip = length;
                return Step::Message(message);
            }
            _ => return Step::Stop,
        };
        let mut fields = Fields::new(bytes, 0, end);
        let mut walk = Walk::new(&mut fields, 0, end);
        let payload = bytes.get(header..end).unwrap_or_default();
        let _ = walk.varint(&TYPE);
        let _ = walk.varint(&LENGTH);
        let _ = walk.bytes(&PAYLOAD, payload.len());
        walk.at = header;
        let told = match kind {
            DATA => format!("{} 字节", payload.len()),
            HEADERS => self.headers(input, &mut walk, payload),
            SETTINGS_FRAME => self.settings(input, &mut walk),
            PUSH_PROMISE => {
                let _ = walk.varint(&PUSH_ID);
                let section = bytes.get(walk.at..end).unwrap_or_default();
                self.headers(input, &mut walk, section)
            }
            _ => varint(payload).map_or_else(String::new, |(number, _)| number.to_string()),
        };
        let name = FRAMES.iter().find(|(known, _)| *known == kind).map(|(_, name)| (*name).to_owned());
        let name = name.unwrap_or_else(|| format!("帧 {kind:#x}"));
        let title = if told.is_empty() { name } else { format!("{name} {told}") };
        Step::Message(message(input, end, title.clone(), fields, title))
    }

    /// A field section. Returns what it says in few words.
    fn headers(&self, input: &Input<'_>, walk: &mut Walk<'_, '_>, section: &[u8]) -> String {
        let base = walk.at;
        let lines = match self.shared.with(input.from_first, |table| table.section(section)) {
            Ok(lines) => lines,
            Err(Stop::Blocked) => {
                let _ = walk.fields.derived(&BLOCKED, base, 1);
                return "（等待动态表）".to_owned();
            }
            Err(_) => return "（无法解码）".to_owned(),
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let _ = walk.fields.derived(&COUNT, base, lines.len() as u64);
        let mut words = Vec::new();
        for line in lines {
            let (start, end) = (base + line.at.start, base + line.at.end);
            let (name, value) = (text(&line.name), text(&line.value));
            let _ = walk.fields.made_over(&HEADER, Value::None, start, end, |fields| {
                fields.made(&NAME, Value::Text(name.clone()), start, end)?;
                fields.made(&VALUE, Value::Text(value.clone()), start, end)
            });
            walk.fields.say(|_| clipped(&format!("{name}: {value}"), 200));
            if matches!(name.as_str(), ":method" | ":path" | ":status") {
                words.push(value);
            }
        }
        clipped(&words.join(" "), 80)
    }

    /// Section 7.2.4.1 and RFC 9204 section 5.
    fn settings(&self, input: &Input<'_>, walk: &mut Walk<'_, '_>) -> String {
        let mut count = 0;
        while let Some((kind, size)) = walk.peek_varint() {
            let rest = walk.peek(walk.left()).unwrap_or_default();
            let Some((value, more)) = varint(rest.get(size..).unwrap_or_default()) else { break };
            let _ = walk.group(&SETTINGS, size + more, |inside| {
                inside.varint(&SETTING)?;
                let at = inside.at;
                inside.varint(&SETTING_VALUE)?;
                inside.at = at;
                let spec = match kind {
                    0x01 => &TABLE_CAPACITY,
                    0x06 => &FIELD_SECTION,
                    0x07 => &BLOCKED_STREAMS,
                    0x08 => &EXTENDED_CONNECT,
                    _ => return Some(()),
                };
                inside.varint(spec).map(drop)
            });
            if kind == 0x01 {
                // What one side allows, the other may fill.
                let allowed = usize::try_from(value.min(1 << 16)).unwrap_or_default();
                self.shared.with(!input.from_first, |table| table.allowed = allowed);
            }
            count += 1;
        }
        format!("{count} 项")
    }

    /// Instructions of the encoder, as many as there are.
    fn instructions(&self, input: &Input<'_>) -> Step {
        let bytes = input.bytes();
        let mut fields = Fields::new(bytes, 0, bytes.len());
        let (mut at, mut count) = (0, 0);
        while at < bytes.len() {
            let told = self.shared.with(input.from_first, |table| table.instruct(&bytes[at..]));
            match told {
                Ok((instruction, length)) => {
                    // All of it is there.
                    let _ = instruction_fields(&mut fields, &instruction, at, at + length);
                    at += length;
                    count += 1;
                }
                Err(Stop::Short) => break,
                Err(_) => return Step::Stop,
            }
        }
        if count == 0 {
            return Step::Wait(bytes.len() + 1);
        }
        let title = format!("QPACK 编码器，{count} 条指令");
        Step::Message(message(input, at, title.clone(), fields, title))
    }
}

/// Positions count from the start of the bytes at hand.
fn instruction_fields(fields: &mut Fields<'_>, told: &Instruction, start: usize, end: usize) -> Option<()> {
    let all = |fields: &Fields<'_>| Some(Value::Bytes(fields.reader.bytes(start, end - start)?.to_vec()));
    let whole = all(fields)?;
    let literal = |fields: &mut Fields<'_>, literal: &Literal, plain, coded| {
        let (from, to) = (start + literal.bytes.start, start + literal.bytes.end);
        let bytes = fields.reader.bytes(from, to - from)?.to_vec();
        fields.made(if literal.huffman { coded } else { plain }, Value::Bytes(bytes), from, to)?;
        fields.say(|field| literal.shown().unwrap_or_else(|| field.text.clone()));
        Some(())
    };
    match told {
        Instruction::Capacity(capacity) => fields.made_over(&CAPACITY, whole, start, end, |fields| {
            fields.made(&CAPACITY_VALUE, Value::Unsigned(*capacity as u64), start, end)
        }),
        Instruction::InsertNamed { reference, value } => {
            fields.made_over(&INSERT_INDEXED, whole, start, end, |fields| {
                let (from, to) = (start + reference.start, start + reference.end);
                let bytes = fields.reader.bytes(from, to - from)?.to_vec();
                fields.made(&INSERT_INDEXED_REF, Value::Bytes(bytes), from, to)?;
                literal(fields, value, &INSERT_INDEXED_VALUE, &INSERT_INDEXED_HUFFMAN)
            })
        }
        Instruction::Insert { name, value } => fields.made_over(&INSERT, whole, start, end, |fields| {
            literal(fields, name, &INSERT_NAME, &INSERT_NAME_HUFFMAN)?;
            literal(fields, value, &INSERT_VALUE, &INSERT_VALUE_HUFFMAN)
        }),
        Instruction::Duplicate => fields.made(&DUPLICATE, whole, start, end),
    }
}

/// What the reader of a table says to its writer (RFC 9204 section 4.4); Wireshark has no fields for it.
fn acknowledgments(input: &Input<'_>) -> Step {
    let bytes = input.bytes();
    let (mut at, mut told) = (0, Vec::new());
    while let Some(first) = bytes.get(at) {
        let prefix = match first {
            0x80.. => 7,
            _ => 6,
        };
        let Ok((number, end)) = crate::app::hpack::integer(bytes, at, prefix) else { break };
        told.push(match first {
            0x80.. => format!("确认流 {number} 的字段段"),
            0x40.. => format!("取消流 {number}"),
            _ => format!("收到 {number} 项插入"),
        });
        at = end;
    }
    if told.is_empty() {
        return if bytes.len() > 16 { Step::Stop } else { Step::Wait(bytes.len() + 1) };
    }
    let title = format!("QPACK 解码器，{}", told.join("、"));
    Step::Message(message(input, at, title.clone(), Fields::new(bytes, 0, at), title))
}
