//! Options of a TCP header: RFC 9293 section 3.2, RFC 7323, RFC 2018, RFC 7413, RFC 2385.
//!
//! ```text
//! |kind 8|  or  |kind 8|length 8| data …
//! ```

use crate::fields::Fields;
use crate::spec::{Form, Names, Spec, specs};

specs! {
    OPTIONS = "tcp.options", "选项", Form::Bytes;
    KIND = "tcp.option_kind", "种类", Form::Named(KINDS);
    LEN = "tcp.option_len", "长度", Form::Unit("字节");
    EOL = "tcp.options.eol", "选项结束", Form::Bytes;
    NOP = "tcp.options.nop", "空操作", Form::Bytes;
    MSS = "tcp.options.mss", "最大报文段长度 MSS", Form::Bytes;
    MSS_VALUE = "tcp.options.mss_val", "MSS", Form::Unit("字节");
    WSCALE = "tcp.options.wscale", "窗口扩大", Form::Bytes;
    SHIFT = "tcp.options.wscale.shift", "移位数", Form::Decimal;
    MULTIPLIER = "tcp.options.wscale.multiplier", "倍数", Form::PowerOfTwo;
    SACK_PERM = "tcp.options.sack_perm", "允许 SACK", Form::Bytes;
    SACK = "tcp.options.sack", "选择确认 SACK", Form::Bytes;
    LEFT = "tcp.options.sack_le", "左边界", Form::Decimal;
    RIGHT = "tcp.options.sack_re", "右边界", Form::Decimal;
    TIMESTAMP = "tcp.options.timestamp", "时间戳", Form::Bytes;
    TSVAL = "tcp.options.timestamp.tsval", "TSval 本方时间", Form::Decimal;
    TSECR = "tcp.options.timestamp.tsecr", "TSecr 回显时间", Form::Decimal;
    MD5 = "tcp.options.md5", "MD5 签名", Form::Bytes;
    DIGEST = "tcp.options.md5.digest", "MD5 摘要", Form::Bytes;
    TFO = "tcp.options.tfo", "快速打开 TFO", Form::Bytes;
    TFO_REQUEST = "tcp.options.tfo.request", "请求 Cookie", Form::Group;
    TFO_COOKIE = "tcp.options.tfo.cookie", "Cookie", Form::Bytes;
    UNKNOWN = "tcp.options.unknown", "未知选项", Form::Bytes;
    UNKNOWN_DATA = "tcp.options.unknown.payload", "内容", Form::Bytes;
}

const KINDS: Names = &[
    (0, "选项结束"),
    (1, "空操作"),
    (2, "MSS"),
    (3, "窗口扩大"),
    (4, "允许 SACK"),
    (5, "SACK"),
    (8, "时间戳"),
    (19, "MD5 签名"),
    (28, "用户超时"),
    (29, "TCP-AO 认证"),
    (30, "多路径 MPTCP"),
    (34, "快速打开"),
    (253, "实验 1"),
    (254, "实验 2"),
];

/// Kinds that Wireshark has names of its own for and we only show by number.
const OTHERS: [u8; 19] = [6, 7, 11, 12, 13, 20, 21, 22, 23, 27, 28, 29, 30, 76, 78, 172, 174, 253, 254];

/// Adds the options between bytes `at` and `end` (from the header's start).
pub(crate) fn dissect(fields: &mut Fields<'_>, at: usize, end: usize) -> Option<()> {
    fields.nest(&OPTIONS, at * 8, (end - at) * 8, |fields| {
        let mut at = at;
        while at < end {
            at += one(fields, at, end)?;
        }
        Some(())
    })?;
    Some(())
}

/// Adds the option at `at` and returns its length.
fn one(fields: &mut Fields<'_>, at: usize, end: usize) -> Option<usize> {
    let bit = at * 8;
    let kind = fields.u8(at)?;
    if kind <= 1 {
        let spec = if kind == 0 { &EOL } else { &NOP };
        fields.nest(spec, bit, 8, |fields| fields.rows(&[(&KIND, bit, 8)]))?;
        return Some(1);
    }
    let length = usize::from(fields.u8(at + 1)?);
    if length < 2 || at + length > end {
        return None;
    }
    let data = length - 2;
    let group: Option<&'static Spec> = match (kind, data) {
        (2, 2) => Some(&MSS),
        (3, 1) => Some(&WSCALE),
        (4, 0) => Some(&SACK_PERM),
        (5, _) if data % 8 == 0 => Some(&SACK),
        (8, 8) => Some(&TIMESTAMP),
        (19, 16) => Some(&MD5),
        (34, _) => Some(&TFO),
        (2..=5 | 8 | 19, _) => None,
        _ if OTHERS.contains(&kind) => None,
        _ => Some(&UNKNOWN),
    };
    let Some(group) = group else {
        fields.nest(&KIND, bit, 8, |fields| fields.rows(&[(&LEN, bit + 8, 8)]))?;
        return Some(length);
    };
    fields.nest(group, bit, length * 8, |fields| {
        fields.rows(&[(&KIND, bit, 8), (&LEN, bit + 8, 8)])?;
        contents(fields, kind, bit, data)
    })?;
    Some(length)
}

/// What follows kind and length: `data` bytes.
fn contents(fields: &mut Fields<'_>, kind: u8, bit: usize, data: usize) -> Option<()> {
    let value = bit + 16;
    match kind {
        2 => fields.rows(&[(&MSS_VALUE, value, 16)]),
        3 => fields.rows(&[(&SHIFT, value, 8), (&MULTIPLIER, value, 8)]),
        4 => Some(()),
        5 => (0..data / 8).try_for_each(|block| {
            fields.rows(&[(&LEFT, value + block * 64, 32), (&RIGHT, value + block * 64 + 32, 32)])
        }),
        8 => fields.rows(&[(&TSVAL, value, 32), (&TSECR, value + 32, 32)]),
        19 => fields.rows(&[(&DIGEST, value, 128)]),
        34 if data == 0 => fields.rows(&[(&TFO_REQUEST, bit, 16)]),
        34 => fields.rows(&[(&TFO_COOKIE, value, data * 8)]),
        _ if data == 0 => Some(()),
        _ => fields.rows(&[(&UNKNOWN_DATA, value, data * 8)]),
    }
}
