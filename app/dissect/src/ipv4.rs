//! Internet Protocol version 4, RFC 791.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-------+-------+-----------+---+-------------------------------+
//! |Version|  IHL  |   DSCP    |ECN|         Total Length          |
//! +-------+-------+-----------+---+-----+-------------------------+
//! |        Identification         |0|D|M|     Fragment Offset     |
//! +---------------+---------------+-----+-------------------------+
//! |  Time to Live |    Protocol   |        Header Checksum        |
//! +---------------+---------------+-------------------------------+
//! |                        Source Address                         |
//! +---------------------------------------------------------------+
//! |                      Destination Address                      |
//! +---------------------------------------------------------------+
//! |                    Options, in 32-bit words                   |
//! ```

use crate::checksum::{self, VERDICTS, Verdict};
use crate::context::{Context, Network};
use crate::fields::Fields;
use crate::spec::{Form, Names, specs};
use crate::{app, ethernet, icmp, icmpv6, igmp, ipv4_options, tcp, udp};

specs! {
    VERSION = "ip.version", "版本", Form::Decimal;
    HDR_LEN = "ip.hdr_len", "首部长度", Form::Times(4);
    DSFIELD = "ip.dsfield", "区分服务", Form::Hex(2);
    DSCP = "ip.dsfield.dscp", "DSCP", Form::Named(DSCPS);
    ECN = "ip.dsfield.ecn", "ECN", Form::Named(ECNS);
    LEN = "ip.len", "总长度", Form::Unit("字节");
    ID = "ip.id", "标识", Form::Hex(4);
    FLAGS = "ip.flags", "标志", Form::Hex(2);
    RB = "ip.flags.rb", "保留位", Form::Flag;
    DF = "ip.flags.df", "不分片 DF", Form::Flag;
    MF = "ip.flags.mf", "还有分片 MF", Form::Flag;
    FRAG_OFFSET = "ip.frag_offset", "分片偏移", Form::Decimal;
    TTL = "ip.ttl", "生存时间 TTL", Form::Decimal;
    PROTO = "ip.proto", "上层协议", Form::Named(PROTOCOLS);
    CHECKSUM = "ip.checksum", "首部校验和", Form::Hex(4);
    CHECKSUM_STATUS = "ip.checksum.status", "校验结果", Form::Named(VERDICTS);
    SRC = "ip.src", "源地址", Form::Ipv4;
    DST = "ip.dst", "目的地址", Form::Ipv4;
}

/// Protocol numbers, shared with the next-header fields of IPv6.
pub(crate) const PROTOCOLS: Names = &[
    (0, "逐跳选项"),
    (1, "ICMP"),
    (2, "IGMP"),
    (4, "IPv4"),
    (6, "TCP"),
    (17, "UDP"),
    (41, "IPv6"),
    (43, "路由首部"),
    (44, "分片首部"),
    (58, "ICMPv6"),
    (59, "无后续首部"),
    (60, "目的地选项"),
    (132, "SCTP"),
];

pub(crate) const DSCPS: Names = &[
    (0, "CS0 尽力而为"),
    (8, "CS1"),
    (10, "AF11"),
    (16, "CS2"),
    (18, "AF21"),
    (24, "CS3"),
    (26, "AF31"),
    (32, "CS4"),
    (34, "AF41"),
    (40, "CS5"),
    (46, "EF 加速转发"),
    (48, "CS6 网络控制"),
    (56, "CS7"),
];

pub(crate) const ECNS: Names = &[(0, "不支持 ECN"), (1, "ECT(1)"), (2, "ECT(0)"), (3, "CE 拥塞")];

