//! What is said about each frame in few words, with what only shows across frames (retransmissions,
//! relative sequence numbers, messages in TCP streams). Made once per frame, in the order of recording.

use super::format;
use super::model::{FrameRow, Model};
use super::streams::span::{Follower, StreamSpan};
use dissect::{Decoders, Dissection, Dissector, Followed, Hints, Opened, Segment};

/// The words for one frame.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Told {
    /// For an arrow: `SYN`, `重传 PSH, ACK 12 字节`, `UDP 5 字节`.
    pub(crate) caption: String,
    /// For a table's columns.
    pub(crate) protocol: &'static str,
    pub(crate) summary: String,
    /// Messages in a TCP stream that this frame completes.
    pub(crate) opened: Option<Opened>,
}

/// The words for all frames of a trace.
#[derive(Default)]
pub(crate) struct Segments {
    hints: Hints,
    decoders: Decoders,
    /// Of two runs side by side each has its own: they use the same addresses.
    dissectors: [Dissector; 2],
    follower: Follower,
    /// In the order of frames.
    spans: Vec<StreamSpan>,
    /// How many secrets of the trace the dissectors have.
    secrets: usize,
    /// Event and time it was made for, in the order of frames.
    of: Vec<(u32, u64)>,
    told: Vec<Told>,
}

impl Segments {
    /// For frames of a lab that says this about its bytes.
    pub(crate) fn new(hints: Hints, decoders: Decoders) -> Self {
        let dissectors = [(); 2].map(|()| Dissector::new(hints.clone(), decoders));
        Self { hints, decoders, dissectors, ..Self::default() }
    }

    /// True if the frames so far carry a protocol that these decoders only recognize.
    pub(crate) fn lacks(&self) -> bool {
        self.dissectors.iter().any(Dissector::lacks)
    }

    /// Begins anew with other decoders.
    pub(crate) fn know(&mut self, decoders: Decoders) {
        *self = Self::new(std::mem::take(&mut self.hints), decoders);
    }

    /// What the lab says.
    pub(crate) fn hints(&self) -> &Hints {
        &self.hints
    }

    /// Takes what is new in `model`; begins anew if it is another trace, if a frame came in between, or if there are new
    /// secrets, which may open frames that came before them.
    pub(crate) fn update(&mut self, model: &Model) {
        let is_same =
            |at: usize| model.frames.get(at).map(|row| (row.seq, row.time)) == self.of.get(at).copied();
        let known = self.of.len();
        if known == 0 || !(is_same(0) && is_same(known - 1)) || self.secrets != model.secrets.len() {
            self.know(self.decoders);
            for line in &model.secrets {
                for dissector in &mut self.dissectors {
                    dissector.secret(line);
                }
            }
            self.secrets = model.secrets.len();
        }
        for (index, row) in model.frames.iter().enumerate().skip(self.of.len()) {
            self.of.push((row.seq, row.time));
            let second = model.is_second(row.frame.from);
            let followed = (!row.frame.bytes.is_empty()).then(|| {
                self.dissectors[usize::from(second)].push(
                    row.frame.frame.saturating_add(1),
                    row.time,
                    &row.frame.bytes,
                )
            });
            if let Some(followed) = &followed {
                self.spans.extend(self.follower.push(second, index, row.time, followed));
            }
            self.told.push(tell(row, followed));
        }
    }

    /// Which stream owns which bytes.
    pub(crate) fn spans(&self) -> &[StreamSpan] {
        &self.spans
    }

    /// The words for the frame at this position of the model's frames.
    pub(crate) fn get(&self, index: usize) -> Option<&Told> {
        self.told.get(index)
    }
}

