//! Field by field: name, bits and value.

use super::capture::Frame;
use super::pdml::{self, Entry};
use dissect::{Dissector, Field, Hints, Layer, Part, Value};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What a comparison found.
#[derive(Debug, Default)]
pub struct Report {
    pub frames: usize,
    pub layers: usize,
    pub fields: usize,
    /// A sentence each.
    pub differences: Vec<String>,
    /// How often each field name was compared.
    pub names: BTreeMap<&'static str, usize>,
    /// Fields that we tell and tshark 4.0 does not, and why that is right stands where they are counted.
    pub only_ours: BTreeMap<&'static str, usize>,
    /// Frames with a QUIC packet that we could open and tshark could not.
    pub unopened: usize,
    /// Fields read from bytes that tshark shows and we do not.
    pub not_shown: BTreeMap<String, usize>,
}

/// What both are told about a capture.
#[derive(Clone, Debug, Default)]
pub struct Known {
    pub hints: Hints,
    /// Where tshark finds the `.proto` files that the hints' descriptors were made from.
    pub protos: Option<PathBuf>,
    /// Lines of a TLS key log; tshark reads them in the capture.
    pub secrets: Vec<String>,
}

impl Known {
    /// The same for tshark.
    fn arguments(&self) -> Vec<String> {
        let ports = self.hints.ports.iter();
        let ports = ports.flat_map(|(port, name)| ["-d".to_owned(), format!("tcp.port=={port},{name}")]);
        let protos = self.protos.iter().flat_map(|folder| {
            let paths = format!("uat:protobuf_search_paths:\"{}\",\"TRUE\"", folder.display());
            ["-o".to_owned(), paths]
        });
        ports.chain(protos).collect()
    }
}

/// Compares every frame of a capture file with what tshark says. `frames` are those of the same file.
///
/// `streams`: as parts of a capture, messages in TCP streams included; else each frame for itself.
pub fn compare(file: &Path, frames: &[Frame], streams: bool, known: &Known) -> Result<Report, String> {
    let mut report = Report::default();
    let mut dissector = Dissector::new(known.hints.clone(), dissect::all());
    for line in &known.secrets {
        dissector.secret(line);
    }
    let mut payloads = Vec::new();
    pdml::read(file, streams, &known.arguments(), |entries| {
        if let Some(Frame { time, bytes }) = frames.get(report.frames) {
            report.frames += 1;
            let payload = entries.iter().find(|entry| entry.name == "tcp.payload");
            payloads.push(payload.map_or((0, 0), |entry| (entry.position, entry.size)));
            let layers = if streams {
                let number = u32::try_from(report.frames).unwrap_or(u32::MAX);
                dissector.push(number, *time, bytes).dissection.layers
            } else {
                dissect::dissect(bytes, &Hints::default()).layers
            };
            let used = vec![false; entries.len()];
            Comparison { report: &mut report, entries: &entries, payloads: &payloads, used }.frame(&layers);
        }
    })?;
    if report.frames != frames.len() {
        report.differences.push(format!("tshark read {} of {} frames", report.frames, frames.len()));
    }
    Ok(report)
}

/// One frame.
struct Comparison<'a> {
    report: &'a mut Report,
    entries: &'a [Entry],
    /// Where the payload of each frame so far begins.
    payloads: &'a [Payload],
    used: Vec<bool>,
}

