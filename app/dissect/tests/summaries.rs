//! What readers see in the table of frames.

mod support;

use dissect::{Conversations, Decoders, Dissector, Hints, dissect};
use support::build::{
    ACK, IP_1, IP_2, Ipv4, Ipv6, LINK_1, MAC_1, PSH, SYN, Tcp, ethernet, hex, icmp, icmpv6, igmp, seal, udp,
};

#[track_caller]
fn says(frame: &[u8], protocol: &str, summary: &str) {
    let dissection = dissect(frame, &Hints::default());
    assert_eq!((dissection.protocol, dissection.summary.as_str()), (protocol, summary));
}

#[test]
fn one_line_says_what_a_frame_is_about() {
    let arp = [&hex("0001 0800 06 04 0001")[..], &MAC_1, &[10, 0, 0, 1], &[0; 6], &[10, 0, 0, 2]].concat();
    says(&ethernet(0x0806, &arp), "ARP", "谁是 10.0.0.2？请告诉 10.0.0.1");
    says(&ethernet(0x88b5, b"abc"), "以太网", "以太类型 0x88b5，3 字节");
    let datagram = udp(4000, 4001, b"hello");
    says(&Ipv4::new(17).frame(&datagram), "UDP", "4000 → 4001，5 字节");
    says(&Ipv4::new(132).frame(b"1234"), "IPv4", "SCTP，4 字节");
    let first = Ipv4 { fragment: 0x2000, ..Ipv4::new(17) };
    says(&first.frame(&datagram), "IPv4", "UDP 分片：偏移 0，13 字节，后面还有");
    let last = Ipv4 { fragment: 185, ..Ipv4::new(6) };
    says(&last.frame(&datagram), "IPv4", "TCP 分片：偏移 1480，13 字节，最后一片");
    says(&Tcp::new(SYN).over_ipv4(), "TCP", "40000 → 50000 [SYN] 窗口 64240");
    says(&icmp("0800 0000 0007 0001 41424344"), "ICMP", "回显请求 id=7 seq=1，4 字节");
    let refused = "0303 0000 00000000 4500002c12344000401113b70a0000010a000002 30391f900018d2b1";
    says(&icmp(refused), "ICMP", "端口不可达（引用 UDP 12345 → 8080）");
    says(
        &igmp("2200 0000 0000 0001 04000000 ef010101", [224, 0, 0, 22]),
        "IGMP",
        "v3 报告，1 条记录：加入 239.1.1.1",
    );
    let solicitation = "8700 0000 00000000 fe80000000000000000000000000000a";
    says(&icmpv6(solicitation), "ICMPv6", "谁是 fe80::a？");
}

#[test]
fn addresses_are_those_of_the_outermost_datagram() {
    let dissection = dissect(&Ipv6::new(59).frame(b""), &Hints::default());
    assert_eq!((dissection.source.as_str(), dissection.destination.as_str()), ("fe80::1", "fe80::2"));
    assert_eq!(dissection.field("ipv6.src").unwrap().value, dissect::Value::Ipv6(LINK_1));
    assert_eq!(dissection.field("ipv6.hlim").unwrap().start_bit, (14 + 7) * 8);
}

#[test]
fn a_retransmission_is_called_one() {
    let mut conversations = Conversations::new();
    let mut push = |time, segment: Tcp| {
        let dissection = dissect(&segment.over_ipv4(), &Hints::default());
        conversations.push(time, &dissection).unwrap()
    };
    let syn = push(0, Tcp::new(SYN));
    assert_eq!((syn.summary().as_str(), syn.stream, syn.seq), ("SYN", 0, 0));
    let data = Tcp { seq: 1001, data: b"hello".to_vec(), ..Tcp::new(PSH | ACK) };
    let sent = push(1_000_000, data.clone());
    assert_eq!((sent.summary().as_str(), sent.seq, sent.length), ("PSH, ACK 5 字节", 1, 5));
    let again = push(300_000_000, data);
    assert!(again.analysis.retransmission);
    assert_eq!(again.summary(), "重传 PSH, ACK 5 字节");
    let other = push(300_000_000, Tcp { source: 41_000, ..Tcp::new(SYN) });
    assert_eq!((other.stream, other.from_first), (1, true));
}

#[test]
fn an_ipv6_segment_belongs_to_a_conversation_too() {
    let mut segment = Tcp::new(SYN).segment();
    seal(&mut segment, 16, &LINK_1, &support::build::LINK_2, 6);
    let dissection = dissect(&Ipv6::new(6).frame(&segment), &Hints::default());
    assert_eq!(Conversations::new().push(0, &dissection).unwrap().summary(), "SYN");
}

