//! Options of an IPv4 header: RFC 791 section 3.1, router alert RFC 2113.
//!
//! ```text
//! |copied 1|class 2|number 5|   length 8   |  pointer 8  | data …
//! ```

use crate::fields::Fields;
use crate::spec::{Form, Spec, specs};

specs! {
    EOL = "ip.options.eol", "选项：结束", Form::Bytes;
    NOP = "ip.options.nop", "选项：空操作", Form::Bytes;
    ROUTER_ALERT = "ip.options.routeralert", "选项：路由器警示", Form::Bytes;
    RECORD_ROUTE = "ip.options.record_route", "选项：记录路由", Form::Bytes;
    TIMESTAMP = "ip.options.timestamp", "选项：时间戳", Form::Bytes;
    TYPE = "ip.opt.type", "类型", Form::Decimal;
    COPY = "ip.opt.type.copy", "分片时复制", Form::Flag;
    CLASS = "ip.opt.type.class", "类别", Form::Named(&[(0, "控制"), (2, "调试与测量")]);
    NUMBER = "ip.opt.type.number", "编号", Form::Decimal;
    LEN = "ip.opt.len", "长度", Form::Unit("字节");
    PTR = "ip.opt.ptr", "指针", Form::Decimal;
    ALERT = "ip.opt.ra", "警示内容", Form::Named(&[(0, "路由器须检查此包")]);
    RECORDED = "ip.rec_rt", "已记录的地址", Form::Ipv4;
    EMPTY = "ip.empty_rt", "空位", Form::Ipv4;
    OVERFLOW = "ip.opt.overflow", "未能记录的跳数", Form::Decimal;
    FLAG = "ip.opt.flag", "记录方式", Form::HexNamed(1, &[(0, "只记时间"), (1, "地址和时间"), (3, "指定的地址")]);
    TIME = "ip.opt.time_stamp", "时间戳", Form::Unit("毫秒");
    TIME_ADDRESS = "ip.opt.time_stamp_addr", "地址", Form::Ipv4;
}

/// Adds the options between bytes `at` and `end` (both from the header's start). Stops at the first malformed one.
pub(crate) fn dissect(fields: &mut Fields<'_>, mut at: usize, end: usize) -> Option<()> {
    while at < end {
        let kind = fields.u8(at)?;
        let single = kind <= 1;
        let length = if single { 1 } else { usize::from(fields.u8(at + 1)?) };
        if length == 0 || (length == 1 && !single) || at + length > end {
            return None;
        }
        let group: Option<&'static Spec> = match kind {
            0 => Some(&EOL),
            1 => Some(&NOP),
            148 => Some(&ROUTER_ALERT),
            7 => Some(&RECORD_ROUTE),
            68 => Some(&TIMESTAMP),
            _ => None,
        };
        if let Some(group) = group {
            fields.nest(group, at * 8, length * 8, |fields| one(fields, kind, at, length));
        }
        if kind == 0 {
            return Some(());
        }
        at += length;
    }
    Some(())
}

fn one(fields: &mut Fields<'_>, kind: u8, at: usize, length: usize) -> Option<()> {
    let bit = at * 8;
    fields.nest(&TYPE, bit, 8, |fields| {
        fields.rows(&[(&COPY, bit, 1), (&CLASS, bit + 1, 2), (&NUMBER, bit + 3, 5)])
    })?;
    if length == 1 {
        return Some(());
    }
    fields.add(&LEN, bit + 8, 8)?;
    match kind {
        148 if length == 4 => fields.rows(&[(&ALERT, bit + 16, 16)]),
        7 if length >= 3 => {
            let pointer = fields.add(&PTR, bit + 16, 8)?;
            (3..).step_by(4).take_while(|offset| offset + 4 <= length).try_for_each(|offset| {
                let filled = (offset as u64) + 1 < pointer;
                fields.add(if filled { &RECORDED } else { &EMPTY }, bit + offset * 8, 32).map(drop)
            })
        }
        68 if length >= 4 => timestamps(fields, bit, length),
        _ => Some(()),
    }
}

fn timestamps(fields: &mut Fields<'_>, bit: usize, length: usize) -> Option<()> {
    fields.add(&PTR, bit + 16, 8)?;
    fields.add(&OVERFLOW, bit + 24, 4)?;
    let with_address = fields.add(&FLAG, bit + 28, 4)? != 0;
    let mut offset = 4;
    while offset + (if with_address { 8 } else { 4 }) <= length {
        if with_address {
            fields.add(&TIME_ADDRESS, bit + offset * 8, 32)?;
            offset += 4;
        }
        fields.add(&TIME, bit + offset * 8, 32)?;
        offset += 4;
    }
    Some(())
}
