//! Internet Control Message Protocol, RFC 792; next-hop MTU RFC 1191, extensions RFC 4884.
//!
//! ```text
//! |   type 8   |   code 8   |        checksum 16        |
//! |             depends on type and code               |
//! |    echo data, or the header of the datagram that caused the error and its first bytes    |
//! ```

use crate::checksum::{self, VERDICTS, Verdict};
use crate::context::Context;
use crate::fields::Fields;
use crate::spec::{Form, Names, specs};
use crate::{app, ethernet};

specs! {
    TYPE = "icmp.type", "类型", Form::Named(TYPES);
    CODE = "icmp.code", "代码", Form::Decimal;
    CHECKSUM = "icmp.checksum", "校验和", Form::Hex(4);
    CHECKSUM_STATUS = "icmp.checksum.status", "校验结果", Form::Named(VERDICTS);
    UNUSED = "icmp.unused", "未使用", Form::Bytes;
    IDENT = "icmp.ident", "标识符", Form::Decimal;
    SEQ = "icmp.seq", "序号", Form::Decimal;
    LENGTH = "icmp.length", "原数据报长度字段", Form::Decimal;
    ORIGINAL = "icmp.length.original_datagram", "原数据报长度", Form::Times(4);
    MTU = "icmp.mtu", "下一跳 MTU", Form::Unit("字节");
    POINTER = "icmp.pointer", "出错位置", Form::Decimal;
    GATEWAY = "icmp.redir_gw", "网关地址", Form::Ipv4;
    ORIGINATE = "icmp.originate_timestamp", "发起时间", Form::Unit("毫秒");
    RECEIVE = "icmp.receive_timestamp", "接收时间", Form::Unit("毫秒");
    TRANSMIT = "icmp.transmit_timestamp", "发送时间", Form::Unit("毫秒");
}

const TYPES: Names = &[
    (0, "回显应答"),
    (3, "目的不可达"),
    (4, "源抑制，已废弃"),
    (5, "重定向"),
    (8, "回显请求"),
    (9, "路由器通告"),
    (10, "路由器请求"),
    (11, "超时"),
    (12, "参数问题"),
    (13, "时间戳请求"),
    (14, "时间戳应答"),
];

const UNREACHABLE: [&str; 16] = [
    "网络不可达",
    "主机不可达",
    "协议不可达",
    "端口不可达",
    "需要分片但设置了 DF",
    "源路由失败",
    "目的网络未知",
    "目的主机未知",
    "源主机被隔离",
    "禁止访问该网络",
    "禁止访问该主机",
    "此服务类型网络不可达",
    "此服务类型主机不可达",
    "被管理策略禁止",
    "违反主机优先级",
    "优先级不足",
];

pub(crate) fn dissect(context: &mut Context<'_>, start: usize, end: usize) {
    let mut fields = context.fields(start, end);
    let length = end.saturating_sub(start);
    let verdict = match (fields.reader.u16(start + 2), fields.reader.bytes(start, length)) {
        (Some(found), Some(message)) if context.is_whole() && !context.quoted => {
            Verdict::judge(found, checksum::sum(message))
        }
        _ => Verdict::Unverified,
    };
    let message = read(&mut fields, verdict);
    let Some(message) = message else {
        context.layer("icmp", "ICMP".to_owned(), fields, 8);
        return;
    };
    let said = message.say(length);
    context.layer("icmp", format!("ICMP {said}"), fields, length);
    match message.quotes {
        Some(bytes) => {
            let quoted = context.quote(|context| {
                ethernet::payload(context, 0x0800, start + 8, end.min(start + 8 + bytes));
            });
            context.summary("ICMP", format!("{said}{quoted}"));
        }
        None => {
            context.summary("ICMP", said);
            if message.echo {
                app::data::dissect(context, start + 8, end);
            }
        }
    }
}

struct Message {
    kind: u64,
    code: u64,
    /// Identifier and sequence number.
    query: Option<(u64, u64)>,
    mtu: Option<u64>,
    echo: bool,
    /// How many bytes of the original datagram follow (at most).
    quotes: Option<usize>,
}

fn read(fields: &mut Fields<'_>, verdict: Verdict) -> Option<Message> {
    let kind = fields.add(&TYPE, 0, 8)?;
    let code = fields.add(&CODE, 8, 8)?;
    if kind == 3 {
        let name = UNREACHABLE.get(usize::try_from(code).ok()?);
        fields.say(|field| name.map_or_else(|| field.text.clone(), |name| format!("{code}（{name}）")));
    }
    verdict.add(fields, &CHECKSUM, &CHECKSUM_STATUS, 16)?;
    let mut message =
        Message { kind, code, query: None, mtu: None, echo: kind == 0 || kind == 8, quotes: None };
    match kind {
        0 | 8 | 13..=18 => {
            message.query = Some((fields.add(&IDENT, 32, 16)?, fields.add(&SEQ, 48, 16)?));
            if let 13 | 14 = kind {
                fields.rows(&[(&ORIGINATE, 64, 32), (&RECEIVE, 96, 32), (&TRANSMIT, 128, 32)])?;
            }
        }
        3 if code == 4 => {
            message.quotes = Some(usize::MAX / 2);
            fields.add(&UNUSED, 32, 16)?;
            message.mtu = Some(fields.add(&MTU, 48, 16)?);
        }
        3 | 11 => message.quotes = Some(original_length(fields)?),
        5 => {
            message.quotes = Some(usize::MAX / 2);
            fields.add(&GATEWAY, 32, 32)?;
        }
        12 => {
            message.quotes = Some(usize::MAX / 2);
            fields.rows(&[(&POINTER, 32, 8), (&UNUSED, 40, 24)])?;
        }
        4 => message.quotes = Some(usize::MAX / 2),
        _ => {}
    }
    Some(message)
}

/// Since RFC 4884 the second of four unused bytes may say how long the quoted datagram is (in 32-bit words),
/// because extensions can follow it.
fn original_length(fields: &mut Fields<'_>) -> Option<usize> {
    let words = usize::from(fields.u8(5)?);
    if words == 0 {
        fields.add(&UNUSED, 32, 32)?;
        return Some(usize::MAX / 2);
    }
    fields.rows(&[(&UNUSED, 32, 8), (&LENGTH, 40, 8), (&ORIGINAL, 40, 8), (&UNUSED, 48, 16)])?;
    Some(words * 4)
}

impl Message {
    fn say(&self, length: usize) -> String {
        let name = TYPES.iter().find(|(kind, _)| *kind == self.kind).map(|(_, name)| *name);
        match (self.kind, self.query, self.mtu) {
            (0 | 8, Some((ident, seq)), _) => {
                format!(
                    "{} id={ident} seq={seq}，{} 字节",
                    name.unwrap_or_default(),
                    length.saturating_sub(8)
                )
            }
            (_, _, Some(mtu)) => format!("需要分片，下一跳 MTU {mtu}"),
            (3, ..) => usize::try_from(self.code)
                .ok()
                .and_then(|code| UNREACHABLE.get(code))
                .map_or_else(|| format!("目的不可达，代码 {}", self.code), ToString::to_string),
            (11, ..) if self.code == 0 => "TTL 超时".to_owned(),
            (11, ..) => "分片重组超时".to_owned(),
            (kind, ..) => name.map_or_else(|| format!("类型 {kind}"), str::to_owned),
        }
    }
}
