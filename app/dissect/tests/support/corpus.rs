//! Frames of every kind that the dissector knows, and many of their variants.

use super::build::*;
use super::random::Random;

/// What an ICMP error may quote: 20 bytes of IPv4 and 8 of UDP, then of TCP.
const QUOTED_UDP: &str = "4500002c12344000401113b70a0000010a000002 30391f900018d2b1";
const ADDRESS: &str = "fe80000000000000000000000000000a";

pub fn frames() -> Vec<Vec<u8>> {
    let mut random = Random::new(7);
    let groups = [
        link(),
        ipv4(&mut random),
        ipv6(&mut random),
        icmp_messages(),
        icmpv6_messages(),
        igmp_messages(),
        udp_datagrams(&mut random),
        tcp_segments(&mut random),
    ];
    groups.concat()
}

fn plain_udp() -> Vec<u8> {
    let mut bytes = udp(30000, 30001, b"hello");
    seal(&mut bytes, 6, &IP_1, &IP_2, 17);
    bytes
}

fn udp_frame() -> Vec<u8> {
    Ipv4::new(17).frame(&plain_udp())
}

fn link() -> Vec<Vec<u8>> {
    let arp = |opcode: u16, sender: [u8; 4], target: [u8; 4]| {
        let fixed = hex("0001 0800 06 04");
        [&fixed[..], &opcode.to_be_bytes(), &MAC_1, &sender, &[0; 6], &target].concat()
    };
    let datagram = Ipv4::new(17).datagram(&plain_udp());
    let mut padded = udp_frame();
    padded.resize(60, 0);
    let mut trailed = udp_frame();
    trailed.extend(hex("0102030405060708"));
    let mut broadcast = ethernet(0x0806, &arp(1, IP_1, IP_2));
    broadcast[..6].fill(0xff);
    broadcast.resize(60, 0);
    vec![
        broadcast,
        ethernet(0x0806, &arp(2, IP_2, IP_1)),
        ethernet(0x0806, &arp(1, IP_1, IP_1)),
        ethernet(0x0806, &arp(1, [0; 4], IP_1)),
        ethernet(0x88b5, b"local experiment"),
        ethernet(0x8100, &[&hex("2064 0800"), &datagram[..]].concat()),
        ethernet(0x8100, &[&hex("f001 0806"), &arp(1, IP_1, IP_2)[..]].concat()),
        ethernet(0x88a8, &[&hex("3064 8100 b065 0800"), &datagram[..]].concat()),
        ethernet(0x8100, &[&hex("0064 8100 0065 0800"), &datagram[..]].concat()),
        ethernet(38, &[&hex("424203 0000 00 00 00")[..], &[0; 30], &[0; 8]].concat()),
        padded,
        trailed,
    ]
}

fn ipv4(random: &mut Random) -> Vec<Vec<u8>> {
    let payload = plain_udp();
    let mut frames = Vec::new();
    for _ in 0..60 {
        let header = Ipv4 {
            tos: random.next() as u8,
            id: random.next() as u16,
            ttl: random.next() as u8,
            ..Ipv4::new(17)
        };
        frames.push(header.frame(&payload));
    }
    for protocol in [0, 3, 50, 89, 132, 200, 255] {
        frames.push(Ipv4::new(protocol).frame(if protocol == 0 { &[] } else { b"" }));
    }
    for fragment in [0x2000, 0x2001, 0x0001, 0x8000, 0x3fff, 0x1fff] {
        frames.push(Ipv4 { fragment, ..Ipv4::new(17) }.frame(&payload));
        frames.push(Ipv4 { fragment, ..Ipv4::new(6) }.frame(&Tcp::new(ACK).segment()));
        frames.push(Ipv4 { fragment, ..Ipv4::new(1) }.frame(&hex("0800 f7ff 0000 0000 61626364")));
    }
    for options in [
        "94040000",
        "0101 01 00",
        "070b08 0a000001 00000000 00",
        "070f10 0a000001 0a000002 0a000003 00",
        "440c05 00 00000001 00000000",
        "440c0d 31 0a000001 00000001",
        "440c05 03 0a000009 00000000",
        "01 94040000 010101",
        "9e04 0000 01 01 01 00",
        "0700",
        "07ff0801",
    ] {
        frames.push(Ipv4 { options: hex(options), ..Ipv4::new(17) }.frame(&payload));
    }
    let mut bad = udp_frame();
    bad[24] ^= 0x55;
    frames.push(bad);
    let inner = Ipv4::new(17).datagram(&payload);
    frames.push(Ipv4::new(4).frame(&inner));
    frames
}