/// Returns where the datagram ends, which may be before `end`.
pub(crate) fn dissect(context: &mut Context<'_>, start: usize, end: usize) -> usize {
    let header = context.fields(start, end);
    let length = header.reader.u16(start + 2).map_or(0, usize::from);
    let header_length = header.reader.bits(start * 8 + 4, 4).map_or(0, |words| words as usize * 4);
    // Length 0 is what the sender's kernel hands to a device that splits segments itself.
    let complete = length >= header_length && start + length <= end;
    let stop = if complete { start + length } else { end };

    let mut fields = context.fields(start, stop);
    let read = read(&mut fields, header_length);
    let (source, destination) = match (fields.reader.array(start + 12), fields.reader.array(start + 16)) {
        (Some(source), Some(destination)) => (source, destination),
        _ => ([0; 4], [0; 4]),
    };
    let (from, to) = (std::net::Ipv4Addr::from(source), std::net::Ipv4Addr::from(destination));
    let title = if read.is_some() { format!("IPv4 {from} → {to}") } else { "IPv4".to_owned() };
    context.summary("IPv4", title.clone());
    context.layer("ip", title, fields, header_length.max(20));
    let Some((protocol, offset, more)) = read else { return stop };
    context.addresses(&crate::Value::Ipv4(source), &crate::Value::Ipv4(destination));
    context.network = Some(Network::V4(source, destination));
    context.truncated = !complete;
    let payload = start + header_length;
    let bytes = stop.saturating_sub(payload);
    context.summary("IPv4", format!("{}，{bytes} 字节", protocol_name(protocol)));
    if more || offset > 0 {
        context.summary("IPv4", fragment_summary(protocol, offset, more, bytes));
        context.fragment = true;
    }
    if offset > 0 {
        app::data::dissect(context, payload, stop);
    } else {
        self::payload(context, protocol, payload, stop);
    }
    stop
}

/// Returns the protocol, the offset in bytes and whether more fragments follow, if the header is whole.
fn read(fields: &mut Fields<'_>, header_length: usize) -> Option<(u8, u64, bool)> {
    let start = fields.start();
    fields.add(&VERSION, 0, 4)?;
    fields.add(&HDR_LEN, 4, 4)?;
    if header_length < 20 {
        return None;
    }
    fields.nest(&DSFIELD, 8, 8, |fields| fields.rows(&[(&DSCP, 8, 6), (&ECN, 14, 2)]))?;
    fields.add(&LEN, 16, 16)?;
    fields.add(&ID, 32, 16)?;
    let flags =
        fields.nest(&FLAGS, 48, 3, |fields| fields.rows(&[(&RB, 48, 1), (&DF, 49, 1), (&MF, 50, 1)]))?;
    fields.say(|field| match flags & 3 {
        0 => field.text.clone(),
        1 => format!("{}（MF）", field.text),
        2 => format!("{}（DF）", field.text),
        _ => format!("{}（DF, MF）", field.text),
    });
    let offset = fields.add(&FRAG_OFFSET, 51, 13)? * 8;
    fields.say(|field| format!("{}（{offset} 字节）", field.text));
    fields.add(&TTL, 64, 8)?;
    let protocol = fields.add(&PROTO, 72, 8)?;
    let found = fields.reader.u16(start + 10)?;
    let verdict = match fields.reader.bytes(start, header_length) {
        Some(header) => Verdict::judge(found, checksum::sum(header)),
        None => Verdict::Unverified,
    };
    verdict.add(fields, &CHECKSUM, &CHECKSUM_STATUS, 80)?;
    fields.rows(&[(&SRC, 96, 32), (&DST, 128, 32)])?;
    let _ = ipv4_options::dissect(fields, 20, header_length);
    Some((u8::try_from(protocol).ok()?, offset, flags & 1 == 1))
}

/// `UDP`, `协议 200`.
fn protocol_name(protocol: u8) -> String {
    let known = PROTOCOLS.iter().find(|(number, _)| *number == u64::from(protocol));
    known.map_or_else(|| format!("协议 {protocol}"), |(_, name)| (*name).to_owned())
}

/// What a table says about a fragment with its offset in bytes.
pub(crate) fn fragment_summary(protocol: u8, offset: u64, more: bool, bytes: usize) -> String {
    let last = if more { "后面还有" } else { "最后一片" };
    format!("{} 分片：偏移 {offset}，{bytes} 字节，{last}", protocol_name(protocol))
}

/// Opens the layer that a protocol number stands for.
pub(crate) fn payload(context: &mut Context<'_>, protocol: u8, start: usize, end: usize) {
    match protocol {
        _ if context.too_deep() => app::data::dissect(context, start, end),
        1 => icmp::dissect(context, start, end),
        2 => igmp::dissect(context, start, end),
        4 => {
            ethernet::payload(context, 0x0800, start, end);
        }
        41 => {
            ethernet::payload(context, 0x86dd, start, end);
        }
        58 => icmpv6::dissect(context, start, end),
        6 => tcp::dissect(context, start, end),
        17 => udp::dissect(context, start, end),
        _ => app::data::dissect(context, start, end),
    }
}
