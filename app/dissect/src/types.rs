//! What a dissection is made of: layers, and in them fields, each with the bits it was read from.

use std::fmt;

/// One frame taken apart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dissection {
    /// From the outside in. A datagram quoted by an ICMP error follows the ICMP layer, with [`Layer::quoted`] set.
    pub layers: Vec<Layer>,
    /// One line about the innermost layer that says anything: `40000 → 8080 [SYN] Win=64240`.
    pub summary: String,
    /// Network address of the sender, or its MAC address if there is none.
    pub source: String,
    pub destination: String,
    /// Short name for a table's column: `TCP`, `ICMPv6`, `ARP`.
    pub protocol: &'static str,
}

impl Dissection {
    /// Puts what a stream carries in place of its bare bytes.
    pub(crate) fn open(&mut self, opened: Opened) {
        if self.layers.last().is_some_and(|layer| layer.protocol == "data" && !layer.quoted) {
            self.layers.pop();
        }
        self.layers.extend(opened.layers);
        if let Some((protocol, summary)) = opened.told {
            (self.protocol, self.summary) = (protocol, summary);
        }
    }

    /// The first field of that name anywhere in the tree.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.layers.iter().find_map(|layer| layer.field(name))
    }
}

/// What the payload of one segment turned out to be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Opened {
    /// Messages that this frame completed, then the bytes that still wait for more.
    pub layers: Vec<Layer>,
    /// Protocol and summary of the messages; `None` if there is none.
    pub told: Option<(&'static str, String)>,
}

/// The bytes that belong to one protocol, and what they mean.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layer {
    /// Wireshark's name: `eth`, `ip`, `tcp`.
    pub protocol: &'static str,
    /// `TCP 40000 → 8080 [SYN]`
    pub title: String,
    /// First byte within the frame.
    pub start: u32,
    /// One past the last byte of its header (for protocols without payload: of all of it).
    pub end: u32,
    /// Where its header lies, in the order of the stream, if not all of it is in this frame.
    pub parts: Vec<Part>,
    /// Part of a datagram that an ICMP error quotes, not of the frame's own headers.
    pub quoted: bool,
    /// Its fields say what encrypted bytes mean: their positions are those of the ciphertext, whose bytes the plaintext
    /// follows one by one.
    pub decrypted: bool,
    /// What the encrypted part of this layer was before.
    pub plain: Option<Plain>,
    pub fields: Vec<Field>,
}

/// Decrypted bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plain {
    pub bytes: Vec<u8>,
    /// Where the ciphertext of these bytes lies, in their order.
    pub parts: Vec<Part>,
}

impl Plain {
    /// The bit of [`Self::bytes`] that stands for this bit of a frame.
    #[must_use]
    pub fn locate(&self, frame: u32, bit: u32) -> Option<u32> {
        let mut before = 0;
        for part in &self.parts {
            if part.frame == frame && (part.start_bit..part.end_bit).contains(&bit) {
                return Some(before + bit - part.start_bit);
            }
            before += part.end_bit - part.start_bit;
        }
        None
    }
}

impl Layer {
    /// The first field of that name in this layer.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find_map(|field| field.find(name))
    }
}

/// One named value.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Wireshark's display-filter name: `tcp.flags.syn`.
    pub name: &'static str,
    /// Short Chinese label.
    pub label: &'static str,
    pub value: Value,
    /// The value as shown to a reader.
    pub text: String,
    /// First bit within the frame, counting from the most significant bit of byte 0.
    pub start_bit: u32,
    /// One past the last bit. Equal to `start_bit` if the field was worked out, not read (a checksum verdict).
    pub end_bit: u32,
    /// Where it lies, in the order of the stream, if not all of it is in this frame. `start_bit..end_bit` is then
    /// what this frame has of it, and empty if it has nothing.
    pub parts: Vec<Part>,
    pub children: Vec<Field>,
}

impl Field {
    /// This field or the first one of that name below it.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Self> {
        if self.name == name { Some(self) } else { self.children.iter().find_map(|child| child.find(name)) }
    }

    /// True if no bytes are this value: it was worked out from others.
    #[must_use]
    pub fn is_derived(&self) -> bool {
        self.start_bit == self.end_bit && self.parts.is_empty()
    }
}

/// A piece of a message that several TCP segments carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Number of the frame, as given to [`crate::Dissector::push`].
    pub frame: u32,
    /// Bits within that frame, half open.
    pub start_bit: u32,
    pub end_bit: u32,
}

/// A value in the type that Wireshark gives it.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A heading over its children.
    None,
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Bool(bool),
    Bytes(Vec<u8>),
    Mac([u8; 6]),
    Ipv4([u8; 4]),
    Ipv6([u8; 16]),
    Text(String),
}

impl Value {
    /// The number, if it is one.
    #[must_use]
    pub fn unsigned(&self) -> Option<u64> {
        match self {
            Self::Unsigned(number) => Some(*number),
            Self::Bool(set) => Some(u64::from(*set)),
            _ => None,
        }
    }
}

/// As in Wireshark's columns: numbers decimal, bytes in hexadecimal.
impl fmt::Display for Value {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::Unsigned(number) => write!(out, "{number}"),
            Self::Signed(number) => write!(out, "{number}"),
            Self::Float(number) if (1e-6..1e16).contains(&number.abs()) || *number == 0.0 => {
                write!(out, "{number}")
            }
            Self::Float(number) => write!(out, "{number:e}"),
            Self::Bool(set) => out.write_str(if *set { "1" } else { "0" }),
            Self::Bytes(bytes) => bytes.iter().try_for_each(|byte| write!(out, "{byte:02x}")),
            Self::Mac(mac) => mac.iter().enumerate().try_for_each(|(index, byte)| {
                if index > 0 {
                    out.write_str(":")?;
                }
                write!(out, "{byte:02x}")
            }),
            Self::Ipv4(address) => write!(out, "{}", std::net::Ipv4Addr::from(*address)),
            Self::Ipv6(address) => write!(out, "{}", std::net::Ipv6Addr::from(*address)),
            Self::Text(text) => out.write_str(text),
        }
    }
}

/// What a lab knows and the bytes do not say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// Transport port → application protocol by Wireshark's name (`http`, `http2`, `websocket`, `data` for none).
    /// Without a hint, the first bytes of a stream tell, on any port.
    pub ports: Vec<(u16, String)>,
    /// A serialized `google.protobuf.FileDescriptorSet`: names and types of what gRPC calls carry. Empty if none.
    pub descriptors: Vec<u8>,
}
