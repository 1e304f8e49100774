//! Extension headers between an IPv6 header and its payload: RFC 8200 section 4.
//!
//! ```text
//! options:  |next header 8|length 8 (in 8 bytes, without the first 8)| options as type, length, data
//! routing:  |next header 8|length 8|type 8|segments left 8| data
//! fragment: |next header 8|reserved 8|offset 13|reserved 2|M 1|identification 32|
//! ```

use crate::context::{Context, Network};
use crate::fields::Fields;
use crate::ipv4::{PROTOCOLS, fragment_summary};
use crate::spec::{Form, Spec, specs};

specs! {
    HOP_NXT = "ipv6.hopopts.nxt", "下一个首部", Form::Named(PROTOCOLS);
    HOP_LEN = "ipv6.hopopts.len", "长度字段", Form::Decimal;
    HOP_OCTETS = "ipv6.hopopts.len_oct", "长度", Form::EightsPlusOne;
    DST_NXT = "ipv6.dstopts.nxt", "下一个首部", Form::Named(PROTOCOLS);
    DST_LEN = "ipv6.dstopts.len", "长度字段", Form::Decimal;
    DST_OCTETS = "ipv6.dstopts.len_oct", "长度", Form::EightsPlusOne;
    OPT = "ipv6.opt", "选项", Form::Group;
    OPT_TYPE = "ipv6.opt.type", "类型", Form::HexNamed(2, OPTIONS);
    OPT_ACTION = "ipv6.opt.type.action", "不认识时", Form::Named(ACTIONS);
    OPT_CHANGE = "ipv6.opt.type.change", "途中可改", Form::Flag;
    OPT_REST = "ipv6.opt.type.rest", "低位编号", Form::Hex(2);
    OPT_LENGTH = "ipv6.opt.length", "长度", Form::Unit("字节");
    OPT_PAD1 = "ipv6.opt.pad1", "单字节填充", Form::Group;
    OPT_PADN = "ipv6.opt.padn", "填充", Form::Bytes;
    OPT_ALERT = "ipv6.opt.router_alert", "路由器警示", Form::Named(&[(0, "MLD"), (1, "RSVP"), (2, "主动网络")]);
    ROUTING_NXT = "ipv6.routing.nxt", "下一个首部", Form::Named(PROTOCOLS);
    ROUTING_LEN = "ipv6.routing.len", "长度字段", Form::Decimal;
    ROUTING_OCTETS = "ipv6.routing.len_oct", "长度", Form::EightsPlusOne;
    ROUTING_TYPE = "ipv6.routing.type", "路由类型", Form::Named(&[(0, "源路由，已废弃"), (2, "移动 IPv6"), (4, "段路由 SRv6")]);
    ROUTING_LEFT = "ipv6.routing.segleft", "剩余段数", Form::Decimal;
    SOURCE_RESERVED = "ipv6.routing.src.reserved", "保留", Form::Bytes;
    SOURCE_ADDRESS = "ipv6.routing.src.addr", "途经地址", Form::Ipv6;
    SEGMENT_LAST = "ipv6.routing.srh.last_entry", "最后一项下标", Form::Decimal;
    SEGMENT_FLAGS = "ipv6.routing.srh.flags", "标志", Form::Hex(2);
    SEGMENT_TAG = "ipv6.routing.srh.tag", "标签", Form::Bytes;
    SEGMENT = "ipv6.routing.srh.addr", "段", Form::Ipv6;
    FRAG_NXT = "ipv6.fraghdr.nxt", "下一个首部", Form::Named(PROTOCOLS);
    FRAG_RESERVED = "ipv6.fraghdr.reserved_octet", "保留字节", Form::Hex(2);
    FRAG_OFFSET = "ipv6.fraghdr.offset", "分片偏移", Form::Decimal;
    FRAG_BITS = "ipv6.fraghdr.reserved_bits", "保留位", Form::Decimal;
    FRAG_MORE = "ipv6.fraghdr.more", "还有分片", Form::Flag;
    FRAG_IDENT = "ipv6.fraghdr.ident", "标识", Form::Hex(8);
}

const OPTIONS: crate::spec::Names = &[(0, "Pad1"), (1, "PadN"), (5, "路由器警示"), (0xc2, "巨型载荷")];
const ACTIONS: crate::spec::Names =
    &[(0, "跳过"), (1, "丢弃"), (2, "丢弃并报告"), (3, "丢弃，目的非多播才报告")];

const HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const DESTINATION: u8 = 60;

/// Follows the chain from header `next` at byte `at`. Returns the payload's protocol, where it begins, and its
/// offset within the original packet in bytes; `None` if a header is cut short.
pub(crate) fn dissect(
    context: &mut Context<'_>,
    mut next: u8,
    mut at: usize,
    end: usize,
) -> Option<(u8, usize, u64)> {
    while !context.too_deep() {
        (next, at) = match next {
            HOP => options(context, "ipv6.hopopts", "逐跳选项", [&HOP_NXT, &HOP_LEN, &HOP_OCTETS], at, end)?,
            DESTINATION => {
                options(context, "ipv6.dstopts", "目的地选项", [&DST_NXT, &DST_LEN, &DST_OCTETS], at, end)?
            }
            ROUTING => routing(context, at, end)?,
            FRAGMENT => {
                let (next, offset) = fragment(context, at, end)?;
                if offset > 0 {
                    return Some((next, at + 8, offset));
                }
                (next, at + 8)
            }
            _ => break,
        };
    }
    Some((next, at, 0))
}

