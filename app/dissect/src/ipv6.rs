//! Internet Protocol version 6, RFC 8200.
//!
//! ```text
//! |version 4|     DSCP 6     |ECN 2|             flow label 20             |
//! |        payload length 16        |   next header 8   |   hop limit 8    |
//! |                          source address 128                            |
//! |                        destination address 128                         |
//! ```

use crate::context::{Context, Network};
use crate::ipv4::{DSCPS, ECNS, PROTOCOLS};
use crate::spec::{Form, specs};
use crate::{Value, app, ipv4, ipv6_extensions};
use std::net::Ipv6Addr;

specs! {
    VERSION = "ipv6.version", "版本", Form::Decimal;
    TCLASS = "ipv6.tclass", "流量类别", Form::Hex(2);
    DSCP = "ipv6.tclass.dscp", "DSCP", Form::Named(DSCPS);
    ECN = "ipv6.tclass.ecn", "ECN", Form::Named(ECNS);
    FLOW = "ipv6.flow", "流标签", Form::Hex(5);
    PLEN = "ipv6.plen", "载荷长度", Form::Unit("字节");
    NXT = "ipv6.nxt", "下一个首部", Form::Named(PROTOCOLS);
    HLIM = "ipv6.hlim", "跳数限制", Form::Decimal;
    SRC = "ipv6.src", "源地址", Form::Ipv6;
    DST = "ipv6.dst", "目的地址", Form::Ipv6;
}

pub(crate) const HEADER: usize = 40;

/// Returns where the packet ends, which may be before `end`.
pub(crate) fn dissect(context: &mut Context<'_>, start: usize, end: usize) -> usize {
    let header = context.fields(start, end);
    let length = header.reader.u16(start + 4).map_or(0, usize::from);
    let complete = start + HEADER + length <= end;
    let stop = if complete { start + HEADER + length } else { end };

    let mut fields = context.fields(start, stop);
    let read = (|| {
        fields.add(&VERSION, 0, 4)?;
        fields.nest(&TCLASS, 4, 8, |fields| fields.rows(&[(&DSCP, 4, 6), (&ECN, 10, 2)]))?;
        fields.rows(&[(&FLOW, 12, 20), (&PLEN, 32, 16)])?;
        let next = fields.add(&NXT, 48, 8)?;
        fields.rows(&[(&HLIM, 56, 8), (&SRC, 64, 128), (&DST, 192, 128)])?;
        let addresses: ([u8; 16], [u8; 16]) =
            (fields.reader.array(start + 8)?, fields.reader.array(start + 24)?);
        Some((u8::try_from(next).ok()?, addresses))
    })();
    let title = match read {
        Some((_, (from, to))) => format!("IPv6 {} → {}", Ipv6Addr::from(from), Ipv6Addr::from(to)),
        None => "IPv6".to_owned(),
    };
    context.summary("IPv6", title.clone());
    context.layer("ipv6", title, fields, HEADER);
    let Some((next, (source, destination))) = read else { return stop };
    context.addresses(&Value::Ipv6(source), &Value::Ipv6(destination));
    context.network = Some(Network::V6(source, destination));
    context.truncated = !complete;
    let Some((protocol, payload, offset)) = ipv6_extensions::dissect(context, next, start + HEADER, stop)
    else {
        return stop;
    };
    if offset > 0 || protocol == 59 {
        app::data::dissect(context, payload, stop);
    } else {
        ipv4::payload(context, protocol, payload, stop);
    }
    stop
}
