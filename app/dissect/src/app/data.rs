//! Bytes that no dissector claims.

use crate::context::{Context, to_u32};
use crate::fields::Fields;
use crate::spec::{Form, specs};
use crate::types::Layer;

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

/// Bytes that lie in a frame from byte `start`: a piece of a message in a stream.
pub(crate) fn layer(bytes: &[u8], start: usize) -> Option<Layer> {
    if bytes.is_empty() {
        return None;
    }
    let mut fields = Fields::new(bytes, 0, bytes.len());
    fields.add(&DATA, 0, bytes.len() * 8)?;
    fields.derived(&LEN, 0, bytes.len() as u64)?;
    let shift = |bit: &mut u32| *bit = bit.saturating_add(to_u32(start * 8));
    for field in &mut fields.list {
        shift(&mut field.start_bit);
        shift(&mut field.end_bit);
    }
    Some(Layer {
        protocol: "data",
        title: format!("下一条消息的开头，{} 字节", bytes.len()),
        start: to_u32(start),
        end: to_u32(start + bytes.len()),
        fields: fields.list,
        ..Layer::default()
    })
}
