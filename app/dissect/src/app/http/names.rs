//! The headers that have a field of their own, and what status codes mean.

use crate::spec::{Form, Names, Spec, specs};

specs! {
    METHOD = "http.request.method", "方法", Form::Text;
    URI = "http.request.uri", "目标", Form::Text;
    PATH = "http.request.uri.path", "路径", Form::Text;
    QUERY = "http.request.uri.query", "查询", Form::Text;
    PARAMETER = "http.request.uri.query.parameter", "查询参数", Form::Text;
    REQUEST_VERSION = "http.request.version", "版本", Form::Text;
    FULL_URI = "http.request.full_uri", "完整 URI", Form::Text;
    REQUEST_LINE = "http.request.line", "首部", Form::Text;
    RESPONSE_VERSION = "http.response.version", "版本", Form::Text;
    CODE = "http.response.code", "状态码", Form::Named(CODES);
    PHRASE = "http.response.phrase", "原因短语", Form::Text;
    RESPONSE_LINE = "http.response.line", "首部", Form::Text;
    REQUEST_IN = "http.request_in", "对应的请求", Form::Decimal;
    ACCEPT = "http.accept", "Accept", Form::Text;
    ACCEPT_ENCODING = "http.accept_encoding", "Accept-Encoding", Form::Text;
    ACCEPT_LANGUAGE = "http.accept_language", "Accept-Language", Form::Text;
    AUTHORIZATION = "http.authorization", "Authorization", Form::Text;
    CACHE_CONTROL = "http.cache_control", "Cache-Control", Form::Text;
    CONNECTION = "http.connection", "Connection", Form::Text;
    CONTENT_ENCODING = "http.content_encoding", "Content-Encoding", Form::Text;
    CONTENT_LENGTH_HEADER = "http.content_length_header", "Content-Length", Form::Text;
    CONTENT_LENGTH = "http.content_length", "正文长度", Form::Unit("字节");
    CONTENT_TYPE = "http.content_type", "Content-Type", Form::Text;
    COOKIE = "http.cookie", "Cookie", Form::Text;
    COOKIE_PAIR = "http.cookie_pair", "Cookie 的一项", Form::Text;
    DATE = "http.date", "Date", Form::Text;
    HOST = "http.host", "Host", Form::Text;
    LAST_MODIFIED = "http.last_modified", "Last-Modified", Form::Text;
    LOCATION = "http.location", "Location", Form::Text;
    PROXY_AUTHENTICATE = "http.proxy_authenticate", "Proxy-Authenticate", Form::Text;
    PROXY_AUTHORIZATION = "http.proxy_authorization", "Proxy-Authorization", Form::Text;
    REFERER = "http.referer", "Referer", Form::Text;
    SEC_WEBSOCKET_ACCEPT = "http.sec_websocket_accept", "Sec-WebSocket-Accept", Form::Text;
    SEC_WEBSOCKET_EXTENSIONS = "http.sec_websocket_extensions", "WebSocket 扩展", Form::Text;
    SEC_WEBSOCKET_KEY = "http.sec_websocket_key", "Sec-WebSocket-Key", Form::Text;
    SEC_WEBSOCKET_PROTOCOL = "http.sec_websocket_protocol", "WebSocket 子协议", Form::Text;
    SEC_WEBSOCKET_VERSION = "http.sec_websocket_version", "WebSocket 版本", Form::Text;
    SERVER = "http.server", "Server", Form::Text;
    SET_COOKIE = "http.set_cookie", "Set-Cookie", Form::Text;
    TRANSFER_ENCODING = "http.transfer_encoding", "Transfer-Encoding", Form::Text;
    UPGRADE = "http.upgrade", "Upgrade", Form::Text;
    USER_AGENT = "http.user_agent", "User-Agent", Form::Text;
    WWW_AUTHENTICATE = "http.www_authenticate", "WWW-Authenticate", Form::Text;
    X_FORWARDED_FOR = "http.x_forwarded_for", "X-Forwarded-For", Form::Text;
    CHUNK_SIZE = "http.chunk_size", "分块大小", Form::Unit("字节");
    CHUNK_DATA = "http.chunk_data", "分块数据", Form::Bytes;
    CHUNK_BOUNDARY = "http.chunk_boundary", "分块结尾", Form::Bytes;
    TRAILER = "http.chunked_trailer_part", "尾部字段", Form::Text;
    FILE_DATA = "http.file_data", "正文", Form::Bytes;
}

