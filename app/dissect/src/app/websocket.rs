//! WebSocket frames, RFC 6455 section 5.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-------+-+-------------+-------------------------------+
//! |F|R|R|R| opcode|M| Payload len |    Extended payload length    |
//! |I|S|S|S|  (4)  |A|     (7)     |          (16 or 64)           |
//! |N|V|V|V|       |S|             |  (if payload len is 126, 127) |
//! | |1|2|3|       |K|             |                               |
//! +-+-+-+-+-------+-+-------------+-------------------------------+
//! |           Masking key (0 or 4 bytes), then the payload        |
//! ```

use super::data;
use super::stream::{Input, Message, Next, Session, Step, shown};
use crate::fields::Fields;
use crate::spec::{Form, Names, clipped, specs};
use crate::streams::LONGEST;
use crate::types::Value;

specs! {
    FIN = "websocket.fin", "FIN 末帧", Form::Choice("后面还有分片", "消息的最后一帧");
    RSV = "websocket.rsv", "RSV 保留位", Form::Hex(1);
    PMC = "websocket.pmc", "RSV1 已压缩", Form::Choice("未压缩", "已压缩");
    OPCODE = "websocket.opcode", "操作码", Form::Named(OPCODES);
    MASK = "websocket.mask", "MASK 掩码", Form::Choice("无掩码", "有掩码");
    LENGTH = "websocket.payload_length", "载荷长度", Form::Named(EXTENDED);
    LENGTH_16 = "websocket.payload_length_ext_16", "16 位扩展长度", Form::Unit("字节");
    LENGTH_64 = "websocket.payload_length_ext_64", "64 位扩展长度", Form::Unit("字节");
    KEY = "websocket.masking_key", "掩码密钥", Form::Bytes;
    MASKED = "websocket.masked_payload", "掩码后的载荷", Form::Group;
    PAYLOAD = "websocket.payload", "载荷", Form::Group;
    TEXT = "websocket.payload.text", "文本", Form::Text;
    CONTINUE = "websocket.payload.continue", "延续的数据", Form::Bytes;
    CLOSE = "websocket.payload.close", "关闭", Form::Group;
    STATUS = "websocket.payload.close.status_code", "关闭码", Form::Named(STATUS_CODES);
    REASON = "websocket.payload.close.reason", "关闭原因", Form::Text;
    PING = "websocket.payload.ping", "Ping 的数据", Form::Bytes;
    PONG = "websocket.payload.pong", "Pong 的数据", Form::Bytes;
    UNKNOWN = "websocket.payload.unknown", "未知的数据", Form::Bytes;
}

const OPCODES: Names = &[(0, "延续"), (1, "文本"), (2, "二进制"), (8, "关闭"), (9, "Ping"), (10, "Pong")];

const EXTENDED: Names = &[(126, "见 16 位扩展长度"), (127, "见 64 位扩展长度")];

/// RFC 6455 section 7.4.1 and the IANA registry.
const STATUS_CODES: Names = &[
    (1000, "正常关闭"),
    (1001, "离开"),
    (1002, "协议错误"),
    (1003, "不接受这类数据"),
    (1005, "没有关闭码"),
    (1006, "异常断开"),
    (1007, "数据与类型不符"),
    (1008, "违反策略"),
    (1009, "消息过大"),
    (1010, "缺少扩展"),
    (1011, "服务器内部错误"),
    (1012, "服务重启"),
    (1013, "稍后再试"),
    (1014, "网关错误"),
    (1015, "TLS 握手失败"),
];

/// The start of a frame.
struct Header {
    fin: bool,
    opcode: u8,
    masked: bool,
    /// The seven bits.
    short: u8,
    length: u64,
    key: Option<[u8; 4]>,
    /// Bytes of it all.
    end: usize,
}

