//! Names and types from a `google.protobuf.FileDescriptorSet`. Nothing is kept: each question reads the few records of it
//! that answer it.

use super::wire::{self, BYTES, Record, VARINT};

/// A message type.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Message<'a> {
    /// A `DescriptorProto`.
    bytes: &'a [u8],
}

/// A field of a message type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FieldType<'a> {
    pub(crate) name: &'a str,
    /// `FieldDescriptorProto.Type`
    pub(crate) kind: u64,
    pub(crate) repeated: bool,
    /// `.package.Message` of a message or an enumeration.
    pub(crate) type_name: &'a str,
}

/// Deepest nesting of types.
const DEEPEST: usize = 16;

/// Names of the types that a method takes and gives back. `path`: `/package.Service/Method`.
pub(crate) fn method<'a>(set: &'a [u8], path: &str) -> Option<(&'a str, &'a str)> {
    let (service, method) = path.strip_prefix('/')?.split_once('/')?;
    for file in all(set, 1) {
        let Some(rest) = within(service, text(file, 2)) else { continue };
        let Some(service) = all(file, 6).find(|service| text(service, 1) == rest) else { continue };
        let method = all(service, 2).find(|known| text(known, 1) == method)?;
        return Some((text(method, 2), text(method, 3)));
    }
    None
}

/// The message type `.package.Outer.Inner`.
pub(crate) fn message<'a>(set: &'a [u8], name: &str) -> Option<Message<'a>> {
    find(set, name, 4).map(|bytes| Message { bytes })
}

/// The name of an enumeration's value.
pub(crate) fn value_name<'a>(set: &'a [u8], enumeration: &str, number: i32) -> Option<&'a str> {
    let values = all(find(set, enumeration, 5)?, 2);
    // Negative numbers are written as 64 bits.
    let wanted = i64::from(number).cast_unsigned();
    values.into_iter().find(|value| integer(value, 2) == wanted).map(|value| text(value, 1))
}

impl<'a> Message<'a> {
    pub(crate) fn field(&self, number: u64) -> Option<FieldType<'a>> {
        let field = all(self.bytes, 2).find(|field| integer(field, 3) == number)?;
        Some(FieldType {
            name: text(field, 1),
            kind: integer(field, 5),
            repeated: integer(field, 4) == 3,
            type_name: text(field, 6),
        })
    }
}

/// A message (4) or an enumeration (5), by where a file keeps them.
fn find<'a>(set: &'a [u8], name: &str, kind: u64) -> Option<&'a [u8]> {
    let name = name.strip_prefix('.').unwrap_or(name);
    all(set, 1).find_map(|file| {
        let mut rest = within(name, text(file, 2))?;
        let (mut place, mut messages, mut own) = (file, 4, kind);
        for _ in 0..DEEPEST {
            let Some((outer, inner)) = rest.split_once('.') else {
                return all(place, own).find(|known| text(known, 1) == rest);
            };
            place = all(place, messages).find(|known| text(known, 1) == outer)?;
            // Within a message they stand elsewhere.
            (rest, messages, own) = (inner, 3, if kind == 4 { 3 } else { 4 });
        }
        None
    })
}

/// What follows `package.`; the whole name if there is no package.
fn within<'n>(name: &'n str, package: &str) -> Option<&'n str> {
    if package.is_empty() { Some(name) } else { name.strip_prefix(package)?.strip_prefix('.') }
}

fn all(bytes: &[u8], number: u64) -> impl Iterator<Item = &[u8]> {
    let wanted = move |record: &Record| record.number == number && record.wire == BYTES;
    wire::records(bytes).filter(wanted).filter_map(|record| bytes.get(record.value))
}

fn text(bytes: &[u8], number: u64) -> &str {
    all(bytes, number).last().and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default()
}

fn integer(bytes: &[u8], number: u64) -> u64 {
    let wanted = |record: &Record| record.number == number && record.wire == VARINT;
    let record = wire::records(bytes).filter(wanted).last();
    record.and_then(|record| wire::varint(bytes, record.value.start)).map_or(0, |(number, _)| number)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SET: &[u8] = include_bytes!("../../tests/captures/greeter.binpb");

    #[test]
    fn methods_messages_and_enumerations_are_found_by_name() {
        let found = method(SET, "/greeter.v1.Greeter/Count");
        assert_eq!(found, Some((".greeter.v1.CountRequest", ".greeter.v1.Everything")));
        assert_eq!(method(SET, "/greeter.v1.Greeter/Nothing"), None);
        assert_eq!(method(SET, "/greeter.Greeter/Count"), None);
        let inner = message(SET, ".greeter.v1.Everything.Inner").and_then(|message| message.field(2));
        let deltas = FieldType { name: "deltas", kind: 17, repeated: true, type_name: "" };
        assert_eq!(inner, Some(deltas));
        assert!(message(SET, ".greeter.v1.Inner").is_none());
        assert_eq!(value_name(SET, ".greeter.v1.Language", 2), Some("LANGUAGE_ENGLISH"));
        assert_eq!(value_name(SET, ".greeter.v1.Language", -2), None);
        let field = message(SET, ".greeter.v1.Everything").and_then(|message| message.field(16));
        assert_eq!(field.map(|field| field.type_name), Some(".greeter.v1.Language"));
    }

    #[test]
    fn a_set_that_is_cut_short_finds_less() {
        for end in 0..SET.len() {
            let _ = message(&SET[..end], ".greeter.v1.Everything.Inner").and_then(|message| message.field(2));
            assert_eq!(method(&SET[..end], "/greeter.v1.Greeter/Count"), None, "{end}");
        }
    }
}
