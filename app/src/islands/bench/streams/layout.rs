//! Spans → lanes and blocks with places.
//!
//! Time goes to the right. A block is as wide as it has bytes; the axis makes room, so that blocks never cover each
//! other, and folds what is idle.

use super::span::{Carrier, Mark, StreamId, StreamSpan};
use crate::islands::bench::axis::{Axis, AxisBuilder, Spread};
use crate::islands::bench::format;
use crate::islands::bench::model::{FrameRow, Model};
use crate::islands::bench::sequence::meant_for;
use api::trace::{Fate, HostId};
use std::collections::BTreeMap;

/// More lanes and blocks than this are not drawn.
pub(crate) const MOST_LANES: usize = 48;
pub(crate) const MOST_BLOCKS: usize = 4_000;
/// Height of a lane, of one direction in it, and of the time axis above all, pixels.
pub(crate) const LANE: i32 = 52;
pub(crate) const HALF: i32 = 22;
pub(crate) const HEAD: i32 = 24;
/// Widths of blocks: least, and of the largest.
const LEAST: i32 = 7;
const LARGEST: i32 = 64;
/// Between blocks of different moments.
const GAP: i32 = 3;

/// One stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lane {
    pub(crate) stream: StreamId,
    /// `TCP 连接 0`, `流 5`
    pub(crate) title: String,
    /// The host whose frame was the first, and the other one, by name.
    pub(crate) ends: [String; 2],
    /// Bytes there and back, each counted once, and what was sent again.
    pub(crate) bytes: [u64; 2],
    pub(crate) again: u64,
    /// Frames that did not arrive.
    pub(crate) lost: u32,
}

/// One span with its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Block {
    /// Event of the frame.
    pub(crate) seq: u32,
    pub(crate) lane: usize,
    pub(crate) span: StreamSpan,
    /// Why the frame did not arrive.
    pub(crate) lost: Option<Fate>,
    pub(crate) x: i32,
    pub(crate) width: i32,
}

impl Block {
    /// Top edge.
    pub(crate) fn y(&self) -> i32 {
        let half = if self.span.from_first { 0 } else { HALF + 2 };
        HEAD + i32::try_from(self.lane).unwrap_or(0) * LANE + half + 2
    }
}

/// Everything that is drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Layout {
    pub(crate) lanes: Vec<Lane>,
    /// In order of time.
    pub(crate) blocks: Vec<Block>,
    pub(crate) axis: Axis,
    pub(crate) width: i32,
    pub(crate) height: i32,
    /// Lanes and blocks that found no room.
    pub(crate) left_out: (usize, usize),
}

pub(crate) fn lay_out(model: &Model, spans: &[StreamSpan], least_width: i32) -> Layout {
    let spans: Vec<&StreamSpan> = spans.iter().filter(|span| is_first_passage(model, span)).collect();
    let mut streams: Vec<StreamId> = spans.iter().map(|span| span.stream).collect();
    streams.sort_unstable();
    streams.dedup();
    let left_out = (streams.len().saturating_sub(MOST_LANES), spans.len().saturating_sub(MOST_BLOCKS));
    streams.truncate(MOST_LANES);
    let mut lanes: Vec<Lane> = streams.iter().map(|stream| lane(model, *stream, &spans)).collect();
    let largest = spans.iter().map(|span| span.length()).max().unwrap_or(1).max(1);
    let mut builder = AxisBuilder::new(spread(&spans), spans.first().map_or(0, |span| span.time), 8);
    let mut blocks: Vec<Block> = Vec::new();
    // Where the next block may begin: of any moment, and in each direction of each lane.
    let mut free = 8;
    let mut ends: BTreeMap<(usize, bool), i32> = BTreeMap::new();
    let mut now = None;
    let mut x = 8;
    for span in spans.into_iter().take(MOST_BLOCKS) {
        let Ok(lane) = streams.binary_search(&span.stream) else { continue };
        let Some(row) = model.frames.get(span.frame) else { continue };
        if now != Some((span.time, span.frame)) {
            now = Some((span.time, span.frame));
            x = builder.advance(span.time, free);
        }
        let width = width(span, largest);
        let end = ends.entry((lane, span.from_first)).or_insert(x);
        let at = x.max(*end);
        *end = at + width + 1;
        free = free.max(*end + GAP);
        let lost = lost(row);
        if let Some(lane) = lanes.get_mut(lane) {
            lane.lost += u32::from(lost.is_some());
        }
        blocks.push(Block { seq: row.seq, lane, span: span.clone(), lost, x: at, width });
    }
    let end = builder.advance(model.end, free);
    let height = HEAD + i32::try_from(lanes.len()).unwrap_or(1) * LANE;
    Layout { lanes, blocks, axis: builder.finish(), width: (end + 12).max(least_width), height, left_out }
}

