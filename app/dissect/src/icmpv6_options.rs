//! Options of Neighbor Discovery messages: RFC 4861 section 4.6, RFC 4191, RFC 8106, RFC 3971.
//!
//! ```text
//! |   type 8   |   length 8, in 8 bytes   | data …
//! ```

use crate::fields::Fields;
use crate::icmpv6::PREFERENCES;
use crate::spec::{Form, Names, specs};

specs! {
    OPT = "icmpv6.opt", "选项", Form::Group;
    TYPE = "icmpv6.opt.type", "类型", Form::Named(TYPES);
    LENGTH = "icmpv6.opt.length", "长度", Form::Decimal;
    LINK_ADDRESS = "icmpv6.opt.linkaddr", "链路层地址", Form::Mac;
    RESERVED = "icmpv6.opt.reserved", "保留", Form::Group;
    MTU = "icmpv6.opt.mtu", "MTU", Form::Unit("字节");
    PREFIX_LENGTH = "icmpv6.opt.prefix.length", "前缀长度", Form::Unit("位");
    PREFIX_FLAG = "icmpv6.opt.prefix.flag", "标志", Form::Hex(2);
    ON_LINK = "icmpv6.opt.prefix.flag.l", "L 在本链路上", Form::Flag;
    AUTONOMOUS = "icmpv6.opt.prefix.flag.a", "A 可自动配置地址", Form::Flag;
    ROUTER = "icmpv6.opt.prefix.flag.r", "R 含路由器地址", Form::Flag;
    PREFIX_RESERVED = "icmpv6.opt.prefix.flag.reserved", "保留", Form::Decimal;
    VALID = "icmpv6.opt.prefix.valid_lifetime", "有效期", Form::Unit("秒");
    PREFERRED = "icmpv6.opt.prefix.preferred_lifetime", "首选期", Form::Unit("秒");
    PREFIX = "icmpv6.opt.prefix", "前缀", Form::Ipv6;
    ROUTE_FLAG = "icmpv6.opt.route_info.flag", "标志", Form::Hex(2);
    ROUTE_PREFERENCE = "icmpv6.opt.route_info.flag.route_preference", "路由优先级", Form::Named(PREFERENCES);
    ROUTE_LIFETIME = "icmpv6.opt.route_lifetime", "路由有效期", Form::Unit("秒");
    DNS_LIFETIME = "icmpv6.opt.rdnss.lifetime", "有效期", Form::Unit("秒");
    DNS = "icmpv6.opt.rdnss", "DNS 服务器", Form::Ipv6;
    NONCE = "icmpv6.opt.nonce", "随机数", Form::Bytes;
    REDIRECTED = "icmpv6.opt.redirected_packet", "被重定向的包", Form::Group;
}

const TYPES: Names = &[
    (1, "源链路层地址"),
    (2, "目标链路层地址"),
    (3, "前缀信息"),
    (4, "被重定向的首部"),
    (5, "MTU"),
    (14, "随机数"),
    (24, "路由信息"),
    (25, "DNS 服务器"),
    (31, "DNS 搜索列表"),
];

/// Adds the options between bytes `at` and `end` (from the header's start).
pub(crate) fn dissect(
    fields: &mut Fields<'_>,
    mut at: usize,
    end: usize,
    redirected: &mut Option<(usize, usize)>,
) -> Option<()> {
    while at < end {
        let kind = fields.u8(at)?;
        let length = usize::from(fields.u8(at + 1)?) * 8;
        if length == 0 || at + length > end {
            return None;
        }
        let bit = at * 8;
        fields.nest(&OPT, bit, length * 8, |fields| {
            fields.add(&TYPE, bit, 8)?;
            fields.add(&LENGTH, bit + 8, 8)?;
            fields.say(|field| format!("{}（{length} 字节）", field.text));
            contents(fields, kind, bit, length)
        });
        fields.say(|field| field.children.first().map_or_else(String::new, |kind| kind.text.clone()));
        if kind == 4 {
            *redirected = Some((fields.start() + at + 8, fields.start() + at + length));
        }
        at += length;
    }
    Some(())
}

fn contents(fields: &mut Fields<'_>, kind: u8, bit: usize, length: usize) -> Option<()> {
    match (kind, length) {
        (1 | 2, 8) => fields.rows(&[(&LINK_ADDRESS, bit + 16, 48)]),
        (3, 32) => {
            fields.add(&PREFIX_LENGTH, bit + 16, 8)?;
            fields.nest(&PREFIX_FLAG, bit + 24, 8, |fields| {
                fields.rows(&[
                    (&ON_LINK, bit + 24, 1),
                    (&AUTONOMOUS, bit + 25, 1),
                    (&ROUTER, bit + 26, 1),
                    (&PREFIX_RESERVED, bit + 27, 5),
                ])
            })?;
            fields.rows(&[
                (&VALID, bit + 32, 32),
                (&PREFERRED, bit + 64, 32),
                (&RESERVED, bit + 96, 32),
                (&PREFIX, bit + 128, 128),
            ])
        }
        (4, 16..) => fields.rows(&[(&RESERVED, bit + 16, 48), (&REDIRECTED, bit + 64, (length - 8) * 8)]),
        (5, 8) => fields.rows(&[(&RESERVED, bit + 16, 16), (&MTU, bit + 32, 32)]),
        (14, 8..) => fields.rows(&[(&NONCE, bit + 16, (length - 2) * 8)]),
        (24, 24) => {
            fields.add(&PREFIX_LENGTH, bit + 16, 8)?;
            fields
                .nest(&ROUTE_FLAG, bit + 24, 8, |fields| fields.rows(&[(&ROUTE_PREFERENCE, bit + 27, 2)]))?;
            fields.rows(&[(&ROUTE_LIFETIME, bit + 32, 32), (&PREFIX, bit + 64, 128)])
        }
        (25, 24..) => {
            fields.rows(&[(&RESERVED, bit + 16, 16), (&DNS_LIFETIME, bit + 32, 32)])?;
            (0..(length - 8) / 16).try_for_each(|index| fields.rows(&[(&DNS, bit + 64 + index * 128, 128)]))
        }
        _ => Some(()),
    }
}
