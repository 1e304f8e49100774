//! What `Lan` and `Control` share: the hosts so far, the switch and the observers.

mod routes;

use crate::host::interface::{Interface, SECOND};
use crate::host::network::Plan;
use crate::host::routes::Routes;
use crate::host::thread::{self, HostThread};
use crate::host::{Host, Inner};
use crate::kernel::{KernelObserver, Scope, Watch};
use crate::recorder::lock;
use crate::setup::Setup;
use crate::sys::packet::PacketSocket;
use crate::wire::{Command, Hub, NewPort, Wire};
use crate::{Config, Recorder};
use anyhow::Context as _;
use api::line::{InvalidField, Line};
use api::run::Tier;
use api::trace::{HostId, HostInfo, InterfaceInfo, Lifecycle};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// Interface numbers in the hub start here, above its own loopback device.
const FIRST_HUB_INDEX: u32 = 10;
/// `n` in an address is one byte, and so is the number of a second address.
const MOST_HOSTS: u8 = SECOND;

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) recorder: Recorder,
    pub(crate) setup: Arc<Setup>,
    pub(crate) kernel: Arc<KernelObserver>,
    wire: Option<(Wire, Arc<Mutex<Hub>>)>,
    hosts: Mutex<Vec<Entry>>,
}

/// What is special about a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Plain,
    /// Its first interface has a second IPv4 address.
    TwoAddresses,
    /// Forwards between its interfaces.
    Router,
}

/// A host as the LAN keeps it.
#[derive(Debug)]
struct Entry {
    info: HostInfo,
    thread: Option<HostThread>,
    interfaces: Vec<Interface>,
    /// The switch's ends of its cables.
    sockets: Vec<Arc<PacketSocket>>,
    forwards: bool,
    routes: Option<Routes>,
}

impl Shared {
    /// Starts switch and observers; returns the kernel observer's thread too.
    pub(crate) fn start(config: Config, recorder: Recorder) -> anyhow::Result<(Arc<Self>, JoinHandle<()>)> {
        for (host, line) in &config.lines {
            line.validate().map_err(|invalid| {
                anyhow::anyhow!("主机 {host} 的线路参数 {} 无效：{}", invalid.field, invalid.message)
            })?;
        }
        // The lab's own orchestration belongs to no host, whatever this process inherited.
        crate::mark::clear();
        let began = std::time::Instant::now();
        let activity = recorder.activity().context("无法创建 eventfd")?;
        let setup = Arc::new(Setup::new(recorder.clone(), Arc::clone(activity)));
        let kernel = KernelObserver::new(recorder.clone(), Arc::clone(activity));
        let wire = match config.tier {
            Tier::Isolated => {
                let (wire, hub) =
                    Wire::start(config.seed, recorder.clone(), Arc::clone(activity), Arc::clone(&kernel))?;
                Some((wire, Arc::new(Mutex::new(hub))))
            }
            Tier::Loopback => {
                let [a, b, c, _] = loopback_address(config.subnet, 0).octets();
                let scope = Scope::Subnet { prefix: [a, b, c], hosts: MOST_HOSTS };
                kernel.add(Watch::here(scope).context("无法打开 sock_diag 套接字")?);
                None
            }
        };
        let thread = kernel.start()?;
        setup.add(began.elapsed());
        let hosts = Mutex::default();
        Ok((Arc::new(Self { config, recorder, setup, kernel, wire, hosts }), thread))
    }

    pub(crate) fn add_host(&self, name: &str, segments: &[u8], kind: Kind) -> anyhow::Result<Host> {
        self.setup.time(|| {
            let id = self.next_host(name)?;
            match &self.wire {
                Some((wire, hub)) => self.add_isolated(name, id, segments, kind, wire, hub),
                None => self.add_loopback(name, id, kind),
            }
        })
    }

    fn next_host(&self, name: &str) -> anyhow::Result<HostId> {
        let hosts = lock(&self.hosts);
        let most = self.config.max_hosts.min(MOST_HOSTS);
        anyhow::ensure!(hosts.len() < usize::from(most), "主机太多：最多 {most} 台");
        anyhow::ensure!(!name.is_empty(), "主机必须有名字");
        anyhow::ensure!(hosts.iter().all(|host| host.info.name != name), "主机名 {name} 用了两次");
        Ok(hosts.len() as HostId)
    }

