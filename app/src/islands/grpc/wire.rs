//! gRPC-Web and the few protobuf messages of `greeter.proto`, as pure functions over bytes.

/// Flag and length before every frame.
const PREFIX: usize = 5;
/// Flag of the last frame: what HTTP/2 would send as trailers.
const TRAILERS: u8 = 0x80;
/// Longest frame that is taken.
const MOST: usize = 64 * 1024;

/// A frame of a gRPC-Web body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    Message(Vec<u8>),
    /// Names and values, one pair a line as in HTTP/1.
    Trailers(String),
}

/// Takes frames off a body that arrives in pieces.
#[derive(Debug, Default)]
pub(super) struct Frames {
    buffer: Vec<u8>,
}

/// The body does not follow the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Broken;

impl Frames {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next frame with its five bytes of prefix, if it is complete.
    pub(super) fn take(&mut self) -> Result<Option<([u8; PREFIX], Frame)>, Broken> {
        let Some(&prefix) = self.buffer.first_chunk::<PREFIX>() else { return Ok(None) };
        let [flag, length @ ..] = prefix;
        let length = u32::from_be_bytes(length) as usize;
        if length > MOST {
            return Err(Broken);
        }
        if self.buffer.len() < PREFIX + length {
            return Ok(None);
        }
        let content = self.buffer.drain(..PREFIX + length).skip(PREFIX).collect();
        let frame = match flag {
            0 => Frame::Message(content),
            TRAILERS => Frame::Trailers(String::from_utf8(content).map_err(|_| Broken)?),
            // Compressed: nobody offered to understand that.
            _ => return Err(Broken),
        };
        Ok(Some((prefix, frame)))
    }
}

/// A request's body: one message in its frame.
pub(super) fn request(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    [&[0][..], &length.to_be_bytes(), message].concat()
}

/// `GreetRequest { name }` or `GreetOftenRequest { name, times, pause_ms }`. Defaults are not written (proto3).
pub(super) fn greet(name: &str, times: u32, pause_ms: u32) -> Vec<u8> {
    let mut message = Vec::new();
    if !name.is_empty() {
        message.push(1 << 3 | 2);
        varint(&mut message, name.len() as u64);
        message.extend_from_slice(name.as_bytes());
    }
    for (field, value) in [(2_u8, times), (3, pause_ms)] {
        if value != 0 {
            message.push(field << 3);
            varint(&mut message, value.into());
        }
    }
    message
}

/// Seven bits a byte, the lowest first, the top bit says that more follow.
fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// `GreetReply`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) message: String,
    pub(super) number: u64,
}

impl Reply {
    /// Fields that are not known are skipped: that is how a service grows without breaking its clients.
    pub(super) fn decode(mut bytes: &[u8]) -> Option<Self> {
        let mut reply = Self::default();
        while !bytes.is_empty() {
            let key = take_varint(&mut bytes)?;
            match (key >> 3, key & 7) {
                (1, 2) => reply.message = String::from_utf8(take_bytes(&mut bytes)?.to_vec()).ok()?,
                (2, 0) => reply.number = take_varint(&mut bytes)?,
                (_, 0) => drop(take_varint(&mut bytes)?),
                (_, 1) => bytes = bytes.get(8..)?,
                (_, 2) => drop(take_bytes(&mut bytes)?),
                (_, 5) => bytes = bytes.get(4..)?,
                _ => return None,
            }
        }
        Some(reply)
    }
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for place in 0..10 {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

fn take_bytes<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(take_varint(bytes)?).ok()?;
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Status {
    pub(super) code: u32,
    pub(super) message: String,
}

impl Status {
    /// From the text of a trailers frame.
    pub(super) fn of_trailers(trailers: &str) -> Option<Self> {
        let value = |wanted: &str| {
            trailers.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.trim().eq_ignore_ascii_case(wanted).then(|| value.trim())
            })
        };
        Self::of(value("grpc-status")?, value("grpc-message"))
    }

    /// From the values of `grpc-status` and `grpc-message`.
    pub(super) fn of(code: &str, message: Option<&str>) -> Option<Self> {
        Some(Self { code: code.parse().ok()?, message: unescape(message.unwrap_or_default()) })
    }