impl Comparison<'_> {
    fn frame(&mut self, layers: &[Layer]) {
        // A body in chunks is put together for all its messages, else each message for itself.
        let chunked =
            layers.iter().any(|layer| layer.protocol == "http" && layer.field("http.chunk_size").is_some());
        let mut message = Vec::new();
        for layer in layers {
            if layer.protocol == "grpc" {
                if !chunked {
                    message.clear();
                }
                message.extend_from_slice(&layer.parts);
                if layer.parts.is_empty() {
                    let (start_bit, end_bit) = (layer.start * 8, layer.end * 8);
                    message.push(Part { frame: self.payloads.len() as u32, start_bit, end_bit });
                }
            }
            let origin = if layer.decrypted {
                Origin::plain(layer, self.entries, &self.used, self.payloads.len() as u32)
            } else {
                Origin::of(layer, self.entries, self.payloads, &message)
            };
            // Where decrypted bytes are is told field by field.
            if layer.protocol != "data" && !layer.decrypted {
                self.layer(layer, &origin);
            }
            for field in &layer.fields {
                self.field(field, layer, &origin, None);
            }
        }
        let opened = layers.iter().any(|layer| layer.protocol == "quic" && layer.decrypted);
        self.missed(layers, opened);
        self.report.unopened += usize::from(opened && self.is_shut());
        for (entry, used) in self.entries.iter().zip(&self.used) {
            // What it says of a packet that it cannot open is a guess.
            let guess = entry.name.starts_with("quic.") && self.is_shut();
            if !used
                && !guess
                && entry.name.contains('.')
                && !entry.is_protocol
                && !entry.hidden
                && entry.size > 0
            {
                *self.report.not_shown.entry(entry.name.clone()).or_default() += 1;
            }
        }
    }

    /// Protocols of ours that tshark sees in the frame and we do not. `opened`: QUIC packets in it have been decrypted.
    fn missed(&mut self, layers: &[Layer], opened: bool) {
        let ours = |name: &str| {
            dissect::catalog()
                .any(|spec| spec.name.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')))
        };
        let base64 = self.is_base64();
        let packed = layers.iter().any(|layer| self.packed(layer));
        let bare = layers.iter().any(|layer| layer.protocol == "data");
        let missed = self.entries.iter().filter(|entry| {
            entry.is_protocol
                && ours(&entry.name)
                && match entry.name.as_str() {
                    // Streams we read in their order and once: where it is complete, not where a packet repeats it.
                    "http3" => !opened,
                    // A record we show where it is complete.
                    "tls" => !bare,
                    // Base64 in a body, and what is compressed, we leave as it is.
                    "grpc" => !base64,
                    "protobuf" => !base64 && !packed,
                    _ => true,
                }
        });
        for entry in missed.filter(|entry| layers.iter().all(|layer| layer.protocol != entry.name)) {
            self.report.differences.push(format!(
                "frame {}: tshark sees {} @{}+{}, we see {:?}",
                self.report.frames,
                entry.name,
                entry.position,
                entry.size,
                layers.iter().map(|layer| layer.protocol).collect::<Vec<_>>()
            ));
        }
    }

    fn layer(&mut self, layer: &Layer, origin: &Origin<'_>) {
        self.report.layers += 1;
        let (start, size) = origin.bytes(layer.start * 8, layer.end * 8, &layer.parts, self.payloads);
        // tshark counts the body as part of HTTP unless another dissector takes it.
        let sized = |entry: &Entry| match layer.protocol {
            "http" if entry.size > size => true,
            // Of a version that is made up only the beginning is known (RFC 8999); tshark reads it as version 1.
            "quic" if layer.field("quic.version").is_some_and(is_reserved) => entry.size <= size,
            _ => entry.size == size,
        };
        let named = |entry: &&Entry| entry.is_protocol && entry.name == layer.protocol;
        let same = |entry: &Entry| match layer.protocol {
            // Of a segment's records tshark makes one layer; a message in a record lies within it.
            "tls" => entry.position <= start && start + size <= entry.position + entry.size,
            _ => entry.position == start && sized(entry),
        };
        if !self.entries.iter().filter(named).any(same) {
            let seen: Vec<_> =
                self.entries.iter().filter(named).map(|entry| (entry.position, entry.size)).collect();
            self.report.differences.push(format!(
                "frame {}: layer {} {start}+{size}, tshark {seen:?}",
                self.report.frames, layer.protocol
            ));
        }
    }

    fn field(&mut self, field: &Field, layer: &Layer, origin: &Origin<'_>, payload: Option<&Field>) {
        self.report.fields += 1;
        *self.report.names.entry(field.name).or_default() += 1;
        let fits = |entry: &Entry| {
            named(field, entry) && self.placed(field, entry, layer, origin, payload) && agrees(field, entry)
        };
        // Others of the same packet look like what tshark does not show, see `only_ours`.
        let spread = layer.protocol == "http3" && !layer.parts.is_empty();
        let found = self
            .entries
            .iter()
            .enumerate()
            .filter(|_| !spread)
            .position(|(index, entry)| (!self.used[index] || field.is_derived()) && fits(entry));
        let found = found.or_else(|| self.fragment(field));
        let near: Vec<_> = self.entries.iter().filter(|entry| named(field, entry)).collect();
        match found {
            Some(index) => self.used[index] = true,
            None if self.only_ours(field, layer, near.is_empty()) => {
                *self.report.only_ours.entry(field.name).or_default() += 1;
            }
            None => {
                let near: Vec<_> = near
                    .iter()
                    .map(|entry| {
                        format!("@{}+{} {} {}", entry.position, entry.size, entry.pattern, entry.show)
                    })
                    .collect();
                self.report.differences.push(format!(
                    "frame {}: {} bits {}..{} (byte {}) {:?} = {:.200}, tshark {near:.200?} of {:?}",
                    self.report.frames,
                    field.name,
                    field.start_bit,
                    field.end_bit,
                    field.start_bit / 8,
                    field.parts,
                    field.value.to_string(),
                    origin.told()
                ));
            }
        }
        let payload = payload.or(Some(field).filter(|field| field.name == "websocket.payload"));
        for child in &field.children {
            self.field(child, layer, origin, payload);
        }
    }

    /// True if there is a reason why tshark 4.0 does not show this field. `unknown`: it shows none of that name.
    fn only_ours(&self, field: &Field, layer: &Layer, unknown: bool) -> bool {
        match field.name {
            // Of answers to requests that came in one go it pairs only the first.
            "http.request_in" => unknown,
            // What it calls malformed it does not show.
            "http2.unknown" => unknown && self.has("_ws.malformed"),
            // It cannot read QPACK: that came with version 4.2.
            name if name.starts_with("http3.header") || name.starts_with("http3.qpack.") => unknown,
            "quic.fixed_bit" => unknown && self.has("quic.retry_token"),
            // Nor does it show HTTP/3 frames that several packets carried, nor what it learns too late (0-RTT) is HTTP/3.
            _ if layer.protocol == "http3" => {
                !layer.parts.is_empty()
                    || (unknown && self.says("quic.long.packet_type", "1"))
                    || self.is_shut()
            }
            // After version negotiation and Retry it goes on with the keys of the first attempt, and takes the second
            // ClientHello for the first sent once more.
            _ if layer.protocol == "tls" && layer.decrypted => {
                self.is_shut()
                    || (unknown && self.says("quic.long.packet_type", "0") && self.has("quic.token"))
            }
            _ if layer.protocol == "quic" => self.is_shut(),
            // A body that ends with the connection it does not show if the end is that of TLS.
            _ => layer.protocol == "http" && layer.decrypted && unknown && self.has("tls.alert_message"),
        }
    }

    /// tshark has no keys for a QUIC packet of the frame, or the wrong ones.
    fn is_shut(&self) -> bool {
        self.has("quic.remaining_payload") || self.has("quic.decryption_failed")
    }

    fn is_base64(&self) -> bool {
        self.entries.iter().any(|entry| {
            entry.name == "http.content_type" && entry.show.starts_with("application/grpc-web-text")
        })
    }

    fn says(&self, name: &str, show: &str) -> bool {
        self.entries.iter().any(|entry| entry.name == name && entry.show == show)
    }

    fn packed(&self, layer: &Layer) -> bool {
        layer.field("grpc.compressed_flag").is_some_and(|flag| flag.value == Value::Bool(true))
    }

    fn has(&self, name: &str) -> bool {
        self.entries.iter().any(|entry| entry.name == name)
    }

    /// The data of a continuation frame, as tshark lists it among the fragments of a WebSocket message.
    ///
    /// Below the last frame of a fragmented message tshark shows what it has put together (`websocket.payload.text`
    /// of the whole, in a buffer of its own) instead of the frame's own data. We show the frame, as for every other
    /// frame of the message; the same bytes stand in tshark's list of fragments, under the number of their packet.
    fn fragment(&self, field: &Field) -> Option<usize> {
        let here = self.report.frames.to_string();
        let same = |entry: &Entry| {
            entry.name == "websocket.fragment" && entry.show == here && entry.value == field.value.to_string()
        };
        let unused = |(index, entry): (usize, &Entry)| !self.used[index] && same(entry);
        (field.name == "websocket.payload.continue")
            .then(|| self.entries.iter().enumerate().position(unused))?
    }

    /// Same bits of the frame, or of the message that was put together.
    fn placed(
        &self,
        field: &Field,
        entry: &Entry,
        layer: &Layer,
        origin: &Origin<'_>,
        payload: Option<&Field>,
    ) -> bool {
        let at = |field: &Field| origin.bytes(field.start_bit, field.end_bit, &field.parts, self.payloads);
        if layer.field("websocket.mask").is_some_and(|mask| mask.value.unsigned() == Some(1)) {
            // What tshark has unmasked is new bytes to it, counted from the start of the payload.
            let ((start, size), unmasked) = (at(field), payload.map(at));
            if field.name == "websocket.payload" {
                return entry.size == size;
            }
            if let Some((from, _)) = unmasked {
                return (entry.position, entry.size) == (start - from, size);
            }
        }
        match field.name {
            // tshark unpacks headers into bytes of its own; of a header that began in another frame it counts what is in this one.
            "http2.header.repr" | "http2.header.index" | HEADER_TABLE_SIZE
                if layer.field(CONTINUATION).is_none() =>
            {
                entry.position == at(field).0
            }
            // It draws the bits of a tag of several bytes as if the last byte came first.
            "protobuf.field.number" if entry.size > 1 => (entry.position, entry.size) == at(field),
            // The true type of an encrypted record comes after its content; tshark marks the type that is written outside.
            "tls.record.content_type" if layer.field("tls.record.opaque_type").is_some() => {
                entry.position == origin.bytes(layer.start * 8, layer.end * 8, &layer.parts, self.payloads).0
            }
            // It marks two bytes, whatever the number.
            "http3.settings" => entry.position == at(field).0,
            // It counts from the start of the record as if that had no header.
            "tls.handshake.key_update.request_update" => {
                (entry.position + 5, entry.size) == (field.start_bit as usize / 8, 1)
            }
            // It unpacks what is compressed.
            "grpc.message_data" if self.packed(layer) => true,
            name if name.starts_with("http2.header.") || UNPACKED.contains(&name) => true,
            "http2.header" if !field.parts.is_empty() => true,
            // The last piece of a body is shown as the whole body.
            "http2.data.data" if entry.size > at(field).1 => {
                self.has("http2.body.fragments") || layer.field("http2.padding").is_some()
            }
            // Of a frame that ends one message and begins the next it shows the whole payload, at times.
            "data.data" | "data.len" if PAYLOADS.contains(&entry.name.as_str()) && origin.is_frame() => {
                (entry.position + entry.size) * 8 == layer.end as usize * 8
            }
            // tshark has these somewhere after the message, or in bytes of its own.
            "http.request.full_uri" => true,
            "http.file_data" if field.is_derived() => true,
            _ if origin.is_frame() => placed(field, entry),
            // What is worked out, or empty, is nowhere in it.
            _ if field.is_derived() => entry.position == 0 || entry.size == 0,
            _ if origin.plain.is_some() && entry.pattern.len() == 8 * entry.size => {
                let from = entry.pattern.find(['0', '1']).unwrap_or(0) as u32;
                let to = entry.pattern.rfind(['0', '1']).unwrap_or(0) as u32 + 1;
                let here = Part { frame: 0, start_bit: field.start_bit, end_bit: field.end_bit };
                let Part { start_bit, end_bit, .. } = *field.parts.first().unwrap_or(&here);
                entry.position == at(field).0
                    && (from, to) == (start_bit % 8, start_bit % 8 + end_bit - start_bit)
            }
            // It draws the bits of a number of QUIC as if that always had eight bytes.
            _ if origin.plain.is_some() && entry.pattern.len() > 8 * entry.size => {
                let surplus = entry.pattern.len() - 8 * entry.size;
                let digit = |at: Option<usize>| at.and_then(|at| at.checked_sub(surplus));
                let (Some(from), Some(to)) =
                    (digit(entry.pattern.find(['0', '1'])), digit(entry.pattern.rfind(['0', '1'])))
                else {
                    return false;
                };
                let size = (field.end_bit - field.start_bit) as usize;
                entry.position + from / 8 == at(field).0
                    && (from % 8, to + 1 - from) == (field.start_bit as usize % 8, size)
            }
            // Bits of a byte in a message that was put together.
            _ if entry.masked => entry.position == at(field).0,
            _ => (entry.position, entry.size) == at(field),
        }
    }
}

