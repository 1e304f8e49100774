//! What a lab gets: hosts, segments, and a way to say what it measured.

use crate::setup::Setup;
use crate::shared::{Kind, Shared};
use crate::{Config, Control, Host, Recorder};
use api::line::Line;
use api::run::Tier;
use api::trace::{HostId, Lifecycle, Signal};
use std::sync::Arc;
use std::time::{Duration, Instant};
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
    shared: Arc<Shared>,
    inputs: Option<mpsc::Receiver<String>>,
    segments: u8,
}

impl Lan {
    /// Brings up the switch and the observers. `inputs`: lines the reader types.
    ///
    /// In tier `isolated` the process must have entered its namespaces before ([`crate::isolate`]).
    ///
    /// # Errors
    /// The machine does not permit what the tier needs, or a line setting is out of bounds.
    pub fn new(
        config: Config,
        recorder: Recorder,
        inputs: mpsc::Receiver<String>,
    ) -> anyhow::Result<(Self, Control)> {
        let (shared, threads) = Shared::start(config, recorder)?;
        let control = Control::new(Arc::clone(&shared), threads);
        Ok((Self { shared, inputs: Some(inputs), segments: 1 }, control))
    }

    /// A host on the first segment.
    ///
    /// # Errors
    /// Too many hosts, a name used twice, or the machine refused.
    pub fn host(&mut self, name: &str) -> anyhow::Result<Host> {
        self.host_on(name, Segment::FIRST)
    }

    /// A host on the first segment with two IPv4 addresses, [`Host::ipv4`] and [`Host::second_ipv4`]: what
    /// moves from one to the other changes its address, as a telephone does that leaves the wireless LAN.
    ///
    /// # Errors
    /// As [`Lan::host`].
    pub fn host_with_two_addresses(&mut self, name: &str) -> anyhow::Result<Host> {
        self.shared.add_host(name, &[Segment::FIRST.0], Kind::TwoAddresses)
    }

    /// A further broadcast domain.
    pub fn segment(&mut self) -> Segment {
        let segment = Segment(self.segments);
        self.segments = self.segments.saturating_add(1);
        segment
    }

    /// A host on a segment of your choice.
    ///
    /// # Errors
    /// As [`Lan::host`].
    pub fn host_on(&mut self, name: &str, segment: Segment) -> anyhow::Result<Host> {
        self.shared.add_host(name, &[segment.0], Kind::Plain)
    }

    /// A host with one interface on each segment that forwards between them. The other hosts of these
    /// segments, present and future, get a default route through it.
    ///
    /// # Errors
    /// As [`Lan::host`]; also in tier `loopback`, which has no segments.
    pub fn router(&mut self, name: &str, segments: &[Segment]) -> anyhow::Result<Host> {
        anyhow::ensure!(self.tier() == Tier::Isolated, "路由器需要 isolated 层级：这台机器只有环回网络");
        anyhow::ensure!(segments.len() >= 2, "路由器 {name} 至少要连接两个网段");
        let segments: Vec<u8> = segments.iter().map(|segment| segment.0).collect();
        self.shared.add_host(name, &segments, Kind::Router)
    }

    #[must_use]
    pub fn tier(&self) -> Tier {
        self.shared.config.tier
    }

    /// Lines the reader types while the lab runs. A second call gets none.
    pub fn inputs(&mut self) -> Inputs {
        Inputs { receiver: self.inputs.take(), recorder: self.shared.recorder.clone() }
    }

    /// Reports a result. `label` in Chinese, `unit` by its symbol.
    pub fn measured(&self, host: Option<&Host>, label: &str, value: f64, unit: &str) {
        let host = host.map(Host::id);
        self.tell(Lifecycle::Measured { host, label: label.into(), value, unit: unit.into() });
    }

    /// Records a point of a time series now: `series` in Chinese, `unit` by its symbol. The series of one unit are
    /// drawn in one panel. A result is [`Self::measured`], not sampled.
    ///
    /// Never waits. Points count as events do: what exceeds the run's limit is left out and counted.
    pub fn sampled(&self, host: Option<&Host>, series: &str, value: f64, unit: &str) {
        self.sampler(host).sampled(series, value, unit);
    }

    /// Takes samples where the `Lan` itself cannot go: in tasks and threads.
    #[must_use]
    pub fn sampler(&self, host: Option<&Host>) -> Sampler {
        Sampler {
            setup: Arc::clone(&self.shared.setup),
            recorder: self.shared.recorder.clone(),
            host: host.map(Host::id),
        }
    }

    /// Events from here on belong to a new part of the run.
    pub fn section(&self, title: &str) {
        self.tell(Lifecycle::Section { title: title.into() });
    }

    /// Pulls the host's cable: from now on every frame is lost, in both directions, and neither end is told.
    ///
    /// # Errors
    /// In tier `loopback`, which has no cables.
    pub fn unplug(&self, host: &Host) -> anyhow::Result<()> {
        let mut line = self.line(host);
        (line.up.loss_percent, line.down.loss_percent) = (100.0, 100.0);
        self.set_line(host, line)
    }

    /// Puts the cable back, with the settings the run started with.
    ///
    /// # Errors
    /// As [`Self::unplug`].
    pub fn plug(&self, host: &Host) -> anyhow::Result<()> {
        self.set_line(host, self.line(host))
    }

    fn line(&self, host: &Host) -> Line {
        self.shared.config.lines.get(host.name()).cloned().unwrap_or_default()
    }

    fn set_line(&self, host: &Host, line: Line) -> anyhow::Result<()> {
        self.shared.set_line(host.name(), line).map_err(|invalid| anyhow::anyhow!(invalid.message))
    }

    /// Records a level on a wire that is not Ethernet.
    pub fn signal(&self, signal: Signal) {
        self.shared.setup.announce();
        self.shared.recorder.signal(signal);
    }

    /// Waits until no frame moved for `quiet`, at most `at_most`, so that late acknowledgements,
    /// FINs and retransmissions are recorded.
    pub async fn settle(&self, quiet: Duration, at_most: Duration) {
        let end = Instant::now() + at_most;
        // In tier `loopback` nobody sees frames: only time can tell.
        let mut wait = quiet;
        while !wait.is_zero() && Instant::now() < end {
            tokio::time::sleep(wait.min(end.saturating_duration_since(Instant::now()))).await;
            wait = self.shared.until_quiet(quiet);
        }
        self.shared.kernel.look_at_all();
    }

    fn tell(&self, what: Lifecycle) {
        self.shared.setup.announce();
        self.shared.recorder.lifecycle(what);
    }
}

/// Records points of time series for one host, or for none. Clones are the same; any thread may use one.
#[derive(Clone, Debug)]
pub struct Sampler {
    setup: Arc<Setup>,
    recorder: Recorder,
    host: Option<HostId>,
}

impl Sampler {
    /// As [`Lan::sampled`].
    pub fn sampled(&self, series: &str, value: f64, unit: &str) {
        self.setup.announce();
        self.recorder.sampled(self.host, series, value, unit);
    }
}

/// Lines the reader types.
#[derive(Debug)]
pub struct Inputs {
    receiver: Option<mpsc::Receiver<String>>,
    recorder: Recorder,
}

impl Inputs {
    /// The next line, or `None` when the run is being stopped. Recorded as a lifecycle event.
    pub async fn next(&mut self) -> Option<String> {
        let text = self.receiver.as_mut()?.recv().await?;
        self.recorder.lifecycle(Lifecycle::Input { text: text.clone() });
        Some(text)
    }
}