fn ipv6(random: &mut Random) -> Vec<Vec<u8>> {
    let mut payload = udp(30000, 30001, b"hello");
    seal(&mut payload, 6, &LINK_1, &LINK_2, 17);
    let mut frames = Vec::new();
    for _ in 0..30 {
        let (class, flow, hops) = (random.next() as u8, random.next() as u32, random.next() as u8);
        frames.push(Ipv6 { class, flow, hops, ..Ipv6::new(17) }.frame(&payload));
    }
    let mut chain =
        |next: u8, headers: &str| frames.push(Ipv6::new(next).frame(&[&hex(headers)[..], &payload].concat()));
    chain(0, "11 00 0502 0000 0100");
    chain(0, "11 00 01 04 00000000");
    chain(0, "11 00 00 00 00 00 00 00");
    chain(0, "3c 00 0502 0001 0100 11 01 0102 0000 1e 08 0102030405060708");
    chain(60, "11 00 0104 00000000");
    chain(43, "11 02 00 01 00000000 fd000000000000000000000000000009");
    chain(43, "11 02 04 00 00 00 0000 fd000000000000000000000000000009");
    chain(43, "11 04 04 01 01 00 0000 fe800000000000000000000000000002 fd000000000000000000000000000009");
    chain(43, "11 02 00 01 00000000 fe800000000000000000000000000002");
    chain(44, "11 00 0000 00000007");
    chain(44, "11 00 0001 00000007");
    chain(44, "11 00 0008 00000007");
    chain(44, "11 00 0ff9 deadbeef");
    chain(0, "2c 00 0502 0000 0100 11 00 0011 00000009");
    frames.push(Ipv6::new(59).frame(b""));
    let mut tcp = Tcp::new(SYN).segment();
    seal(&mut tcp, 16, &LINK_1, &LINK_2, 6);
    frames.push(Ipv6::new(6).frame(&tcp));
    tcp[5] ^= 1;
    frames.push(Ipv6::new(6).frame(&tcp));
    frames.push(Ipv6::new(17).frame(&udp(30000, 30001, b"no checksum")));
    frames.push(Ipv4::new(41).frame(&Ipv6::new(17).packet(&payload)));
    frames
}

fn icmp_messages() -> Vec<Vec<u8>> {
    let mut frames = vec![
        icmp("0800 0000 1234 0001 4142434445464748 4142434445464748"),
        icmp("0000 0000 1234 0001 4142434445464748 4142434445464748"),
        icmp("0800 0000 ffff ffff"),
        icmp(&format!("0304 0000 0000 05dc {QUOTED_UDP}")),
        icmp(&format!("0b00 0000 00000000 {QUOTED_UDP}")),
        icmp(&format!("0b01 0000 00000000 {QUOTED_UDP}")),
        icmp(&format!("0501 0000 0a000009 {QUOTED_UDP}")),
        icmp(&format!("0c00 0000 05000000 {QUOTED_UDP}")),
        icmp(&format!("0400 0000 00000000 {QUOTED_UDP}")),
        icmp("0d00 0000 1234 0001 00000001 00000002 00000003"),
        icmp("0e00 0000 1234 0001 00000001 00000002 00000003"),
        icmp("0a00 0000 00000000"),
        icmp("6300 0000 12340001"),
        icmp("0303 0000 00000000 4500003c 1c46 4000 40 06 0000 0a000001 0a000002 9c40 1f90 00000001"),
        icmp(&format!("0303 0000 00000000 {QUOTED_UDP} 000102030405060708090a0b0c0d0e0f")),
        icmp(&format!("0b00 0000 00200000 {QUOTED_UDP} {} 2000 0000 0008 0101 00064140", "00".repeat(100))),
    ];
    let ping = QUOTED_UDP.replacen("401113b7", "400113c7", 1);
    frames.push(icmp(&format!("0b00 0000 00000000 {ping} 000102030405060708090a0b0c0d0e0f")));
    for code in 0..16 {
        frames.push(icmp(&format!("03{code:02x} 0000 00000000 {QUOTED_UDP}")));
    }
    let mut segment = Tcp { options: hex("020405b4"), ..Tcp::new(SYN) }.segment();
    seal(&mut segment, 16, &IP_1, &IP_2, 6);
    let whole = Ipv4::new(6).datagram(&segment);
    let mut message = [hex("0301 0000 0000 0000"), whole].concat();
    seal_plain(&mut message, 2);
    frames.push(Ipv4::new(1).frame(&message));
    let mut bad = icmp("0800 0000 1234 0001 4142434445464748");
    bad[45] ^= 1;
    frames.push(bad);
    frames
}

