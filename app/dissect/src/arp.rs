//! Address Resolution Protocol, RFC 826; for Ethernet and IPv4.
//!
//! ```text
//! 0 hw.type 2 proto.type 4 hw.size 5 proto.size 6 opcode 8 sender MAC 14 sender IP 18 target MAC 24 target IP 28
//! ```

use crate::context::Context;
use crate::ethernet::TYPES;
use crate::fields::Fields;
use crate::spec::{Form, specs};
use crate::types::Value;

specs! {
    HW_TYPE = "arp.hw.type", "硬件类型", Form::Named(&[(1, "以太网")]);
    PROTO_TYPE = "arp.proto.type", "协议类型", Form::HexNamed(4, TYPES);
    HW_SIZE = "arp.hw.size", "硬件地址长度", Form::Unit("字节");
    PROTO_SIZE = "arp.proto.size", "协议地址长度", Form::Unit("字节");
    OPCODE = "arp.opcode", "操作码", Form::Named(&[(1, "请求"), (2, "应答"), (3, "RARP 请求"), (4, "RARP 应答")]);
    SRC_HW = "arp.src.hw_mac", "发送方 MAC", Form::Mac;
    SRC_IP = "arp.src.proto_ipv4", "发送方 IP", Form::Ipv4;
    DST_HW = "arp.dst.hw_mac", "目标 MAC", Form::Mac;
    DST_IP = "arp.dst.proto_ipv4", "目标 IP", Form::Ipv4;
}

const LENGTH: usize = 28;

/// Returns where the packet ends.
pub(crate) fn dissect(context: &mut Context<'_>, start: usize, end: usize) -> usize {
    let mut fields = context.fields(start, end);
    let summary = read(&mut fields);
    let title = summary.as_ref().map_or_else(|| "ARP".to_owned(), |summary| format!("ARP {summary}"));
    context.summary("ARP", summary.unwrap_or_else(|| "不完整".to_owned()));
    context.layer("arp", title, fields, LENGTH);
    end.min(start + LENGTH)
}

fn read(fields: &mut Fields<'_>) -> Option<String> {
    fields.add(&HW_TYPE, 0, 16)?;
    fields.add(&PROTO_TYPE, 16, 16)?;
    let hardware = fields.add(&HW_SIZE, 32, 8)?;
    let protocol = fields.add(&PROTO_SIZE, 40, 8)?;
    let opcode = fields.add(&OPCODE, 48, 16)?;
    if (hardware, protocol) != (6, 4) {
        return Some(format!("操作码 {opcode}"));
    }
    fields.rows(&[(&SRC_HW, 64, 48), (&SRC_IP, 112, 32), (&DST_HW, 144, 48), (&DST_IP, 192, 32)])?;
    let at = fields.start();
    let sender = Value::Ipv4(fields.reader.array(at + 14)?);
    let mac = Value::Mac(fields.reader.array(at + 8)?);
    let target = Value::Ipv4(fields.reader.array(at + 24)?);
    Some(match opcode {
        1 if sender == target => format!("{sender} 宣告自己的地址"),
        1 if sender == Value::Ipv4([0; 4]) => format!("有人在用 {target} 吗？"),
        1 => format!("谁是 {target}？请告诉 {sender}"),
        2 => format!("{sender} 在 {mac}"),
        other => format!("操作码 {other}"),
    })
}