fn tell(row: &FrameRow, followed: Option<Followed>) -> Told {
    let Some(Followed { dissection, segment, opened }) = followed else {
        let caption = format!("{}（内容未记录）", format::bytes(row.frame.length.into()));
        return Told { caption, protocol: "—", summary: "（内容未记录）".to_owned(), opened: None };
    };
    let innermost = dissection.layers.iter().rev().find(|layer| !layer.quoted && layer.protocol != "data");
    let bare = innermost.map_or("", |layer| layer.protocol);
    let (caption, summary) = match (&segment, bare) {
        (Some(segment), "tcp") => (segment.summary(), with_numbers(&dissection, segment)),
        (_, "udp") => (format!("UDP {} 字节", payload(&dissection)), dissection.summary.clone()),
        _ if dissection.summary.is_empty() => (dissection.protocol.to_owned(), String::new()),
        _ => {
            let remarks = segment.as_ref().map_or_else(String::new, remarks);
            let summary = format!("{remarks}{}", dissection.summary);
            (format!("{remarks}{} {}", dissection.protocol, dissection.summary), summary)
        }
    };
    Told { caption, protocol: dissection.protocol, summary, opened }
}

/// `【重传】`, or nothing.
fn remarks(segment: &Segment) -> String {
    let labels = segment.analysis.labels();
    if labels.is_empty() { String::new() } else { format!("【{}】", labels.join("、")) }
}

/// `【重传】40000 → 8080 [SYN] 窗口 64240 Seq=0`, numbers counted from the start of the connection.
fn with_numbers(dissection: &Dissection, segment: &Segment) -> String {
    let ack = if segment.ack > 0 { format!(" Ack={}", segment.ack) } else { String::new() };
    format!("{}{} Seq={}{ack}", remarks(segment), dissection.summary, segment.seq)
}

