//! ICMP for IPv6, RFC 4443, with Neighbor Discovery, RFC 4861. Multicast listeners: see `mld.rs`.
//!
//! ```text
//! |   type 8   |   code 8   |        checksum 16        |   body, then options of 8 bytes each   |
//! ```

use crate::checksum::{self, VERDICTS, Verdict};
use crate::context::Context;
use crate::fields::Fields;
use crate::spec::{Form, Names, specs};
use crate::{Value, app, ethernet, icmpv6_options, mld};

specs! {
    TYPE = "icmpv6.type", "类型", Form::Named(TYPES);
    CODE = "icmpv6.code", "代码", Form::Decimal;
    CHECKSUM = "icmpv6.checksum", "校验和", Form::Hex(4);
    CHECKSUM_STATUS = "icmpv6.checksum.status", "校验结果", Form::Named(VERDICTS);
    RESERVED = "icmpv6.reserved", "保留", Form::Bytes;
    DATA = "icmpv6.data", "内容", Form::Bytes;
    IDENTIFIER = "icmpv6.echo.identifier", "标识符", Form::Hex(4);
    SEQUENCE = "icmpv6.echo.sequence_number", "序号", Form::Decimal;
    MTU = "icmpv6.mtu", "下一跳 MTU", Form::Unit("字节");
    POINTER = "icmpv6.pointer", "出错位置", Form::Decimal;
    NS_TARGET = "icmpv6.nd.ns.target_address", "目标地址", Form::Ipv6;
    NA_FLAG = "icmpv6.nd.na.flag", "标志", Form::Hex(8);
    NA_ROUTER = "icmpv6.nd.na.flag.r", "R 是路由器", Form::Flag;
    NA_SOLICITED = "icmpv6.nd.na.flag.s", "S 应请求而发", Form::Flag;
    NA_OVERRIDE = "icmpv6.nd.na.flag.o", "O 覆盖旧缓存", Form::Flag;
    NA_RESERVED = "icmpv6.nd.na.flag.rsv", "保留", Form::Decimal;
    NA_TARGET = "icmpv6.nd.na.target_address", "目标地址", Form::Ipv6;
    RA_HOP_LIMIT = "icmpv6.nd.ra.cur_hop_limit", "建议的跳数限制", Form::Decimal;
    RA_FLAG = "icmpv6.nd.ra.flag", "标志", Form::Hex(2);
    RA_MANAGED = "icmpv6.nd.ra.flag.m", "M 地址由 DHCPv6 管理", Form::Flag;
    RA_OTHER = "icmpv6.nd.ra.flag.o", "O 其他配置走 DHCPv6", Form::Flag;
    RA_HOME = "icmpv6.nd.ra.flag.h", "H 家乡代理", Form::Flag;
    RA_PREFERENCE = "icmpv6.nd.ra.flag.prf", "默认路由器优先级", Form::Named(PREFERENCES);
    RA_PROXY = "icmpv6.nd.ra.flag.p", "P 代理", Form::Flag;
    RA_RESERVED = "icmpv6.nd.ra.flag.rsv", "保留", Form::Decimal;
    RA_LIFETIME = "icmpv6.nd.ra.router_lifetime", "路由器有效期", Form::Unit("秒");
    RA_REACHABLE = "icmpv6.nd.ra.reachable_time", "可达时间", Form::Unit("毫秒");
    RA_RETRANS = "icmpv6.nd.ra.retrans_timer", "重发间隔", Form::Unit("毫秒");
    RD_TARGET = "icmpv6.nd.rd.target_address", "更好的下一跳", Form::Ipv6;
    RD_DESTINATION = "icmpv6.rd.na.destination_address", "目的地址", Form::Ipv6;
}

pub(crate) const PREFERENCES: Names = &[(0, "中"), (1, "高"), (2, "保留"), (3, "低")];

const TYPES: Names = &[
    (1, "目的不可达"),
    (2, "包过大"),
    (3, "超时"),
    (4, "参数问题"),
    (128, "回显请求"),
    (129, "回显应答"),
    (130, "多播侦听查询"),
    (131, "多播侦听报告"),
    (132, "多播侦听结束"),
    (133, "路由器请求"),
    (134, "路由器通告"),
    (135, "邻居请求"),
    (136, "邻居通告"),
    (137, "重定向"),
    (143, "多播侦听报告 v2"),
];

const UNREACHABLE: [&str; 7] = [
    "没有到目的的路由",
    "被管理策略禁止",
    "超出源地址的范围",
    "地址不可达",
    "端口不可达",
    "源地址不符合策略",
    "拒绝到目的的路由",
];

/// What remains to be done after the message's own fields.
enum Then {
    Nothing,
    Echo,
    /// A datagram that caused an error, from this byte on (from the header's start).
    Quote,
}

