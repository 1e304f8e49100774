//! The bytes of TCP connections in a trace.

use api::trace::Trace;

use crate::seen::{Seen as _, Wire};

/// One direction of a connection.
pub(crate) struct Stream {
    pub(crate) ports: (u64, u64),
    /// Sequence number of the first byte.
    first: u32,
    pub(crate) bytes: Vec<u8>,
    /// Payload lengths of its segments in the order of sending.
    pub(crate) segments: Vec<usize>,
}

/// What `host` sent on each of its connections, in the order in which they spoke first. What was sent twice
/// (a receiver without room drops a segment) stands where its sequence number says.
pub(crate) fn sent_by(trace: &Trace, host: &str) -> Vec<Stream> {
    let host = trace.host(host);
    let mut streams: Vec<Stream> = Vec::new();
    for wire in trace.wires().iter().filter(|wire| wire.frame.from == host) {
        let Some((ports, seq, payload)) = segment(wire) else { continue };
        if payload.is_empty() {
            continue;
        }
        let at = streams.iter().position(|stream| stream.ports == ports).unwrap_or_else(|| {
            streams.push(Stream { ports, first: seq, bytes: Vec::new(), segments: Vec::new() });
            streams.len() - 1
        });
        let stream = &mut streams[at];
        let from = seq.wrapping_sub(stream.first) as usize;
        stream.segments.push(payload.len());
        stream.bytes.resize(stream.bytes.len().max(from + payload.len()), 0);
        stream.bytes[from..from + payload.len()].copy_from_slice(payload);
    }
    streams
}

/// Ports, sequence number and payload of a TCP segment over IPv4.
fn segment<'a>(wire: &Wire<'a>) -> Option<((u64, u64), u32, &'a [u8])> {
    let ports = (wire.number("tcp.srcport")?, wire.number("tcp.dstport")?);
    let packet = &wire.frame.bytes[14..];
    let total = usize::from(u16::from_be_bytes([packet[2], packet[3]]));
    let segment = &packet[usize::from(packet[0] & 15) * 4..total];
    let seq = u32::from_be_bytes(*segment[4..].first_chunk()?);
    Some((ports, seq, &segment[usize::from(segment[12] >> 4) * 4..]))
}