/// Reads a header, or says how many bytes that takes.
fn header(bytes: &[u8]) -> Result<Header, usize> {
    let &[first, second, ref rest @ ..] = bytes else { return Err(2) };
    let (masked, short) = (second & 0x80 != 0, second & 0x7f);
    let extended = match short {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    let end = 2 + extended + if masked { 4 } else { 0 };
    if bytes.len() < end {
        return Err(end);
    }
    let number = rest.get(..extended).unwrap_or_default();
    let length = match extended {
        0 => u64::from(short),
        _ => number.iter().fold(0, |length, byte| length << 8 | u64::from(*byte)),
    };
    let key = rest.get(extended..).and_then(<[u8]>::first_chunk).copied().filter(|_| masked);
    Ok(Header { fin: first & 0x80 != 0, opcode: first & 0x0f, masked, short, length, key, end })
}

/// Both directions after the handshake.
#[derive(Debug)]
pub(crate) struct Frames {
    /// The extension of RFC 7692 is in use.
    pub(crate) compressed: bool,
}

impl Session for Frames {
    fn step(&mut self, input: &Input<'_>) -> Step {
        frame(input, self.compressed)
    }
}

/// The frame at the front.
fn frame(input: &Input<'_>, compressed: bool) -> Step {
    let bytes = input.bytes();
    let header = match header(bytes) {
        Ok(header) => header,
        Err(wanted) => return Step::Wait(wanted),
    };
    let end = usize::try_from(header.length).ok().and_then(|length| header.end.checked_add(length));
    let (end, skip) = match end {
        Some(end) if end <= bytes.len() => (end, 0),
        Some(end) if end <= LONGEST => return Step::Wait(end),
        _ => (header.end, header.length),
    };
    let masked = bytes.get(header.end..end).unwrap_or_default();
    let payload = unmask(masked, header.key);
    let mut fields = Fields::new(bytes, 0, end);
    // All of it is there, so nothing of this can fail.
    let _ = head(&mut fields, &header, compressed);
    let squeezed = compressed && bytes.first().is_some_and(|first| first & 0x40 != 0);
    if !payload.is_empty() {
        let _ = body(&mut fields, &header, &payload, squeezed);
    }
    let summary = summary(&header, &payload, squeezed);
    Step::Message(Message {
        length: end,
        skip,
        layers: vec![input.layer("websocket", format!("WebSocket {summary}"), header.end, end, fields.list)],
        name: "WebSocket",
        summary,
        next: Next::Same,
    })
}

/// RFC 6455 section 5.3: byte i is combined with byte i mod 4 of the key.
fn unmask(bytes: &[u8], key: Option<[u8; 4]>) -> Vec<u8> {
    match key {
        Some(key) => bytes.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect(),
        None => bytes.to_vec(),
    }
}

fn head(fields: &mut Fields<'_>, header: &Header, compressed: bool) -> Option<()> {
    fields.add(&FIN, 0, 1)?;
    fields.add(&RSV, 1, 3)?;
    if compressed {
        fields.add(&PMC, 1, 1)?;
    }
    fields.add(&OPCODE, 4, 4)?;
    fields.add(&MASK, 8, 1)?;
    fields.add(&LENGTH, 9, 7)?;
    if header.short < 126 {
        fields.say(|field| format!("{} 字节", field.value));
    }
    match header.short {
        126 => fields.add(&LENGTH_16, 16, 16).map(drop)?,
        127 => fields.add(&LENGTH_64, 16, 64).map(drop)?,
        _ => {}
    }
    if header.masked {
        fields.add(&KEY, (header.end - 4) * 8, 32)?;
    }
    Some(())
}

/// The payload: as it travels if it is masked, then as it is meant.
fn body(fields: &mut Fields<'_>, header: &Header, payload: &[u8], squeezed: bool) -> Option<()> {
    let (start, end) = (header.end, header.end + payload.len());
    if header.masked {
        fields.made(&MASKED, Value::None, start, end)?;
        fields.say(|_| format!("{} 字节", payload.len()));
    }
    fields.made_over(&PAYLOAD, Value::None, start, end, |fields| {
        let bytes = || Value::Bytes(payload.to_vec());
        let spec = match header.opcode {
            // What it says shows only when it is unpacked, or when all parts are together.
            _ if squeezed && header.opcode < 8 => return Some(()),
            1 if !header.fin => return Some(()),
            2 if !header.fin => return Some(()),
            0 => &CONTINUE,
            1 => {
                let text = String::from_utf8_lossy(payload).into_owned();
                return fields.made(&TEXT, Value::Text(text), start, end);
            }
            2 => &data::DATA,
            8 => {
                return fields
                    .made_over(&CLOSE, Value::None, start, end, |fields| close(fields, payload, start, end));
            }
            9 => &PING,
            10 => &PONG,
            _ => &UNKNOWN,
        };
        fields.made(spec, bytes(), start, end)?;
        fields.say(|_| shown(payload));
        Some(())
    })?;
    fields.say(|_| if squeezed { format!("{} 字节，已压缩", payload.len()) } else { shown(payload) });
    Some(())
}

/// RFC 6455 section 5.5.1.
fn close(fields: &mut Fields<'_>, payload: &[u8], start: usize, end: usize) -> Option<()> {
    let (code, reason) = payload.split_first_chunk()?;
    fields.made(&STATUS, Value::Unsigned(u16::from_be_bytes(*code).into()), start, start + 2)?;
    if !reason.is_empty() {
        let reason = String::from_utf8_lossy(reason).into_owned();
        fields.made(&REASON, Value::Text(reason), start + 2, end)?;
    }
    Some(())
}

/// `文本 "你好"`, `关闭 1000`, `Ping`
fn summary(header: &Header, payload: &[u8], squeezed: bool) -> String {
    const SHOWN: usize = 40;
    let name = OPCODES.iter().find(|(code, _)| *code == u64::from(header.opcode));
    let mut line = name.map_or_else(|| format!("操作码 {}", header.opcode), |(_, name)| (*name).to_owned());
    if header.opcode < 8 && !header.fin {
        line.push_str("（分片）");
    } else if header.opcode == 0 {
        line.push_str("（末片）");
    }
    let size = header.length;
    let text = std::str::from_utf8(payload)
        .ok()
        .filter(|text| !text.contains(|letter: char| letter.is_control() && letter != '\n'));
    match (header.opcode, payload) {
        (8, [high, low, reason @ ..]) => {
            line.push_str(&format!(" {}", u16::from_be_bytes([*high, *low])));
            if !reason.is_empty() {
                line.push_str(&format!(" \"{}\"", clipped(&String::from_utf8_lossy(reason), SHOWN)));
            }
        }
        (_, []) if size == 0 => {}
        (0 | 1 | 9 | 10, [_, ..]) if !squeezed && text.is_some() => {
            line.push_str(&format!(" \"{}\"", clipped(text.unwrap_or_default(), SHOWN)));
        }
        _ => line.push_str(&format!(" {size} 字节{}", if squeezed { "（压缩）" } else { "" })),
    }
    line
}