const CONTINUATION: &str = "http2.continuation.header";
const HEADER_TABLE_SIZE: &str = "http2.header_table_size_update.header_table_size";

/// Headers that have a field of their own.
const UNPACKED: [&str; 8] = [
    "http2.headers.method",
    "http2.headers.scheme",
    "http2.headers.authority",
    "http2.headers.path",
    "http2.headers.status",
    "http2.headers.content_type",
    "http2.headers.content_length",
    "http2.headers.user_agent",
];

/// Where the payload of a frame is: first byte and number of bytes.
type Payload = (usize, usize);

/// What tshark counts positions of a layer from: the frame, or bytes put together from several.
#[derive(Default)]
struct Origin<'a> {
    /// The pieces that tshark lists; `None` for the frame itself.
    pieces: Option<Vec<&'a Entry>>,
    /// The pieces of a message that DATA frames carried.
    message: Option<Vec<Part>>,
    /// The pieces of a decrypted layer, and what tshark counts before them: it decrypts into buffers of its own and does
    /// not tell which, but all fields of a layer are in one.
    plain: Option<(Vec<Part>, isize)>,
}

impl<'a> Origin<'a> {
    /// `message`: the pieces of the last message of gRPC.
    fn of(layer: &Layer, entries: &'a [Entry], payloads: &[Payload], message: &[Part]) -> Self {
        fn spread(field: &Field) -> bool {
            !field.parts.is_empty() || field.children.iter().any(spread)
        }
        let mut candidates = Vec::new();
        // A header of HTTP/2 may have begun in another frame.
        let whole = |field: &Field| field.name == "http2.header" || !spread(field);
        if layer.parts.is_empty() && layer.fields.iter().all(whole) {
            candidates.push(Self::default());
        }
        for entry in entries {
            match (entry.name.as_str(), candidates.last_mut()) {
                ("tcp.segments", _) => {
                    candidates.push(Self { pieces: Some(Vec::new()), message: None, plain: None });
                }
                ("tcp.segment", Some(Self { pieces: Some(pieces), .. })) => pieces.push(entry),
                _ => {}
            }
        }
        if ["grpc", "protobuf"].contains(&layer.protocol) {
            candidates.push(Self { pieces: None, message: Some(message.to_vec()), plain: None });
        }
        let matching = candidates.iter().position(|origin| {
            let (start, _) = origin.bytes(layer.start * 8, layer.end * 8, &layer.parts, payloads);
            let same =
                |entry: &Entry| entry.is_protocol && entry.name == layer.protocol && entry.position == start;
            entries.iter().any(same)
        });
        let chosen = matching.unwrap_or(0);
        if chosen < candidates.len() { candidates.swap_remove(chosen) } else { Self::default() }
    }