    fn add_isolated(
        &self,
        name: &str,
        host: HostId,
        segments: &[u8],
        kind: Kind,
        wire: &Wire,
        hub: &Arc<Mutex<Hub>>,
    ) -> anyhow::Result<Host> {
        let line = self.config.lines.get(name).cloned().unwrap_or_default();
        let mtu = line.up.mtu.min(line.down.mtu);
        let forwards = kind == Kind::Router;
        let used: usize = lock(&self.hosts).iter().map(|entry| entry.interfaces.len()).sum();
        let interfaces: Vec<Interface> = (0u8..)
            .zip(segments)
            .map(|(index, &segment)| Interface {
                index,
                segment,
                number: host + 1,
                mtu,
                second: kind == Kind::TwoAddresses && index == 0,
                forwards,
                hub_index: FIRST_HUB_INDEX + used as u32 + u32::from(index),
            })
            .collect();
        let plan = Plan {
            host,
            interfaces: interfaces.clone(),
            forwards,
            congestion: self.config.congestion,
            hub: Arc::clone(hub),
        };
        let (thread, jobs, built) = thread::start(name, host, Some(plan))?;
        let built = built.context("主机没有网络")?;
        let info =
            HostInfo { name: name.into(), interfaces: interfaces.iter().map(Interface::info).collect() };
        self.recorder.host(info.clone());
        self.kernel.add(built.watch);
        for (interface, socket) in interfaces.iter().zip(&built.sockets) {
            let port = NewPort {
                host,
                interface: interface.index,
                segment: interface.segment,
                mtu,
                line: line.clone(),
                socket: Arc::clone(socket),
            };
            anyhow::ensure!(wire.order(Command::Plug(port)), "交换机没有响应");
        }
        let first = interfaces[0].clone();
        lock(&self.hosts).push(Entry {
            info,
            thread: Some(thread),
            interfaces,
            sockets: built.sockets,
            forwards,
            routes: Some(built.routes),
        });
        self.update_routes(host, forwards)?;
        Ok(self.handle(Inner {
            name: name.into(),
            id: host,
            ipv4: first.ipv4(),
            second_ipv4: first.second_ipv4(),
            ipv6: first.ipv6(),
            broadcast: first.broadcast(),
            mac: first.mac(),
            interface: "eth0",
            jobs,
            setup: Arc::clone(&self.setup),
        }))
    }

    fn add_loopback(&self, name: &str, host: HostId, kind: Kind) -> anyhow::Result<Host> {
        let (thread, jobs, _) = thread::start(name, host, None)?;
        let ipv4 = loopback_address(self.config.subnet, host + 1);
        let ipv6 = Ipv6Addr::LOCALHOST;
        let second_ipv4 =
            (kind == Kind::TwoAddresses).then(|| loopback_address(self.config.subnet, SECOND + host + 1));
        let mut addresses = vec![IpAddr::V4(ipv4)];
        addresses.extend(second_ipv4.map(IpAddr::V4));
        addresses.push(IpAddr::V6(ipv6));
        let interfaces = vec![InterfaceInfo { segment: 0, mac: None, addresses }];
        let info = HostInfo { name: name.into(), interfaces };
        self.recorder.host(info.clone());
        let entry = Entry {
            info,
            thread: Some(thread),
            interfaces: Vec::new(),
            sockets: Vec::new(),
            forwards: false,
            routes: None,
        };
        lock(&self.hosts).push(entry);
        Ok(self.handle(Inner {
            name: name.into(),
            id: host,
            ipv4,
            second_ipv4,
            ipv6,
            broadcast: Ipv4Addr::new(127, 255, 255, 255),
            mac: [0; 6],
            interface: "lo",
            jobs,
            setup: Arc::clone(&self.setup),
        }))
    }

    fn handle(&self, inner: Inner) -> Host {
        Host { inner: Arc::new(inner) }
    }

    pub(crate) fn set_line(&self, name: &str, line: Line) -> Result<(), InvalidField> {
        let refuse = |field: &str, message: String| Err(InvalidField { field: field.into(), message });
        let Some((wire, _)) = &self.wire else {
            let message = "线路参数需要 isolated 层级：这台机器只有环回网络，没有可以调节的线路";
            return refuse("line", message.into());
        };
        line.validate()?;
        let Some(host) = lock(&self.hosts).iter().position(|entry| entry.info.name == name) else {
            return refuse("host", format!("没有名为 {name} 的主机"));
        };
        let host = host as HostId;
        if !wire.order(Command::Line(host, line.clone())) {
            return refuse("line", "线路参数改得太快，请稍后再试".into());
        }
        self.recorder.lifecycle(Lifecycle::LineChanged { host, line });
        Ok(())
    }

    pub(crate) fn infos(&self) -> Vec<HostInfo> {
        lock(&self.hosts).iter().map(|entry| entry.info.clone()).collect()
    }

    /// How long from now until no frame moved for `quiet`; zero if that is so already.
    pub(crate) fn until_quiet(&self, quiet: Duration) -> Duration {
        let (Some(_), Some(activity)) = (&self.wire, self.recorder.activity()) else {
            return Duration::ZERO;
        };
        let (last, travelling) = activity.frames();
        // A busy machine may not have let the switch look yet.
        let waiting =
            lock(&self.hosts).iter().flat_map(|entry| &entry.sockets).any(|socket| socket.has_frame());
        if travelling > 0 || waiting {
            return quiet.max(Duration::from_millis(1));
        }
        quiet.saturating_sub(Duration::from_nanos(self.recorder.elapsed_ns().saturating_sub(last)))
    }

    /// Ends hosts, switch and observers, in this order, so that what hosts send as they end is recorded.
    pub(crate) fn stop(&self, kernel_thread: JoinHandle<()>) {
        self.setup.announce();
        self.kernel.look_at_all();
        let threads: Vec<_> = lock(&self.hosts).iter_mut().filter_map(|entry| entry.thread.take()).collect();
        for thread in threads {
            thread.stop();
        }
        if let Some((wire, _)) = &self.wire {
            wire.stop();
        }
        self.kernel.stop(kernel_thread);
        for entry in lock(&self.hosts).iter_mut() {
            entry.routes = None;
            entry.sockets.clear();
        }
    }
}

/// `127.(1+hi).(lo).n`
fn loopback_address(subnet: u16, number: u8) -> Ipv4Addr {
    let [high, low] = subnet.to_be_bytes();
    Ipv4Addr::new(127, 1 + high % 254, low, number)
}
