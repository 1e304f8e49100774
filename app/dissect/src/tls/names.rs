//! The fields of TLS and names of their values (RFC 8446 and the IANA registries).

use crate::spec::{Form, Names, specs};

specs! {
    CONTENT_TYPE = "tls.record.content_type", "记录类型", Form::Named(CONTENT_TYPES);
    OPAQUE_TYPE = "tls.record.opaque_type", "外层类型", Form::Named(CONTENT_TYPES);
    RECORD_VERSION = "tls.record.version", "记录版本", Form::HexNamed(4, VERSIONS);
    RECORD_LENGTH = "tls.record.length", "记录长度", Form::Unit("字节");
    CHANGE_CIPHER_SPEC = "tls.change_cipher_spec", "更换密码规格", Form::Group;
    ALERT_LEVEL = "tls.alert_message.level", "告警级别", Form::Named(LEVELS);
    ALERT = "tls.alert_message.desc", "告警", Form::Named(ALERTS);
    APP_DATA = "tls.app_data", "加密的应用数据", Form::Bytes;
    TYPE = "tls.handshake.type", "握手消息", Form::Named(TYPES);
    LENGTH = "tls.handshake.length", "消息长度", Form::Unit("字节");
    VERSION = "tls.handshake.version", "旧版本号", Form::HexNamed(4, VERSIONS);
    RANDOM = "tls.handshake.random", "随机数", Form::Bytes;
    SESSION_ID_LENGTH = "tls.handshake.session_id_length", "会话 ID 长度", Form::Unit("字节");
    SESSION_ID = "tls.handshake.session_id", "会话 ID", Form::Bytes;
    SUITES_LENGTH = "tls.handshake.cipher_suites_length", "密码套件总长", Form::Unit("字节");
    SUITE = "tls.handshake.ciphersuite", "密码套件", Form::HexNamed(4, SUITES);
    COMPRESSIONS_LENGTH = "tls.handshake.comp_methods_length", "压缩方法总长", Form::Unit("字节");
    COMPRESSION = "tls.handshake.comp_method", "压缩方法", Form::Named(&[(0, "不压缩")]);
    EXTENSIONS_LENGTH = "tls.handshake.extensions_length", "扩展总长", Form::Unit("字节");
    EXTENSION = "tls.handshake.extension.type", "扩展", Form::Named(EXTENSIONS);
    EXTENSION_LENGTH = "tls.handshake.extension.len", "扩展长度", Form::Unit("字节");
    PADDING = "tls.handshake.extensions_padding_data", "填充", Form::Bytes;
    EXTENSION_DATA = "tls.handshake.extension.data", "扩展内容", Form::Bytes;
    STATUS_TYPE = "tls.handshake.extensions_status_request_type", "证书状态类型", Form::Named(&[(1, "OCSP")]);
    RESPONDERS_LENGTH = "tls.handshake.extensions_status_request_responder_ids_len", "应答者列表长度", Form::Unit("字节");
    REQUEST_EXTENSIONS_LENGTH = "tls.handshake.extensions_status_request_exts_len", "请求扩展长度", Form::Unit("字节");
    NAMES_LENGTH = "tls.handshake.extensions_server_name_list_len", "服务器名列表长度", Form::Unit("字节");
    NAME_TYPE = "tls.handshake.extensions_server_name_type", "名字类型", Form::Named(&[(0, "主机名")]);
    NAME_LENGTH = "tls.handshake.extensions_server_name_len", "名字长度", Form::Unit("字节");
    NAME = "tls.handshake.extensions_server_name", "服务器名", Form::Text;
    GROUPS_LENGTH = "tls.handshake.extensions_supported_groups_length", "密钥交换群列表长度", Form::Unit("字节");
    GROUP = "tls.handshake.extensions_supported_group", "密钥交换群", Form::HexNamed(4, GROUPS);
    POINTS_LENGTH = "tls.handshake.extensions_ec_point_formats_length", "点格式列表长度", Form::Unit("字节");
    POINT = "tls.handshake.extensions_ec_point_format", "点格式", Form::Named(&[(0, "不压缩")]);
    SIGNATURES_LENGTH = "tls.handshake.sig_hash_alg_len", "签名算法列表长度", Form::Unit("字节");
    SIGNATURE_SCHEME = "tls.handshake.sig_hash_alg", "签名算法", Form::HexNamed(4, SIGNATURES);
    VERSIONS_LENGTH = "tls.handshake.extensions.supported_versions_len", "版本列表长度", Form::Unit("字节");
    SUPPORTED_VERSION = "tls.handshake.extensions.supported_version", "支持的版本", Form::HexNamed(4, VERSIONS);
    ALPN_LENGTH = "tls.handshake.extensions_alpn_len", "应用协议列表长度", Form::Unit("字节");
    ALPN_STRING_LENGTH = "tls.handshake.extensions_alpn_str_len", "协议名长度", Form::Unit("字节");
    ALPN = "tls.handshake.extensions_alpn_str", "应用协议", Form::Text;
    MODES_LENGTH = "tls.extension.psk_ke_modes_length", "PSK 方式列表长度", Form::Unit("字节");
    MODE = "tls.extension.psk_ke_mode", "PSK 方式", Form::Named(&[(0, "只用 PSK"), (1, "PSK 加（EC）DHE")]);
    SHARES_LENGTH = "tls.handshake.extensions_key_share_client_length", "密钥份额列表长度", Form::Unit("字节");
    SHARE_GROUP = "tls.handshake.extensions_key_share_group", "份额的群", Form::Named(GROUPS);
    SHARE_LENGTH = "tls.handshake.extensions_key_share_key_exchange_length", "份额长度", Form::Unit("字节");
    SHARE = "tls.handshake.extensions_key_share_key_exchange", "密钥份额", Form::Bytes;
    SELECTED_GROUP = "tls.handshake.extensions_key_share_selected_group", "要求的群", Form::Named(GROUPS);
    IDENTITIES_LENGTH = "tls.handshake.extensions.psk.identities.length", "PSK 标识列表长度", Form::Unit("字节");
    IDENTITY_LENGTH = "tls.handshake.extensions.psk.identity.identity_length", "PSK 标识长度", Form::Unit("字节");
    IDENTITY = "tls.handshake.extensions.psk.identity.identity", "PSK 标识", Form::Bytes;
    TICKET_AGE = "tls.handshake.extensions.psk.identity.obfuscated_ticket_age", "混淆的票据年龄", Form::Decimal;
    BINDERS_LENGTH = "tls.handshake.extensions.psk.binders_len", "绑定值列表长度", Form::Unit("字节");
    BINDERS = "tls.handshake.extensions.psk.binders", "绑定值", Form::Bytes;
    SELECTED_IDENTITY = "tls.handshake.extensions.psk.identity.selected", "选中的 PSK", Form::Decimal;
    MAX_EARLY_DATA = "tls.early_data.max_early_data_size", "早期数据上限", Form::Unit("字节");
    REQUEST_CONTEXT_LENGTH = "tls.handshake.certificate_request_context_length", "证书请求上下文长度", Form::Unit("字节");
    REQUEST_CONTEXT = "tls.handshake.certificate_request_context", "证书请求上下文", Form::Bytes;
    CERTIFICATES_LENGTH = "tls.handshake.certificates_length", "证书链长度", Form::Unit("字节");
    CERTIFICATE_LENGTH = "tls.handshake.certificate_length", "证书长度", Form::Unit("字节");
    CERTIFICATE = "tls.handshake.certificate", "证书", Form::Bytes;
    SIGNATURE_LENGTH = "tls.handshake.client_cert_vrfy.sig_len", "签名长度", Form::Unit("字节");
    SIGNATURE = "tls.handshake.client_cert_vrfy.sig", "签名", Form::Bytes;
    VERIFY_DATA = "tls.handshake.verify_data", "校验值", Form::Bytes;
    TICKET_LIFETIME = "tls.handshake.session_ticket_lifetime_hint", "票据有效期", Form::Unit("秒");
    TICKET_AGE_ADD = "tls.handshake.session_ticket_age_add", "票据年龄的混淆数", Form::Decimal;
    TICKET_NONCE_LENGTH = "tls.handshake.session_ticket_nonce_length", "票据 nonce 长度", Form::Unit("字节");
    TICKET_NONCE = "tls.handshake.session_ticket_nonce", "票据 nonce", Form::Bytes;
    TICKET_LENGTH = "tls.handshake.session_ticket_length", "票据长度", Form::Unit("字节");
    TICKET = "tls.handshake.session_ticket", "会话票据", Form::Bytes;
    REQUEST_UPDATE = "tls.handshake.key_update.request_update", "也请对方更新", Form::Named(&[(0, "不要求"), (1, "要求")]);
    PARAMETER = "tls.quic.parameter.type", "传输参数", Form::Named(PARAMETERS);
    PARAMETER_LENGTH = "tls.quic.parameter.length", "参数长度", Form::Unit("字节");
    PARAMETER_VALUE = "tls.quic.parameter.value", "参数值", Form::Bytes;
    ORIGINAL_DCID = "tls.quic.parameter.original_destination_connection_id", "最初的目的连接标识", Form::Bytes;
    MAX_IDLE_TIMEOUT = "tls.quic.parameter.max_idle_timeout", "空闲超时", Form::Unit("毫秒");
    RESET_TOKEN = "tls.quic.parameter.stateless_reset_token", "无状态重置令牌", Form::Bytes;
    MAX_UDP_PAYLOAD = "tls.quic.parameter.max_udp_payload_size", "UDP 载荷上限", Form::Unit("字节");
    INITIAL_MAX_DATA = "tls.quic.parameter.initial_max_data", "连接的初始额度", Form::Unit("字节");
    INITIAL_BIDI_LOCAL = "tls.quic.parameter.initial_max_stream_data_bidi_local", "自开双向流的初始额度", Form::Unit("字节");
    INITIAL_BIDI_REMOTE = "tls.quic.parameter.initial_max_stream_data_bidi_remote", "对方开双向流的初始额度", Form::Unit("字节");
    INITIAL_UNI = "tls.quic.parameter.initial_max_stream_data_uni", "单向流的初始额度", Form::Unit("字节");
    INITIAL_STREAMS_BIDI = "tls.quic.parameter.initial_max_streams_bidi", "双向流个数上限", Form::Decimal;
    INITIAL_STREAMS_UNI = "tls.quic.parameter.initial_max_streams_uni", "单向流个数上限", Form::Decimal;
    ACK_DELAY_EXPONENT = "tls.quic.parameter.ack_delay_exponent", "确认延迟的指数", Form::Decimal;
    MAX_ACK_DELAY = "tls.quic.parameter.max_ack_delay", "最大确认延迟", Form::Unit("毫秒");
    CID_LIMIT = "tls.quic.parameter.active_connection_id_limit", "连接标识个数上限", Form::Decimal;
    INITIAL_SCID = "tls.quic.parameter.initial_source_connection_id", "最初的源连接标识", Form::Bytes;
    RETRY_SCID = "tls.quic.parameter.retry_source_connection_id", "Retry 的源连接标识", Form::Bytes;
    CHOSEN_VERSION = "tls.quic.parameter.vi.chosen_version", "选用的版本", Form::Hex(8);
    OTHER_VERSION = "tls.quic.parameter.vi.other_version", "可用的版本", Form::Hex(8);
    MAX_DATAGRAM = "tls.quic.parameter.max_datagram_frame_size", "DATAGRAM 帧上限", Form::Unit("字节");
}

