//! What only shows across frames: which connection a TCP segment belongs to, numbers counted from its start,
//! retransmissions. Feed frames in the order they were recorded.
//!
//! Judgements are those of Wireshark's `tcp.analysis.*` (User's Guide, “TCP Analysis”): made from the wire alone,
//! without asking either kernel. `tests/conversations.rs` compares them with tshark.

mod analysis;
mod flow;

pub use analysis::Analysis;

use crate::tcp::flag_names;
use crate::types::{Dissection, Layer, Value};
use flow::{Connection, Seen};

/// The connections seen so far.
#[derive(Clone, Debug, Default)]
pub struct Conversations {
    connections: Vec<Connection>,
}

/// A TCP segment, seen as part of its connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Number of the connection, from 0 (Wireshark: `tcp.stream`).
    pub stream: u32,
    /// The sender is the one whose segment was the first of this connection.
    pub from_first: bool,
    /// Relative sequence number (`tcp.seq`): the SYN is 0, the first byte 1.
    pub seq: u32,
    /// Relative acknowledgment number (`tcp.ack`); 0 without the flag ACK.
    pub ack: u32,
    /// Bytes of payload (`tcp.len`).
    pub length: u32,
    /// The low twelve bits of byte 12 and 13 (`tcp.flags`).
    pub flags: u16,
    /// Offered window in bytes, scaled if the scale is known (`tcp.window_size`).
    pub window: u32,
    pub analysis: Analysis,
}

impl Conversations {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next frame, `time` in nanoseconds. `None` if it is not a TCP segment (or only a fragment of one).
    pub fn push(&mut self, time: u64, dissection: &Dissection) -> Option<Segment> {
        let (ends, seen) = read(time, dissection)?;
        let known = self.connections.iter().rposition(|connection| connection.is_between(&ends));
        let (index, reused) = match known {
            // A SYN with another number begins a new connection between the same ports.
            Some(index) if self.connections[index].is_restarted_by(&ends, &seen) => (None, true),
            index => (index, false),
        };
        let index = index.unwrap_or_else(|| {
            self.connections.push(Connection::new(ends.clone()));
            self.connections.len() - 1
        });
        let stream = u32::try_from(index).unwrap_or(u32::MAX);
        let mut segment = self.connections.get_mut(index)?.push(stream, &ends, &seen);
        segment.analysis.ports_reused = reused;
        Some(segment)
    }
}

/// Address and port of sender and receiver.
type Ends = [(Value, u16); 2];

fn read(time: u64, dissection: &Dissection) -> Option<(Ends, Seen)> {
    let own = |layer: &&Layer| !layer.quoted;
    let network =
        dissection.layers.iter().filter(own).rfind(|layer| matches!(layer.protocol, "ip" | "ipv6"))?;
    let tcp = dissection.layers.iter().filter(own).find(|layer| layer.protocol == "tcp")?;
    let number = |layer: &Layer, name| layer.field(name).and_then(|field| field.value.unsigned());
    let address = |name| network.field(name).map(|field| field.value.clone());
    let (source, destination, length) = if network.protocol == "ip" {
        if number(network, "ip.flags.mf") != Some(0) || number(network, "ip.frag_offset") != Some(0) {
            return None;
        }
        (address("ip.src")?, address("ip.dst")?, number(network, "ip.len")?)
    } else {
        if dissection.layers.iter().filter(own).any(|layer| layer.protocol == "ipv6.fraghdr") {
            return None;
        }
        (address("ipv6.src")?, address("ipv6.dst")?, number(network, "ipv6.plen")? + 40)
    };
    let small = |name| number(tcp, name).and_then(|number| u16::try_from(number).ok());
    let word = |name| number(tcp, name).and_then(|number| u32::try_from(number).ok());
    let end = u64::from(network.start) + length;
    let seen = Seen {
        time,
        seq: word("tcp.seq_raw")?,
        ack: word("tcp.ack_raw")?,
        length: u32::try_from(end.saturating_sub(u64::from(tcp.end))).ok()?,
        flags: small("tcp.flags")?,
        window: word("tcp.window_size_value")?,
        scale: number(tcp, "tcp.options.wscale.shift").and_then(|shift| u8::try_from(shift).ok()),
    };
    Some(([(source, small("tcp.srcport")?), (destination, small("tcp.dstport")?)], seen))
}

impl Segment {
    /// `SYN`, `PSH, ACK 12 字节`, `重传 PSH, ACK 12 字节`: what to write along an arrow.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut text = self.analysis.labels().join("、");
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&flag_names(u64::from(self.flags)));
        if self.length > 0 {
            text.push_str(&format!(" {} 字节", self.length));
        }
        text
    }
}
