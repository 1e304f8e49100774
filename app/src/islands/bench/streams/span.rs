//! Which stream owns which bytes: from dissections, frame by frame, in the order of recording.
//!
//! A **stream** is a TCP connection, or one of the streams that HTTP/2 or QUIC carries in a connection; each direction
//! of it counts its own bytes from 0. Streams inside a connection are known by their fields (`http2.streamid`,
//! `quic.stream.stream_id`), whoever dissected them.

use dissect::{Dissection, Field, Followed, Segment, Value};
use std::collections::HashMap;

/// Bits of `tcp.flags`.
const FIN: u16 = 1;
const SYN: u16 = 1 << 1;
const RST: u16 = 1 << 2;
/// Bytes of an HTTP/2 frame before its payload (RFC 9113 section 4.1).
const HTTP2_HEADER: u64 = 9;

/// One stream of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct StreamId {
    /// The first or the second of two runs side by side.
    pub(crate) second: bool,
    pub(crate) carrier: Carrier,
    /// Number of the TCP connection (`tcp.stream`), or of the pair of UDP ends that QUIC uses.
    pub(crate) connection: u32,
    /// Number of the stream in the connection; `None` for the connection's own bytes.
    pub(crate) number: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Carrier {
    /// TCP, and HTTP/2 in it.
    Tcp,
    Quic,
}

/// Some bytes of one stream in one frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StreamSpan {
    pub(crate) stream: StreamId,
    /// What they are: `HTTP GET /a`, `HEADERS`; may be empty.
    pub(crate) label: String,
    /// Direction: sent by the end whose frame was the first of this connection.
    pub(crate) from_first: bool,
    /// Half open, counted from 0 in this direction of the stream. Empty for marks.
    pub(crate) from_byte: u64,
    pub(crate) to_byte: u64,
    /// When the frame entered the switch, ns.
    pub(crate) time: u64,
    /// Position of the frame among the model's frames.
    pub(crate) frame: usize,
    /// Bytes that were sent before.
    pub(crate) again: bool,
    pub(crate) mark: Option<Mark>,
}

/// What begins or ends a connection takes no bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    Open,
    Close,
    Reset,
}

impl StreamSpan {
    pub(crate) fn length(&self) -> u64 {
        self.to_byte.saturating_sub(self.from_byte)
    }
}

/// Remembers how far each stream is.
#[derive(Debug, Default)]
pub(crate) struct Follower {
    /// Bytes sent so far, by stream and direction.
    sent: HashMap<(StreamId, bool), u64>,
    /// Ends of UDP flows with QUIC in them, the first sender first.
    flows: Vec<(bool, [End; 2])>,
}

/// Address and port.
type End = (String, u64);

impl Follower {
    /// What the next frame holds. `second`: it belongs to the second of two runs.
    pub(crate) fn push(
        &mut self,
        second: bool,
        frame: usize,
        time: u64,
        followed: &Followed,
    ) -> Vec<StreamSpan> {
        let mut spans = Vec::new();
        let found = found(&followed.dissection);
        let place = if let Some(segment) = &followed.segment {
            let stream = StreamId { second, carrier: Carrier::Tcp, connection: segment.stream, number: None };
            let label = if found.is_empty() { message(&followed.dissection) } else { String::new() };
            spans.extend(tcp(stream, label, segment, frame, time));
            Some((stream, segment.from_first))
        } else if found.is_empty() {
            None
        } else {
            self.flow(second, &followed.dissection)
        };
        if let Some((connection, from_first)) = place {
            for one in found {
                let stream = StreamId { number: Some(one.number), ..connection };
                let sent = self.sent.entry((stream, from_first)).or_default();
                let from_byte = one.offset.unwrap_or(*sent);
                let to_byte = from_byte + one.length;
                let again = one.length > 0 && from_byte < *sent;
                *sent = to_byte.max(*sent);
                let label = one.label;
                spans.push(StreamSpan {
                    stream,
                    label,
                    from_first,
                    from_byte,
                    to_byte,
                    time,
                    frame,
                    again,
                    mark: None,
                });
            }
        }
        spans
    }

