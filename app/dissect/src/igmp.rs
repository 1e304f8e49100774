//! Internet Group Management Protocol: version 1 RFC 1112, version 2 RFC 2236, version 3 RFC 9776.
//!
//! ```text
//! query:   |type 8|max response 8|checksum 16|group 32|  version 3: |res 4|S 1|QRV 3|QQIC 8|sources 16|addresses …|
//! report:  |type 8|max response 8|checksum 16|group 32|
//! report 3:|type 8|reserved 8|checksum 16|reserved 16|records 16| |type 8|aux 8|sources 16|group 32|addresses …| …
//! ```

use crate::checksum::{self, VERDICTS, Verdict};
use crate::context::Context;
use crate::fields::Fields;
use crate::spec::{Form, Names, specs};
use crate::{Field, Value};

specs! {
    VERSION = "igmp.version", "版本", Form::Decimal;
    TYPE = "igmp.type", "类型", Form::HexNamed(2, TYPES);
    RESERVED = "igmp.reserved", "保留", Form::Bytes;
    MAX_RESP = "igmp.max_resp", "最大响应时间", Form::Decimal;
    MAX_EXP = "igmp.max_resp.exp", "指数", Form::Hex(1);
    MAX_MANT = "igmp.max_resp.mant", "尾数", Form::Hex(1);
    CHECKSUM = "igmp.checksum", "校验和", Form::Hex(4);
    CHECKSUM_STATUS = "igmp.checksum.status", "校验结果", Form::Named(VERDICTS);
    MADDR = "igmp.maddr", "多播地址", Form::Ipv4;
    SUPPRESS = "igmp.s", "抑制路由器处理", Form::Flag;
    QRV = "igmp.qrv", "健壮性系数", Form::Decimal;
    QQIC = "igmp.qqic", "查询间隔代码", Form::Decimal;
    NUM_SRC = "igmp.num_src", "源地址数", Form::Decimal;
    SADDR = "igmp.saddr", "源地址", Form::Ipv4;
    NUM_RECORDS = "igmp.num_grp_recs", "组记录数", Form::Decimal;
    RECORD_TYPE = "igmp.record_type", "记录类型", Form::Named(RECORDS);
    AUX_LEN = "igmp.aux_data_len", "辅助数据长度", Form::Decimal;
    AUX = "igmp.aux_data", "辅助数据", Form::Bytes;
}

const QUERY: u64 = 0x11;
const REPORT_1: u64 = 0x12;
const REPORT_2: u64 = 0x16;
const LEAVE: u64 = 0x17;
const REPORT_3: u64 = 0x22;

const TYPES: Names = &[
    (QUERY, "成员查询"),
    (REPORT_1, "成员报告 v1"),
    (REPORT_2, "成员报告 v2"),
    (LEAVE, "离开组"),
    (REPORT_3, "成员报告 v3"),
];

pub(crate) const RECORDS: Names = &[
    (1, "当前模式：只收列表内的源"),
    (2, "当前模式：排除列表内的源"),
    (3, "改为只收列表内的源"),
    (4, "改为排除列表内的源"),
    (5, "允许新的源"),
    (6, "拒收旧的源"),
];

pub(crate) fn dissect(context: &mut Context<'_>, start: usize, end: usize) {
    let mut fields = context.fields(start, end);
    let length = end.saturating_sub(start);
    let verdict = match (fields.reader.u16(start + 2), fields.reader.bytes(start, length)) {
        (Some(found), Some(message)) if context.is_whole() => Verdict::judge(found, checksum::sum(message)),
        _ => Verdict::Unverified,
    };
    let mut said = String::new();
    let _ = read(&mut fields, verdict, length, &mut said);
    let said = if said.is_empty() { "不完整".to_owned() } else { said };
    context.summary("IGMP", said.clone());
    context.layer("igmp", format!("IGMP {said}"), fields, length);
}

