//! What the standard library makes of a text: the two parsers, and in Chinese why they refuse.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::kinds;

/// A text as `IpAddr` and `SocketAddr` read it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reading {
    /// `Ok(…)` or `Err(…)`, as the program would see it.
    pub(crate) ip: String,
    pub(crate) socket: String,
    /// One or two sentences.
    pub(crate) why: &'static str,
    /// `None` if neither parser takes it.
    pub(crate) facts: Option<Facts>,
}

/// What is known about an address.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Facts {
    /// As the standard library writes it.
    pub(crate) canonical: String,
    pub(crate) port: Option<u16>,
    /// Zone of an IPv6 address, if it is not 0.
    pub(crate) zone: Option<u32>,
    /// The IPv4 address inside an IPv4-mapped IPv6 address, and its kind.
    pub(crate) mapped: Option<(Ipv4Addr, &'static str)>,
    pub(crate) kinds: Vec<&'static str>,
    /// Octets of IPv4, groups of IPv6: as written, hexadecimal, binary.
    pub(crate) parts: Vec<[String; 3]>,
}

impl Reading {
    pub(crate) fn of(text: &str) -> Self {
        let (ip, socket) = (text.parse::<IpAddr>(), text.parse::<SocketAddr>());
        let why = match (&ip, &socket) {
            (Ok(IpAddr::V4(_)), _) => "一个 IPv4 地址，没有端口：IpAddr 收下，SocketAddr 还缺“:端口”。",
            (Ok(IpAddr::V6(_)), _) => {
                "一个 IPv6 地址，没有端口：IpAddr 收下；要带端口，先用方括号把地址围起来，再写“:端口”。"
            }
            (_, Ok(_)) => "地址和端口俱全：SocketAddr 收下；IpAddr 只要地址，不认端口。",
            _ => why_not(text),
        };
        let facts = match (&ip, &socket) {
            (_, Ok(socket)) => Some(Facts::of(socket.ip(), Some(*socket))),
            (Ok(ip), _) => Some(Facts::of(*ip, None)),
            _ => None,
        };
        Self { ip: shown(ip), socket: shown(socket), why, facts }
    }
}

fn shown<T: ToString, E: ToString>(result: Result<T, E>) -> String {
    match result {
        Ok(value) => format!("Ok({})", value.to_string()),
        Err(error) => format!("Err({})", error.to_string()),
    }
}

impl Facts {
    fn of(ip: IpAddr, socket: Option<SocketAddr>) -> Self {
        let mapped = match ip {
            IpAddr::V6(ip) => ip.to_ipv4_mapped(),
            IpAddr::V4(_) => None,
        };
        let zone = match socket {
            Some(SocketAddr::V6(socket)) if socket.scope_id() != 0 => Some(socket.scope_id()),
            _ => None,
        };
        Self {
            canonical: ip.to_string(),
            port: socket.map(|socket| socket.port()),
            zone,
            mapped: mapped.map(|ip| (ip, kinds::of(ip.into()).first().copied().unwrap_or_default())),
            kinds: kinds::of(ip),
            parts: match ip {
                IpAddr::V4(ip) => ip
                    .octets()
                    .map(|octet| [octet.to_string(), format!("{octet:02x}"), format!("{octet:08b}")])
                    .into(),
                IpAddr::V6(ip) => ip
                    .segments()
                    .map(|part| [format!("{part:x}"), format!("{part:04x}"), format!("{part:016b}")])
                    .into(),
            },
        }
    }
}

/// The parsers only say that the syntax is wrong; the usual mistakes can be told apart.
fn why_not(text: &str) -> &'static str {
    if text.is_empty() {
        return "还什么都没有写。";
    }
    if text.contains(char::is_whitespace) {
        return "里面有空白：解析器一个也不容忍，先用 trim() 去掉。";
    }
    if text.contains(['：', '．', '。', '％', '［', '］']) {
        return "里面有全角标点：地址里只能用半角的“:”“.”“%”“[”“]”。";
    }
    if text.contains("://") {
        return "这是 URL，不是地址：协议、主机、路径要先用 url 这样的库拆开。";
    }
    if text.contains('/') {
        return "带“/前缀长度”的是一个网段，不是一个地址；标准库没有网段类型，可以用 ipnet。";
    }
    if let Some((_, zone)) = text.split_once('%') {
        return why_not_zone(text, zone);
    }
    if let Some(rest) = text.strip_prefix('[') {
        return match rest.split_once("]:") {
            Some((ip, port)) if ip.parse::<IpAddr>().is_ok() => why_not_port(port),
            Some((ip, _)) if ip.contains(':') => why_not_v6(ip),
            Some(_) => "方括号里应当是一个 IPv6 地址。",
            None => "方括号只用来把 IPv6 地址和端口隔开：要么去掉方括号，要么补上“]:端口”。",
        };
    }
    match text.matches(':').count() {
        0 => why_not_v4(text),
        1 => match text.split_once(':') {
            Some((ip, port)) if ip.parse::<Ipv4Addr>().is_ok() => why_not_port(port),
            Some((ip, _)) => why_not_v4(ip),
            None => UNKNOWN,
        },
        _ => why_not_v6(text),
    }
}

const UNKNOWN: &str = "标准库不认识这种写法。";