/// Bytes that no protocol claimed.
fn payload(dissection: &Dissection) -> u32 {
    let data = dissection.layers.iter().find(|layer| layer.protocol == "data" && !layer.quoted);
    data.map_or(0, |layer| layer.end - layer.start)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use api::trace::{Body, Event, Frame};

    /// Ethernet, IPv4 and TCP headers of a segment with these flags and this payload.
    pub(crate) fn segment(seq: u32, flags: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x00];
        let total = 40 + payload.len() as u16;
        frame.extend([0x45, 0]);
        frame.extend(total.to_be_bytes());
        frame.extend([0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0x9c, 0x40, 0xff, 0xf0]);
        frame.extend(seq.to_be_bytes());
        frame.extend([0, 0, 0, 1, 0x50, flags, 0xfa, 0, 0, 0, 0, 0]);
        frame.extend(payload);
        frame
    }

    fn model(frames: &[Vec<u8>]) -> Model {
        let mut model = Model::default();
        let event = |(id, bytes): (u32, &Vec<u8>)| {
            let length = bytes.len() as u32;
            let frame = Frame { frame: id, from: 0, segment: 0, bytes: bytes.clone(), length, due: None };
            Event { seq: id, time: u64::from(id) * 300_000_000, body: Body::Frame(frame) }
        };
        model.apply((0..).zip(frames).map(event).collect());
        model
    }

    fn segments() -> Segments {
        Segments::new(Hints::default(), Decoders::core())
    }

    fn captions(model: &Model) -> Vec<String> {
        let mut segments = segments();
        segments.update(model);
        (0..model.frames.len()).map(|at| segments.get(at).unwrap().caption.clone()).collect()
    }

    #[test]
    fn flags_payload_and_retransmission() {
        let model = model(&[
            segment(100, 0x02, b""),
            segment(101, 0x18, b"hello, world"),
            segment(101, 0x18, b"hello, world"),
        ]);
        let captions = captions(&model);
        assert_eq!(captions[0], "SYN");
        assert_eq!(captions[1], "PSH, ACK 12 字节");
        assert!(captions[2].contains("重传"), "{captions:?}");
    }

    #[test]
    fn messages_in_a_stream_are_told_where_they_are_complete() {
        let model = model(&[
            segment(100, 0x02, b""),
            segment(101, 0x18, b"GET /a HTTP/1.1\r\nHost: b\r\n"),
            segment(127, 0x18, b"\r\n"),
        ]);
        let mut segments = segments();
        segments.update(&model);
        let told: Vec<_> = (0..3).map(|at| segments.get(at).unwrap()).collect();
        assert_eq!((told[1].protocol, told[2].protocol), ("TCP", "HTTP"));
        assert_eq!((told[2].caption.as_str(), told[2].summary.as_str()), ("HTTP GET /a", "GET /a"));
        assert!(told[1].opened.is_none() && told[2].opened.is_some());
    }

    #[test]
    fn decoders_that_come_late_tell_the_frames_anew() {
        let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
        let model = model(&[segment(100, 0x02, b""), segment(101, 0x18, preface)]);
        let mut segments = segments();
        segments.update(&model);
        assert!(segments.lacks());
        assert_eq!(segments.get(1).unwrap().caption, "PSH, ACK 24 字节");
        segments.know(dissect::all());
        assert!(segments.get(0).is_none());
        segments.update(&model);
        assert!(!segments.lacks());
        assert_eq!(segments.get(1).unwrap().caption, "HTTP2 连接前言");
        // Another trace of the same bench is told by them too.
        segments.update(&self::model(&[segment(7, 0x18, preface)]));
        assert_eq!(segments.get(0).unwrap().protocol, "HTTP2");
    }

    #[test]
    fn what_the_first_decoders_know_needs_no_others() {
        let mut segments = segments();
        segments.update(&model(&[segment(100, 0x02, b""), segment(101, 0x18, b"GET / HTTP/1.1\r\n\r\n")]));
        assert!(!segments.lacks());
    }

    #[test]
    fn a_frame_without_bytes_says_so() {
        assert_eq!(captions(&model(&[Vec::new()])), ["0 B（内容未记录）"]);
    }

    /// The frames and the secrets of a QUIC connection that was captured.
    fn captured() -> (Vec<Vec<u8>>, Vec<String>) {
        let file = include_bytes!("../../../dissect/tests/captures/quic-bare.pcapng");
        let word = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize;
        let (mut at, mut frames, mut secrets) = (0, Vec::new(), Vec::new());
        while at < file.len() {
            match word(at) {
                6 => frames.push(file[at + 28..at + 28 + word(at + 20)].to_vec()),
                10 => {
                    let log = String::from_utf8_lossy(&file[at + 16..at + 16 + word(at + 12)]);
                    secrets.extend(log.lines().map(str::to_owned));
                }
                _ => {}
            }
            at += word(at + 4);
        }
        (frames, secrets)
    }

    #[test]
    fn secrets_open_frames_that_came_before_them() {
        let (frames, lines) = captured();
        let mut model = model(&frames);
        let mut segments = Segments::new(Hints::default(), dissect::all());
        segments.update(&model);
        let told = |segments: &Segments, at: usize| segments.get(at).unwrap().summary.clone();
        assert!(told(&segments, 0).contains("ClientHello"), "{}", told(&segments, 0));
        assert!(told(&segments, 6).contains("打不开"), "{}", told(&segments, 6));
        let first = frames.len() as u32;
        let secret = |(seq, line): (u32, &String)| {
            let body = Body::Secret(api::trace::Secret { line: line.clone() });
            Event { seq, time: u64::MAX / 2, body }
        };
        model.apply((first..).zip(&lines).map(secret).collect());
        segments.update(&model);
        assert!(told(&segments, 6).contains("STREAM(0)"), "{}", told(&segments, 6));
        assert_eq!(model.secrets.len(), lines.len());
    }

    #[test]
    fn another_trace_begins_anew() {
        let mut segments = segments();
        segments.update(&model(&[segment(100, 0x02, b""), segment(101, 0x10, b"")]));
        let mut other = model(&[segment(7, 0x11, b"")]);
        segments.update(&other);
        assert_eq!(segments.get(0).unwrap().caption, "FIN, ACK");
        assert!(segments.get(1).is_none());
        other.frames.clear();
        segments.update(&other);
        assert!(segments.get(0).is_none());
    }
}
