//! Addresses and routes of a host.

use super::interface::Interface;
use crate::sys::link::{self, Route};
use crate::sys::message::Message;
use crate::sys::netlink::{Refused, Socket};
use anyhow::Context as _;
use std::net::Ipv6Addr;

/// For routes added later, from any thread.
#[derive(Debug)]
pub(crate) struct Routes {
    pub(super) socket: Socket,
    pub(super) congestion: Option<&'static str>,
}

impl Routes {
    pub(super) fn interface(&self, interface: &Interface) -> Vec<Message> {
        let index = interface.kernel_index();
        let mut messages = Vec::new();
        if interface.has_ipv6() {
            messages.push(link::no_automatic_addresses(index));
        }
        messages.extend([
            link::up(index),
            link::address_v4(index, interface.ipv4(), interface.broadcast()),
            self.route(&[10, 0, interface.segment, 0], 24, None, index),
        ]);
        // In the subnet of the first it is a secondary address: only what a program binds to it comes from it.
        messages.extend(
            interface.second_ipv4().map(|second| link::address_v4(index, second, interface.broadcast())),
        );
        if interface.has_ipv6() {
            messages.push(link::address_v6(index, interface.ipv6()));
            messages.push(link::address_v6(index, interface.link_local()));
            messages.push(self.route(&LINK_LOCAL, 64, None, index));
            messages.push(self.route(&prefix_v6(interface.segment), 64, None, index));
        }
        if interface.index == 0 {
            // Multicast leaves by the first interface unless a program says otherwise. Limited broadcast has
            // no route, as on a machine without a default route: a lab shows what becomes of it.
            messages.push(self.route(&[224, 0, 0, 0], 4, None, index));
        }
        messages
    }

    /// Sends packets for a segment through a router on one of the host's own segments.
    pub(crate) fn add(
        &self,
        interface: &Interface,
        target: Target,
        gateway: &Interface,
    ) -> anyhow::Result<()> {
        let index = interface.kernel_index();
        let (v4, v6, prefixes) = match target {
            Target::Everything => ([0; 4], [0; 16], (0, 0)),
            Target::Segment(segment) => ([10, 0, segment, 0], prefix_v6(segment), (24, 64)),
        };
        let mut messages = vec![self.route(&v4, prefixes.0, Some(&gateway.ipv4().octets()), index)];
        if interface.has_ipv6() && gateway.has_ipv6() {
            messages.push(self.route(&v6, prefixes.1, Some(&gateway.ipv6().octets()), index));
        }
        request(&self.socket, messages).context("无法添加路由")
    }

    fn route(&self, destination: &[u8], prefix: u8, gateway: Option<&[u8]>, interface: u32) -> Message {
        Route { destination, prefix, gateway, interface, congestion: self.congestion }.replace()
    }
}

/// Where a route leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Everything,
    Segment(u8),
}

/// `fe80::`
const LINK_LOCAL: [u8; 16] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

fn prefix_v6(segment: u8) -> [u8; 16] {
    Ipv6Addr::new(0xfd00, 0, 0, segment.into(), 0, 0, 0, 0).octets()
}

pub(super) fn request(socket: &Socket, messages: Vec<Message>) -> anyhow::Result<()> {
    socket.request(messages).map_err(|Refused { position, error }| {
        anyhow::Error::new(error).context(format!("内核拒绝了第 {} 个 netlink 请求", position + 1))
    })
}
