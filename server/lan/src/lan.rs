//! What a lab gets: hosts, segments, and a way to say what it measured.

use crate::{Config, Control, Host, Recorder};
use api::run::Tier;
use api::trace::Signal;
use std::time::Duration;
use tokio::sync::mpsc;

/// A broadcast domain: everything one switch connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment(pub(crate) u8);

impl Segment {
    /// The one that [`Lan::host`] uses.
    pub const FIRST: Self = Self(0);
}

/// The hosts of a run and the switch between them.
#[derive(Debug)]
pub struct Lan {
    config: Config,
    inputs: Option<mpsc::Receiver<String>>,
}

impl Lan {
    /// Brings up the switch and the observers. `inputs`: lines the reader types.
    ///
    /// # Errors
    /// The machine does not permit what the tier needs.
    pub fn new(
        config: Config,
        recorder: Recorder,
        inputs: mpsc::Receiver<String>,
    ) -> anyhow::Result<(Self, Control)> {
        drop((config, recorder, inputs));
        anyhow::bail!("尚未实现")
    }

    /// A host on the first segment.
    ///
    /// # Errors
    /// Too many hosts, a name used twice, or the machine refused.
    pub fn host(&mut self, name: &str) -> anyhow::Result<Host> {
        self.host_on(name, Segment::FIRST)
    }

    /// A further broadcast domain.
    pub fn segment(&mut self) -> Segment {
        Segment(1)
    }

    /// A host on a segment of your choice.
    ///
    /// # Errors
    /// As [`Lan::host`].
    pub fn host_on(&mut self, name: &str, _segment: Segment) -> anyhow::Result<Host> {
        anyhow::bail!("尚未实现 {name}")
    }

    /// A host with one interface on each segment that forwards between them. The other hosts of these
    /// segments, present and future, get a default route through it.
    ///
    /// # Errors
    /// As [`Lan::host`]; also in tier `loopback`, which has no segments.
    pub fn router(&mut self, name: &str, _segments: &[Segment]) -> anyhow::Result<Host> {
        anyhow::bail!("尚未实现 {name}")
    }

    #[must_use]
    pub fn tier(&self) -> Tier {
        self.config.tier
    }

    /// Lines the reader types while the lab runs. The second call gets an empty one.
    pub fn inputs(&mut self) -> Inputs {
        Inputs { receiver: self.inputs.take() }
    }

    /// Reports a result. `label` in Chinese, `unit` by its symbol.
    pub fn measured(&self, _host: Option<&Host>, _label: &str, _value: f64, _unit: &str) {}

    /// Events from here on belong to a new part of the run.
    pub fn section(&self, _title: &str) {}

    /// Records a level on a wire that is not Ethernet.
    pub fn signal(&self, _signal: Signal) {}

    /// Waits until no frame moved for `quiet`, at most `at_most`, so that late acknowledgements,
    /// FINs and retransmissions are recorded.
    pub async fn settle(&self, _quiet: Duration, _at_most: Duration) {}
}

/// Lines the reader types.
#[derive(Debug)]
pub struct Inputs {
    receiver: Option<mpsc::Receiver<String>>,
}

impl Inputs {
    /// The next line, or `None` when the run is being stopped. Recorded as a lifecycle event.
    pub async fn next(&mut self) -> Option<String> {
        self.receiver.as_mut()?.recv().await
    }
}
