//! Multicast groups of an interface.

use socket2::{Domain, Socket, Type};
use std::io;
use std::net::Ipv6Addr;

/// Joins, and at once leaves, the group that every interface is in anyway (`ff02::1`): nothing changes.
pub(crate) fn join_all_nodes(interface: u32) -> io::Result<()> {
    let socket = Socket::new(Domain::IPV6, Type::DGRAM, None)?;
    socket.join_multicast_v6(&Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1), interface)
}
