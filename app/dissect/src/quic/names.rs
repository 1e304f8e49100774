//! The fields of QUIC and names of their values.

use crate::spec::{Form, Names, specs};

specs! {
    PACKET_LENGTH = "quic.packet_length", "包长", Form::Unit("字节");
    HEADER_FORM = "quic.header_form", "首部形式", Form::Named(&[(0, "短首部"), (1, "长首部")]);
    FIXED_BIT = "quic.fixed_bit", "固定位", Form::Flag;
    LONG_TYPE = "quic.long.packet_type", "包类型", Form::Named(LONG_TYPES);
    LONG_RESERVED = "quic.long.reserved", "保留位", Form::Decimal;
    NUMBER_LENGTH = "quic.packet_number_length", "包号长度", Form::Named(&[(0, "1 字节"), (1, "2 字节"), (2, "3 字节"), (3, "4 字节")]);
    VN_UNUSED = "quic.vn.unused", "未用的位", Form::Hex(2);
    VERSION = "quic.version", "版本", Form::HexNamed(8, &[(0, "版本协商"), (1, "第 1 版"), (0x6b33_43cf, "第 2 版")]);
    DCIL = "quic.dcil", "目的连接标识长度", Form::Unit("字节");
    DCID = "quic.dcid", "目的连接标识", Form::Bytes;
    SCIL = "quic.scil", "源连接标识长度", Form::Unit("字节");
    SCID = "quic.scid", "源连接标识", Form::Bytes;
    TOKEN_LENGTH = "quic.token_length", "令牌长度", Form::Unit("字节");
    TOKEN = "quic.token", "令牌", Form::Bytes;
    LENGTH = "quic.length", "余下长度", Form::Unit("字节");
    NUMBER = "quic.packet_number", "包号", Form::Decimal;
    PAYLOAD = "quic.payload", "加密的载荷", Form::Bytes;
    SUPPORTED_VERSION = "quic.supported_version", "支持的版本", Form::HexNamed(8, &[(1, "第 1 版"), (0x6b33_43cf, "第 2 版")]);
    RETRY_TOKEN = "quic.retry_token", "Retry 令牌", Form::Bytes;
    RETRY_TAG = "quic.retry_integrity_tag", "Retry 校验值", Form::Bytes;
    SPIN = "quic.spin_bit", "自旋位", Form::Flag;
    SHORT_RESERVED = "quic.short.reserved", "保留位", Form::Decimal;
    KEY_PHASE = "quic.key_phase", "密钥相位", Form::Flag;
    PROTECTED = "quic.protected_payload", "加密的载荷", Form::Bytes;
    REMAINING = "quic.remaining_payload", "打不开的载荷", Form::Bytes;
    TYPE = "quic.frame_type", "帧类型", Form::Named(FRAMES);
    PADDING_LENGTH = "quic.padding_length", "填充长度", Form::Unit("字节");
    ACK_LARGEST = "quic.ack.largest_acknowledged", "确认的最大包号", Form::Decimal;
    ACK_DELAY = "quic.ack.ack_delay", "确认延迟", Form::Decimal;
    ACK_COUNT = "quic.ack.ack_range_count", "其余区间个数", Form::Decimal;
    ACK_FIRST = "quic.ack.first_ack_range", "第一个区间", Form::Decimal;
    ACK_GAP = "quic.ack.gap", "空隙", Form::Decimal;
    ACK_RANGE = "quic.ack.ack_range", "区间", Form::Decimal;
    ECT0 = "quic.ack.ect0_count", "ECT(0) 计数", Form::Decimal;
    ECT1 = "quic.ack.ect1_count", "ECT(1) 计数", Form::Decimal;
    ECN_CE = "quic.ack.ecn_ce_count", "ECN-CE 计数", Form::Decimal;
    RESET_STREAM = "quic.rsts.stream_id", "流 ID", Form::Decimal;
    RESET_ERROR = "quic.rsts.application_error_code", "应用错误码", Form::Decimal;
    RESET_SIZE = "quic.rsts.final_size", "最终长度", Form::Unit("字节");
    STOP_STREAM = "quic.ss.stream_id", "流 ID", Form::Decimal;
    STOP_ERROR = "quic.ss.application_error_code", "应用错误码", Form::Decimal;
    CRYPTO_OFFSET = "quic.crypto.offset", "偏移", Form::Decimal;
    CRYPTO_LENGTH = "quic.crypto.length", "长度", Form::Unit("字节");
    CRYPTO_DATA = "quic.crypto.crypto_data", "握手数据", Form::Group;
    NEW_TOKEN_LENGTH = "quic.nt.length", "令牌长度", Form::Unit("字节");
    NEW_TOKEN = "quic.nt.token", "令牌", Form::Bytes;
    STREAM_FIN = "quic.stream.fin", "FIN 流结束", Form::Flag;
    STREAM_LEN = "quic.stream.len", "LEN 有长度", Form::Flag;
    STREAM_OFF = "quic.stream.off", "OFF 有偏移", Form::Flag;
    STREAM_ID = "quic.stream.stream_id", "流 ID", Form::Decimal;
    INITIATOR = "quic.stream.initiator", "发起方", Form::Named(&[(0, "客户端"), (1, "服务器")]);
    DIRECTION = "quic.stream.direction", "方向", Form::Named(&[(0, "双向"), (1, "单向")]);
    STREAM_OFFSET = "quic.stream.offset", "偏移", Form::Decimal;
    STREAM_LENGTH = "quic.stream.length", "长度", Form::Unit("字节");
    STREAM_DATA = "quic.stream_data", "流数据", Form::Bytes;
    MAX_DATA = "quic.md.maximum_data", "连接的额度", Form::Unit("字节");
    MAX_STREAM_ID = "quic.msd.stream_id", "流 ID", Form::Decimal;
    MAX_STREAM_DATA = "quic.msd.maximum_stream_data", "流的额度", Form::Unit("字节");
    MAX_STREAMS = "quic.ms.max_streams", "流的个数上限", Form::Decimal;
    BLOCKED_STREAM = "quic.sdb.stream_id", "受阻的流", Form::Decimal;
    BLOCKED_LIMIT = "quic.sb.stream_data_limit", "额度上限", Form::Unit("字节");
    STREAMS_LIMIT = "quic.sib.stream_limit", "流的个数上限", Form::Decimal;
    NEW_CID_SEQUENCE = "quic.nci.sequence", "连接标识的序号", Form::Decimal;
    NEW_CID_RETIRE = "quic.nci.retire_prior_to", "停用此前的", Form::Decimal;
    NEW_CID_LENGTH = "quic.nci.connection_id.length", "连接标识长度", Form::Unit("字节");
    NEW_CID = "quic.nci.connection_id", "新的连接标识", Form::Bytes;
    NEW_CID_TOKEN = "quic.nci.stateless_reset_token", "无状态重置令牌", Form::Bytes;
    RETIRED = "quic.rci.sequence", "停用的序号", Form::Decimal;
    CHALLENGE = "quic.path_challenge.data", "路径探测数据", Form::Bytes;
    RESPONSE = "quic.path_response.data", "路径应答数据", Form::Bytes;
    CLOSE_ERROR = "quic.cc.error_code", "错误码", Form::Named(ERRORS);
    CLOSE_APP_ERROR = "quic.cc.error_code.app", "应用错误码", Form::Decimal;
    CLOSE_FRAME = "quic.cc.frame_type", "出错的帧类型", Form::Named(FRAMES);
    CLOSE_REASON_LENGTH = "quic.cc.reason_phrase.length", "原因长度", Form::Unit("字节");
    CLOSE_REASON = "quic.cc.reason_phrase", "原因", Form::Text;
    DATAGRAM_LENGTH = "quic.dg.length", "数据报长度", Form::Unit("字节");
    DATAGRAM = "quic.dg", "数据报", Form::Bytes;
}