const CONTENT_TYPES: Names = &[(20, "更换密码规格"), (21, "告警"), (22, "握手"), (23, "应用数据")];

const VERSIONS: Names = &[(0x0301, "TLS 1.0"), (0x0302, "TLS 1.1"), (0x0303, "TLS 1.2"), (0x0304, "TLS 1.3")];

const LEVELS: Names = &[(1, "警告"), (2, "致命")];

pub(super) const ALERTS: Names = &[
    (0, "关闭通知"),
    (10, "意外的消息"),
    (20, "记录校验失败"),
    (22, "记录过长"),
    (40, "握手失败"),
    (42, "证书有误"),
    (43, "不支持的证书"),
    (44, "证书已吊销"),
    (45, "证书已过期"),
    (46, "证书未知"),
    (47, "参数非法"),
    (48, "未知的 CA"),
    (49, "拒绝访问"),
    (50, "解码错误"),
    (51, "解密错误"),
    (70, "不支持的版本"),
    (71, "安全性不足"),
    (80, "内部错误"),
    (86, "不当的降级"),
    (90, "用户取消"),
    (109, "缺少扩展"),
    (110, "不支持的扩展"),
    (112, "不认识的名字"),
    (115, "未知的 PSK 标识"),
    (116, "需要证书"),
    (120, "没有共同的应用协议"),
];

