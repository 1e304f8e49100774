//! Multicast Listener Discovery, part of ICMPv6: version 1 RFC 2710, version 2 RFC 9777.
//!
//! ```text
//! query, report 1, done: … |max response 16|reserved 16|group 128| version 2: |res 4|S 1|QRV 3|QQIC 8|sources 16|…|
//! report 2:              … |reserved 16|records 16| |type 8|aux 8|sources 16|group 128|addresses …| …
//! ```

use crate::Value;
use crate::fields::Fields;
use crate::icmpv6::RESERVED;
use crate::igmp::RECORDS;
use crate::spec::{Form, specs};

specs! {
    DELAY = "icmpv6.mld.maximum_response_delay", "最大响应延迟", Form::Unit("毫秒");
    CODE = "icmpv6.mld.maximum_response_code", "最大响应代码", Form::Decimal;
    GROUP = "icmpv6.mld.multicast_address", "多播地址", Form::Ipv6;
    FLAG = "icmpv6.mld.flag", "标志", Form::Hex(2);
    SUPPRESS = "icmpv6.mld.flag.s", "抑制路由器处理", Form::Flag;
    QRV = "icmpv6.mld.flag.qrv", "健壮性系数", Form::Decimal;
    FLAG_RESERVED = "icmpv6.mld.flag.reserved", "保留", Form::Decimal;
    QQI = "icmpv6.mld.qqi", "查询间隔代码", Form::Decimal;
    SOURCES = "icmpv6.mld.nb_sources", "源地址数", Form::Decimal;
    SOURCE = "icmpv6.mld.source_address", "源地址", Form::Ipv6;
    RECORD_COUNT = "icmpv6.mldr.nb_mcast_records", "组记录数", Form::Decimal;
    RECORD = "icmpv6.mldr.mar", "组记录", Form::Group;
    RECORD_TYPE = "icmpv6.mldr.mar.record_type", "记录类型", Form::Named(RECORDS);
    AUX_LEN = "icmpv6.mldr.mar.aux_data_len", "辅助数据长度", Form::Decimal;
    RECORD_SOURCES = "icmpv6.mldr.mar.nb_sources", "源地址数", Form::Decimal;
    RECORD_GROUP = "icmpv6.mldr.mar.multicast_address", "多播地址", Form::Ipv6;
    RECORD_SOURCE = "icmpv6.mldr.mar.source_address", "源地址", Form::Ipv6;
    AUX = "icmpv6.mldr.mar.auxiliary_data", "辅助数据", Form::Bytes;
}

/// Adds what follows the checksum of an ICMPv6 message of type `kind`.
pub(crate) fn dissect(fields: &mut Fields<'_>, kind: u64, length: usize, said: &mut String) -> Option<()> {
    if kind == 143 {
        return records(fields, said);
    }
    // RFC 9777 section 8.1: a query of 28 bytes or more is version 2.
    let second = kind == 130 && length >= 28;
    fields.add(if second { &CODE } else { &DELAY }, 32, 16)?;
    fields.add(&RESERVED, 48, 16)?;
    let group = Value::Ipv6(fields.reader.array(fields.start() + 8)?);
    fields.add(&GROUP, 64, 128)?;
    *said = match kind {
        130 if group == Value::Ipv6([0; 16]) => "查询：有哪些组？".to_owned(),
        130 => format!("查询：{group} 还有侦听者吗？"),
        131 => format!("侦听 {group}（v1 报告）"),
        _ => format!("不再侦听 {group}"),
    };
    if !second {
        return Some(());
    }
    fields.nest(&FLAG, 192, 8, |fields| {
        fields.rows(&[(&FLAG_RESERVED, 192, 4), (&SUPPRESS, 196, 1), (&QRV, 197, 3)])
    })?;
    fields.add(&QQI, 200, 8)?;
    let sources = usize::try_from(fields.add(&SOURCES, 208, 16)?).ok()?;
    (0..sources).try_for_each(|index| fields.rows(&[(&SOURCE, 224 + index * 128, 128)]))
}

fn records(fields: &mut Fields<'_>, said: &mut String) -> Option<()> {
    fields.add(&RESERVED, 32, 16)?;
    let count = fields.add(&RECORD_COUNT, 48, 16)?;
    *said = format!("v2 报告，{count} 条记录");
    let mut at = 8;
    for index in 0..count {
        let bit = at * 8;
        let kind = fields.u8(at)?;
        let auxiliary = usize::from(fields.u8(at + 1)?) * 4;
        let sources = usize::from(fields.u16(at + 2)?);
        let group = Value::Ipv6(fields.reader.array(fields.start() + at + 4)?);
        let length = 20 + sources * 16 + auxiliary;
        fields.nest(&RECORD, bit, length * 8, |fields| {
            fields.rows(&[
                (&RECORD_TYPE, bit, 8),
                (&AUX_LEN, bit + 8, 8),
                (&RECORD_SOURCES, bit + 16, 16),
                (&RECORD_GROUP, bit + 32, 128),
            ])?;
            (0..sources)
                .try_for_each(|index| fields.rows(&[(&RECORD_SOURCE, bit + 160 + index * 128, 128)]))?;
            match auxiliary {
                0 => Some(()),
                bytes => fields.rows(&[(&AUX, bit + 160 + sources * 128, bytes * 8)]),
            }
        })?;
        let verb = match (kind, sources) {
            (2 | 4, 0) => "侦听",
            (3, 0) => "不再侦听",
            _ => "更改",
        };
        fields.say(|_| format!("{verb} {group}"));
        said.push_str(if index == 0 { "：" } else { "、" });
        said.push_str(&format!("{verb} {group}"));
        at += length;
    }
    Some(())
}