#[test]
fn a_message_is_told_by_the_frame_that_completes_it() {
    let mut dissector = Dissector::default();
    let mut next = [1, 1];
    let mut number = 0;
    let mut push = |from: usize, data: &[u8]| {
        let ports = [40_000, 7878];
        let segment = Tcp {
            source: ports[from],
            destination: ports[1 - from],
            seq: next[from],
            data: data.to_vec(),
            ..Tcp::new(PSH | ACK)
        };
        next[from] += data.len() as u32;
        number += 1;
        let (mut bytes, ends) = (segment.segment(), [IP_1, IP_2]);
        seal(&mut bytes, 16, &ends[from], &ends[1 - from], 6);
        let frame = Ipv4 { from: ends[from], to: ends[1 - from], ..Ipv4::new(6) }.frame(&bytes);
        dissector.push(number, u64::from(number) * 1_000_000, &frame).dissection
    };
    let told = |dissection: dissect::Dissection| (dissection.protocol, dissection.summary);
    assert_eq!(push(0, b"GET /chat HTTP/1.1\r\nHost: x\r\nUpgrade: web").protocol, "TCP");
    let request = push(0, b"socket\r\n\r\nGET");
    let upgrade = request.field("http.upgrade").unwrap();
    let frames: Vec<_> = upgrade.parts.iter().map(|part| part.frame).collect();
    assert_eq!((frames, upgrade.value.to_string().as_str()), (vec![1, 2], "websocket"));
    assert_eq!(upgrade.start_bit, 54 * 8, "what this frame has of it is its first bytes");
    let rest = request.layers.last().unwrap();
    assert_eq!((rest.protocol, rest.end - rest.start), ("data", 3));
    assert_eq!(told(request), ("HTTP", "GET /chat".to_owned()));
    assert_eq!(told(push(0, b" / HTTP/1.0\r\n\r\n")), ("HTTP", "GET /".to_owned()));
    let refused = b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno";
    let refused = push(1, refused);
    assert_eq!(refused.field("http.request_in").unwrap().value, dissect::Value::Unsigned(2));
    assert_eq!(told(refused), ("HTTP", "404 Not Found".to_owned()));
    assert_eq!(
        told(push(1, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n")),
        ("HTTP", "101 Switching Protocols".to_owned())
    );
    assert_eq!(told(push(1, &hex("8106 e4bda0 e5a5bd"))), ("WebSocket", "文本 \"你好\"".to_owned()));
    let masked = push(0, &hex("8185 37fa213d 7f9f4d5158 8982 00000000 0102 8882 00000000 03e8"));
    assert_eq!(masked.field("websocket.payload.text").unwrap().value.to_string(), "Hello");
    assert_eq!(told(masked), ("WebSocket", "文本 \"Hello\"；Ping 2 字节；关闭 1000".to_owned()));
    assert_eq!(told(push(0, &hex("0281 00000000 41"))).1, "二进制（分片） 1 字节");
}

#[test]
fn a_hint_comes_before_the_first_bytes() {
    let told = |name: &str, data: &[u8]| {
        let hints = Hints { ports: vec![(50_000, name.to_owned())], ..Hints::default() };
        let mut dissector = Dissector::new(hints, dissect::all());
        let segment = Tcp { seq: 1, data: data.to_vec(), ..Tcp::new(PSH | ACK) };
        dissector.push(1, 0, &segment.over_ipv4()).dissection.protocol
    };
    assert_eq!(told("http", b"GET / HTTP/1.1\r\n\r\n"), "HTTP");
    assert_eq!(told("data", b"GET / HTTP/1.1\r\n\r\n"), "TCP");
    assert_eq!(told("websocket", &hex("8900")), "WebSocket");
}

#[test]
fn what_only_all_decoders_know_is_recognized_by_the_core() {
    let lacks = |hint: Option<&str>, decoders: Decoders, data: &[u8]| {
        let ports = hint.map(|name| (50_000, name.to_owned())).into_iter().collect();
        let mut dissector = Dissector::new(Hints { ports, ..Hints::default() }, decoders);
        let segment = Tcp { seq: 1, data: data.to_vec(), ..Tcp::new(PSH | ACK) };
        let told = dissector.push(1, 0, &segment.over_ipv4()).dissection.protocol;
        (told, dissector.lacks())
    };
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    assert_eq!(lacks(None, Decoders::core(), preface), ("TCP", true));
    assert_eq!(lacks(None, dissect::all(), preface), ("HTTP2", false));
    assert_eq!(lacks(Some("http2"), Decoders::core(), &[0]), ("TCP", true));
    assert_eq!(lacks(Some("data"), Decoders::core(), preface), ("TCP", false));
    assert_eq!(lacks(None, Decoders::core(), b"GET / HTTP/1.1\r\n\r\n"), ("HTTP", false));
    let web = b"POST /a.B/C HTTP/1.1\r\ncontent-type: application/grpc-web+proto\r\ncontent-length: 5\r\n\r\n\0\0\0\0\0";
    assert_eq!(lacks(None, Decoders::core(), web), ("HTTP", true));
    assert_eq!(lacks(None, dissect::all(), web), ("HTTP", false));
    // Half a preface says nothing yet, and a length of four bytes is not one of HTTP/2.
    assert_eq!(lacks(None, Decoders::core(), &preface[..9]), ("TCP", false));
    assert_eq!(lacks(None, Decoders::core(), &hex("0000 0604 00000000 00 0000")), ("TCP", false));
    assert_eq!(lacks(None, Decoders::core(), &hex("0000 0604 00000000 00 0003 00000064")), ("TCP", true));
}
