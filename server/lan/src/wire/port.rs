//! A cable plugged into the switch.

use super::lane::Lane;
use crate::sys::packet::PacketSocket;
use api::line::Line;
use api::trace::HostId;
use std::sync::Arc;

/// A cable plugged into the switch.
#[derive(Debug)]
pub(crate) struct NewPort {
    pub(crate) host: HostId,
    /// Number of the host's interface: each of its cables has decisions of its own.
    pub(crate) interface: u8,
    pub(crate) segment: u8,
    /// MTU of the host's interface; it takes nothing larger whatever the line says later.
    pub(crate) mtu: u16,
    pub(crate) line: Line,
    pub(crate) socket: Arc<PacketSocket>,
}

/// A cable and its state.
pub(super) struct Port {
    pub(super) host: HostId,
    pub(super) segment: u8,
    pub(super) mtu: u16,
    pub(super) socket: Arc<PacketSocket>,
    pub(super) up: Lane,
    pub(super) down: Lane,
    /// Latest arrival planned so far, by the port the frames came from: who arrives before it overtakes.
    pub(super) latest: Vec<u64>,
}

impl Port {
    pub(super) fn new(new: NewPort, seed: u64) -> Self {
        let NewPort { host, interface, segment, mtu, line, socket } = new;
        let lane = (u64::from(host) << 16) | (u64::from(interface) << 8);
        let line = clamped(line, mtu);
        let (up, down) = (Lane::new(line.up, seed, lane), Lane::new(line.down, seed, lane | 1));
        Self { host, segment, mtu, socket, up, down, latest: Vec::new() }
    }

    pub(super) fn set_line(&mut self, line: Line) {
        let line = clamped(line, self.mtu);
        self.up.set(line.up);
        self.down.set(line.down);
    }
}

/// The host's interface takes nothing larger than its MTU, so the line drops it.
fn clamped(mut line: Line, mtu: u16) -> Line {
    line.down.mtu = line.down.mtu.min(mtu);
    line
}