    /// The place that most fields of a decrypted layer agree on.
    fn plain(layer: &Layer, entries: &[Entry], used: &[bool], frame: u32) -> Self {
        fn all<'f>(fields: &'f [Field], out: &mut Vec<&'f Field>) {
            for field in fields {
                out.push(field);
                all(&field.children, out);
            }
        }
        let mut fields = Vec::new();
        all(&layer.fields, &mut fields);
        fields.retain(|field| !field.is_derived());
        let whole = |start_bit, end_bit, parts: &[Part]| match parts {
            [] => vec![Part { frame, start_bit, end_bit }],
            parts => parts.to_vec(),
        };
        let mut pieces = whole(layer.start * 8, layer.end * 8, &layer.parts);
        for field in &fields {
            // A body comes after the header, which is what the layer says it is.
            for part in whole(field.start_bit, field.end_bit, &field.parts) {
                let inside = |piece: &Part| {
                    piece.frame == part.frame
                        && piece.start_bit <= part.start_bit
                        && part.end_bit <= piece.end_bit
                };
                if !pieces.iter().any(inside) {
                    pieces.push(part);
                }
            }
        }
        let mut votes = BTreeMap::<isize, usize>::new();
        for field in &fields {
            let (start, size) = within(&pieces, field.start_bit, field.end_bit, &field.parts, frame);
            for (entry, _) in entries.iter().zip(used).filter(|(_, used)| !**used) {
                if entry.size == size && named(field, entry) && agrees(field, entry) {
                    *votes.entry(entry.position.wrapping_sub(start).cast_signed()).or_default() += 1;
                }
            }
        }
        let shift = votes.into_iter().max_by_key(|(_, count)| *count).map_or(0, |(shift, _)| shift);
        Self { pieces: None, message: None, plain: Some((pieces, shift)) }
    }

    /// Frame, position and size of each piece.
    fn told(&self) -> Vec<(&str, usize, usize)> {
        let pieces = self.pieces.iter().flatten();
        pieces.map(|entry| (entry.show.as_str(), entry.position, entry.size)).collect()
    }

    fn is_frame(&self) -> bool {
        self.pieces.is_none() && self.message.is_none() && self.plain.is_none()
    }

    /// First byte and number of bytes of a range of bits.
    fn bytes(&self, start: u32, end: u32, parts: &[Part], payloads: &[Payload]) -> (usize, usize) {
        if let Some((pieces, shift)) = &self.plain {
            let (start, size) = within(pieces, start, end, parts, payloads.len() as u32);
            return (start.wrapping_add_signed(*shift), size);
        }
        if let Some(message) = &self.message {
            return within(message, start, end, parts, payloads.len() as u32);
        }
        let Some(pieces) = &self.pieces else {
            let (start, end) = (start as usize, end as usize);
            return (start / 8, end.div_ceil(8) - start / 8);
        };
        let here = [Part { frame: payloads.len() as u32, start_bit: start, end_bit: end }];
        let parts = if parts.is_empty() { &here } else { parts };
        let size = parts.iter().map(|part| part.end_bit.div_ceil(8) - part.start_bit / 8).sum::<u32>();
        let Part { frame, start_bit, .. } = parts[0];
        let at = start_bit as usize / 8;
        let piece = pieces.iter().position(|entry| entry.show.parse() == Ok(frame));
        let (payload, length) = payloads.get(frame as usize - 1).copied().unwrap_or_default();
        let position = piece.and_then(|index| {
            let entry = pieces[index];
            // Of the first frame the end of the payload belongs to the message, of the others the start. Alone in the
            // list is one that filled a gap: what follows it came before.
            let from = if index == 0 && pieces.len() > 1 { payload + length - entry.size } else { payload };
            Some(entry.position + at.checked_sub(from)?)
        });
        (position.unwrap_or(usize::MAX), size as usize)
    }
}

