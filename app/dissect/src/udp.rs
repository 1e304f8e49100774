//! User Datagram Protocol, RFC 768.
//!
//! ```text
//! 0 source port 2 destination port 4 length 6 checksum 8 payload
//! ```

use crate::app;
use crate::checksum::{self, VERDICTS, Verdict};
use crate::context::{Context, Network};
use crate::fields::Fields;
use crate::spec::{Form, specs};

specs! {
    SRCPORT = "udp.srcport", "源端口", Form::Decimal;
    DSTPORT = "udp.dstport", "目的端口", Form::Decimal;
    LENGTH = "udp.length", "长度", Form::Unit("字节");
    CHECKSUM = "udp.checksum", "校验和", Form::Hex(4);
    CHECKSUM_STATUS = "udp.checksum.status", "校验结果", Form::Named(VERDICTS);
}

const HEADER: usize = 8;

pub(crate) fn dissect(context: &mut Context<'_>, start: usize, end: usize) {
    let mut fields = context.fields(start, end);
    let length = fields.reader.u16(start + 4).map_or(0, usize::from);
    let verdict = judge(context, &fields, start, length);
    let read = read(&mut fields, verdict);
    let Some((source, destination)) = read else {
        context.layer("udp", "UDP".to_owned(), fields, HEADER);
        return;
    };
    let size = length.saturating_sub(HEADER);
    context.layer("udp", format!("UDP {source} → {destination}"), fields, HEADER);
    context.summary("UDP", format!("{source} → {destination}，{size} 字节"));
    let stop = if length >= HEADER { end.min(start + length) } else { end };
    app::dissect(context, app::Transport::Udp, [source, destination], start + HEADER, stop);
}

fn read(fields: &mut Fields<'_>, verdict: Verdict) -> Option<(u16, u16)> {
    let source = fields.add(&SRCPORT, 0, 16)?;
    let destination = fields.add(&DSTPORT, 16, 16)?;
    fields.add(&LENGTH, 32, 16)?;
    verdict.add(fields, &CHECKSUM, &CHECKSUM_STATUS, 48)?;
    Some((u16::try_from(source).ok()?, u16::try_from(destination).ok()?))
}

/// The checksum covers a pseudo header, the header and the data. Over IPv4 the sender may leave it out by sending 0.
fn judge(context: &Context<'_>, fields: &Fields<'_>, start: usize, length: usize) -> Verdict {
    let found = fields.reader.u16(start + 6);
    match (context.network, found, fields.reader.bytes(start, length)) {
        (Some(Network::V4(..)), Some(0), _) => Verdict::NotPresent,
        (Some(Network::V6(..)), Some(0), _) if context.quoted => Verdict::NotPresent,
        (Some(Network::V6(..)), Some(0), _) => Verdict::Illegal,
        (Some(network), Some(found), Some(datagram)) if context.is_whole() && length >= HEADER => {
            Verdict::judge(
                found,
                checksum::add(checksum::pseudo(network, 17, length), checksum::sum(datagram)),
            )
        }
        _ => Verdict::Unverified,
    }
}