/// The field of a header, by its name in any case.
pub(super) fn header(name: &[u8]) -> Option<&'static Spec> {
    const KNOWN: [(&str, &Spec); 29] = [
        ("accept", &ACCEPT),
        ("accept-encoding", &ACCEPT_ENCODING),
        ("accept-language", &ACCEPT_LANGUAGE),
        ("authorization", &AUTHORIZATION),
        ("cache-control", &CACHE_CONTROL),
        ("connection", &CONNECTION),
        ("content-encoding", &CONTENT_ENCODING),
        ("content-length", &CONTENT_LENGTH_HEADER),
        ("content-type", &CONTENT_TYPE),
        ("cookie", &COOKIE),
        ("date", &DATE),
        ("host", &HOST),
        ("last-modified", &LAST_MODIFIED),
        ("location", &LOCATION),
        ("proxy-authenticate", &PROXY_AUTHENTICATE),
        ("proxy-authorization", &PROXY_AUTHORIZATION),
        ("referer", &REFERER),
        ("sec-websocket-accept", &SEC_WEBSOCKET_ACCEPT),
        ("sec-websocket-extensions", &SEC_WEBSOCKET_EXTENSIONS),
        ("sec-websocket-key", &SEC_WEBSOCKET_KEY),
        ("sec-websocket-protocol", &SEC_WEBSOCKET_PROTOCOL),
        ("sec-websocket-version", &SEC_WEBSOCKET_VERSION),
        ("server", &SERVER),
        ("set-cookie", &SET_COOKIE),
        ("transfer-encoding", &TRANSFER_ENCODING),
        ("upgrade", &UPGRADE),
        ("user-agent", &USER_AGENT),
        ("www-authenticate", &WWW_AUTHENTICATE),
        ("x-forwarded-for", &X_FORWARDED_FOR),
    ];
    KNOWN.iter().find(|(known, _)| name.eq_ignore_ascii_case(known.as_bytes())).map(|(_, spec)| *spec)
}

/// Status codes (RFC 9110 section 15 and the IANA registry).
const CODES: Names = &[
    (100, "继续"),
    (101, "切换协议"),
    (103, "早期提示"),
    (200, "成功"),
    (201, "已创建"),
    (202, "已接受"),
    (204, "没有内容"),
    (206, "部分内容"),
    (301, "永久移动"),
    (302, "临时移动"),
    (303, "见其他"),
    (304, "未修改"),
    (307, "临时重定向"),
    (308, "永久重定向"),
    (400, "请求有误"),
    (401, "未认证"),
    (403, "禁止访问"),
    (404, "没有找到"),
    (405, "方法不允许"),
    (406, "无法接受"),
    (408, "请求超时"),
    (409, "冲突"),
    (410, "已不存在"),
    (411, "需要长度"),
    (412, "前提不成立"),
    (413, "内容过大"),
    (414, "URI 过长"),
    (415, "媒体类型不支持"),
    (416, "范围无法满足"),
    (417, "预期落空"),
    (421, "服务器不对"),
    (422, "内容无法处理"),
    (426, "需要升级协议"),
    (428, "需要前提条件"),
    (429, "请求过多"),
    (431, "首部过大"),
    (500, "服务器内部错误"),
    (501, "没有实现"),
    (502, "网关收到错误响应"),
    (503, "服务不可用"),
    (504, "网关超时"),
    (505, "HTTP 版本不支持"),
];
