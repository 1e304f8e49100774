//! Questions about sockets and their answers (`sock_diag(7)`, `include/uapi/linux/inet_diag.h`).

use super::tcp_info;
use crate::sys::message::{Message, attributes, messages, u32_at, u64_at};
use crate::sys::netlink::Socket;
use api::trace::{SocketState, TcpInfo, Transport};
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// `SOCK_DIAG_BY_FAMILY`
const BY_FAMILY: u16 = 20;
/// Attributes of an answer.
const INFO: u16 = 2;
const CONG: u16 = 4;
const SKMEMINFO: u16 = 7;
/// Place of the drop counter in `SKMEMINFO`, in bytes.
const DROPS: usize = 8 * 4;
/// Bytes of `struct inet_diag_msg`.
const ANSWER: usize = 72;

/// `SKNLGRP_INET_TCP_DESTROY`, `SKNLGRP_INET_UDP_DESTROY` and the same for IPv6, as a bit mask.
pub(super) const DESTROY_GROUPS: u32 = 0b1111;

/// One socket as the kernel describes it at one moment.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Seen {
    /// The kernel's own name for it.
    pub(super) cookie: u64,
    pub(super) transport: Transport,
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    pub(super) state: SocketState,
    pub(super) receive_queue: u32,
    pub(super) send_queue: u32,
    pub(super) drops: u32,
    pub(super) tcp: Option<TcpInfo>,
}

/// Which sockets to ask for. Each kind is in a table of its own, and the kernel walks all of it: a walk
/// over the listeners takes three times as long as one over the connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Connections,
    Listeners,
    Datagrams,
}

impl Part {
    fn transport(self) -> Transport {
        match self {
            Self::Connections | Self::Listeners => Transport::Tcp,
            Self::Datagrams => Transport::Udp,
        }
    }

    /// States as a bit mask; bit 12 is `TCP_NEW_SYN_RECV`. Without bit 13, sockets that are only bound:
    /// they cost six times as much as all others and nothing happens to them.
    fn states(self) -> u32 {
        match self {
            Self::Connections => 0x1fff & !Self::Listeners.states(),
            Self::Listeners => 1 << 10,
            Self::Datagrams => u32::MAX,
        }
    }
}

impl Seen {
    pub(super) fn part(&self) -> Part {
        match (self.transport, self.state) {
            (Transport::Udp, _) => Part::Datagrams,
            (Transport::Tcp, SocketState::Listen) => Part::Listeners,
            (Transport::Tcp, _) => Part::Connections,
        }
    }
}

/// All sockets of one kind in the namespace of `socket`, IPv4 and IPv6.
pub(super) fn dump(socket: &Socket, part: Part) -> io::Result<Vec<Seen>> {
    let mut all = Vec::new();
    let mut buffer = vec![0; 32 * 1024];
    for family in [libc::AF_INET, libc::AF_INET6] {
        socket.send(&question(family, part))?;
        let mut more = true;
        while more {
            let length = socket.receive(&mut buffer)?;
            messages(&buffer[..length], |message| match i32::from(message.kind) {
                libc::NLMSG_DONE | libc::NLMSG_ERROR => more = false,
                _ => all.extend(parse(message.payload, Some(part.transport()))),
            });
        }
    }
    Ok(all)
}

/// Last words of sockets that ended, as far as the kernel has sent them.
pub(super) fn ended(socket: &Socket) -> Vec<Seen> {
    let mut all = Vec::new();
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(length) = socket.receive(&mut buffer) {
        messages(&buffer[..length], |message| all.extend(parse(message.payload, None)));
    }
    all
}

/// `struct inet_diag_req_v2`
fn question(family: i32, part: Part) -> Vec<u8> {
    let mut header = [0; 56];
    header[0] = family as u8;
    header[1] = match part.transport() {
        Transport::Tcp => libc::IPPROTO_TCP as u8,
        Transport::Udp => libc::IPPROTO_UDP as u8,
    };
    header[2] = [INFO, CONG, SKMEMINFO].iter().fold(0, |bits, attribute| bits | (1 << (attribute - 1)));
    header[4..8].copy_from_slice(&part.states().to_ne_bytes());
    Message::new(BY_FAMILY, libc::NLM_F_DUMP, &header).finish(0)
}

