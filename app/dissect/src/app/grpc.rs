//! gRPC: messages in the DATA frames of an HTTP/2 stream, or (gRPC-Web) in the body of an HTTP/1.1 message, each
//! preceded by five bytes.
//!
//! ```text
//! | compressed (8) |        length (32)        | message ...
//! ```
//!
//! <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md>

use super::http2::About;
use super::stream::{Carried, Input, shown};
use super::{descriptor, protobuf};
use crate::context::to_u32;
use crate::fields::Fields;
use crate::spec::{Form, specs};
use crate::streams::{Buffer, LONGEST, Now, Place};
use crate::types::{Hints, Layer};
use std::collections::BTreeMap;

specs! {
    FRAME_TYPE = "grpc.frame_type", "帧类型", Form::Choice("数据", "尾部字段");
    COMPRESSED = "grpc.compressed_flag", "压缩标志", Form::Choice("未压缩", "已压缩");
    LENGTH = "grpc.message_length", "消息长度", Form::Unit("字节");
    MESSAGE = "grpc.message_data", "消息", Form::Bytes;
}

/// Bytes before each message.
const PREFIX: usize = 5;
/// Calls that are followed at the same time, and bytes kept for all of them.
const CALLS: usize = 256;
const KEPT: usize = 1 << 22;
/// Characters of a path.
const LONGEST_PATH: usize = 512;

/// The calls of one connection, by stream.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    list: BTreeMap<u32, Call>,
    kept: usize,
}

#[derive(Debug, Default)]
struct Call {
    /// `/package.Service/Method`
    path: String,
    directions: [Direction; 2],
}

#[derive(Debug, Default)]
struct Direction {
    /// Its headers say that it carries gRPC.
    open: bool,
    response: bool,
    ended: bool,
    buffer: Buffer,
    /// Bytes of a message that is too long to collect and that are still to come.
    skip: usize,
}

/// Messages of one body that are shown.
const MESSAGES: usize = 512;
/// What the frame type of trailers adds to the flags.
const TRAILERS: u8 = 0x80;

/// The messages of a gRPC-Web body: written as over HTTP/2, and after those of an answer its trailers as one more.
///
/// <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md>
pub(crate) fn web(carried: Carried<'_>) -> Vec<Layer> {
    let Carried { buffer, path, response, now, hints } = carried;
    let mut own = Direction { response, buffer, ..Direction::default() };
    let mut layers = Vec::new();
    for _ in 0..MESSAGES {
        if own.message(path, now, hints, &mut layers).is_none() {
            break;
        }
    }
    layers
}

/// What a DATA frame completed.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) layers: Vec<Layer>,
    pub(crate) summary: String,
}

impl Calls {
    /// Takes what headers say about a stream.
    pub(super) fn headers(&mut self, stream: u32, from_first: bool, about: &About) {
        let grpc = about.content_type.as_deref().is_some_and(|kind| {
            let rest = kind.strip_prefix("application/grpc");
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('+') || rest.starts_with(';'))
        });
        if !grpc || (self.list.len() >= CALLS && !self.list.contains_key(&stream)) {
            return;
        }
        let call = self.list.entry(stream).or_default();
        if let Some(path) = &about.path {
            call.path = path.chars().take(LONGEST_PATH).collect();
        }
        let own = &mut call.directions[usize::from(!from_first)];
        (own.open, own.response) = (true, about.status);
    }

    /// One direction has ended.
    pub(super) fn end(&mut self, stream: u32, from_first: bool) {
        let Some(call) = self.list.get_mut(&stream) else { return };
        call.directions[usize::from(!from_first)].ended = true;
        if call.directions.iter().all(|direction| direction.ended) {
            self.reset(stream);
        }
    }

    /// The stream is no more.
    pub(super) fn reset(&mut self, stream: u32) {
        if let Some(call) = self.list.remove(&stream) {
            let kept: usize = call.directions.iter().map(|direction| direction.buffer.bytes().len()).sum();
            self.kept = self.kept.saturating_sub(kept);
        }
    }

    /// Takes the data of a frame, which lie at `place`. `None` if the stream carries something else.
    pub(super) fn data(
        &mut self,
        stream: u32,
        from_first: bool,
        bytes: &[u8],
        place: &Place,
        input: &Input<'_>,
    ) -> Option<Found> {
        let call = self.list.get_mut(&stream)?;
        let Call { path, directions } = call;
        let own = directions.get_mut(usize::from(!from_first)).filter(|own| own.open)?;
        let before = own.buffer.bytes().len();
        own.buffer.append_from(bytes, place);
        let mut found = Found::default();
        let mut told = Vec::new();
        while let Some(size) = own.message(path, input.now, input.setup.hints, &mut found.layers) {
            let method = path.rsplit('/').next().unwrap_or_default();
            let side = if own.response { "响应" } else { "请求" };
            told.push(format!("{method} {side} {size} 字节"));
        }
        found.summary = told.join("、");
        self.kept = (self.kept + own.buffer.bytes().len()).saturating_sub(before);
        if self.kept > KEPT {
            self.reset(stream);
        }
        Some(found)
    }
}

