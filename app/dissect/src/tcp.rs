//! Transmission Control Protocol, RFC 9293.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-------------------------------+-------------------------------+
//! |          Source Port          |       Destination Port        |
//! +-------------------------------+-------------------------------+
//! |                        Sequence Number                        |
//! +---------------------------------------------------------------+
//! |                    Acknowledgment Number                      |
//! +-------+-----+-+-+-+-+-+-+-+-+-+-------------------------------+
//! | Offset| Res |A|C|E|U|A|P|R|S|F|            Window             |
//! +-------+-----+-+-+-+-+-+-+-+-+-+-------------------------------+
//! |           Checksum            |         Urgent Pointer        |
//! +-------------------------------+-------------------------------+
//! |                    Options, in 32-bit words                   |
//! ```

use crate::checksum::{self, VERDICTS, Verdict};
use crate::context::Context;
use crate::fields::Fields;
use crate::spec::{Form, specs};
use crate::{app, tcp_options};

specs! {
    SRCPORT = "tcp.srcport", "源端口", Form::Decimal;
    DSTPORT = "tcp.dstport", "目的端口", Form::Decimal;
    SEQ = "tcp.seq", "序号", Form::Decimal;
    SEQ_RAW = "tcp.seq_raw", "序号", Form::Decimal;
    ACK_RAW = "tcp.ack_raw", "确认号", Form::Decimal;
    HDR_LEN = "tcp.hdr_len", "首部长度", Form::Times(4);
    FLAGS = "tcp.flags", "标志", Form::Hex(3);
    RES = "tcp.flags.res", "保留", Form::Flag;
    AE = "tcp.flags.ae", "AE 精确 ECN", Form::Flag;
    CWR = "tcp.flags.cwr", "CWR 窗口已缩小", Form::Flag;
    ECE = "tcp.flags.ece", "ECE 拥塞回显", Form::Flag;
    URG = "tcp.flags.urg", "URG 紧急", Form::Flag;
    ACK = "tcp.flags.ack", "ACK 确认", Form::Flag;
    PUSH = "tcp.flags.push", "PSH 推送", Form::Flag;
    RESET = "tcp.flags.reset", "RST 复位", Form::Flag;
    SYN = "tcp.flags.syn", "SYN 同步", Form::Flag;
    FIN = "tcp.flags.fin", "FIN 结束", Form::Flag;
    WINDOW = "tcp.window_size_value", "窗口", Form::Decimal;
    CHECKSUM = "tcp.checksum", "校验和", Form::Hex(4);
    CHECKSUM_STATUS = "tcp.checksum.status", "校验结果", Form::Named(VERDICTS);
    URGENT = "tcp.urgent_pointer", "紧急指针", Form::Decimal;
}

const FLAG_BITS: [(&crate::Spec, usize, usize); 10] = [
    (&RES, 100, 3),
    (&AE, 103, 1),
    (&CWR, 104, 1),
    (&ECE, 105, 1),
    (&URG, 106, 1),
    (&ACK, 107, 1),
    (&PUSH, 108, 1),
    (&RESET, 109, 1),
    (&SYN, 110, 1),
    (&FIN, 111, 1),
];

/// `SYN, ACK` for the low 9 bits of the flags.
pub(crate) fn flag_names(flags: u64) -> String {
    const NAMES: [(u64, &str); 9] = [
        (0x02, "SYN"),
        (0x01, "FIN"),
        (0x04, "RST"),
        (0x08, "PSH"),
        (0x10, "ACK"),
        (0x20, "URG"),
        (0x40, "ECE"),
        (0x80, "CWR"),
        (0x100, "AE"),
    ];
    let set: Vec<_> = NAMES.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, name)| *name).collect();
    set.join(", ")
}

pub(crate) fn dissect(context: &mut Context<'_>, start: usize, end: usize) {
    let mut fields = context.fields(start, end);
    let header = fields.reader.bits(start * 8 + 96, 4).map_or(0, |words| words as usize * 4);
    let verdict = judge(context, &fields, start, end);
    let Some((ports, flags, window)) = read(&mut fields, verdict, header, context.quoted) else {
        context.layer("tcp", "TCP".to_owned(), fields, header.max(20));
        return;
    };
    let [source, destination] = ports;
    let payload = start + header.max(20);
    let size = end.saturating_sub(payload);
    let data = if size > 0 { format!(" {size} 字节") } else { String::new() };
    let line = format!("{source} → {destination} [{}]{data}", flag_names(flags));
    context.layer("tcp", format!("TCP {line}"), fields, header.max(20));
    context.summary("TCP", format!("{line} 窗口 {window}"));
    if header >= 20 {
        app::dissect(context, app::Transport::Tcp, ports, payload, end);
    }
}

/// Returns ports, flags and window. Wireshark calls the sequence number in a quoted header `tcp.seq`, because there is
/// no conversation to count it from.
fn read(
    fields: &mut Fields<'_>,
    verdict: Verdict,
    header: usize,
    quoted: bool,
) -> Option<([u16; 2], u64, u64)> {
    let source = fields.add(&SRCPORT, 0, 16)?;
    let destination = fields.add(&DSTPORT, 16, 16)?;
    fields.add(if quoted { &SEQ } else { &SEQ_RAW }, 32, 32)?;
    fields.add(&ACK_RAW, 64, 32)?;
    fields.add(&HDR_LEN, 96, 4)?;
    let flags = fields.nest(&FLAGS, 100, 12, |fields| fields.rows(&FLAG_BITS))?;
    fields.say(|field| format!("{}（{}）", field.text, flag_names(flags)));
    let window = fields.add(&WINDOW, 112, 16)?;
    verdict.add(fields, &CHECKSUM, &CHECKSUM_STATUS, 128)?;
    fields.add(&URGENT, 144, 16)?;
    if header > 20 {
        let _ = tcp_options::dissect(fields, 20, header);
    }
    Some(([u16::try_from(source).ok()?, u16::try_from(destination).ok()?], flags, window))
}

/// The checksum covers a pseudo header and the whole segment.
fn judge(context: &Context<'_>, fields: &Fields<'_>, start: usize, end: usize) -> Verdict {
    let length = end.saturating_sub(start);
    match (context.network, fields.reader.u16(start + 16), fields.reader.bytes(start, length)) {
        (Some(network), Some(found), Some(segment)) if context.is_whole() => {
            Verdict::judge(found, checksum::add(checksum::pseudo(network, 6, length), checksum::sum(segment)))
        }
        _ => Verdict::Unverified,
    }
}