/// `transport` is known from the question; without one (last words) it is in an attribute.
fn parse(payload: &[u8], transport: Option<Transport>) -> Option<Seen> {
    const PROTOCOL: u16 = 10;
    let answer = payload.get(..ANSWER)?;
    let mut info = None;
    let mut congestion = "";
    let mut drops = 0;
    let mut transport = transport;
    attributes(&payload[ANSWER..], |kind, value| match kind {
        INFO => info = Some(value),
        CONG => congestion = std::str::from_utf8(value).unwrap_or("").trim_end_matches('\0'),
        SKMEMINFO => drops = u32_at(value, DROPS).unwrap_or(0),
        PROTOCOL => {
            transport = match value.first().map(|byte| i32::from(*byte)) {
                Some(libc::IPPROTO_TCP) => Some(Transport::Tcp),
                Some(libc::IPPROTO_UDP) => Some(Transport::Udp),
                _ => None,
            }
        }
        _ => {}
    });
    let transport = transport?;
    let state = state(answer[1])?;
    let is_connection = transport == Transport::Tcp
        && !matches!(state, SocketState::Listen | SocketState::TimeWait | SocketState::SynReceived);
    let family = i32::from(answer[0]);
    Some(Seen {
        cookie: u64_at(answer, 44)?,
        transport,
        local: address(family, &answer[8..24], &answer[4..6])?,
        remote: address(family, &answer[24..40], &answer[6..8])?,
        state,
        receive_queue: u32_at(answer, 56)?,
        // Of a socket that ended the kernel says −1.
        send_queue: u32_at(answer, 60).filter(|bytes| *bytes != u32::MAX).unwrap_or(0),
        drops,
        tcp: info.filter(|_| is_connection).map(|info| tcp_info::parse(info, congestion)),
    })
}

/// An IPv4 peer of an IPv6 socket shows as what it is on the wire.
fn address(family: i32, address: &[u8], port: &[u8]) -> Option<SocketAddr> {
    let port = u16::from_be_bytes(port.try_into().ok()?);
    let ip = if family == libc::AF_INET {
        IpAddr::from(<[u8; 4]>::try_from(&address[..4]).ok()?)
    } else {
        IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(address).ok()?)).to_canonical()
    };
    Some(SocketAddr::new(ip, port))
}

/// `include/net/tcp_states.h`
fn state(number: u8) -> Option<SocketState> {
    Some(match number {
        1 => SocketState::Established,
        2 => SocketState::SynSent,
        3 | 12 => SocketState::SynReceived,
        4 => SocketState::FinWait1,
        5 => SocketState::FinWait2,
        6 => SocketState::TimeWait,
        7 => SocketState::Close,
        8 => SocketState::CloseWait,
        9 => SocketState::LastAck,
        10 => SocketState::Listen,
        11 => SocketState::Closing,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, UdpSocket};

    #[test]
    fn finds_this_process_s_own_sockets() {
        let socket = Socket::sock_diag().expect("sock_diag");
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        let local = listener.local_addr().expect("address");
        let tcp = dump(&socket, Part::Listeners).expect("dump");
        let found = tcp.iter().find(|seen| seen.local == local).expect("listener");
        assert_eq!((found.state, found.tcp.is_none()), (SocketState::Listen, true));

        let udp = UdpSocket::bind("[::1]:0").expect("bind");
        let local = udp.local_addr().expect("address");
        let all = dump(&socket, Part::Datagrams).expect("dump");
        let found = all.iter().find(|seen| seen.local == local).expect("socket");
        assert_eq!((found.state, found.remote.port()), (SocketState::Close, 0));
    }

    #[test]
    fn mapped_addresses_show_as_ipv4_and_short_answers_are_ignored() {
        let mut mapped = [0; 16];
        mapped[10..].copy_from_slice(&[0xff, 0xff, 10, 0, 0, 1]);
        let shown = address(libc::AF_INET6, &mapped, &[0, 80]).map(|address| address.to_string());
        assert_eq!(shown.as_deref(), Some("10.0.0.1:80"));
        assert_eq!(parse(&[0; 71], Some(Transport::Tcp)), None);
    }
}