    /// `INVALID_ARGUMENT`
    pub(super) fn name(&self) -> &'static str {
        const NAMES: [&str; 17] = [
            "OK",
            "CANCELLED",
            "UNKNOWN",
            "INVALID_ARGUMENT",
            "DEADLINE_EXCEEDED",
            "NOT_FOUND",
            "ALREADY_EXISTS",
            "PERMISSION_DENIED",
            "RESOURCE_EXHAUSTED",
            "FAILED_PRECONDITION",
            "ABORTED",
            "OUT_OF_RANGE",
            "UNIMPLEMENTED",
            "INTERNAL",
            "UNAVAILABLE",
            "DATA_LOSS",
            "UNAUTHENTICATED",
        ];
        NAMES.get(self.code as usize).copied().unwrap_or("UNKNOWN")
    }
}

/// `grpc-message` is percent-encoded UTF-8. What is not an escape stands for itself.
fn unescape(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, after @ ..] = rest {
        let escaped = (*first == b'%')
            .then(|| str::from_utf8(after.get(..2)?).ok().and_then(|two| u8::from_str_radix(two, 16).ok()))
            .flatten();
        (rest, _) = match escaped {
            Some(byte) => (&after[2..], bytes.push(byte)),
            None => (after, bytes.push(*first)),
        };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_written_as_protobuf_says() {
        assert!(greet("", 0, 0).is_empty());
        assert_eq!(greet("ada", 0, 0), [0x0a, 3, b'a', b'd', b'a']);
        assert_eq!(greet("书", 3, 300), [0x0a, 3, 0xe4, 0xb9, 0xa6, 0x10, 3, 0x18, 0xac, 0x02]);
        assert_eq!(request(&[7; 3]), [0, 0, 0, 0, 3, 7, 7, 7]);
    }

    #[test]
    fn replies_skip_what_they_do_not_know() {
        let reply = Reply { message: "好".into(), number: 300 };
        let known = [0x0a, 3, 0xe5, 0xa5, 0xbd, 0x10, 0xac, 0x02];
        assert_eq!(Reply::decode(&known), Some(reply.clone()));
        // Field 3 of every wire type that there is.
        let unknown = [&[0x18, 0x96, 1, 0x19][..], &[0; 8], &[0x1a, 2, 1, 2, 0x1d], &[0; 4], &known].concat();
        assert_eq!(Reply::decode(&unknown), Some(reply));
        for broken in [&[0x0a, 9, 1][..], &[0x0b], &[0x80; 11], &[0x0a, 1, 0xff]] {
            assert_eq!(Reply::decode(broken), None, "{broken:x?}");
        }
    }

    #[test]
    fn frames_are_taken_however_the_body_is_cut() {
        let trailers = "grpc-status:3\r\ngrpc-message:%E5%90%8D%E5%AD%97\r\n";
        let mut body = request(&[1, 2]);
        body.extend(request(&[]));
        body.push(0x80);
        body.extend((trailers.len() as u32).to_be_bytes());
        body.extend(trailers.bytes());
        for size in 1..=body.len() {
            let (mut frames, mut taken) = (Frames::default(), Vec::new());
            for piece in body.chunks(size) {
                frames.push(piece);
                while let Some((_, frame)) = frames.take().unwrap() {
                    taken.push(frame);
                }
            }
            let [one, two, three] = &taken[..] else { panic!("{taken:?}") };
            assert_eq!((one, two), (&Frame::Message(vec![1, 2]), &Frame::Message(vec![])));
            assert_eq!(*three, Frame::Trailers(trailers.into()), "{size}");
        }
        let status = Status::of_trailers(trailers).unwrap();
        assert_eq!((status.code, status.message.as_str(), status.name()), (3, "名字", "INVALID_ARGUMENT"));
    }

    #[test]
    fn what_is_too_long_or_compressed_is_refused() {
        for prefix in [[0, 0xff, 0xff, 0xff, 0xff], [1, 0, 0, 0, 0], [0, 0, 1, 0, 1]] {
            let mut frames = Frames::default();
            frames.push(&prefix);
            assert_eq!(frames.take(), Err(Broken), "{prefix:?}");
        }
    }

    #[test]
    fn escapes_are_optional() {
        assert_eq!(Status::of("0", None), Some(Status { code: 0, message: String::new() }));
        assert_eq!(Status::of("12", Some("a%2b%")).map(|status| status.message), Some("a+%".into()));
        assert_eq!(Status::of_trailers("x: 1\r\n"), None);
    }
}
