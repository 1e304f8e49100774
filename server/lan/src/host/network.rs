//! Bringing up the network of one host. All of this runs on the host's own thread.

use super::interface::Interface;
use super::routes::{Routes, request};
use crate::kernel::{Scope, Watch};
use crate::sys::link::{self, Cable};
use crate::sys::netlink::Socket;
use crate::sys::packet::PacketSocket;
use crate::sys::{ethtool, namespace, sysctl};
use crate::wire::Hub;
use anyhow::Context as _;
use api::run::Congestion;
use api::trace::HostId;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex};

/// MTU of the cables' ends at the switch: they take whatever a host can send.
const HUB_MTU: u32 = 1500;

/// What to build.
pub(crate) struct Plan {
    pub(crate) host: HostId,
    pub(crate) interfaces: Vec<Interface>,
    /// Forwards between its interfaces.
    pub(crate) forwards: bool,
    pub(crate) congestion: Congestion,
    pub(crate) hub: Arc<Mutex<Hub>>,
}

/// What was built.
pub(crate) struct Built {
    /// One for each interface.
    pub(crate) sockets: Vec<Arc<PacketSocket>>,
    pub(crate) watch: Watch,
    pub(crate) routes: Routes,
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