/// First byte and number of bytes of a range of bits, counted in the pieces of a message.
fn within(message: &[Part], start: u32, end: u32, parts: &[Part], frame: u32) -> (usize, usize) {
    let here = [Part { frame, start_bit: start, end_bit: end }];
    let parts = if parts.is_empty() { &here } else { parts };
    let size = parts.iter().map(|part| part.end_bit.div_ceil(8) - part.start_bit / 8).sum::<u32>();
    let first = parts[0];
    let mut before = 0;
    for piece in message {
        if piece.frame == first.frame && (piece.start_bit..piece.end_bit).contains(&first.start_bit) {
            return (((before + first.start_bit - piece.start_bit) / 8) as usize, size as usize);
        }
        before += piece.end_bit - piece.start_bit;
    }
    (usize::MAX, size as usize)
}

/// Which application protocol tshark guesses is not ours to follow: our `data` is what it calls payload then.
fn named(field: &Field, entry: &Entry) -> bool {
    const BARE: [&str; 4] = ["data.data", "tcp.payload", "tcp.segment_data", "udp.payload"];
    match field.name {
        "data.data" => BARE.contains(&entry.name.as_str()),
        "data.len" => entry.name == "data.len" || BARE[1..].contains(&entry.name.as_str()),
        name => entry.name == name,
    }
}

