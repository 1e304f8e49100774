//! Builds frames with right lengths and checksums. Independent of the crate under test.

pub const MAC_1: [u8; 6] = [2, 0, 0, 0, 0, 1];
pub const MAC_2: [u8; 6] = [2, 0, 0, 0, 0, 2];
pub const IP_1: [u8; 4] = [10, 0, 0, 1];
pub const IP_2: [u8; 4] = [10, 0, 0, 2];
pub const LINK_1: [u8; 16] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
pub const LINK_2: [u8; 16] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];
pub const ALL_ROUTERS: [u8; 16] = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x16];

/// `"0a 00 00 01"` → bytes.
pub fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> =
        text.chars().filter_map(|digit| digit.to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

pub fn ethernet(kind: u16, payload: &[u8]) -> Vec<u8> {
    [&MAC_2[..], &MAC_1, &kind.to_be_bytes(), payload].concat()
}

/// RFC 1071 over the parts one after the other; parts must have even lengths except the last.
pub fn checksum(parts: &[&[u8]]) -> u16 {
    let mut sum = 0_u64;
    for (index, byte) in parts.concat().iter().enumerate() {
        sum += u64::from(*byte) << if index % 2 == 0 { 8 } else { 0 };
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

fn put(bytes: &mut [u8], at: usize, number: u16) {
    bytes[at..at + 2].copy_from_slice(&number.to_be_bytes());
}

/// An IPv4 header to fill in.
#[derive(Clone)]
pub struct Ipv4 {
    pub tos: u8,
    pub id: u16,
    /// Flags and offset as on the wire.
    pub fragment: u16,
    pub ttl: u8,
    pub protocol: u8,
    pub options: Vec<u8>,
    pub from: [u8; 4],
    pub to: [u8; 4],
}

impl Ipv4 {
    pub fn new(protocol: u8) -> Self {
        let (id, fragment, ttl) = (0x1234, 0x4000, 64);
        Self { tos: 0, id, fragment, ttl, protocol, options: Vec::new(), from: IP_1, to: IP_2 }
    }

    pub fn datagram(&self, payload: &[u8]) -> Vec<u8> {
        let mut options = self.options.clone();
        options.resize(options.len().next_multiple_of(4), 0);
        let header = 20 + options.len();
        let mut bytes =
            vec![0x40 | (header / 4) as u8, self.tos, 0, 0, 0, 0, 0, 0, self.ttl, self.protocol, 0, 0];
        bytes.extend(self.from.iter().chain(&self.to).chain(&options));
        put(&mut bytes, 2, (header + payload.len()) as u16);
        put(&mut bytes, 4, self.id);
        put(&mut bytes, 6, self.fragment);
        let sum = checksum(&[&bytes]);
        put(&mut bytes, 10, sum);
        bytes.extend(payload);
        bytes
    }

    pub fn frame(&self, payload: &[u8]) -> Vec<u8> {
        ethernet(0x0800, &self.datagram(payload))
    }
}

/// An IPv6 header to fill in.
#[derive(Clone)]
pub struct Ipv6 {
    pub class: u8,
    pub flow: u32,
    pub next: u8,
    pub hops: u8,
    pub from: [u8; 16],
    pub to: [u8; 16],
}

impl Ipv6 {
    pub fn new(next: u8) -> Self {
        Self { class: 0, flow: 0, next, hops: 64, from: LINK_1, to: LINK_2 }
    }

    pub fn packet(&self, payload: &[u8]) -> Vec<u8> {
        let mut bytes = (6 << 28 | u32::from(self.class) << 20 | self.flow & 0xf_ffff).to_be_bytes().to_vec();
        bytes.extend((payload.len() as u16).to_be_bytes());
        bytes.extend([self.next, self.hops]);
        bytes.extend(self.from.iter().chain(&self.to).chain(payload));
        bytes
    }

    pub fn frame(&self, payload: &[u8]) -> Vec<u8> {
        ethernet(0x86dd, &self.packet(payload))
    }
}

/// Fills in the checksum at `at` over a pseudo header and the bytes.
pub fn seal(bytes: &mut [u8], at: usize, from: &[u8], to: &[u8], protocol: u8) {
    put(bytes, at, 0);
    let length = (bytes.len() as u32).to_be_bytes();
    let sum = checksum(&[from, to, &length, &[0, 0, 0, protocol], bytes]);
    put(bytes, at, if sum == 0 && protocol == 17 { 0xffff } else { sum });
}

/// Fills in the checksum at `at` over the bytes alone.
pub fn seal_plain(bytes: &mut [u8], at: usize) {
    put(bytes, at, 0);
    let sum = checksum(&[bytes]);
    put(bytes, at, sum);
}

pub fn udp(source: u16, destination: u16, data: &[u8]) -> Vec<u8> {
    let mut bytes = [source, destination, (8 + data.len()) as u16, 0].map(u16::to_be_bytes).concat();
    bytes.extend(data);
    bytes
}

/// A TCP segment to fill in.
#[derive(Clone, Default)]
pub struct Tcp {
    pub source: u16,
    pub destination: u16,
    pub seq: u32,
    pub ack: u32,
    /// The low 12 bits: reserved and flags.
    pub flags: u16,
    pub window: u16,
    pub urgent: u16,
    pub options: Vec<u8>,
    pub data: Vec<u8>,
}

pub const FIN: u16 = 1;
pub const SYN: u16 = 2;
pub const RST: u16 = 4;
pub const PSH: u16 = 8;
pub const ACK: u16 = 16;

impl Tcp {
    pub fn new(flags: u16) -> Self {
        Self {
            source: 40000,
            destination: 50000,
            seq: 1000,
            ack: 2000,
            flags,
            window: 64240,
            ..Self::default()
        }
    }

    /// Without checksum.
    pub fn segment(&self) -> Vec<u8> {
        let mut options = self.options.clone();
        options.resize(options.len().next_multiple_of(4), 0);
        let words = ((20 + options.len()) / 4) as u16;
        let mut bytes = [self.source, self.destination].map(u16::to_be_bytes).concat();
        bytes.extend([self.seq, self.ack].map(u32::to_be_bytes).concat());
        bytes.extend(
            [words << 12 | self.flags & 0xfff, self.window, 0, self.urgent].map(u16::to_be_bytes).concat(),
        );
        bytes.extend(options.iter().chain(&self.data));
        bytes
    }

    pub fn over_ipv4(&self) -> Vec<u8> {
        let mut segment = self.segment();
        seal(&mut segment, 16, &IP_1, &IP_2, 6);
        Ipv4::new(6).frame(&segment)
    }
}

pub fn icmp(message: &str) -> Vec<u8> {
    let mut bytes = hex(message);
    seal_plain(&mut bytes, 2);
    Ipv4::new(1).frame(&bytes)
}

pub fn igmp(message: &str, to: [u8; 4]) -> Vec<u8> {
    let mut bytes = hex(message);
    seal_plain(&mut bytes, 2);
    Ipv4 { options: hex("94 04 00 00"), ttl: 1, to, ..Ipv4::new(2) }.frame(&bytes)
}

pub fn icmpv6(message: &str) -> Vec<u8> {
    let mut bytes = hex(message);
    seal(&mut bytes, 2, &LINK_1, &LINK_2, 58);
    Ipv6 { hops: 255, ..Ipv6::new(58) }.frame(&bytes)
}