const LONG_TYPES: Names = &[(0, "Initial"), (1, "0-RTT"), (2, "Handshake"), (3, "Retry")];

/// RFC 9000 section 12.4 and RFC 9221.
pub(super) const FRAMES: Names = &[
    (0x00, "PADDING"),
    (0x01, "PING"),
    (0x02, "ACK"),
    (0x03, "ACK"),
    (0x04, "RESET_STREAM"),
    (0x05, "STOP_SENDING"),
    (0x06, "CRYPTO"),
    (0x07, "NEW_TOKEN"),
    (0x08, "STREAM"),
    (0x09, "STREAM"),
    (0x0a, "STREAM"),
    (0x0b, "STREAM"),
    (0x0c, "STREAM"),
    (0x0d, "STREAM"),
    (0x0e, "STREAM"),
    (0x0f, "STREAM"),
    (0x10, "MAX_DATA"),
    (0x11, "MAX_STREAM_DATA"),
    (0x12, "MAX_STREAMS 双向"),
    (0x13, "MAX_STREAMS 单向"),
    (0x14, "DATA_BLOCKED"),
    (0x15, "STREAM_DATA_BLOCKED"),
    (0x16, "STREAMS_BLOCKED 双向"),
    (0x17, "STREAMS_BLOCKED 单向"),
    (0x18, "NEW_CONNECTION_ID"),
    (0x19, "RETIRE_CONNECTION_ID"),
    (0x1a, "PATH_CHALLENGE"),
    (0x1b, "PATH_RESPONSE"),
    (0x1c, "CONNECTION_CLOSE"),
    (0x1d, "CONNECTION_CLOSE 应用"),
    (0x1e, "HANDSHAKE_DONE"),
    (0x30, "DATAGRAM"),
    (0x31, "DATAGRAM"),
];

/// RFC 9000 section 20.1.
const ERRORS: Names = &[
    (0x00, "没有错误"),
    (0x01, "内部错误"),
    (0x02, "拒绝连接"),
    (0x03, "超出流量控制"),
    (0x04, "流太多"),
    (0x05, "流的状态不对"),
    (0x06, "最终长度不符"),
    (0x07, "帧格式错误"),
    (0x08, "传输参数错误"),
    (0x09, "连接标识太多"),
    (0x0a, "违反协议"),
    (0x0b, "令牌无效"),
    (0x0c, "应用错误"),
    (0x0d, "CRYPTO 缓冲溢出"),
    (0x0e, "密钥更新错误"),
    (0x0f, "达到加密次数上限"),
    (0x10, "没有可用路径"),
];