fn icmpv6_messages() -> Vec<Vec<u8>> {
    let quoted = format!("6000000000181140 {ADDRESS} {ADDRESS} 30391f9000180000 {}", "41".repeat(16));
    let prefix = "fd000000000000000000000000000000";
    let mut frames = vec![
        icmpv6("8000 0000 1234 0001 6162636465666768"),
        icmpv6("8100 0000 1234 0001 6162636465666768"),
        icmpv6(&format!("0200 0000 000005dc {quoted}")),
        icmpv6(&format!("0300 0000 00000000 {quoted}")),
        icmpv6(&format!("0401 0000 00000028 {quoted}")),
        icmpv6(&format!("8700 0000 00000000 {ADDRESS} 0101 020000000001")),
        icmpv6(&format!("8700 0000 00000000 {ADDRESS} 0e01 112233445566")),
        icmpv6(&format!("8700 0000 00000000 {ADDRESS}")),
        icmpv6(&format!("8800 0000 e0000000 {ADDRESS} 0201 020000000002")),
        icmpv6(&format!("8800 0000 20000001 {ADDRESS}")),
        icmpv6("8500 0000 00000000 0101 020000000001"),
        icmpv6("8500 0000 00000000"),
        icmpv6(&format!(
            "8600 0000 40c8 0708 00000001 00000002 0101 020000000001 0501 0000 000005dc \
             0304 40c0 00015180 00003840 00000000 {prefix} 1903 0000 00000e10 {ADDRESS} \
             1803 4008 00000e10 {prefix}"
        )),
        icmpv6(&format!("8600 0000 0035 0000 00000000 00000000 1905 0000 00000e10 {ADDRESS} {prefix}")),
        icmpv6(&format!(
            "8900 0000 00000000 {ADDRESS} {ADDRESS} 0201 020000000002 0409 0000 00000000 {quoted}"
        )),
        icmpv6(&format!("8200 0000 03e8 0000 {ADDRESS}")),
        icmpv6(&format!("8200 0000 2710 0000 {}", "00".repeat(16))),
        icmpv6(&format!("8300 0000 0000 0000 {ADDRESS}")),
        icmpv6(&format!("8400 0000 0000 0000 {ADDRESS}")),
        icmpv6(&format!("8200 0000 03e8 0000 {ADDRESS} 0a7d 0001 {ADDRESS}")),
        icmpv6(&format!("8f00 0000 0000 0002 04000000 {ADDRESS} 01010001 {ADDRESS} {ADDRESS} 01020304")),
        icmpv6(&format!("8f00 0000 0000 0001 03000000 {ADDRESS}")),
        icmpv6("c800 0000 01020304"),
        icmpv6("6400 0000"),
    ];
    for code in 0..7 {
        frames.push(icmpv6(&format!("01{code:02x} 0000 00000000 {quoted}")));
    }
    let mut bad = icmpv6("8000 0000 1234 0001 6162636465666768");
    bad[60] ^= 0x10;
    frames.push(bad);
    let mut report = hex(&format!("8f00 0000 0000 0001 04000000 {ADDRESS}"));
    seal(&mut report, 2, &LINK_1, &ALL_ROUTERS, 58);
    let hop_by_hop = hex("3a00 0502 0000 0100");
    frames.push(Ipv6 { hops: 1, to: ALL_ROUTERS, ..Ipv6::new(0) }.frame(&[hop_by_hop, report].concat()));
    frames
}