/// A router hands a frame on: the stream's bytes are counted where they come from.
fn is_first_passage(model: &Model, span: &StreamSpan) -> bool {
    let Some(row) = model.frames.get(span.frame) else { return false };
    let Some(host) = model.hosts.get(usize::from(row.frame.from)) else { return true };
    host.interfaces.len() < 2 || {
        let source = dissect::dissect(&row.frame.bytes, &dissect::Hints::default()).source;
        host.interfaces.iter().flat_map(|it| &it.addresses).any(|address| address.to_string() == source)
    }
}

/// Pixels per nanosecond: what is usual between two spans gets a few pixels.
fn spread(spans: &[&StreamSpan]) -> Spread {
    let mut gaps: Vec<u64> = spans.windows(2).map(|pair| pair[1].time.saturating_sub(pair[0].time)).collect();
    gaps.retain(|gap| *gap > 0);
    gaps.sort_unstable();
    let usual = gaps.get(gaps.len() / 2).copied().unwrap_or(1_000_000).max(1);
    Spread { scale: 12.0 / usual as f64, fold_above: 72, fold_to: 30 }
}

fn width(span: &StreamSpan, largest: u64) -> i32 {
    let share = span.length() as f64 / largest as f64 * f64::from(LARGEST - LEAST);
    LEAST + share.round() as i32
}

/// Why a frame arrived nowhere.
fn lost(row: &FrameRow) -> Option<Fate> {
    let fates = || row.deliveries.iter().map(|row| row.delivery.fate);
    let arrived = fates().any(|fate| matches!(fate, Fate::Delivered | Fate::StillTravelling));
    if arrived { None } else { fates().next() }
}

fn lane(model: &Model, stream: StreamId, spans: &[&StreamSpan]) -> Lane {
    let own = || spans.iter().filter(|span| span.stream == stream);
    let row = |span: &StreamSpan| model.frames.get(span.frame);
    let sender = |from_first| {
        own().find(|span| span.from_first == from_first).and_then(|span| Some(row(span)?.frame.from))
    };
    let receiver = |from_first| {
        let span = own().find(|span| span.from_first == from_first)?;
        let row = row(span)?;
        let to: Option<HostId> = row.deliveries.iter().find_map(|row| row.delivery.to);
        to.or_else(|| meant_for(model, row))
    };
    let name = |host: Option<HostId>| host.map_or("—", |host| model.host_name(host)).to_owned();
    let bytes = |from_first| {
        let sent = own().filter(|span| span.from_first == from_first && !span.again);
        sent.map(|span| span.length()).sum::<u64>()
    };
    let title = match (stream.carrier, stream.number) {
        (Carrier::Tcp, None) => format!("TCP 连接 {}", stream.connection),
        (Carrier::Tcp, Some(0)) => "HTTP/2 连接本身".to_owned(),
        (Carrier::Tcp, Some(number)) => format!("HTTP/2 流 {number}"),
        (Carrier::Quic, None) => format!("QUIC 连接 {}", stream.connection),
        (Carrier::Quic, Some(number)) => format!("QUIC 流 {number}"),
    };
    Lane {
        stream,
        title,
        ends: [
            name(sender(true).or_else(|| receiver(false))),
            name(sender(false).or_else(|| receiver(true))),
        ],
        bytes: [bytes(true), bytes(false)],
        again: own().filter(|span| span.again).map(|span| span.length()).sum(),
        lost: 0,
    }
}

impl Layout {
    /// Sender and receiver of a block by name.
    pub(crate) fn way(&self, block: &Block) -> (&str, &str) {
        let Some(lane) = self.lanes.get(block.lane) else { return ("—", "—") };
        let [first, second] = &lane.ends;
        if block.span.from_first { (first, second) } else { (second, first) }
    }

    /// What a block is, for its row in the text form and for those who hear it: range, content, fate.
    pub(crate) fn words(&self, block: &Block) -> (String, String, String) {
        let span = &block.span;
        let range = match span.length() {
            0 => "—".to_owned(),
            _ => format!("{}–{}", span.from_byte, span.to_byte - 1),
        };
        let mark = span.mark.map(|mark| match mark {
            Mark::Open => "SYN",
            Mark::Close => "FIN",
            Mark::Reset => "RST",
        });
        let content = [mark.unwrap_or_default(), span.label.as_str()];
        let content = content.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
        let fate = match (span.again, block.lost) {
            (false, None) => String::new(),
            (true, None) => "重传".to_owned(),
            (false, Some(fate)) => format::fate(fate).1.to_owned(),
            (true, Some(fate)) => format!("重传，{}", format::fate(fate).1),
        };
        (range, content, fate)
    }

