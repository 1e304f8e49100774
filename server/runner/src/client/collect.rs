//! A whole run at once, for the command line, recordings and tests.

use api::run::{FromRun, Outcome, RunSpec, Tier};
use api::trace::{Event, HostInfo, LeftOut, Trace, VERSION};

use super::Run;

/// Hosts by their number, events in order of recording, how it ended, and what was not recorded.
pub type Collected = (Vec<HostInfo>, Vec<Event>, Outcome, LeftOut);

/// Waits for the end of a run. Nobody reads refusals here: there is nobody who could type.
pub async fn collect(mut run: Run) -> Collected {
    let (mut hosts, mut events) = (Vec::new(), Vec::new());
    loop {
        match run.next().await {
            Some(FromRun::Host { info }) => hosts.push(info),
            Some(FromRun::Events { events: batch }) => events.extend(batch),
            Some(FromRun::Refused { .. } | FromRun::LeftOut { .. }) => {}
            Some(FromRun::Finished { outcome, left_out }) => return (hosts, events, outcome, left_out),
            // `next` promises one `Finished`.
            None => {
                let message = "运行没有说明它是怎样结束的".into();
                return (hosts, events, Outcome::Broken { message }, LeftOut::default());
            }
        }
    }
}

/// The trace of a run; its events sorted by time, then by order of recording. `started_at_ms`: since the Unix epoch.
#[must_use]
pub fn trace(id: String, spec: RunSpec, tier: Tier, started_at_ms: u64, collected: Collected) -> Trace {
    let (hosts, mut events, outcome, left_out) = collected;
    events.sort_by_key(|event| (event.time, event.seq));
    Trace {
        version: VERSION,
        id,
        lab: spec.lab,
        params: spec.params,
        lines: spec.lines,
        seed: spec.seed,
        tier,
        started_at_ms,
        hosts,
        outcome,
        left_out,
        events,
    }
}