    /// The pair of UDP ends that a datagram belongs to.
    fn flow(&mut self, second: bool, dissection: &Dissection) -> Option<(StreamId, bool)> {
        let port = |name| dissection.field(name).and_then(|field| field.value.unsigned());
        let from = (dissection.source.clone(), port("udp.srcport")?);
        let to = (dissection.destination.clone(), port("udp.dstport")?);
        let known = self.flows.iter().position(|(of, ends)| {
            *of == second && (*ends == [from.clone(), to.clone()] || *ends == [to.clone(), from.clone()])
        });
        let at = known.unwrap_or_else(|| {
            self.flows.push((second, [from.clone(), to]));
            self.flows.len() - 1
        });
        let connection = u32::try_from(at).unwrap_or(u32::MAX);
        let from_first = self.flows.get(at).is_some_and(|(_, ends)| ends[0] == from);
        Some((StreamId { second, carrier: Carrier::Quic, connection, number: None }, from_first))
    }
}

/// The connection's own bytes, and what begins and ends it.
fn tcp(stream: StreamId, label: String, segment: &Segment, frame: usize, time: u64) -> Option<StreamSpan> {
    let mark = if segment.flags & RST != 0 {
        Some(Mark::Reset)
    } else if segment.flags & SYN != 0 {
        Some(Mark::Open)
    } else if segment.flags & FIN != 0 {
        Some(Mark::Close)
    } else {
        None
    };
    // A keep-alive repeats the byte before the next one, or none: nothing of the stream.
    if segment.length == 0 && mark.is_none() || segment.analysis.keep_alive {
        return None;
    }
    // The SYN is number 0, the first byte 1.
    let from_byte = u64::from(segment.seq.saturating_sub(1));
    let again = segment.analysis.retransmission;
    let to_byte = from_byte + u64::from(segment.length);
    let from_first = segment.from_first;
    Some(StreamSpan { stream, label, from_first, from_byte, to_byte, time, frame, again, mark })
}

/// The message in a TCP segment, if it completes one.
fn message(dissection: &Dissection) -> String {
    if dissection.protocol == "TCP" || dissection.summary.is_empty() {
        return String::new();
    }
    format!("{} {}", dissection.protocol, dissection.summary)
}

/// A piece of a numbered stream.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Found {
    number: u64,
    /// Where it lies in its stream, if the protocol says so.
    offset: Option<u64>,
    length: u64,
    label: String,
}

/// The pieces of HTTP/2 and QUIC streams in a frame, in its order.
fn found(dissection: &Dissection) -> Vec<Found> {
    let mut walk = Walk::default();
    for layer in dissection.layers.iter().filter(|layer| !layer.quoted) {
        // What an HTTP/2 frame says before its stream's number belongs to that frame only.
        (walk.length, walk.kind) = (None, String::new());
        walk.fields(&layer.fields);
    }
    walk.found
}

#[derive(Default)]
struct Walk {
    found: Vec<Found>,
    /// `http2.length` and `http2.type` stand before `http2.streamid`.
    length: Option<u64>,
    kind: String,
}

impl Walk {
    fn fields(&mut self, fields: &[Field]) {
        for field in fields {
            self.field(field);
            self.fields(&field.children);
        }
    }

    fn field(&mut self, field: &Field) {
        let number = field.value.unsigned();
        match (field.name, number) {
            ("http2.length", Some(length)) => self.length = Some(length),
            ("http2.type", _) => self.kind.clone_from(&field.text),
            ("http2.streamid", Some(number)) => {
                let length = self.length.take().unwrap_or(0) + HTTP2_HEADER;
                let label = std::mem::take(&mut self.kind);
                self.found.push(Found { number, offset: None, length, label });
            }
            ("quic.stream.stream_id", Some(number)) => {
                self.found.push(Found { number, offset: Some(0), length: 0, label: "STREAM".to_owned() });
            }
            ("quic.stream.offset", Some(offset)) => self.last(|last| last.offset = Some(offset)),
            ("quic.stream.length", Some(length)) => self.last(|last| last.length = length),
            // Without a length the data reach to the end of the packet (RFC 9000 section 19.8).
            ("quic.stream_data", _) => {
                let length = match &field.value {
                    Value::Bytes(bytes) => bytes.len() as u64,
                    _ => u64::from(field.end_bit.saturating_sub(field.start_bit) / 8),
                };
                self.last(|last| last.length = length);
            }
            _ => {}
        }
    }