pub(super) const TYPES: Names = &[
    (1, "ClientHello"),
    (2, "ServerHello"),
    (4, "NewSessionTicket"),
    (5, "EndOfEarlyData"),
    (8, "EncryptedExtensions"),
    (11, "Certificate"),
    (12, "ServerKeyExchange"),
    (13, "CertificateRequest"),
    (14, "ServerHelloDone"),
    (15, "CertificateVerify"),
    (16, "ClientKeyExchange"),
    (20, "Finished"),
    (24, "KeyUpdate"),
];

const SUITES: Names = &[
    (0x1301, "TLS_AES_128_GCM_SHA256"),
    (0x1302, "TLS_AES_256_GCM_SHA384"),
    (0x1303, "TLS_CHACHA20_POLY1305_SHA256"),
    (0x00ff, "TLS_EMPTY_RENEGOTIATION_INFO_SCSV"),
    (0xc02b, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
    (0xc02c, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"),
    (0xc02f, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
    (0xc030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
    (0xcca8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"),
    (0xcca9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"),
];

const EXTENSIONS: Names = &[
    (0, "server_name"),
    (5, "status_request"),
    (10, "supported_groups"),
    (11, "ec_point_formats"),
    (13, "signature_algorithms"),
    (16, "application_layer_protocol_negotiation"),
    (18, "signed_certificate_timestamp"),
    (21, "padding"),
    (22, "encrypt_then_mac"),
    (23, "extended_master_secret"),
    (27, "compress_certificate"),
    (28, "record_size_limit"),
    (35, "session_ticket"),
    (41, "pre_shared_key"),
    (42, "early_data"),
    (43, "supported_versions"),
    (44, "cookie"),
    (45, "psk_key_exchange_modes"),
    (47, "certificate_authorities"),
    (49, "post_handshake_auth"),
    (50, "signature_algorithms_cert"),
    (51, "key_share"),
    (57, "quic_transport_parameters"),
    (0xff01, "renegotiation_info"),
];

const GROUPS: Names = &[
    (0x17, "secp256r1"),
    (0x18, "secp384r1"),
    (0x19, "secp521r1"),
    (0x1d, "x25519"),
    (0x1e, "x448"),
    (0x100, "ffdhe2048"),
    (0x101, "ffdhe3072"),
    (0x102, "ffdhe4096"),
    (0x103, "ffdhe6144"),
    (0x104, "ffdhe8192"),
    (0x11ec, "X25519MLKEM768"),
];

const SIGNATURES: Names = &[
    (0x0201, "rsa_pkcs1_sha1"),
    (0x0203, "ecdsa_sha1"),
    (0x0401, "rsa_pkcs1_sha256"),
    (0x0403, "ecdsa_secp256r1_sha256"),
    (0x0501, "rsa_pkcs1_sha384"),
    (0x0503, "ecdsa_secp384r1_sha384"),
    (0x0601, "rsa_pkcs1_sha512"),
    (0x0603, "ecdsa_secp521r1_sha512"),
    (0x0804, "rsa_pss_rsae_sha256"),
    (0x0805, "rsa_pss_rsae_sha384"),
    (0x0806, "rsa_pss_rsae_sha512"),
    (0x0807, "ed25519"),
    (0x0808, "ed448"),
    (0x0809, "rsa_pss_pss_sha256"),
    (0x080a, "rsa_pss_pss_sha384"),
    (0x080b, "rsa_pss_pss_sha512"),
];

/// RFC 9000 section 18.2, RFC 9221 and RFC 9368.
const PARAMETERS: Names = &[
    (0x00, "original_destination_connection_id"),
    (0x01, "max_idle_timeout"),
    (0x02, "stateless_reset_token"),
    (0x03, "max_udp_payload_size"),
    (0x04, "initial_max_data"),
    (0x05, "initial_max_stream_data_bidi_local"),
    (0x06, "initial_max_stream_data_bidi_remote"),
    (0x07, "initial_max_stream_data_uni"),
    (0x08, "initial_max_streams_bidi"),
    (0x09, "initial_max_streams_uni"),
    (0x0a, "ack_delay_exponent"),
    (0x0b, "max_ack_delay"),
    (0x0c, "disable_active_migration"),
    (0x0d, "preferred_address"),
    (0x0e, "active_connection_id_limit"),
    (0x0f, "initial_source_connection_id"),
    (0x10, "retry_source_connection_id"),
    (0x11, "version_information"),
    (0x20, "max_datagram_frame_size"),
    (0x2ab2, "grease_quic_bit"),
];