/// Same bits of the frame.
fn placed(field: &Field, entry: &Entry) -> bool {
    let (start, end) = (field.start_bit as usize, field.end_bit as usize);
    let (first, last) = (entry.position * 8, (entry.position + entry.size) * 8);
    if start == end {
        return first == start;
    }
    // Padding of one byte is one byte (RFC 8200 section 4.2); tshark marks two.
    if field.name == "ipv6.opt" && end - start == 8 {
        return first == start;
    }
    let digits = (entry.pattern.find(['0', '1']), entry.pattern.rfind(['0', '1']));
    match digits {
        (Some(from), Some(to)) if entry.pattern.len() == entry.size * 8 => {
            (first + from, first + to + 1) == (start, end)
        }
        // The flags of TCP are drawn as twelve bits below `tcp.flags`.
        (Some(from), Some(to)) if entry.pattern.len() == 12 => {
            let base = entry.parent_position * 8 + 4;
            (base + from, base + to + 1) == (start, end)
        }
        // Masked without a drawing: it must lie within.
        _ if entry.masked => first <= start && end <= last,
        _ => (first, last) == (start, end),
    }
}

/// All of what a segment or datagram carries.
const PAYLOADS: [&str; 2] = ["tcp.payload", "udp.payload"];

/// Fields that have no value in tshark, only a place.
const PLACES: [&str; 2] = ["tls.handshake.verify_data", "tls.handshake.extensions.psk.binders"];

