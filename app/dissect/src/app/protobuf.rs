//! Messages of Protocol Buffers, with the names and types of a descriptor set if there is one.

use super::descriptor::{self, FieldType, Message};
use super::stream::shown;
use super::wire::{self, BYTES, FIXED32, FIXED64, Record, VARINT};
use crate::fields::Fields;
use crate::spec::{Form, Names, Spec, clipped, specs};
use crate::types::Value;
use std::ops::Range;

specs! {
    MESSAGE_NAME = "protobuf.message.name", "消息类型", Form::Text;
    FIELD_NAME = "protobuf.field.name", "字段", Form::Text;
    FIELD_TYPE = "protobuf.field.type", "字段类型", Form::Named(TYPES);
    FIELD_NUMBER = "protobuf.field.number", "字段编号", Form::Decimal;
    WIRE_TYPE = "protobuf.field.wiretype", "线路类型", Form::Named(WIRE_TYPES);
    VALUE_LENGTH = "protobuf.field.value.length", "值的长度", Form::Unit("字节");
    VALUE = "protobuf.field.value", "值", Form::Bytes;
    REPEATED = "protobuf.field.value.repeated", "一串值", Form::Bytes;
    DOUBLE = "protobuf.field.value.double", "double", Form::Decimal;
    FLOAT = "protobuf.field.value.float", "float", Form::Decimal;
    INT64 = "protobuf.field.value.int64", "int64", Form::Decimal;
    UINT64 = "protobuf.field.value.uint64", "uint64", Form::Decimal;
    INT32 = "protobuf.field.value.int32", "int32", Form::Decimal;
    UINT32 = "protobuf.field.value.uint32", "uint32", Form::Decimal;
    BOOL = "protobuf.field.value.bool", "bool", Form::Flag;
    STRING = "protobuf.field.value.string", "string", Form::Text;
}

/// `FieldDescriptorProto.Type`
const TYPES: Names = &[
    (1, "double"),
    (2, "float"),
    (3, "int64"),
    (4, "uint64"),
    (5, "int32"),
    (6, "fixed64"),
    (7, "fixed32"),
    (8, "bool"),
    (9, "string"),
    (11, "message"),
    (12, "bytes"),
    (13, "uint32"),
    (14, "enum"),
    (15, "sfixed32"),
    (16, "sfixed64"),
    (17, "sint32"),
    (18, "sint64"),
];

const WIRE_TYPES: Names = &[(0, "varint"), (1, "8 字节"), (2, "先说长度"), (5, "4 字节")];

/// Messages within messages are followed this deep.
const DEEPEST: usize = 24;
/// Fields and packed values of a message that are shown.
const MOST: usize = 1024;
/// Characters of a value in its field's line.
const SHOWN: usize = 80;

const STRING_TYPE: u64 = 9;
const MESSAGE_TYPE: u64 = 11;
const BYTES_TYPE: u64 = 12;
const ENUM_TYPE: u64 = 14;

/// What Wireshark calls things without a name.
const UNKNOWN: &str = "<UNKNOWN>";
const UNKNOWN_MESSAGE: &str = "<UNKNOWN> Message Type";

/// The fields of a message at `range`; `name` is its type in `set`.
pub(crate) fn message<'a>(
    bytes: &'a [u8],
    range: Range<usize>,
    set: &[u8],
    name: Option<&str>,
) -> Fields<'a> {
    let mut fields = Fields::new(bytes, 0, range.end);
    let mut reading = Reading { bytes, set, left: MOST };
    // Every range lies within the message, so adding fields cannot fail.
    let _ = reading.message(&mut fields, range, name, 0);
    fields
}

struct Reading<'a> {
    bytes: &'a [u8],
    set: &'a [u8],
    left: usize,
}