fn why_not_zone(text: &str, zone: &str) -> &'static str {
    if !text.starts_with('[') {
        return "Ipv6Addr 里没有区域号的位置，它属于 SocketAddrV6：写成“[地址%区域号]:端口”。";
    }
    let number = zone.split(']').next().unwrap_or_default();
    if number.parse::<u32>().is_err() {
        "区域号要写网卡的编号，标准库不认网卡名：编号可以用 if_nametoindex 查到。"
    } else if !zone.contains("]:") {
        "有方括号和区域号，还缺“]:端口”。"
    } else {
        why_not_port(zone.rsplit(':').next().unwrap_or_default())
    }
}

fn why_not_port(port: &str) -> &'static str {
    if port.is_empty() {
        "冒号后面缺了端口。"
    } else if !port.bytes().all(|b| b.is_ascii_digit()) {
        "端口只能是十进制数字；http 这样的服务名要查表，标准库不查。"
    } else if port.parse::<u16>().is_err() {
        "端口是 16 位的，最大 65535。"
    } else {
        UNKNOWN
    }
}

fn why_not_v4(text: &str) -> &'static str {
    if text.bytes().any(|b| b.is_ascii_alphabetic()) && !text.starts_with("0x") {
        return "像是主机名：FromStr 只认地址，不查 DNS；查询要用 ToSocketAddrs，或 tokio::net::lookup_host。";
    }
    if !text.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return "IPv4 地址是用“.”隔开的四个十进制数，不接受十六进制或别的字符。";
    }
    let parts: Vec<&str> = text.split('.').collect();
    if parts.len() != 4 || parts.iter().any(|part| part.is_empty()) {
        "IPv4 要恰好四段；“127.1”那种省略的写法，C 的 inet_aton 接受，标准库不接受。"
    } else if parts.iter().any(|part| part.len() > 1 && part.starts_with('0')) {
        "有一段以 0 开头：有的系统会把它当八进制，为免歧义，标准库一概拒绝。"
    } else if parts.iter().any(|part| part.parse::<u8>().is_err()) {
        "每一段是一个字节，最大 255。"
    } else {
        UNKNOWN
    }
}

fn why_not_v6(text: &str) -> &'static str {
    if text.matches("::").count() > 1 || text.contains(":::") {
        "“::”只能出现一次，否则说不清每一处省略了多少个 0。"
    } else if text.bytes().any(|b| !b.is_ascii_hexdigit() && b != b':' && b != b'.') {
        "IPv6 的每一段只能是十六进制数字。"
    } else if text.split(':').any(|part| part.len() > 4 && !part.contains('.')) {
        "每一段最多 4 个十六进制数字（16 位）。"
    } else if text.split(':').count() != 8 {
        "IPv6 要恰好 8 段；中间连续的 0 可以用一个“::”代替。"
    } else {
        UNKNOWN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parsers_speak_for_themselves() {
        let reading = Reading::of("192.168.1.5:8080");
        assert_eq!(reading.ip, "Err(invalid IP address syntax)");
        assert_eq!(reading.socket, "Ok(192.168.1.5:8080)");
        let facts = reading.facts.unwrap();
        assert_eq!((facts.port, facts.zone, facts.mapped), (Some(8080), None, None));
        assert_eq!(facts.parts[0], ["192", "c0", "11000000"]);
        assert_eq!(facts.parts.len(), 4);

        let reading = Reading::of("::ffff:10.0.0.1");
        assert_eq!(reading.socket, "Err(invalid socket address syntax)");
        let facts = reading.facts.unwrap();
        assert_eq!(facts.canonical, "::ffff:10.0.0.1");
        assert_eq!(facts.mapped.map(|(ip, _)| ip), Some(Ipv4Addr::new(10, 0, 0, 1)));
        assert_eq!(facts.parts.len(), 8);
        assert_eq!(facts.parts[6], ["a00", "0a00", "0000101000000000"]);

        let facts = Reading::of("[fe80::1%3]:80").facts.unwrap();
        assert_eq!((facts.port, facts.zone), (Some(80), Some(3)));
    }

    /// Each text is refused by both parsers, and the sentence names its mistake.
    #[test]
    fn mistakes_are_told_apart() {
        for (text, part) in [
            ("", "什么都没有"),
            (" 127.0.0.1", "空白"),
            ("127.0.0.1：80", "全角"),
            ("http://127.0.0.1", "URL"),
            ("10.0.0.0/8", "网段"),
            ("fe80::1%3", "SocketAddrV6"),
            ("fe80::1%eth0", "SocketAddrV6"),
            ("[fe80::1%eth0]:80", "网卡的编号"),
            ("[fe80::1%3]", "缺"),
            ("[fe80::1%3]:70000", "65535"),
            ("[::1]", "方括号"),
            ("[::1]:", "缺了端口"),
            ("[127.0.0.1]:80", "UNKNOWN"),
            ("[localhost]:80", "IPv6 地址"),
            ("127.0.0.1:", "缺了端口"),
            ("127.0.0.1:http", "服务名"),
            ("127.0.0.1:65536", "65535"),
            ("localhost", "主机名"),
            ("localhost:80", "主机名"),
            ("127.1", "四段"),
            ("1.2.3.4.5", "四段"),
            ("127.0.0.01", "0 开头"),
            ("256.0.0.1", "255"),
            ("0x7f.0.0.1", "十六进制"),
            ("1::2::3", "只能出现一次"),
            ("1:2:3", "8 段"),
            ("1:2:3:4:5:6:7:8:9", "8 段"),
            ("12345::", "4 个"),
            ("g::1", "十六进制"),
        ] {
            let reading = Reading::of(text);
            assert!(reading.facts.is_none(), "{text:?}");
            let part = if part == "UNKNOWN" { "" } else { part };
            assert!(reading.why.contains(part), "{text:?}: {}", reading.why);
        }
    }
}