/// A version of QUIC that stands for none (RFC 9000 section 15).
fn is_reserved(version: &Field) -> bool {
    version.value.unsigned().is_some_and(|version| version & 0x0f0f_0f0f == 0x0a0a_0a0a)
}

/// Same value.
fn agrees(field: &Field, entry: &Entry) -> bool {
    if field.name == "data.len" && entry.name != "data.len" {
        let size = entry.size as u64;
        return field
            .value
            .unsigned()
            .is_some_and(|own| own == size || (PAYLOADS.contains(&entry.name.as_str()) && own < size));
    }
    match &field.value {
        Value::None => true,
        Value::Unsigned(number) => parse(&entry.show) == Some(*number),
        Value::Bool(set) => {
            entry.show == if *set { "1" } else { "0" } || entry.show == if *set { "True" } else { "False" }
        }
        Value::Signed(number) => entry.show.parse() == Ok(*number),
        Value::Float(number) => entry.show.parse() == Ok(*number),
        // A body that is put together ends with the last piece; to tshark its padding belongs to it.
        Value::Bytes(_) if field.name == "http2.data.data" => {
            let (ours, theirs) = (field.value.to_string(), entry.value.trim_end_matches("00"));
            entry.value.ends_with(&ours) || theirs == ours.trim_end_matches("00")
        }
        Value::Bytes(bytes) if field.name == "grpc.message_data" && bytes.starts_with(&[0x1f, 0x8b]) => true,
        Value::Bytes(_) if PAYLOADS.contains(&entry.name.as_str()) => {
            entry.value.ends_with(&field.value.to_string())
        }
        Value::Bytes(_) if PLACES.contains(&field.name) => entry.value.is_empty() && entry.show.is_empty(),
        Value::Bytes(_) => entry.value == field.value.to_string(),
        // tshark makes up a name for the entries of a map.
        Value::Text(text) if field.name == "protobuf.message.name" && entry.show.ends_with("MapEntry") => {
            let (ours, theirs) = (text.rsplit_once('.'), entry.show.rsplit_once('.'));
            let letters = |name: &str| name.replace('_', "").to_lowercase();
            let same =
                |ours: &str, theirs: &str| letters(theirs) == letters(ours).replace("entry", "mapentry");
            matches!((ours, theirs), (Some((a, ours)), Some((b, theirs))) if a == b && same(ours, theirs))
        }
        Value::Text(text) => {
            words(&entry.show) == words(text) || entry.value == Value::Bytes(text.clone().into()).to_string()
        }
        Value::Ipv6(address) => entry.show.parse() == Ok(std::net::Ipv6Addr::from(*address)),
        value => entry.show == value.to_string(),
    }
}

/// Line ends and long texts are not kept as they are in PDML.
fn words(text: &str) -> Vec<&str> {
    text.split_ascii_whitespace().collect()
}

fn parse(show: &str) -> Option<u64> {
    match show.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => show.parse().ok(),
    }
}