impl Reading<'_> {
    fn message(
        &mut self,
        fields: &mut Fields<'_>,
        range: Range<usize>,
        name: Option<&str>,
        depth: usize,
    ) -> Option<()> {
        let known = name.and_then(|name| descriptor::message(self.set, name));
        let told = name.map_or(UNKNOWN_MESSAGE, |name| name.trim_start_matches('.'));
        let value = Value::Text(told.to_owned());
        fields.made_over(&MESSAGE_NAME, value, range.start, range.end, |fields| {
            let body = self.bytes.get(range.clone())?;
            for record in wire::records(body) {
                self.left = self.left.checked_sub(1)?;
                self.field(fields, &shifted(record, range.start), known, depth)?;
            }
            Some(())
        })
    }

    fn field(
        &mut self,
        fields: &mut Fields<'_>,
        record: &Record,
        message: Option<Message<'_>>,
        depth: usize,
    ) -> Option<()> {
        let known = message.and_then(|message| message.field(record.number));
        let name = known.map_or(UNKNOWN, |field| field.name).to_owned();
        let (start, end) = (record.tag.start, record.value.end);
        let mut told = String::new();
        fields.made_over(&FIELD_NAME, Value::Text(name), start, end, |fields| {
            if let Some(field) = known {
                fields.made(&FIELD_TYPE, Value::Unsigned(field.kind), start, end)?;
            }
            tag(fields, record)?;
            if let Some(length) = &record.length {
                let size = Value::Unsigned(record.value.len() as u64);
                fields.made(&VALUE_LENGTH, size, length.start, length.end)?;
            }
            told = self.value(fields, record, known, depth)?;
            Some(())
        })?;
        let name = known.map_or_else(|| format!("编号 {}", record.number), |field| field.name.to_owned());
        fields.say(|_| format!("{name} = {}", clipped(&told, SHOWN)));
        Some(())
    }

    /// The value's bytes and below them what they mean. Returns that in a few words.
    fn value(
        &mut self,
        fields: &mut Fields<'_>,
        record: &Record,
        known: Option<FieldType<'_>>,
        depth: usize,
    ) -> Option<String> {
        let range = record.value.clone();
        let bytes = self.bytes.get(range.clone())?;
        let raw = || Value::Bytes(bytes.to_vec());
        let mut told = shown(bytes);
        let packed =
            known.filter(|field| field.repeated && record.wire == BYTES && wire_of(field.kind) != BYTES);
        fields.made_over(&VALUE, raw(), range.start, range.end, |fields| {
            match known {
                _ if packed.is_some() => {}
                Some(field) if field.kind == MESSAGE_TYPE && record.wire == BYTES => {
                    told = field.type_name.rsplit('.').next().unwrap_or_default().to_owned();
                    if depth < DEEPEST {
                        self.message(fields, range.clone(), Some(field.type_name), depth + 1)?;
                    }
                }
                Some(field) if field.kind == STRING_TYPE && record.wire == BYTES => {
                    let text = String::from_utf8_lossy(bytes).into_owned();
                    told = format!("\"{}\"", clipped(&text, SHOWN));
                    fields.made(&STRING, Value::Text(text), range.start, range.end)?;
                }
                Some(field) if wire_of(field.kind) == record.wire && field.kind != BYTES_TYPE => {
                    told = self.scalar(fields, &field, &range)?;
                }
                None if record.wire != BYTES => told = guess(fields, self.bytes, record)?,
                _ => {}
            }
            Some(())
        })?;
        fields.say(|_| shown(bytes));
        if let Some(field) = packed {
            told = self.packed(fields, &field, range)?;
        }
        Some(told)
    }

    /// Values one after the other.
    fn packed(
        &mut self,
        fields: &mut Fields<'_>,
        field: &FieldType<'_>,
        range: Range<usize>,
    ) -> Option<String> {
        let raw = Value::Bytes(self.bytes.get(range.clone())?.to_vec());
        let mut told = Vec::new();
        fields.made_over(&REPEATED, raw, range.start, range.end, |fields| {
            let mut at = range.start;
            while at < range.end {
                let end = match wire_of(field.kind) {
                    VARINT => wire::varint(self.bytes, at)?.1,
                    FIXED32 => at + 4,
                    _ => at + 8,
                };
                if end > range.end {
                    return Some(());
                }
                self.left = self.left.checked_sub(1)?;
                told.push(self.scalar(fields, field, &(at..end))?);
                at = end;
            }
            Some(())
        })?;
        let list = format!("[{}]", told.join(", "));
        fields.say(|_| clipped(&list, SHOWN));
        Some(list)
    }

    /// A number of a known type.
    fn scalar(&self, fields: &mut Fields<'_>, field: &FieldType<'_>, range: &Range<usize>) -> Option<String> {
        let (spec, value) = typed(field.kind, number(self.bytes, range, wire_of(field.kind))?)?;
        fields.made(spec, value, range.start, range.end)?;
        let mut told = String::new();
        if field.kind == ENUM_TYPE
            && let Some(Value::Signed(number)) = fields.list.last().map(|field| &field.value)
            && let Some(name) = i32::try_from(*number)
                .ok()
                .and_then(|number| descriptor::value_name(self.set, field.type_name, number))
        {
            fields.say(|field| format!("{}（{name}）", field.text));
        }
        fields.say(|field| {
            told.clone_from(&field.text);
            field.text.clone()
        });
        Some(told)
    }
}

/// The record with ranges that count from further ahead.
fn shifted(record: Record, by: usize) -> Record {
    let shift = |range: Range<usize>| range.start + by..range.end + by;
    Record { tag: shift(record.tag), length: record.length.map(shift), value: shift(record.value), ..record }
}