    /// A block as one sentence.
    pub(crate) fn sentence(&self, block: &Block) -> String {
        let (range, content, fate) = self.words(block);
        let title = self.lanes.get(block.lane).map_or("", |lane| lane.title.as_str());
        let (from, to) = self.way(block);
        let bytes = match block.span.length() {
            0 => String::new(),
            length => format!("，第 {range} 字节（{length} 字节）"),
        };
        let comma = |text: String| if text.is_empty() { text } else { format!("，{text}") };
        let time = format::moment(block.span.time);
        format!("{time}，{title}，{from} 到 {to}{bytes}{}{}", comma(content), comma(fate))
    }

    /// The block of an event: the frame itself or its delivery (`frame` is the frame's own event).
    pub(crate) fn block_of(&self, frame: u32) -> Option<usize> {
        self.blocks.iter().position(|block| block.seq == frame)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::islands::bench::segments::Segments;
    use crate::islands::bench::segments::tests::segment;
    use api::trace::{Body, Delivery, Event, Frame, HostInfo};

    /// A connection that sends 12 bytes, loses 500, sends them again.
    pub(crate) fn lossy() -> (Model, Layout) {
        let mut model = Model::default();
        let host = |name: &str| HostInfo { name: name.into(), interfaces: Vec::new() };
        model.hosts = vec![host("client"), host("server")];
        let frames = [
            (0, segment(100, 0x02, b""), Fate::Delivered),
            (1_000_000, segment(101, 0x18, b"hello, world"), Fate::Delivered),
            (1_200_000, segment(113, 0x18, &[7; 500]), Fate::Lost),
            (301_200_000, segment(113, 0x18, &[7; 500]), Fate::Delivered),
        ];
        let mut events = Vec::new();
        for (frame, (time, bytes, fate)) in (0_u32..).zip(frames) {
            let length = bytes.len() as u32;
            let body = Body::Frame(Frame { frame, from: 0, segment: 0, bytes, length, due: None });
            events.push(Event { seq: 2 * frame, time, body });
            let to = Some(1).filter(|_| fate == Fate::Delivered);
            let delivery =
                Delivery { frame, to, fate, reordered: false, duplicate: false, flipped_bit: None };
            events.push(Event { seq: 2 * frame + 1, time: time + 50, body: Body::Delivery(delivery) });
        }
        model.apply(events);
        let mut segments = Segments::default();
        segments.update(&model);
        let layout = lay_out(&model, segments.spans(), 300);
        (model, layout)
    }

    #[test]
    fn bytes_are_owned_once_losses_and_repetitions_are_marked() {
        let (_, layout) = lossy();
        let [lane] = layout.lanes.as_slice() else { panic!("{:?}", layout.lanes) };
        assert_eq!(
            (lane.title.as_str(), lane.ends.as_slice()),
            ("TCP 连接 0", &["client".into(), "server".into()][..])
        );
        assert_eq!((lane.bytes, lane.again, lane.lost), ([512, 0], 500, 1));
        let fates: Vec<_> = layout.blocks.iter().map(|block| layout.words(block).2).collect();
        assert_eq!(fates, ["", "", "丢失", "重传"]);
        assert_eq!(
            layout.sentence(&layout.blocks[3]),
            "301.200 ms，TCP 连接 0，client 到 server，第 12–511 字节（500 字节），重传"
        );
        assert!(layout.sentence(&layout.blocks[0]).ends_with("client 到 server，SYN"));
    }

    #[test]
    fn width_tells_bytes_and_blocks_never_cover_each_other() {
        let (_, layout) = lossy();
        let blocks = &layout.blocks;
        assert!(blocks[2].width == LARGEST && blocks[1].width < 12 && blocks[0].width == LEAST, "{blocks:?}");
        assert!(blocks.windows(2).all(|pair| pair[0].x + pair[0].width < pair[1].x), "{blocks:?}");
        assert_eq!(layout.axis.folds().len(), 1, "the retransmission timeout is idle time");
        assert!(layout.width >= blocks[3].x + blocks[3].width && layout.width < 600, "{}", layout.width);
    }
}
