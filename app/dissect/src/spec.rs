//! What is known about a field before any frame is seen: its name, its label, how its value reads.

use crate::types::Value;

/// Names of some of a field's values.
pub(crate) type Names = &'static [(u64, &'static str)];

/// A field that some dissector can emit. All of them are listed by [`crate::catalog`].
#[derive(Debug)]
pub struct Spec {
    /// Wireshark's display-filter name.
    pub name: &'static str,
    /// Short Chinese label.
    pub label: &'static str,
    pub(crate) form: Form,
}

/// The type of a value and how it is shown.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form {
    /// A heading over its children, without a value of its own.
    Group,
    Decimal,
    /// Hexadecimal with this many digits.
    Hex(u8),
    /// Decimal, with names for known values.
    Named(Names),
    /// Hexadecimal with this many digits, with names for known values.
    HexNamed(u8, Names),
    /// The number times this factor, in bytes (header lengths in 32-bit words).
    Times(u64),
    /// The number plus one, times eight, in bytes (IPv6 extension headers).
    EightsPlusOne,
    /// Two to the power of the number.
    PowerOfTwo,
    /// Decimal with a unit.
    Unit(&'static str),
    Flag,
    /// A flag whose two values have names: unset, set.
    Choice(&'static str, &'static str),
    Mac,
    Ipv4,
    Ipv6,
    Bytes,
    Text,
}

impl Form {
    /// The value read from a number of bits.
    pub(crate) fn number(self, raw: u64) -> Value {
        match self {
            Self::Group => Value::None,
            Self::Flag | Self::Choice(..) => Value::Bool(raw != 0),
            Self::Times(factor) => Value::Unsigned(raw.saturating_mul(factor)),
            Self::EightsPlusOne => Value::Unsigned(raw.saturating_add(1).saturating_mul(8)),
            Self::PowerOfTwo => Value::Unsigned(1 << raw.min(63)),
            _ => Value::Unsigned(raw),
        }
    }

    /// The value as a reader sees it.
    pub(crate) fn text(self, value: &Value) -> String {
        let Some(number) = value.unsigned() else { return plain(value) };
        let name = |names: Names| names.iter().find(|(value, _)| *value == number).map(|(_, name)| *name);
        let with = |shown: String, name: Option<&str>| match name {
            Some(name) => format!("{shown}（{name}）"),
            None => shown,
        };
        let hex = |digits: u8| format!("0x{number:0width$x}", width = usize::from(digits));
        match self {
            Self::Hex(digits) => hex(digits),
            Self::Named(names) => with(number.to_string(), name(names)),
            Self::HexNamed(digits, names) => with(hex(digits), name(names)),
            Self::Times(factor) if factor > 1 => format!("{number} 字节（{} × {factor}）", number / factor),
            Self::Times(_) | Self::EightsPlusOne => format!("{number} 字节"),
            Self::Unit(unit) => format!("{number} {unit}"),
            Self::Flag => (if number == 0 { "0" } else { "1" }).to_owned(),
            Self::Choice(unset, set) => with(number.to_string(), Some(if number == 0 { unset } else { set })),
            _ => number.to_string(),
        }
    }
}

/// Long values are cut short: a reader has the hex view for the rest.
fn plain(value: &Value) -> String {
    const SHOWN: usize = 24;
    match value {
        Value::Text(text) => clipped(text, 200),
        Value::Bytes(bytes) if bytes.len() > SHOWN => {
            format!("{}…（共 {} 字节）", Value::Bytes(bytes[..SHOWN].to_vec()), bytes.len())
        }
        other => other.to_string(),
    }
}

/// One line of at most `most` characters; controls are shown as pictures (␍␊), not obeyed.
pub(crate) fn clipped(text: &str, most: usize) -> String {
    let picture = |letter: char| match u32::from(letter) {
        code @ 0..0x20 => char::from_u32(0x2400 + code).unwrap_or('·'),
        0x7f => '␡',
        _ => letter,
    };
    let mut line: String = text.chars().take(most).map(picture).collect();
    if text.chars().nth(most).is_some() {
        line.push('…');
    }
    line
}

/// Declares the fields of one protocol and lists them as `ALL`:
/// `SRCPORT = "tcp.srcport", "源端口", Decimal;`
macro_rules! specs {
    ($($id:ident = $name:literal, $label:literal, $form:expr;)*) => {
        $(pub(crate) static $id: $crate::spec::Spec = $crate::spec::Spec { name: $name, label: $label, form: $form };)*
        pub(crate) static ALL: &[&$crate::spec::Spec] = &[$(&$id),*];
    };
}
pub(crate) use specs;
