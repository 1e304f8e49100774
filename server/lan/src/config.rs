//! What a LAN is built from.

use api::line::Line;
use api::run::{Congestion, Tier};
use std::collections::BTreeMap;

/// Everything that determines a LAN before its hosts are named.
#[derive(Clone, Debug)]
pub struct Config {
    pub tier: Tier,
    /// Decides every impairment, see [`crate::Control::set_line`].
    pub seed: u64,
    /// Tier `loopback` only: hosts are `127.(1+hi).(lo).n` with `hi` and `lo` the bytes of this number,
    /// so that runs side by side do not meet.
    pub subnet: u16,
    /// Line settings by host name; a host that is absent has a perfect line.
    pub lines: BTreeMap<String, Line>,
    /// Pinned for every host of tier `isolated`.
    pub congestion: Congestion,
    pub max_hosts: u8,
}
