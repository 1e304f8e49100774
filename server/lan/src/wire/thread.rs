//! The thread the switch lives on, and the hub: the namespace in which all cables end.

use super::port::NewPort;
use super::switch::Switch;
use crate::Recorder;
use crate::activity::Activity;
use crate::kernel::KernelObserver;
use crate::recorder::lock;
use crate::sys::packet::PacketSocket;
use crate::sys::{namespace, netlink, sysctl};
use anyhow::Context as _;
use api::line::Line;
use api::trace::HostId;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::time::TimeSpec;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// Orders that may wait for the switch's thread.
const COMMANDS: usize = 64;
/// Frames taken from one port before the others get a turn.
const BURST: usize = 32;
/// Longest frame a host can send, and then some.
const BUFFER: usize = 2048;
/// What is due within this time after the stop is still delivered.
const DRAIN_NS: u64 = 5_000_000;
/// Hash tables of the hosts' own sockets: `sock_diag` walks all of it every time, and the machine's own
/// table has hundreds of thousands of places.
const SOCKET_HASH_PLACES: &str = "256";

pub(crate) enum Command {
    Plug(NewPort),
    Line(HostId, Line),
    Stop,
}

/// The namespace in which all cables end.
#[derive(Debug)]
pub(crate) struct Hub {
    pub(crate) namespace: OwnedFd,
    /// Makes links in the hub, from any thread.
    pub(crate) route: netlink::Socket,
}

impl Hub {
    /// Moves the calling thread into a new namespace and makes it the hub.
    fn enter() -> anyhow::Result<Self> {
        let namespace = namespace::enter_new().context("无法创建网络命名空间（交换机）")?;
        // Without it the hosts share the machine's table: slower samples, same result.
        let _ = sysctl::set("ipv4/tcp_child_ehash_entries", SOCKET_HASH_PLACES);
        let _ = sysctl::set("ipv4/udp_child_hash_entries", SOCKET_HASH_PLACES);
        let _ = sysctl::set("ipv6/conf/default/disable_ipv6", "1");
        Ok(Self { namespace, route: netlink::Socket::route().context("无法打开 netlink 套接字")? })
    }
}

/// Handle to the switch's thread.
#[derive(Debug)]
pub(crate) struct Wire {
    commands: SyncSender<Command>,
    wake: Arc<EventFd>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Wire {
    pub(crate) fn start(
        seed: u64,
        recorder: Recorder,
        activity: Arc<Activity>,
        kernel: Arc<KernelObserver>,
    ) -> anyhow::Result<(Self, Hub)> {
        let (commands, orders) = sync_channel(COMMANDS);
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let wake = Arc::new(EventFd::from_value_and_flags(0, flags)?);
        let woken = Arc::clone(&wake);
        let (ready, hub) = sync_channel(1);
        let thread = std::thread::Builder::new().name("switch".into()).spawn(move || {
            // Wake up on time: the default lets the kernel be 50 µs late.
            let _ = nix::sys::prctl::set_timerslack(1);
            let entered = Hub::enter();
            let usable = entered.is_ok();
            if ready.send(entered).is_ok() && usable {
                let switch = Switch::new(seed, recorder.clone(), activity, kernel);
                Loop { switch, sockets: Vec::new(), orders, woken, recorder, stop_at: None }.run();
            }
        })?;
        let hub = hub.recv().context("交换机线程没有启动")??;
        Ok((Self { commands, wake, thread: Mutex::new(Some(thread)) }, hub))
    }

    /// False if too many orders wait or the thread is gone.
    pub(crate) fn order(&self, command: Command) -> bool {
        let accepted = self.commands.try_send(command).is_ok();
        let _ = self.wake.write(1);
        accepted
    }

    /// Delivers what is due soon and ends the thread.
    pub(crate) fn stop(&self) {
        // The first wake makes room if the queue of orders is full.
        let _ = self.wake.write(1);
        let _ = self.commands.send(Command::Stop);
        let _ = self.wake.write(1);
        if let Some(thread) = lock(&self.thread).take() {
            let _ = thread.join();
        }
    }
}

struct Loop {
    switch: Switch,
    sockets: Vec<Arc<PacketSocket>>,
    orders: Receiver<Command>,
    woken: Arc<EventFd>,
    recorder: Recorder,
    stop_at: Option<u64>,
}

impl Loop {
    fn run(mut self) {
        let mut buffer = vec![0; BUFFER];
        let mut readable = Vec::new();
        loop {
            self.wait(&mut readable);
            self.obey();
            self.switch.release();
            for &port in &readable {
                for _ in 0..BURST {
                    let Some(length) = self.sockets[port].receive(&mut buffer) else { break };
                    self.switch.enter(port, &buffer[..length.min(BUFFER)]);
                }
            }
            if let Some(end) = self.stop_at {
                let more = self.switch.next_due().is_some_and(|due| due <= end) || !readable.is_empty();
                if !more || self.recorder.elapsed_ns() > end {
                    return self.switch.finish();
                }
            }
        }
    }

    /// Sleeps until a frame or an order comes or a frame has to leave; `readable`: ports with frames.
    fn wait(&self, readable: &mut Vec<usize>) {
        let mut polled: Vec<PollFd<'_>> = Vec::with_capacity(self.sockets.len() + 1);
        polled.push(PollFd::new(self.woken.as_fd(), PollFlags::POLLIN));
        polled.extend(self.sockets.iter().map(|socket| PollFd::new(socket.as_fd(), PollFlags::POLLIN)));
        let now = self.recorder.elapsed_ns();
        let until = if self.stop_at.is_some() { Some(now) } else { self.switch.next_due() };
        let timeout = until.map(|due| TimeSpec::from(Duration::from_nanos(due.saturating_sub(now))));
        // An interrupted wait is a short one.
        let _ = ppoll(&mut polled, timeout, None);
        readable.clear();
        let ready = polled.iter().skip(1).enumerate().filter(|(_, polled)| polled.any().unwrap_or(false));
        readable.extend(ready.map(|(port, _)| port));
        if polled[0].any().unwrap_or(false) {
            let _ = self.woken.read();
        }
    }

    fn obey(&mut self) {
        while let Ok(command) = self.orders.try_recv() {
            match command {
                Command::Plug(port) => {
                    self.sockets.push(Arc::clone(&port.socket));
                    self.switch.plug(port);
                }
                Command::Line(host, line) => self.switch.set_line(host, &line),
                Command::Stop => self.stop_at = Some(self.recorder.elapsed_ns() + DRAIN_NS),
            }
        }
    }
}