fn igmp_messages() -> Vec<Vec<u8>> {
    let group = [239, 1, 1, 1];
    let all = [224, 0, 0, 1];
    let routers = [224, 0, 0, 22];
    let mut frames = vec![
        igmp("1164 0000 00000000", all),
        igmp("11c8 0000 00000000", all),
        igmp("1100 0000 00000000", all),
        igmp("1600 0000 ef010101", group),
        igmp("1700 0000 ef010101", [224, 0, 0, 2]),
        igmp("1200 0000 ef010101", group),
        igmp("2200 0000 0000 0002 04000000 ef010101 01000001 ef020202 0a000009", routers),
        igmp("2200 0000 0000 0001 04010000 ef010101 01020304", routers),
        igmp("2200 0000 0000 0001 03000000 ef010101", routers),
        igmp(
            "2200 0000 0000 0003 05000002 ef010101 0a000001 0a000002 06000001 ef010101 0a000003 02000000 ef010102",
            routers,
        ),
        igmp("1164 0000 ef010101 0a7d 0001 0a000001", group),
        igmp("118f 0000 00000000 02ff 0000", all),
        igmp("11fa 0000 00000000 0780 0002 0a000001 0a000002", all),
    ];
    let mut bad = igmp("1600 0000 ef010101", group);
    let last = bad.len() - 1;
    bad[last] ^= 1;
    frames.push(bad);
    frames
}

fn udp_datagrams(random: &mut Random) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    for size in [0, 1, 2, 3, 17, 100, 255, 256, 1000, 1472] {
        let data = random.bytes(size);
        let mut bytes = udp(30000 + size as u16, 30001, &data);
        frames.push(Ipv4::new(17).frame(&bytes));
        seal(&mut bytes, 6, &IP_1, &IP_2, 17);
        frames.push(Ipv4::new(17).frame(&bytes));
        bytes[7] ^= 3;
        frames.push(Ipv4::new(17).frame(&bytes));
    }
    frames
}

fn tcp_segments(random: &mut Random) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    for flags in 0..0x1000 {
        if flags < 0x200 || flags % 0x111 == 0 {
            frames.push(
                Tcp { seq: random.next() as u32, ack: random.next() as u32, ..Tcp::new(flags) }.over_ipv4(),
            );
        }
    }
    for options in [
        "020405b4 0402 080a0000000100000000 01 030307",
        "01 01 080a aabbccdd 11223344",
        "0101 050a 00000001 00000002",
        "0101 0512 00000001 00000002 00000003 00000005",
        "0101 051a 00000001 00000002 00000003 00000005 ffffff00 00000010",
        "0101 0522 00000001 00000002 00000003 00000005 00000007 00000009 0000000b 0000000d",
        "1312 000102030405060708090a0b0c0d0e0f 0000",
        "220a 0102030405060708 0101",
        "2202 0101",
        "030300 00",
        "03030e 01",
        "4504 0102 4502 0101",
        "fd04 f989 fe06 f989 0102 0101",
        "1e0c 0001 0102030405060708",
        "1d10 0001 02030405060708090a0b0c0d",
        "0b06 00000001 0101",
        "0000 0000",
        "01010101",
        "1c04 8005",
    ] {
        for flags in [SYN, SYN | ACK, ACK] {
            frames.push(Tcp { options: hex(options), ..Tcp::new(flags) }.over_ipv4());
        }
    }
    for size in [1, 2, 7, 100, 535, 1460] {
        let data = random.bytes(size);
        let urgent = random.next() as u16;
        let window = random.next() as u16;
        let segment = Tcp { data, urgent, window, ..Tcp::new(PSH | ACK) };
        let mut frame = segment.over_ipv4();
        frames.push(frame.clone());
        let last = frame.len() - 1;
        frame[last] ^= 0x80;
        frames.push(frame);
    }
    frames
}