fn options(
    context: &mut Context<'_>,
    protocol: &'static str,
    title: &str,
    specs: [&'static Spec; 3],
    at: usize,
    end: usize,
) -> Option<(u8, usize)> {
    let mut fields = context.fields(at, end);
    let length = fields.u8(1).map_or(8, |eights| usize::from(eights) * 8 + 8);
    let read = (|| {
        let next = fields.add(specs[0], 0, 8)?;
        fields.add(specs[1], 8, 8)?;
        fields.add(specs[2], 8, 8)?;
        let mut option = 2;
        while option < length {
            option += one_option(&mut fields, option, length)?;
        }
        u8::try_from(next).ok()
    })();
    context.layer(protocol, title.to_owned(), fields, length);
    Some((read?, at + length))
}

/// Adds the option at byte `at` of a header of `end` bytes. Returns its length.
fn one_option(fields: &mut Fields<'_>, at: usize, end: usize) -> Option<usize> {
    let bit = at * 8;
    let kind = fields.u8(at)?;
    let length = if kind == 0 { 1 } else { 2 + usize::from(fields.u8(at + 1)?) };
    if at + length > end {
        return None;
    }
    fields.nest(&OPT, bit, length * 8, |fields| {
        if kind == 0 {
            return fields.rows(&[(&OPT_TYPE, bit, 8), (&OPT_PAD1, bit, 8)]);
        }
        fields.nest(&OPT_TYPE, bit, 8, |fields| {
            fields.rows(&[(&OPT_ACTION, bit, 2), (&OPT_CHANGE, bit + 2, 1), (&OPT_REST, bit + 3, 5)])
        })?;
        fields.add(&OPT_LENGTH, bit + 8, 8)?;
        match (kind, length) {
            (1, 3..) => fields.rows(&[(&OPT_PADN, bit + 16, (length - 2) * 8)]),
            (5, 4) => fields.rows(&[(&OPT_ALERT, bit + 16, 16)]),
            _ => Some(()),
        }
    })?;
    fields.say(|field| field.children.first().map_or_else(String::new, |kind| kind.text.clone()));
    Some(length)
}

fn routing(context: &mut Context<'_>, at: usize, end: usize) -> Option<(u8, usize)> {
    let mut fields = context.fields(at, end);
    let length = fields.u8(1).map_or(8, |eights| usize::from(eights) * 8 + 8);
    let mut last = None;
    let read = (|| {
        let next = fields.add(&ROUTING_NXT, 0, 8)?;
        fields.add(&ROUTING_LEN, 8, 8)?;
        fields.add(&ROUTING_OCTETS, 8, 8)?;
        let kind = fields.add(&ROUTING_TYPE, 16, 8)?;
        let left = fields.add(&ROUTING_LEFT, 24, 8)?;
        let addresses = (length - 8) / 16;
        let last_address = match kind {
            0 => {
                fields.add(&SOURCE_RESERVED, 32, 32)?;
                (0..addresses)
                    .try_for_each(|index| fields.rows(&[(&SOURCE_ADDRESS, 64 + index * 128, 128)]))?;
                addresses.checked_sub(1)
            }
            4 => {
                fields.rows(&[(&SEGMENT_LAST, 32, 8), (&SEGMENT_FLAGS, 40, 8), (&SEGMENT_TAG, 48, 16)])?;
                let count = addresses.min(usize::from(fields.u8(4)?) + 1);
                (0..count).try_for_each(|index| fields.rows(&[(&SEGMENT, 64 + index * 128, 128)]))?;
                Some(0)
            }
            _ => None,
        };
        if left > 0 {
            last = last_address.and_then(|index| fields.reader.array(at + 8 + index * 16));
        }
        u8::try_from(next).ok()
    })();
    context.layer("ipv6.routing", "路由首部".to_owned(), fields, length);
    // RFC 8200 section 8.1: checksums cover the final destination, not the next stop.
    if let (Some(Network::V6(source, _)), Some(last)) = (context.network, last) {
        context.network = Some(Network::V6(source, last));
    }
    Some((read?, at + length))
}

/// Returns the next header and the offset in bytes.
fn fragment(context: &mut Context<'_>, at: usize, end: usize) -> Option<(u8, u64)> {
    let mut fields = context.fields(at, end);
    let read = (|| {
        let next = fields.add(&FRAG_NXT, 0, 8)?;
        fields.add(&FRAG_RESERVED, 8, 8)?;
        let offset = fields.add(&FRAG_OFFSET, 16, 13)? * 8;
        fields.say(|field| format!("{}（{offset} 字节）", field.text));
        fields.add(&FRAG_BITS, 29, 2)?;
        let more = fields.add(&FRAG_MORE, 31, 1)? == 1;
        fields.add(&FRAG_IDENT, 32, 32)?;
        Some((u8::try_from(next).ok()?, offset, more))
    })();
    context.layer("ipv6.fraghdr", "分片首部".to_owned(), fields, 8);
    let (next, offset, more) = read?;
    if more || offset > 0 {
        context.summary("IPv6", fragment_summary(next, offset, more, end.saturating_sub(at + 8)));
        context.fragment = true;
    }
    Some((next, offset))
}
