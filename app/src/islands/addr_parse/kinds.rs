//! What kind of address it is, by the registries of IANA (RFC 6890 and those after it).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Every kind an address belongs to, most telling first; at least one.
pub(crate) fn of(ip: IpAddr) -> Vec<&'static str> {
    let mut kinds = match ip {
        IpAddr::V4(ip) => v4(ip),
        IpAddr::V6(ip) => v6(ip),
    };
    if kinds.is_empty() {
        kinds.push("全球单播：可以出现在公网上");
    }
    kinds
}

fn v4(ip: Ipv4Addr) -> Vec<&'static str> {
    let [a, b, ..] = ip.octets();
    choose([
        (ip.is_unspecified(), "未指定（0.0.0.0）：绑定时表示“本机的每个地址”，不能当目的地"),
        (a == 0 && !ip.is_unspecified(), "“本网络”（0.0.0.0/8，RFC 1122）：不能当目的地"),
        (ip.is_loopback(), "环回（127.0.0.0/8，RFC 1122）：永远只到本机"),
        (ip.is_private(), "私有（RFC 1918）：只在内部网络里有意义，公网不转发"),
        (a == 100 && b & 0xc0 == 64, "运营商共享（100.64.0.0/10，RFC 6598）：大规模 NAT 背后的地址"),
        (ip.is_link_local(), "链路本地（169.254.0.0/16，RFC 3927）：多半是没有拿到 DHCP 地址"),
        (ip.is_documentation(), "文档示例（RFC 5737）：写书、写测试用的，公网上没有这台主机"),
        (ip.is_broadcast(), "受限广播（255.255.255.255）：本网段的所有人"),
        (ip.is_multicast(), "多播（224.0.0.0/4）：一个频道的名字，不属于任何主机"),
        (a >= 240 && !ip.is_broadcast(), "保留（240.0.0.0/4，RFC 1112）：多数系统拒绝使用"),
    ])
}

fn v6(ip: Ipv6Addr) -> Vec<&'static str> {
    let [a, b, ..] = ip.segments();
    choose([
        (ip.is_unspecified(), "未指定（::）：绑定时表示“本机的每个地址”，不能当目的地"),
        (ip.is_loopback(), "环回（::1，RFC 4291）：永远只到本机"),
        (ip.to_ipv4_mapped().is_some(), "映射的 IPv4（::ffff:0:0/96，RFC 4291）：双栈套接字里的 IPv4 客人"),
        (ip.is_unicast_link_local(), "链路本地（fe80::/10，RFC 4291）：要加区域号才说得清是哪块网卡"),
        (ip.is_unique_local(), "唯一本地（fc00::/7，RFC 4193）：内部网络用，公网不转发"),
        (
            (a == 0x2001 && b == 0x0db8) || (a == 0x3fff && b < 0x1000),
            "文档示例（2001:db8::/32、3fff::/20，RFC 3849、9637）：公网上没有这台主机",
        ),
        (ip.is_multicast(), "多播（ff00::/8，RFC 4291）：一个频道的名字，不属于任何主机"),
    ])
}

fn choose<const N: usize>(kinds: [(bool, &'static str); N]) -> Vec<&'static str> {
    kinds.into_iter().filter_map(|(holds, kind)| holds.then_some(kind)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_of_their_kind() {
        for (text, kind) in [
            ("0.0.0.0", "未指定"),
            ("0.1.2.3", "本网络"),
            ("127.8.9.10", "环回"),
            ("10.0.0.1", "私有"),
            ("172.31.255.255", "私有"),
            ("172.32.0.0", "全球单播"),
            ("192.168.1.1", "私有"),
            ("100.64.0.1", "运营商共享"),
            ("100.128.0.1", "全球单播"),
            ("169.254.7.7", "链路本地"),
            ("192.0.2.1", "文档示例"),
            ("255.255.255.255", "受限广播"),
            ("239.1.2.3", "多播"),
            ("250.0.0.1", "保留"),
            ("8.8.8.8", "全球单播"),
            ("::", "未指定"),
            ("::1", "环回"),
            ("::ffff:10.0.0.1", "映射的 IPv4"),
            ("fe80::1", "链路本地"),
            ("fd00::1", "唯一本地"),
            ("2001:db8::1", "文档示例"),
            ("3fff:fff::1", "文档示例"),
            ("3fff:1000::1", "全球单播"),
            ("ff02::1", "多播"),
            ("2606:4700::1111", "全球单播"),
        ] {
            let kinds = of(text.parse().unwrap());
            assert_eq!(kinds.len(), 1, "{text}: {kinds:?}");
            assert!(kinds[0].contains(kind), "{text}: {kinds:?}");
        }
    }
}
