//! What client and runner say to each other on the control socket: one JSON value a packet.

use api::run::{Limit, Limits, TierReport};
use serde::{Deserialize, Serialize};
use std::os::fd::RawFd;

/// The runner finds its end of the control socket here.
pub(crate) const CONTROL_FD: RawFd = 3;

/// Largest packet in either direction, bytes.
pub(crate) const MAX_PACKET: usize = 4096;

/// Number of a run, never used twice by one client.
pub(crate) type RunId = u64;

/// Client → runner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum ToRunner {
    /// Fork a run. Its private socket travels along with this packet (`SCM_RIGHTS`).
    Run { id: RunId, limits: Limits },
    /// The run was asked to stop; end it by force if it has not left within `grace_ms`.
    Stop { id: RunId, grace_ms: u32 },
    /// End it now.
    Kill { id: RunId },
}

/// Runner → client.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum FromRunner {
    /// First packet: the runner has entered its namespaces and takes runs.
    Ready { tier: TierReport },
    /// A run's process is gone and has been reaped.
    Exited { id: RunId, ending: Ending },
    /// The run could not be forked.
    NotStarted { id: RunId, reason: String },
}

/// How a run's process ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Ending {
    /// It left by itself.
    Exited { code: i32 },
    /// A signal the runner did not send.
    Signalled { signal: i32 },
    /// The runner ended it because of a limit.
    Limit { limit: Limit },
    /// The runner ended it because the client asked for that.
    Killed,
    /// It could not be forked.
    NotStarted,
}
