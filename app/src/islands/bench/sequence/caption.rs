//! The few words on an arrow.

use crate::islands::bench::format;
use dissect::{Dissection, Hints, Layer};

/// Flags in the order in which people name them.
const FLAGS: [(&str, &str); 6] = [
    ("tcp.flags.syn", "SYN"),
    ("tcp.flags.fin", "FIN"),
    ("tcp.flags.reset", "RST"),
    ("tcp.flags.push", "PSH"),
    ("tcp.flags.ack", "ACK"),
    ("tcp.flags.urg", "URG"),
];

/// What a frame is, in as few words as an arrow has room for: `SYN`, `PSH ACK 12 B`, `UDP 5 B`,
/// otherwise the summary of its innermost protocol.
pub(crate) fn caption(bytes: &[u8], length: u32, hints: &Hints) -> String {
    if bytes.is_empty() {
        return format!("{}（内容未记录）", format::bytes(length.into()));
    }
    let dissection = dissect::dissect(bytes, hints);
    let own = |layer: &&Layer| !layer.quoted;
    match dissection.layers.iter().filter(own).find(|layer| matches!(layer.protocol, "tcp" | "udp")) {
        Some(layer) if layer.protocol == "tcp" && is_bare(&dissection) => tcp(layer, payload(&dissection)),
        Some(_) if is_bare(&dissection) => format!("UDP {}", format::bytes(payload(&dissection))),
        _ if dissection.summary.is_empty() => dissection.protocol.to_owned(),
        _ => format!("{} {}", dissection.protocol, dissection.summary),
    }
}

/// No application protocol above the transport.
fn is_bare(dissection: &Dissection) -> bool {
    let last = dissection.layers.iter().rev().find(|layer| !layer.quoted);
    last.is_some_and(|layer| matches!(layer.protocol, "tcp" | "udp" | "data"))
}

fn number(layer: &Layer, name: &str) -> u64 {
    layer.field(name).and_then(|field| field.value.unsigned()).unwrap_or(0)
}

fn tcp(layer: &Layer, payload: u64) -> String {
    let set = FLAGS.iter().filter(|(name, _)| number(layer, name) != 0).map(|(_, flag)| *flag);
    let mut caption = set.collect::<Vec<_>>().join(" ");
    if payload > 0 {
        caption.push(' ');
        caption.push_str(&format::bytes(payload));
    }
    caption
}

/// Bytes that no protocol claimed.
fn payload(dissection: &Dissection) -> u64 {
    let data = dissection.layers.iter().find(|layer| layer.protocol == "data" && !layer.quoted);
    data.map_or(0, |layer| u64::from(layer.end - layer.start))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ethernet, IPv4 and TCP headers of a segment with these flags and this payload.
    fn segment(flags: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x00];
        let total = 40 + payload.len() as u16;
        frame.extend([0x45, 0]);
        frame.extend(total.to_be_bytes());
        frame.extend([0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
        frame.extend([0x9c, 0x40, 0xff, 0xf0, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, flags, 0xfa, 0, 0, 0, 0, 0]);
        frame.extend(payload);
        frame
    }

    #[test]
    fn flags_and_payload_of_tcp() {
        let caption = |flags, payload| caption(&segment(flags, payload), 0, &Hints::default());
        assert_eq!(caption(0x02, b""), "SYN");
        assert_eq!(caption(0x12, b""), "SYN ACK");
        assert_eq!(caption(0x18, b"hello, world"), "PSH ACK 12 B");
        assert_eq!(caption(0x11, b""), "FIN ACK");
    }

    #[test]
    fn a_frame_without_bytes_says_so() {
        assert_eq!(caption(&[], 1514, &Hints::default()), "1.5 kB（内容未记录）");
    }
}