fn read(fields: &mut Fields<'_>, verdict: Verdict, length: usize, said: &mut String) -> Option<()> {
    let kind = u64::from(fields.u8(0)?);
    let max_resp = fields.u8(1)?;
    let version = match kind {
        QUERY if length >= 12 => 3,
        QUERY if max_resp == 0 => 1,
        QUERY | REPORT_2 | LEAVE => 2,
        REPORT_1 => 1,
        REPORT_3 => 3,
        _ => {
            *said = format!("类型 0x{kind:02x}");
            return fields.rows(&[(&TYPE, 0, 8)]);
        }
    };
    fields.derived(&VERSION, 0, version)?;
    fields.add(&TYPE, 0, 8)?;
    if version == 1 || kind == REPORT_3 {
        fields.add(&RESERVED, 8, 8)?;
    } else if version == 3 && max_resp >= 128 {
        fields.nest(&MAX_RESP, 8, 8, |fields| fields.rows(&[(&MAX_EXP, 9, 3), (&MAX_MANT, 12, 4)]))?;
        // RFC 9776 section 4.1.1: from 128 on it is a floating-point number, 1xxx mantissa, exponent.
        let value = (u64::from(max_resp) & 0x0f | 0x10) << ((max_resp >> 4 & 7) + 3);
        fields.amend(|field| field.value = Value::Unsigned(value));
        fields.amend(tenths);
    } else {
        fields.add(&MAX_RESP, 8, 8)?;
        fields.amend(tenths);
    }
    verdict.add(fields, &CHECKSUM, &CHECKSUM_STATUS, 16)?;
    if kind == REPORT_3 {
        return records(fields, said);
    }
    let group = Value::Ipv4(fields.reader.array(fields.start() + 4)?);
    fields.add(&MADDR, 32, 32)?;
    *said = match kind {
        QUERY if group == Value::Ipv4([0; 4]) => format!("查询 v{version}：有哪些组？"),
        QUERY => format!("查询 v{version}：{group} 还有成员吗？"),
        LEAVE => format!("离开 {group}"),
        _ => format!("加入 {group}（v{version} 报告）"),
    };
    if version < 3 {
        return Some(());
    }
    fields.rows(&[(&SUPPRESS, 68, 1), (&QRV, 69, 3), (&QQIC, 72, 8)])?;
    let sources = fields.add(&NUM_SRC, 80, 16)?;
    (0..sources)
        .try_for_each(|index| fields.add(&SADDR, 96 + usize::try_from(index).ok()? * 32, 32).map(drop))
}

/// Max response is counted in tenths of a second.
fn tenths(field: &mut Field) {
    if let Some(tenths) = field.value.unsigned() {
        field.text = format!("{}.{} 秒", tenths / 10, tenths % 10);
    }
}

/// Group records of a version 3 report.
fn records(fields: &mut Fields<'_>, said: &mut String) -> Option<()> {
    fields.add(&RESERVED, 32, 16)?;
    let count = fields.add(&NUM_RECORDS, 48, 16)?;
    *said = format!("v3 报告，{count} 条记录");
    let mut at = 8;
    for index in 0..count {
        let bit = at * 8;
        let auxiliary = usize::from(fields.u8(at + 1)?) * 4;
        let sources = usize::from(fields.u16(at + 2)?);
        let group = Value::Ipv4(fields.reader.array(fields.start() + at + 4)?);
        let kind = fields.nest(&RECORD_TYPE, bit, 8, |fields| {
            fields.rows(&[(&AUX_LEN, bit + 8, 8), (&NUM_SRC, bit + 16, 16), (&MADDR, bit + 32, 32)])?;
            (0..sources).try_for_each(|index| fields.add(&SADDR, bit + 64 + index * 32, 32).map(drop))?;
            match auxiliary {
                0 => Some(()),
                bytes => fields.rows(&[(&AUX, bit + 64 + sources * 32, bytes * 8)]),
            }
        })?;
        let verb = match (kind, sources) {
            (2 | 4, 0) => "加入",
            (3, 0) => "离开",
            _ => "更改",
        };
        said.push_str(if index == 0 { "：" } else { "、" });
        said.push_str(&format!("{verb} {group}"));
        at += 8 + sources * 4 + auxiliary;
    }
    Some(())
}