    fn last(&mut self, change: impl FnOnce(&mut Found)) {
        if let Some(last) = self.found.last_mut() {
            change(last);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dissect::Layer;

    fn field(name: &'static str, value: u64, children: Vec<Field>) -> Field {
        let (start_bit, end_bit) = (0, 8);
        let text = format!("{name}={value}");
        Field {
            name,
            label: "",
            value: Value::Unsigned(value),
            text,
            start_bit,
            end_bit,
            parts: Vec::new(),
            children,
        }
    }

    fn layer(protocol: &'static str, fields: Vec<Field>) -> Layer {
        Layer { protocol, fields, ..Layer::default() }
    }

    fn followed(layers: Vec<Layer>, segment: Option<Segment>, source: &str, destination: &str) -> Followed {
        let (source, destination) = (source.to_owned(), destination.to_owned());
        let dissection = Dissection { layers, summary: String::new(), source, destination, protocol: "TCP" };
        Followed { dissection, segment, opened: None }
    }

    fn segment(seq: u32, length: u32, flags: u16) -> Segment {
        let analysis = dissect::conversations::Analysis::default();
        Segment { stream: 3, from_first: true, seq, ack: 0, length, flags, window: 0, analysis }
    }

    #[test]
    fn tcp_bytes_are_counted_from_zero_and_marks_have_none() {
        let mut follower = Follower::default();
        let mut push = |segment| follower.push(false, 0, 5, &followed(Vec::new(), Some(segment), "", ""));
        assert_eq!(push(segment(0, 0, SYN))[0].mark, Some(Mark::Open));
        let data = push(segment(1, 12, 0x18)).remove(0);
        assert_eq!((data.from_byte, data.to_byte, data.length(), data.mark), (0, 12, 12, None));
        assert!(push(segment(13, 0, 0x10)).is_empty(), "an acknowledgment owns nothing");
        let end = push(segment(13, 3, FIN)).remove(0);
        assert_eq!((end.length(), end.mark), (3, Some(Mark::Close)));
        let mut probe = segment(12, 1, 0x10);
        probe.analysis.keep_alive = true;
        assert!(push(probe).is_empty());
    }

    #[test]
    fn http2_frames_of_a_stream_follow_each_other() {
        let frame = |length, stream| {
            layer(
                "http2",
                vec![field(
                    "http2",
                    0,
                    vec![
                        field("http2.length", length, Vec::new()),
                        field("http2.type", 0, Vec::new()),
                        field("http2.streamid", stream, Vec::new()),
                    ],
                )],
            )
        };
        let mut follower = Follower::default();
        let layers = vec![frame(10, 1), frame(20, 3), frame(5, 1)];
        let spans = follower.push(false, 7, 5, &followed(layers, Some(segment(1, 62, 0x18)), "", ""));
        let told: Vec<_> =
            spans.iter().map(|span| (span.stream.number, span.from_byte, span.to_byte, span.again)).collect();
        assert_eq!(
            told,
            [
                (None, 0, 62, false),
                (Some(1), 0, 19, false),
                (Some(3), 0, 29, false),
                (Some(1), 19, 33, false)
            ]
        );
        assert_eq!(
            (spans[1].label.as_str(), spans[1].frame, spans[1].stream.connection),
            ("http2.type=0", 7, 3)
        );
    }

    #[test]
    fn quic_streams_say_where_they_are_and_bytes_sent_twice_are_known() {
        let datagram = |offset, length, from: u64, to: u64| {
            let udp = layer(
                "udp",
                vec![field("udp.srcport", from, Vec::new()), field("udp.dstport", to, Vec::new())],
            );
            let stream = field(
                "quic.frame",
                8,
                vec![
                    field("quic.stream.stream_id", 4, Vec::new()),
                    field("quic.stream.offset", offset, Vec::new()),
                    field("quic.stream.length", length, Vec::new()),
                ],
            );
            let (source, destination) = if from == 1 { ("a", "b") } else { ("b", "a") };
            followed(vec![udp, layer("quic", vec![stream])], None, source, destination)
        };
        let mut follower = Follower::default();
        let first = follower.push(false, 0, 1, &datagram(0, 100, 1, 443)).remove(0);
        assert_eq!(
            (first.stream.carrier, first.stream.number, first.from_first),
            (Carrier::Quic, Some(4), true)
        );
        assert_eq!((first.from_byte, first.to_byte, first.again), (0, 100, false));
        let back = follower.push(false, 1, 2, &datagram(0, 7, 443, 1)).remove(0);
        assert_eq!((back.stream, back.from_first, back.again), (first.stream, false, false));
        assert!(follower.push(false, 2, 3, &datagram(50, 100, 1, 443))[0].again);
        assert!(!follower.push(false, 3, 4, &datagram(150, 10, 1, 443))[0].again);
        assert_ne!(follower.push(true, 4, 5, &datagram(0, 1, 1, 443))[0].stream, first.stream, "another run");
    }
}
