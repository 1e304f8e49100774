//! Bytes that no dissector claims.

use crate::context::Context;
use crate::spec::{Form, specs};

specs! {
    DATA = "data.data", "数据", Form::Bytes;
    LEN = "data.len", "长度", Form::Unit("字节");
}

pub(crate) fn dissect(context: &mut Context<'_>, start: usize, end: usize) {
    let length = end.saturating_sub(start);
    if length == 0 {
        return;
    }
    let mut fields = context.fields(start, end);
    if fields.add(&DATA, 0, length * 8).is_none() {
        return;
    }
    fields.derived(&LEN, 0, length as u64);
    context.layer("data", format!("数据 {length} 字节"), fields, length);
}