pub(crate) fn dissect(context: &mut Context<'_>, start: usize, end: usize) {
    let mut fields = context.fields(start, end);
    let length = end.saturating_sub(start);
    let found = fields.reader.u16(start + 2);
    let verdict = match (context.network, found, fields.reader.bytes(start, length)) {
        (Some(network), Some(found), Some(message)) if context.is_whole() => Verdict::judge(
            found,
            checksum::add(checksum::pseudo(network, 58, length), checksum::sum(message)),
        ),
        _ => Verdict::Unverified,
    };
    let mut said = String::new();
    let mut redirected = None;
    let then = read(&mut fields, verdict, length, &mut said, &mut redirected);
    context.layer("icmpv6", format!("ICMPv6 {said}"), fields, length.max(8));
    if let Some(Then::Quote) = then {
        redirected = Some((start + 8, end));
    }
    if let Some((from, to)) = redirected {
        let quoted = context.quote(|context| {
            ethernet::payload(context, 0x86dd, from, to);
        });
        said.push_str(&quoted);
    }
    context.summary("ICMPv6", said);
    if let Some(Then::Echo) = then {
        app::data::dissect(context, start + 8, end);
    }
}

/// `redirected`: where a redirect option quotes a packet (bytes of the frame).
fn read(
    fields: &mut Fields<'_>,
    verdict: Verdict,
    length: usize,
    said: &mut String,
    redirected: &mut Option<(usize, usize)>,
) -> Option<Then> {
    let kind = fields.add(&TYPE, 0, 8)?;
    *said = TYPES
        .iter()
        .find(|(number, _)| *number == kind)
        .map_or(format!("类型 {kind}"), |(_, name)| (*name).to_owned());
    let code = fields.add(&CODE, 8, 8)?;
    if kind == 1
        && let Some(name) = usize::try_from(code).ok().and_then(|code| UNREACHABLE.get(code))
    {
        fields.say(|_| format!("{code}（{name}）"));
        *said = (*name).to_owned();
    }
    verdict.add(fields, &CHECKSUM, &CHECKSUM_STATUS, 16)?;
    let address = |fields: &Fields<'_>, byte| fields.reader.array(fields.start() + byte).map(Value::Ipv6);
    match kind {
        1 | 3 => {
            fields.add(&RESERVED, 32, 32)?;
            return Some(Then::Quote);
        }
        2 => {
            let mtu = fields.add(&MTU, 32, 32)?;
            *said = format!("包过大，下一跳 MTU {mtu}");
            return Some(Then::Quote);
        }
        4 => {
            fields.add(&POINTER, 32, 32)?;
            return Some(Then::Quote);
        }
        128 | 129 => {
            let identifier = fields.add(&IDENTIFIER, 32, 16)?;
            let sequence = fields.add(&SEQUENCE, 48, 16)?;
            let size = length.saturating_sub(8);
            said.push_str(&format!(" id={identifier} seq={sequence}，{size} 字节"));
            return Some(Then::Echo);
        }
        130..=132 | 143 => mld::dissect(fields, kind, length, said)?,
        133 => {
            fields.add(&RESERVED, 32, 32)?;
            icmpv6_options::dissect(fields, 8, length, redirected)?;
        }
        134 => {
            advertisement(fields)?;
            icmpv6_options::dissect(fields, 16, length, redirected)?;
        }
        135 => {
            fields.add(&RESERVED, 32, 32)?;
            fields.add(&NS_TARGET, 64, 128)?;
            *said = format!("谁是 {}？", address(fields, 8)?);
            icmpv6_options::dissect(fields, 24, length, redirected)?;
        }
        136 => {
            fields.nest(&NA_FLAG, 32, 32, |fields| {
                fields.rows(&[
                    (&NA_ROUTER, 32, 1),
                    (&NA_SOLICITED, 33, 1),
                    (&NA_OVERRIDE, 34, 1),
                    (&NA_RESERVED, 35, 29),
                ])
            })?;
            fields.add(&NA_TARGET, 64, 128)?;
            *said = format!("我是 {}", address(fields, 8)?);
            icmpv6_options::dissect(fields, 24, length, redirected)?;
        }
        137 => {
            fields.add(&RESERVED, 32, 32)?;
            fields.rows(&[(&RD_TARGET, 64, 128), (&RD_DESTINATION, 192, 128)])?;
            *said = format!("重定向：去 {} 请走 {}", address(fields, 24)?, address(fields, 8)?);
            icmpv6_options::dissect(fields, 40, length, redirected)?;
        }
        _ if length > 4 => fields.rows(&[(&DATA, 32, (length - 4) * 8)])?,
        _ => {}
    }
    Some(Then::Nothing)
}

fn advertisement(fields: &mut Fields<'_>) -> Option<()> {
    fields.add(&RA_HOP_LIMIT, 32, 8)?;
    fields.nest(&RA_FLAG, 40, 8, |fields| {
        fields.rows(&[
            (&RA_MANAGED, 40, 1),
            (&RA_OTHER, 41, 1),
            (&RA_HOME, 42, 1),
            (&RA_PREFERENCE, 43, 2),
            (&RA_PROXY, 45, 1),
            (&RA_RESERVED, 46, 2),
        ])
    })?;
    fields.rows(&[(&RA_LIFETIME, 48, 16), (&RA_REACHABLE, 64, 32), (&RA_RETRANS, 96, 32)])
}
