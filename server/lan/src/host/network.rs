//! Bringing up the network of one host. All of this runs on the host's own thread.

use crate::kernel::{Scope, Watch};
use crate::sys::link::{self, Cable, Route};
use crate::sys::netlink::{Message, Refused, Socket};
use crate::sys::packet::PacketSocket;
use crate::sys::{ethtool, group, namespace, sysctl};
use crate::wire::Hub;
use anyhow::Context as _;
use api::run::Congestion;
use api::trace::{HostId, InterfaceInfo};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// IPv6 does not exist on links with less (RFC 8200 section 5).
const SMALLEST_IPV6_MTU: u16 = 1280;
/// MTU of the cables' ends at the switch: they take whatever a host can send.
const HUB_MTU: u32 = 1500;
/// Setting up does not wait longer than this for the kernel's work queue: a stray report harms nobody.
const LONGEST_JOIN: Duration = Duration::from_millis(100);

/// What to build.
pub(crate) struct Plan {
    pub(crate) host: HostId,
    pub(crate) interfaces: Vec<Interface>,
    /// Forwards between its interfaces.
    pub(crate) forwards: bool,
    pub(crate) congestion: Congestion,
    pub(crate) hub: Arc<Mutex<Hub>>,
}

/// One cable of a host.
#[derive(Clone, Debug)]
pub(crate) struct Interface {
    /// Position among the host's interfaces: `eth0`, `eth1`, …
    pub(crate) index: u8,
    pub(crate) segment: u8,
    /// Number on the segment, from 1.
    pub(crate) number: u8,
    pub(crate) mtu: u16,
    /// It belongs to a router.
    pub(crate) forwards: bool,
    /// Number of the cable's other end in the hub, unique in the run.
    pub(crate) hub_index: u32,
}

/// What was built.
pub(crate) struct Built {
    /// One for each interface.
    pub(crate) sockets: Vec<Arc<PacketSocket>>,
    pub(crate) watch: Watch,
    pub(crate) routes: Routes,
}

/// For routes added later, from any thread.
#[derive(Debug)]
pub(crate) struct Routes {
    socket: Socket,
    congestion: Option<&'static str>,
}

