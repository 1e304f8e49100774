//! One cable of a host: its number decides its addresses.

use crate::sys::group;
use api::trace::InterfaceInfo;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

/// IPv6 does not exist on links with less (RFC 8200 section 5).
const SMALLEST_IPV6_MTU: u16 = 1280;
/// Number on a segment of host `n`'s second address: `SECOND + n`. More hosts than this there cannot be.
pub(crate) const SECOND: u8 = 100;
/// Setting up does not wait longer than this for the kernel's work queue: a stray report harms nobody.
const LONGEST_JOIN: Duration = Duration::from_millis(100);

/// One cable of a host.
#[derive(Clone, Debug)]
pub(crate) struct Interface {
    /// Position among the host's interfaces: `eth0`, `eth1`, …
    pub(crate) index: u8,
    pub(crate) segment: u8,
    /// Number on the segment, from 1.
    pub(crate) number: u8,
    pub(crate) mtu: u16,
    /// It has a second IPv4 address.
    pub(crate) second: bool,
    /// It belongs to a router.
    pub(crate) forwards: bool,
    /// Number of the cable's other end in the hub, unique in the run.
    pub(crate) hub_index: u32,
}

impl Interface {
    pub(crate) fn ipv4(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 0, self.segment, self.number)
    }

    /// Numbered from [`SECOND`], so that it is nobody's first.
    pub(crate) fn second_ipv4(&self) -> Option<Ipv4Addr> {
        self.second.then(|| Ipv4Addr::new(10, 0, self.segment, SECOND + self.number))
    }

    pub(crate) fn broadcast(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 0, self.segment, 255)
    }

    pub(crate) fn ipv6(&self) -> Ipv6Addr {
        Ipv6Addr::new(0xfd00, 0, 0, self.segment.into(), 0, 0, 0, self.number.into())
    }

    /// A router asks for neighbours from its link-local address; others have none, and so less to announce.
    pub(super) fn has_link_local(&self) -> bool {
        self.forwards && self.has_ipv6()
    }

    /// Made from the MAC address (RFC 4291 appendix A).
    pub(super) fn link_local(&self) -> Ipv6Addr {
        Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0xff, 0xfe00, u16::from_be_bytes([self.segment, self.number]))
    }

    pub(crate) fn mac(&self) -> [u8; 6] {
        [2, 0, 0, 0, self.segment, self.number]
    }

    pub(crate) fn info(&self) -> InterfaceInfo {
        let [a, b, c, d, e, f] = self.mac();
        let mut addresses = vec![IpAddr::V4(self.ipv4())];
        addresses.extend(self.second_ipv4().map(IpAddr::V4));
        if self.has_ipv6() {
            addresses.push(IpAddr::V6(self.ipv6()));
        }
        if self.has_link_local() {
            addresses.push(IpAddr::V6(self.link_local()));
        }
        let mac = Some(format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}"));
        InterfaceInfo { segment: self.segment, mac, addresses }
    }

    /// Waits until the address's solicited-node multicast group (RFC 4291 section 2.7.1) is joined and
    /// reported, which the kernel does from a work queue.
    pub(super) fn wait_for_group(&self) {
        let group = format!("ff0200000000000000000001ff0000{:02x}", self.number);
        let joined = || {
            // Without /proc there is nothing to wait for.
            std::fs::read_to_string("/proc/thread-self/net/igmp6")
                .map_or(true, |groups| groups.contains(&group))
        };
        let end = Instant::now() + LONGEST_JOIN;
        while !joined() && Instant::now() < end {
            std::thread::sleep(Duration::from_micros(50));
        }
        // The group shows a moment before it is reported; joining another one waits for the lock between.
        let _ = group::join_all_nodes(self.kernel_index());
    }

    pub(super) fn has_ipv6(&self) -> bool {
        self.mtu >= SMALLEST_IPV6_MTU
    }

    /// Number of the interface in the host: the loopback device is 1.
    pub(super) fn kernel_index(&self) -> u32 {
        u32::from(self.index) + 2
    }
}