/// Field number and wire type, which share a varint.
fn tag(fields: &mut Fields<'_>, record: &Record) -> Option<()> {
    let (start, end) = (record.tag.start * 8, record.tag.end * 8);
    // In one byte the number is the bits before the type; else it goes on in the bytes after the type.
    let number = if record.tag.len() == 1 { start + 1..start + 5 } else { start..end };
    fields.made_bits(&FIELD_NUMBER, Value::Unsigned(record.number), number.start, number.end)?;
    fields.add(&WIRE_TYPE, start + 5, 3)?;
    Some(())
}

/// How values of a type are written.
fn wire_of(kind: u64) -> u8 {
    match kind {
        1 | 6 | 16 => FIXED64,
        2 | 7 | 15 => FIXED32,
        STRING_TYPE | 10..=BYTES_TYPE => BYTES,
        _ => VARINT,
    }
}

/// The bits of a value: a varint, or four or eight bytes, least significant first.
fn number(bytes: &[u8], range: &Range<usize>, wire: u8) -> Option<u64> {
    if wire == VARINT {
        return wire::varint(bytes, range.start).map(|(number, _)| number);
    }
    let raw = bytes.get(range.clone())?;
    Some(raw.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

/// What the bits mean in a type.
fn typed(kind: u64, bits: u64) -> Option<(&'static Spec, Value)> {
    // Narrow types take the low half, whatever the rest says.
    let low = u32::try_from(bits & u64::from(u32::MAX)).ok()?;
    let zigzag = |bits: u64| (bits >> 1).cast_signed() ^ -(bits & 1).cast_signed();
    Some(match kind {
        1 => (&DOUBLE, Value::Float(f64::from_bits(bits))),
        2 => (&FLOAT, Value::Float(f32::from_bits(low).into())),
        3 | 16 => (&INT64, Value::Signed(bits.cast_signed())),
        4 | 6 => (&UINT64, Value::Unsigned(bits)),
        5 | ENUM_TYPE | 15 => (&INT32, Value::Signed(low.cast_signed().into())),
        7 | 13 => (&UINT32, Value::Unsigned(low.into())),
        8 => (&BOOL, Value::Bool(bits != 0)),
        17 => (&INT32, Value::Signed(zigzag(low.into()))),
        18 => (&INT64, Value::Signed(zigzag(bits))),
        _ => return None,
    })
}

/// A number of an unknown type.
fn guess(fields: &mut Fields<'_>, bytes: &[u8], record: &Record) -> Option<String> {
    let bits = number(bytes, &record.value, record.wire)?;
    let spec = if u32::try_from(bits).is_ok() { &UINT32 } else { &UINT64 };
    fields.made(spec, Value::Unsigned(bits), record.value.start, record.value.end)?;
    Some(bits.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_type() {
        let told = |kind, bits| typed(kind, bits).map(|(spec, value)| (spec.name, value.to_string()));
        let is = |kind, bits, name, text: &str| assert_eq!(told(kind, bits), Some((name, text.to_owned())));
        is(1, 0x400c_0000_0000_0000, DOUBLE.name, "3.5");
        is(2, 0xbe80_0000, FLOAT.name, "-0.25");
        is(5, u64::MAX - 4, INT32.name, "-5");
        is(3, 1 << 63, INT64.name, "-9223372036854775808");
        is(13, u64::MAX, UINT32.name, "4294967295");
        is(17, 5, INT32.name, "-3");
        is(17, 0xffff_ffff, INT32.name, "-2147483648");
        is(18, u64::MAX, INT64.name, "-9223372036854775808");
        is(18, u64::MAX - 1, INT64.name, "9223372036854775807");
        is(8, 2, BOOL.name, "1");
        assert_eq!(told(STRING_TYPE, 0), None);
    }

    #[test]
    fn nesting_and_number_of_fields_are_bounded() {
        let set = include_bytes!("../../tests/captures/greeter.binpb");
        let mut bytes = Vec::new();
        for _ in 0..60 {
            // Field 3 of Inner is an Inner.
            let length = u8::try_from(bytes.len()).unwrap_or(0x7f).min(0x7f);
            bytes.truncate(usize::from(length));
            bytes = [&[0x1a, length], &bytes[..]].concat();
        }
        fn depth(field: &crate::types::Field) -> usize {
            1 + field.children.iter().map(depth).max().unwrap_or(0)
        }
        let fields = message(&bytes, 0..bytes.len(), set, Some(".greeter.v1.Everything.Inner"));
        let deep = fields.list.iter().map(depth).max();
        assert!((3 * DEEPEST..3 * DEEPEST + 6).contains(&deep.unwrap_or(0)), "{deep:?}");
        let many = [8, 1].repeat(5_000);
        let fields = message(&many, 0..many.len(), &[], None);
        assert_eq!(fields.list[0].children.len(), MOST);
    }
}