impl Interface {
    pub(crate) fn ipv4(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 0, self.segment, self.number)
    }

    pub(crate) fn broadcast(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 0, self.segment, 255)
    }

    pub(crate) fn ipv6(&self) -> Ipv6Addr {
        Ipv6Addr::new(0xfd00, 0, 0, self.segment.into(), 0, 0, 0, self.number.into())
    }

    /// A router asks for neighbours from its link-local address; others have none, and so less to announce.
    fn has_link_local(&self) -> bool {
        self.forwards && self.has_ipv6()
    }

    /// Made from the MAC address (RFC 4291 appendix A).
    fn link_local(&self) -> Ipv6Addr {
        Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0xff, 0xfe00, u16::from_be_bytes([self.segment, self.number]))
    }

    pub(crate) fn mac(&self) -> [u8; 6] {
        [2, 0, 0, 0, self.segment, self.number]
    }

    pub(crate) fn info(&self) -> InterfaceInfo {
        let [a, b, c, d, e, f] = self.mac();
        let mut addresses = vec![IpAddr::V4(self.ipv4())];
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
    fn wait_for_group(&self) {
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

    fn has_ipv6(&self) -> bool {
        self.mtu >= SMALLEST_IPV6_MTU
    }

    /// Number of the interface in the host: the loopback device is 1.
    fn kernel_index(&self) -> u32 {
        u32::from(self.index) + 2
    }
}

impl Plan {
    pub(crate) fn build(self) -> anyhow::Result<Built> {
        let hub = crate::recorder::lock(&self.hub);
        namespace::enter(&hub.namespace).context("无法进入交换机的网络命名空间")?;
        let sockets = self
            .interfaces
            .iter()
            .map(|_| PacketSocket::open().map(Arc::new))
            .collect::<Result<Vec<_>, _>>()
            .context("无法打开 AF_PACKET 套接字")?;
        let namespace = namespace::enter_new().context("无法创建网络命名空间")?;
        let congestion = self.settings()?;
        let routes = Routes { socket: Socket::route()?, congestion };
        let watch = Watch::here(Scope::Host(self.host)).context("无法打开 sock_diag 套接字")?;
        request(&routes.socket, vec![link::loopback_up()]).context("无法启用 lo")?;
        for (interface, socket) in self.interfaces.iter().zip(&sockets) {
            let hub_name = format!("p{}", interface.hub_index);
            let name = format!("eth{}", interface.index);
            let cable = Cable {
                hub: (&hub_name, interface.hub_index),
                host: (&name, interface.kernel_index()),
                mac: interface.mac(),
                mtu: interface.mtu.into(),
                hub_mtu: HUB_MTU,
                namespace: Some(namespace.as_fd()),
            };
            let hub_end = interface.hub_index;
            request(
                &hub.route,
                vec![cable.create(), link::no_automatic_addresses(hub_end), link::up(hub_end)],
            )
            .context("无法创建 veth")?;
            ethtool::offloads_off(socket.as_ref(), &hub_name).context("无法关闭网卡卸载（交换机端）")?;
            ethtool::offloads_off(routes.socket.fd(), &name).context("无法关闭网卡卸载（主机端）")?;
            request(&routes.socket, routes.interface(interface)).context("无法配置地址和路由")?;
            if interface.has_ipv6() {
                interface.wait_for_group();
            }
            ethtool::settle_link(routes.socket.fd(), &name).context("网卡没有启用")?;
            if interface.has_ipv6() && !self.forwards {
                let _ = sysctl::set(&format!("ipv6/conf/{name}/force_mld_version"), "0");
            }
            socket.bind(interface.hub_index).context("无法绑定 AF_PACKET 套接字")?;
        }
        Ok(Built { sockets, watch, routes })
    }

    /// Settings of the whole namespace. Returns the congestion control that routes have to carry because
    /// the kernel lets only the first namespace choose this one as the default.
    fn settings(&self) -> anyhow::Result<Option<&'static str>> {
        // Where /proc/sys is read-only (a container) these stay as they are: the lab runs all the same,
        // only numbers differ between machines.
        for (name, value) in [
            ("ipv4/ip_unprivileged_port_start", "0"),
            ("ipv4/ping_group_range", "0 0"),
            ("ipv4/tcp_no_metrics_save", "1"),
            ("ipv4/tcp_rmem", "4096 131072 6291456"),
            ("ipv4/tcp_wmem", "4096 16384 4194304"),
            // There is no router that would answer.
            ("ipv6/conf/default/router_solicitations", "0"),
            // Every address joins a multicast group, which is nobody's news. MLD version 1 reports that at
            // once, before the switch listens, and again after this interval. Hosts go back to normal below.
            ("ipv6/conf/default/force_mld_version", "1"),
            ("ipv6/conf/default/mldv1_unsolicited_report_interval", "86400000"),
        ] {
            let _ = sysctl::set(name, value);
        }
        if self.forwards {
            sysctl::set("ipv4/ip_forward", "1").context("无法打开 IPv4 转发")?;
            sysctl::set("ipv6/conf/all/forwarding", "1").context("无法打开 IPv6 转发")?;
        }
        let name = self.congestion.linux_name();
        match sysctl::set("ipv4/tcp_congestion_control", name) {
            Ok(()) => Ok(None),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                anyhow::bail!(
                    "这台机器的内核没有拥塞控制算法 {name}：请先执行 `sudo modprobe tcp_{name}`，或换一种算法"
                )
            }
            Err(_) => Ok(Some(name)),
        }
    }
}

impl Routes {
    fn interface(&self, interface: &Interface) -> Vec<Message> {
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

fn request(socket: &Socket, messages: Vec<Message>) -> anyhow::Result<()> {
    socket.request(messages).map_err(|Refused { position, error }| {
        anyhow::Error::new(error).context(format!("内核拒绝了第 {} 个 netlink 请求", position + 1))
    })
}
