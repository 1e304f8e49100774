//! The fields of frames, and names of types, settings and errors.

use crate::spec::{Form, Names, Spec, specs};

specs! {
    MAGIC = "http2.magic", "连接前言", Form::Text;
    LENGTH = "http2.length", "长度", Form::Unit("字节");
    TYPE = "http2.type", "类型", Form::Named(TYPES);
    FLAGS = "http2.flags", "标志", Form::Hex(2);
    FLAG_UNUSED = "http2.flags.unused", "未用的标志", Form::Hex(2);
    FLAG_END_STREAM = "http2.flags.end_stream", "END_STREAM", Form::Choice("后面还有", "这个方向到此为止");
    FLAG_END_HEADERS = "http2.flags.eh", "END_HEADERS", Form::Choice("后面是 CONTINUATION", "首部块完整");
    FLAG_PADDED = "http2.flags.padded", "PADDED", Form::Choice("无填充", "有填充");
    FLAG_PRIORITY = "http2.flags.priority", "PRIORITY", Form::Choice("无优先级", "有优先级");
    FLAG_ACK_SETTINGS = "http2.flags.ack.settings", "ACK", Form::Choice("设置", "确认对方的设置");
    FLAG_UNUSED_SETTINGS = "http2.flags.unused_settings", "未用的标志", Form::Hex(2);
    FLAG_ACK_PING = "http2.flags.ack.ping", "ACK", Form::Choice("请求", "回应");
    FLAG_UNUSED_PING = "http2.flags.unused_ping", "未用的标志", Form::Hex(2);
    RESERVED = "http2.r", "保留位", Form::Hex(1);
    STREAM_ID = "http2.streamid", "流标识", Form::Decimal;
    PAD_LENGTH = "http2.padding", "填充长度", Form::Unit("字节");
    DATA = "http2.data.data", "数据", Form::Bytes;
    DATA_PADDING = "http2.data.padding", "填充", Form::Bytes;
    EXCLUSIVE = "http2.exclusive", "独占", Form::Flag;
    DEPENDENCY = "http2.stream_dependency", "依赖的流", Form::Decimal;
    WEIGHT = "http2.headers.weight", "权重", Form::Decimal;
    WEIGHT_REAL = "http2.headers.weight_real", "实际权重", Form::Decimal;
    HEADERS = "http2.headers", "首部块片段", Form::Bytes;
    HEADERS_PADDING = "http2.headers.padding", "填充", Form::Bytes;
    CONTINUATION = "http2.continuation.header", "首部块片段", Form::Bytes;
    PROMISED_RESERVED = "http2.push_promise.r", "保留位", Form::Hex(1);
    PROMISED = "http2.push_promise.promised_stream_id", "承诺的流", Form::Decimal;
    PROMISE_HEADERS = "http2.push_promise.header", "首部块片段", Form::Bytes;
    PROMISE_PADDING = "http2.push_promise.padding", "填充", Form::Bytes;
    RST_ERROR = "http2.rst_stream.error", "错误码", Form::Named(ERRORS);
    SETTING = "http2.settings", "设置", Form::Group;
    SETTING_ID = "http2.settings.id", "设置标识", Form::Named(SETTINGS);
    HEADER_TABLE_SIZE = "http2.settings.header_table_size", "首部表大小", Form::Unit("字节");
    ENABLE_PUSH = "http2.settings.enable_push", "允许推送", Form::Decimal;
    MAX_CONCURRENT_STREAMS = "http2.settings.max_concurrent_streams", "并发流上限", Form::Decimal;
    INITIAL_WINDOW_SIZE = "http2.settings.initial_window_size", "流的初始窗口", Form::Unit("字节");
    MAX_FRAME_SIZE = "http2.settings.max_frame_size", "帧载荷上限", Form::Unit("字节");
    MAX_HEADER_LIST_SIZE = "http2.settings.max_header_list_size", "首部列表上限", Form::Unit("字节");
    EXTENDED_CONNECT = "http2.settings.extended_connect", "扩展 CONNECT", Form::Decimal;
    UNKNOWN_SETTING = "http2.settings.unknown", "未知的设置", Form::Decimal;
    PING = "http2.ping", "Ping 的数据", Form::Bytes;
    PONG = "http2.pong", "Pong 的数据", Form::Bytes;
    GOAWAY_RESERVED = "http2.goway.r", "保留位", Form::Hex(1);
    LAST_STREAM_ID = "http2.goaway.last_stream_id", "最后处理的流", Form::Decimal;
    GOAWAY_ERROR = "http2.goaway.error", "错误码", Form::Named(ERRORS);
    GOAWAY_DATA = "http2.goaway.addata", "附加数据", Form::Bytes;
    WINDOW_RESERVED = "http2.window_update.r", "保留位", Form::Hex(1);
    WINDOW_INCREMENT = "http2.window_update.window_size_increment", "窗口增量", Form::Unit("字节");
    ALTSVC_ORIGIN_LENGTH = "http2.altsvc.origin.len", "源的长度", Form::Unit("字节");
    ALTSVC_ORIGIN = "http2.altsvc.origin", "源", Form::Text;
    ALTSVC_VALUE = "http2.altsvc.field_value", "替代服务", Form::Text;
    UNKNOWN = "http2.unknown", "未知的载荷", Form::Bytes;
    HEADER = "http2.header", "首部", Form::Group;
    REPRESENTATION = "http2.header.repr", "表示法", Form::Text;
    INDEX = "http2.header.index", "索引", Form::Decimal;
    NAME_LENGTH = "http2.header.name.length", "名字长度", Form::Unit("字节");
    NAME = "http2.header.name", "名字", Form::Text;
    VALUE_LENGTH = "http2.header.value.length", "值的长度", Form::Unit("字节");
    VALUE = "http2.header.value", "值", Form::Text;
    TABLE_SIZE_UPDATE = "http2.header_table_size_update", "改变动态表", Form::Group;
    TABLE_SIZE = "http2.header_table_size_update.header_table_size", "动态表大小", Form::Unit("字节");
    METHOD = "http2.headers.method", ":method", Form::Text;
    SCHEME = "http2.headers.scheme", ":scheme", Form::Text;
    AUTHORITY = "http2.headers.authority", ":authority", Form::Text;
    PATH = "http2.headers.path", ":path", Form::Text;
    STATUS = "http2.headers.status", ":status", Form::Text;
    CONTENT_TYPE = "http2.headers.content_type", "content-type", Form::Text;
    CONTENT_LENGTH = "http2.headers.content_length", "content-length", Form::Text;
    USER_AGENT = "http2.headers.user_agent", "user-agent", Form::Text;
}

