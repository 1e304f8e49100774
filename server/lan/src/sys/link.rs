//! Links, addresses and routes (`rtnetlink(7)`), as messages for [`super::netlink::Socket::request`].

use super::message::Message;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, BorrowedFd};

/// `linux/veth.h`
const VETH_INFO_PEER: u16 = 1;
/// `linux/if_link.h`: `IN6_ADDR_GEN_MODE_NONE`, no link-local address and so no router solicitation.
const ADDRESS_MODE_NONE: u8 = 1;
const IFLA_INET6_ADDR_GEN_MODE: u16 = 8;
/// `linux/rtnetlink.h`: congestion control of connections along a route.
const RTAX_CC_ALGO: u16 = 16;
/// Interface number of the loopback device in every namespace.
const LO: u32 = 1;

/// `struct ifinfomsg`
fn link_header(index: u32, flags: i32, change: i32) -> [u8; 16] {
    let mut header = [0; 16];
    header[4..8].copy_from_slice(&index.to_ne_bytes());
    header[8..12].copy_from_slice(&flags.to_ne_bytes());
    header[12..16].copy_from_slice(&change.to_ne_bytes());
    header
}

/// One cable: a veth pair whose first end is in the namespace of the socket that sends this message.
pub(crate) struct Cable<'a> {
    /// Name and interface number of the end at the switch.
    pub(crate) hub: (&'a str, u32),
    /// Name and interface number of the end at the host.
    pub(crate) host: (&'a str, u32),
    pub(crate) mac: [u8; 6],
    pub(crate) mtu: u32,
    pub(crate) hub_mtu: u32,
    /// The host's namespace, if it is another one. The far end is born there: moving it later costs 30 ms.
    pub(crate) namespace: Option<BorrowedFd<'a>>,
}

impl Cable<'_> {
    pub(crate) fn create(&self) -> Message {
        let flags = libc::NLM_F_CREATE | libc::NLM_F_EXCL;
        let mut message = Message::new(libc::RTM_NEWLINK, flags, &link_header(self.hub.1, 0, 0));
        let end = |message: &mut Message, name: &str, mtu: u32| {
            message.text(libc::IFLA_IFNAME, name);
            message.number(libc::IFLA_MTU, mtu);
            message.number(libc::IFLA_NUM_TX_QUEUES, 1);
            message.number(libc::IFLA_NUM_RX_QUEUES, 1);
        };
        end(&mut message, self.hub.0, self.hub_mtu);
        message.nest(libc::IFLA_LINKINFO, |info| {
            info.text(libc::IFLA_INFO_KIND, "veth");
            info.nest(libc::IFLA_INFO_DATA, |data| {
                data.nest(VETH_INFO_PEER, |peer| {
                    peer.raw(&link_header(self.host.1, 0, 0));
                    end(peer, self.host.0, self.mtu);
                    peer.attribute(libc::IFLA_ADDRESS, &self.mac);
                    if let Some(namespace) = self.namespace {
                        peer.number(libc::IFLA_NET_NS_FD, namespace.as_raw_fd().cast_unsigned());
                    }
                });
            });
        });
        message
    }
}

/// Keeps a link from inventing IPv6 addresses. Must come before [`up`].
pub(crate) fn no_automatic_addresses(index: u32) -> Message {
    let mut message = Message::new(libc::RTM_SETLINK, 0, &link_header(index, 0, 0));
    message.nest(libc::IFLA_AF_SPEC, |families| {
        families.nest(libc::AF_INET6 as u16, |inet6| {
            inet6.attribute(IFLA_INET6_ADDR_GEN_MODE, &[ADDRESS_MODE_NONE]);
        });
    });
    message
}

pub(crate) fn up(index: u32) -> Message {
    Message::new(libc::RTM_SETLINK, 0, &link_header(index, libc::IFF_UP, libc::IFF_UP))
}

pub(crate) fn loopback_up() -> Message {
    up(LO)
}

/// `struct ifaddrmsg` and its attributes. Routes to the prefix are given by [`route`], not implied.
pub(crate) fn address_v4(index: u32, address: Ipv4Addr, broadcast: Ipv4Addr) -> Message {
    let mut message = address_message(libc::AF_INET, 24, index);
    message.attribute(libc::IFA_LOCAL, &address.octets());
    message.attribute(libc::IFA_ADDRESS, &address.octets());
    message.attribute(libc::IFA_BROADCAST, &broadcast.octets());
    message.number(libc::IFA_FLAGS, libc::IFA_F_NOPREFIXROUTE);
    message
}

/// Without duplicate address detection: addresses of a run are unique by construction.
pub(crate) fn address_v6(index: u32, address: Ipv6Addr) -> Message {
    let mut message = address_message(libc::AF_INET6, 64, index);
    message.attribute(libc::IFA_LOCAL, &address.octets());
    message.attribute(libc::IFA_ADDRESS, &address.octets());
    message.number(libc::IFA_FLAGS, libc::IFA_F_NODAD | libc::IFA_F_NOPREFIXROUTE);
    message
}

fn address_message(family: i32, prefix: u8, index: u32) -> Message {
    let mut header = [0; 8];
    header[0] = family as u8;
    header[1] = prefix;
    header[4..8].copy_from_slice(&index.to_ne_bytes());
    Message::new(libc::RTM_NEWADDR, libc::NLM_F_CREATE | libc::NLM_F_REPLACE, &header)
}

/// Where packets to a prefix go.
pub(crate) struct Route<'a> {
    pub(crate) destination: &'a [u8],
    pub(crate) prefix: u8,
    pub(crate) gateway: Option<&'a [u8]>,
    pub(crate) interface: u32,
    /// Congestion control of connections that use it, where the system setting may not be changed.
    pub(crate) congestion: Option<&'a str>,
}

impl Route<'_> {
    pub(crate) fn replace(&self) -> Message {
        let family = if self.destination.len() == 4 { libc::AF_INET } else { libc::AF_INET6 };
        let scope = if self.gateway.is_some() || family == libc::AF_INET6 {
            libc::RT_SCOPE_UNIVERSE
        } else {
            libc::RT_SCOPE_LINK
        };
        let mut header = [0; 12];
        header[0] = family as u8;
        header[1] = self.prefix;
        header[4] = libc::RT_TABLE_MAIN;
        header[5] = libc::RTPROT_STATIC;
        header[6] = scope;
        header[7] = libc::RTN_UNICAST;
        let flags = libc::NLM_F_CREATE | libc::NLM_F_REPLACE;
        let mut message = Message::new(libc::RTM_NEWROUTE, flags, &header);
        if self.prefix > 0 {
            message.attribute(libc::RTA_DST, self.destination);
        }
        if let Some(gateway) = self.gateway {
            message.attribute(libc::RTA_GATEWAY, gateway);
        }
        message.number(libc::RTA_OIF, self.interface);
        if let Some(congestion) = self.congestion {
            message.nest(libc::RTA_METRICS, |metrics| metrics.text(RTAX_CC_ALGO, congestion));
        }
        message
    }
}
