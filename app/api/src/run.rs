//! What is asked of the runner, what it reports, and how a run ended.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use crate::line::Line;
use crate::trace::{Event, HostInfo, LeftOut};

/// What this machine permits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// Every host in a network namespace of its own: code, wire and kernel are all observed.
    Isolated,
    /// All hosts on 127.0.0.0/8 of this machine: code and kernel only, no frames, no line settings.
    Loopback,
}

/// A tier and, if it is not the best one, why and how to get the better one (Chinese).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TierReport {
    pub tier: Tier,
    /// Empty in tier `isolated`.
    pub reason: String,
    /// A command or setting that would cure it; empty if there is none to give.
    pub cure: String,
}

/// Everything that determines a run, complete with defaults.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunSpec {
    pub lab: String,
    pub params: serde_json::Value,
    /// Line settings by host name; absent hosts have a perfect line.
    #[serde(default)]
    pub lines: BTreeMap<String, Line>,
    pub seed: u64,
    /// Congestion control of every host: `cubic`, `reno` or `bbr`.
    #[serde(default)]
    pub congestion: Congestion,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Congestion {
    /// RFC 9438, the default here so that machines agree.
    #[default]
    Cubic,
    /// RFC 5681 with NewReno.
    Reno,
    /// Google's model-based algorithm, v1 in Linux.
    Bbr,
}

impl Congestion {
    /// The name Linux uses in `net.ipv4.tcp_congestion_control`.
    #[must_use]
    pub fn linux_name(self) -> &'static str {
        match self {
            Self::Cubic => "cubic",
            Self::Reno => "reno",
            Self::Bbr => "bbr",
        }
    }
}

/// Limits of one run. All are enforced outside the lab's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Wall-clock time from start to the end of the process, milliseconds.
    pub wall_ms: u32,
    /// Resident memory, bytes.
    pub memory_bytes: u64,
    /// Open file descriptors.
    pub descriptors: u32,
    pub threads: u32,
    /// Events kept (all observers together).
    pub events: u32,
    /// Frame bytes kept.
    pub frame_bytes: u64,
    pub hosts: u8,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            wall_ms: 30_000,
            memory_bytes: 256 << 20,
            descriptors: 1024,
            threads: 640,
            events: 60_000,
            frame_bytes: 16 << 20,
            hosts: 16,
        }
    }
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The lab's code returned without error.
    Completed,
    /// The lab's code returned an error or panicked; the message is for the reader.
    Failed { message: String },
    /// The reader (or a shutdown) stopped it.
    Stopped { message: String },
    /// A limit ended it.
    LimitReached { limit: Limit, message: String },
    /// The machinery failed, not the lab: the runner died, the LAN could not be brought up, …
    Broken { message: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    WallClock,
    Memory,
    Descriptors,
    Threads,
}

/// Server → run process, one JSON value a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToRun {
    /// First message, exactly once.
    Start {
        spec: RunSpec,
        limits: Limits,
        tier: Tier,
        subnet: u16,
    },
    Input {
        text: String,
    },
    Line {
        host: String,
        line: Line,
    },
    /// End in good order: record what is there and leave.
    Stop,
}

/// Run process → server, one JSON value a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FromRun {
    /// A host was added. Always sent before the first event that names it.
    Host { info: HostInfo },
    /// In order of recording.
    Events { events: Vec<Event> },
    /// A setting was refused: the reader's input or line change had no effect.
    Refused { field: String, message: String },
    /// What has been left out so far, whenever it has grown: a run that is killed cannot say it at its end.
    LeftOut { so_far: LeftOut },
    /// Last message: the lab's code ended in a way the process itself could report.
    Finished { outcome: Outcome, left_out: LeftOut },
}