impl Direction {
    /// Shows the message at the front, if it is complete. Returns its size.
    fn message(&mut self, path: &str, now: Now, hints: &Hints, layers: &mut Vec<Layer>) -> Option<usize> {
        let skipped = self.skip.min(self.buffer.bytes().len());
        self.buffer.consume(skipped);
        self.skip -= skipped;
        let bytes = self.buffer.bytes();
        let [flags, length @ ..] = *bytes.first_chunk::<PREFIX>()?;
        let size = u32::from_be_bytes(length) as usize;
        let end = PREFIX.checked_add(size)?;
        let long = end > LONGEST;
        if !long && bytes.len() < end {
            return None;
        }
        let end = if long { PREFIX } else { end };
        let trailers = flags & TRAILERS != 0;
        let mut fields = Fields::new(bytes, 0, end);
        // All of it is there, so this cannot fail.
        let _ = fields.rows(&[(&FRAME_TYPE, 0, 1), (&COMPRESSED, 7, 1), (&LENGTH, 8, 32)]);
        if end > PREFIX {
            let _ = fields.add(&MESSAGE, PREFIX * 8, (end - PREFIX) * 8);
            if trailers {
                fields.say(|_| shown(bytes.get(PREFIX..end).unwrap_or_default()));
            }
        }
        let place = self.buffer.place(0, end, now);
        let compressed = flags & 1 != 0;
        let side = match (self.response, trailers) {
            (_, true) => "尾部字段",
            (true, _) => "响应",
            (false, _) => "请求",
        };
        let packed = if compressed { "，已压缩" } else { "" };
        let title = format!("gRPC {path} {side}，{size} 字节{packed}");
        layers.push(placed("grpc", title, fields, 0..end, &place));
        if flags == 0 && end > PREFIX {
            let name = descriptor::method(&hints.descriptors, path)
                .map(|(input, output)| if self.response { output } else { input });
            let fields = protobuf::message(bytes, PREFIX..end, &hints.descriptors, name);
            let title = name.map_or_else(
                || "Protocol Buffers".to_owned(),
                |name| format!("Protocol Buffers {}", name.trim_start_matches('.')),
            );
            layers.push(placed("protobuf", title, fields, PREFIX..end, &place));
        }
        self.buffer.consume(end);
        if long {
            self.skip = size;
        }
        Some(size)
    }
}

fn placed(
    protocol: &'static str,
    title: String,
    fields: Fields<'_>,
    range: std::ops::Range<usize>,
    place: &Place,
) -> Layer {
    let (start, end) = (to_u32(range.start), to_u32(range.end));
    let mut layer = Layer { protocol, title, start, end, fields: fields.list, ..Layer::default() };
    place.layer(&mut layer);
    layer
}
