//! The messages of the `/live` WebSocket: JSON text frames, one message each.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use crate::line::Line;
use crate::run::{Congestion, Outcome, TierReport};
use crate::trace::{Event, HostInfo, LeftOut};

/// Longest message the server accepts, in bytes.
pub const MAX_CLIENT_MESSAGE: u32 = 16 * 1024;

/// Browser → server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ClientMessage {
    /// Run a lab. `request` is chosen by the page and comes back in the answers until a run id is known.
    Start {
        request: u32,
        lab: String,
        #[serde(default)]
        params: serde_json::Value,
        /// By host name. Absent: the lab's own default lines.
        #[serde(default)]
        lines: Option<BTreeMap<String, Line>>,
        /// Absent: the server draws one.
        #[serde(default)]
        seed: Option<u64>,
        #[serde(default)]
        congestion: Congestion,
    },
    /// A line the reader typed.
    Input {
        run: String,
        text: String,
    },
    /// Change a host's line now.
    Line {
        run: String,
        host: String,
        line: Line,
    },
    Stop {
        run: String,
    },
    /// Follow a run (again), from the event after `after_seq`; from the first if absent.
    /// Also how a page resumes after its socket broke.
    Watch {
        run: String,
        #[serde(default)]
        after_seq: Option<u32>,
    },
}

/// Server → browser.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerMessage {
    /// First message on every socket.
    Hello {
        version: u16,
        tier: TierReport,
    },
    /// The house is full: `position` runs are ahead (1 = next). Sent again whenever it changes.
    Queued {
        request: u32,
        run: String,
        position: u32,
    },
    /// The run process is up. `request` is absent for a watcher.
    Started {
        request: Option<u32>,
        run: String,
        lab: String,
        params: serde_json::Value,
        lines: BTreeMap<String, Line>,
        seed: u64,
        tier: TierReport,
        started_at_ms: u64,
    },
    Host {
        run: String,
        info: HostInfo,
    },
    Events {
        run: String,
        events: Vec<Event>,
    },
    /// This socket was too slow: `events` events were not sent to it. The saved trace has them all.
    Thinned {
        run: String,
        events: u32,
    },
    /// `trace` is the id under `/traces/`, absent if it could not be saved.
    Finished {
        run: String,
        outcome: Outcome,
        left_out: LeftOut,
        trace: Option<String>,
    },
    /// A message was not understood or refused; the socket stays open.
    /// `field` is a path such as `params.message` or `lines.client.up.loss_percent`.
    Error {
        request: Option<u32>,
        run: Option<String>,
        field: String,
        message: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_needs_only_request_and_lab() {
        let message: ClientMessage =
            serde_json::from_str(r#"{"type":"start","request":1,"lab":"tcp-echo"}"#).unwrap();
        let ClientMessage::Start { lab, seed: None, lines: None, .. } = message else {
            panic!("{message:?}")
        };
        assert_eq!(lab, "tcp-echo");
    }
}