/// The field of a header that has one.
pub(super) fn known(name: &[u8]) -> Option<&'static Spec> {
    const KNOWN: [(&str, &Spec); 8] = [
        (":method", &METHOD),
        (":scheme", &SCHEME),
        (":authority", &AUTHORITY),
        (":path", &PATH),
        (":status", &STATUS),
        ("content-type", &CONTENT_TYPE),
        ("content-length", &CONTENT_LENGTH),
        ("user-agent", &USER_AGENT),
    ];
    KNOWN.iter().find(|(known, _)| name == known.as_bytes()).map(|(_, spec)| *spec)
}

/// RFC 9113 section 6 and the IANA registry.
pub(super) const TYPES: Names = &[
    (0, "DATA"),
    (1, "HEADERS"),
    (2, "PRIORITY"),
    (3, "RST_STREAM"),
    (4, "SETTINGS"),
    (5, "PUSH_PROMISE"),
    (6, "PING"),
    (7, "GOAWAY"),
    (8, "WINDOW_UPDATE"),
    (9, "CONTINUATION"),
    (10, "ALTSVC"),
    (12, "ORIGIN"),
    (16, "PRIORITY_UPDATE"),
];

/// RFC 9113 section 6.5.2 and the IANA registry.
const SETTINGS: Names = &[
    (1, "HEADER_TABLE_SIZE"),
    (2, "ENABLE_PUSH"),
    (3, "MAX_CONCURRENT_STREAMS"),
    (4, "INITIAL_WINDOW_SIZE"),
    (5, "MAX_FRAME_SIZE"),
    (6, "MAX_HEADER_LIST_SIZE"),
    (8, "ENABLE_CONNECT_PROTOCOL"),
    (9, "NO_RFC7540_PRIORITIES"),
];

/// The field of a setting.
pub(super) fn setting(id: u64) -> &'static Spec {
    match id {
        1 => &HEADER_TABLE_SIZE,
        2 => &ENABLE_PUSH,
        3 => &MAX_CONCURRENT_STREAMS,
        4 => &INITIAL_WINDOW_SIZE,
        5 => &MAX_FRAME_SIZE,
        6 => &MAX_HEADER_LIST_SIZE,
        8 => &EXTENDED_CONNECT,
        _ => &UNKNOWN_SETTING,
    }
}

/// RFC 9113 section 7.
const ERRORS: Names = &[
    (0, "NO_ERROR"),
    (1, "PROTOCOL_ERROR"),
    (2, "INTERNAL_ERROR"),
    (3, "FLOW_CONTROL_ERROR"),
    (4, "SETTINGS_TIMEOUT"),
    (5, "STREAM_CLOSED"),
    (6, "FRAME_SIZE_ERROR"),
    (7, "REFUSED_STREAM"),
    (8, "CANCEL"),
    (9, "COMPRESSION_ERROR"),
    (10, "CONNECT_ERROR"),
    (11, "ENHANCE_YOUR_CALM"),
    (12, "INADEQUATE_SECURITY"),
    (13, "HTTP_1_1_REQUIRED"),
];

/// `CANCEL`, `0x1234`
pub(super) fn error(code: u64) -> String {
    let name = ERRORS.iter().find(|(known, _)| *known == code);
    name.map_or_else(|| format!("{code:#x}"), |(_, name)| (*name).to_owned())
}
