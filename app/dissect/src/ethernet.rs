//! Ethernet II and IEEE 802.3 frames, without FCS.
//!
//! ```text
//!  0      destination      6        source        12 type 14   payload …   trailer
//! ```

use crate::context::Context;
use crate::spec::{Form, Names, specs};
use crate::{app, arp, ipv4, ipv6, vlan};

specs! {
    DST = "eth.dst", "目的 MAC", Form::Mac;
    DST_LG = "eth.dst.lg", "LG 位", Form::Choice("全球唯一", "本地管理");
    DST_IG = "eth.dst.ig", "IG 位", Form::Choice("单播", "多播/广播");
    SRC = "eth.src", "源 MAC", Form::Mac;
    SRC_LG = "eth.src.lg", "LG 位", Form::Choice("全球唯一", "本地管理");
    SRC_IG = "eth.src.ig", "IG 位", Form::Choice("单播", "多播/广播");
    TYPE = "eth.type", "上层协议", Form::HexNamed(4, TYPES);
    LEN = "eth.len", "长度", Form::Unit("字节");
    TRAILER = "eth.trailer", "尾部填充", Form::Bytes;
    PADDING = "eth.padding", "填充", Form::Bytes;
}

pub(crate) const TYPES: Names = &[
    (0x0800, "IPv4"),
    (0x0806, "ARP"),
    (0x8100, "802.1Q"),
    (0x86dd, "IPv6"),
    (0x88a8, "802.1ad"),
    (0x8863, "PPPoE 发现"),
    (0x8864, "PPPoE 会话"),
    (0x88cc, "LLDP"),
];

const HEADER: usize = 14;

pub(crate) fn dissect(context: &mut Context<'_>) {
    let end = context.frame.len();
    let mut fields = context.fields(0, end);
    let read = (|| {
        fields.nest(&DST, 0, 48, |fields| fields.rows(&[(&DST_LG, 6, 1), (&DST_IG, 7, 1)]))?;
        fields.nest(&SRC, 48, 48, |fields| fields.rows(&[(&SRC_LG, 54, 1), (&SRC_IG, 55, 1)]))?;
        let number = fields.reader.u16(12)?;
        fields.add(if number < 0x600 { &LEN } else { &TYPE }, 96, 16)?;
        Some(number)
    })();
    let title = match (fields.list.first(), fields.list.get(1)) {
        (Some(to), Some(from)) => {
            context.addresses(&from.value, &to.value);
            format!("以太网 {} → {}", from.value, to.value)
        }
        _ => "以太网".to_owned(),
    };
    context.summary("以太网", title.clone());
    context.layer("eth", title, fields, HEADER);
    let Some(number) = read else { return };
    if number < 0x600 {
        // IEEE 802.3 with LLC: its header is left to the hex view.
        trailer(context, HEADER + usize::from(number), end);
        return;
    }
    context.summary("以太网", format!("以太类型 0x{number:04x}，{} 字节", end - HEADER));
    let payload_end = payload(context, number, HEADER, end);
    trailer(context, payload_end, end);
}

/// Opens the layer that an EtherType stands for. Returns where it ends.
pub(crate) fn payload(context: &mut Context<'_>, number: u16, start: usize, end: usize) -> usize {
    match number {
        _ if context.too_deep() => app::data::dissect(context, start, end),
        0x0800 => return ipv4::dissect(context, start, end),
        0x0806 => return arp::dissect(context, start, end),
        0x8100 => return vlan::dissect(context, false, start, end),
        0x86dd => return ipv6::dissect(context, start, end),
        0x88a8 => return vlan::dissect(context, true, start, end),
        _ => app::data::dissect(context, start, end),
    }
    end
}

/// Bytes after the payload: Ethernet frames are at least 60 bytes long without FCS.
fn trailer(context: &mut Context<'_>, start: usize, end: usize) {
    if start >= end {
        return;
    }
    let mut fields = context.fields(0, end);
    let zero = context.frame.get(start..end).is_some_and(|bytes| bytes.iter().all(|byte| *byte == 0));
    let spec = if zero { &PADDING } else { &TRAILER };
    if fields.add(spec, start * 8, (end - start) * 8).is_some()
        && let Some(ethernet) = context.out.layers.first_mut()
    {
        ethernet.fields.append(&mut fields.list);
    }
}
