//! The fields of HTTP/3 and QPACK and names of their values.

use crate::spec::{Form, Names, specs};

specs! {
    STREAM_TYPE = "http3.stream_type", "流类型", Form::Named(&[(0, "控制流"), (1, "推送流"), (2, "QPACK 编码器流"), (3, "QPACK 解码器流")]);
    PUSH_ID = "http3.push_id", "推送 ID", Form::Decimal;
    TYPE = "http3.frame_type", "帧类型", Form::Named(FRAMES);
    LENGTH = "http3.frame_length", "帧长度", Form::Unit("字节");
    PAYLOAD = "http3.frame_payload", "帧载荷", Form::Bytes;
    SETTINGS = "http3.settings", "设置", Form::Group;
    SETTING = "http3.settings.id", "设置项", Form::HexNamed(2, SETTING_NAMES);
    SETTING_VALUE = "http3.settings.value", "值", Form::Decimal;
    TABLE_CAPACITY = "http3.settings.qpack.max_table_capacity", "动态表容量上限", Form::Unit("字节");
    FIELD_SECTION = "http3.settings.max_field_section_size", "字段段上限", Form::Unit("字节");
    BLOCKED_STREAMS = "http3.settings.qpack.blocked_streams", "可受阻的流数", Form::Decimal;
    EXTENDED_CONNECT = "http3.settings.extended_connect", "扩展 CONNECT", Form::Decimal;
    COUNT = "http3.headers.count", "字段个数", Form::Decimal;
    HEADER = "http3.headers.header", "字段", Form::Group;
    NAME = "http3.header.header.name", "字段名", Form::Text;
    VALUE = "http3.headers.header.value", "字段值", Form::Text;
    BLOCKED = "http3.header.qpack.blocked", "等待动态表", Form::Flag;
    INSERT_INDEXED = "http3.qpack.encoder.opcode.insert_indexed", "插入，名取自表", Form::Bytes;
    INSERT_INDEXED_REF = "http3.qpack.encoder.opcode.insert_indexed.ref", "名的位置", Form::Bytes;
    INSERT_INDEXED_VALUE = "http3.qpack.encoder.opcode.insert_indexed.val", "值", Form::Bytes;
    INSERT_INDEXED_HUFFMAN = "http3.qpack.encoder.opcode.insert_indexed.hval", "值（Huffman 编码）", Form::Bytes;
    INSERT = "http3.qpack.encoder.opcode.insert", "插入，名写出", Form::Bytes;
    INSERT_NAME = "http3.qpack.encoder.opcode.insert.name", "名", Form::Bytes;
    INSERT_NAME_HUFFMAN = "http3.qpack.encoder.opcode.insert.hname", "名（Huffman 编码）", Form::Bytes;
    INSERT_VALUE = "http3.qpack.encoder.opcode.insert.val", "值", Form::Bytes;
    INSERT_VALUE_HUFFMAN = "http3.qpack.encoder.opcode.insert.hval", "值（Huffman 编码）", Form::Bytes;
    DUPLICATE = "http3.qpack.encoder.opcode.duplicate", "复制一项", Form::Bytes;
    CAPACITY = "http3.qpack.encoder.opcode.dtable_cap", "设定容量", Form::Bytes;
    CAPACITY_VALUE = "http3.qpack.encoder.opcode.dtable_cap.val", "容量", Form::Unit("字节");
}

/// RFC 9114 section 7.2 and RFC 9218.
pub(super) const FRAMES: Names = &[
    (0x00, "DATA"),
    (0x01, "HEADERS"),
    (0x03, "CANCEL_PUSH"),
    (0x04, "SETTINGS"),
    (0x05, "PUSH_PROMISE"),
    (0x07, "GOAWAY"),
    (0x0d, "MAX_PUSH_ID"),
    (0xf_0700, "PRIORITY_UPDATE"),
];

const SETTING_NAMES: Names = &[
    (0x01, "QPACK_MAX_TABLE_CAPACITY"),
    (0x06, "MAX_FIELD_SECTION_SIZE"),
    (0x07, "QPACK_BLOCKED_STREAMS"),
    (0x08, "ENABLE_CONNECT_PROTOCOL"),
    (0x33, "H3_DATAGRAM"),
];
