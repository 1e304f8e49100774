//! One run of one lab in a process of its own, as the runner does it but without runner.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use api::line::Line;
use api::run::{Congestion, FromRun, Limits, Outcome, Tier};
use api::trace::Trace;
use lan::{Config, Lan, Recorder};
use nix::sys::resource::{Resource, setrlimit};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::mpsc;
use tracing_subscriber::layer::SubscriberExt as _;

/// What to run. The defaults are those of a reader who only presses the button.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Once {
    pub(crate) lab: String,
    pub(crate) params: Value,
    /// Absent: the lab's own.
    pub(crate) lines: Option<BTreeMap<String, Line>>,
    pub(crate) seed: u64,
    pub(crate) tier: Tier,
    /// Lines the reader types, and how many milliseconds after the start.
    pub(crate) inputs: Vec<(u64, String)>,
}

impl Once {
    pub(crate) fn new(lab: &str) -> Self {
        let (params, tier) = (Value::Null, Tier::Isolated);
        Self { lab: lab.into(), params, lines: None, seed: 1, tier, inputs: Vec::new() }
    }

    pub(crate) fn params(self, params: Value) -> Self {
        Self { params, ..self }
    }

    /// On perfect cables.
    pub(crate) fn perfect(self) -> Self {
        Self { lines: Some(BTreeMap::new()), ..self }
    }

    pub(crate) fn loopback(self) -> Self {
        Self { tier: Tier::Loopback, ..self }
    }

    /// Runs it in a child process, which can enter namespaces because it is still single-threaded.
    pub(crate) fn run(&self) -> Trace {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .arg("once")
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(&serde_json::to_vec(self).unwrap()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}: {}", self.lab, output.status);
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// In the child: everything up to the trace.
    pub(crate) fn here(&self) -> anyhow::Result<Trace> {
        if self.tier == Tier::Isolated {
            lan::isolate()?;
        }
        // As the runner does: a lab about running out of descriptors has to be able to.
        let descriptors = Limits::default().descriptors.into();
        setrlimit(Resource::RLIMIT_NOFILE, descriptors, descriptors)?;
        let entry = labs::find(&self.lab).ok_or_else(|| anyhow::anyhow!("no lab {}", self.lab))?;
        if !entry.parallel() {
            lan::stay_here()?;
        }
        let params = entry.check(&self.params).map_err(|error| anyhow::anyhow!("{error:?}"))?;
        let lines = self.lines.clone().unwrap_or_else(|| entry.info().lines);

        let events = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&events);
        let recorder = Recorder::new(&Limits::default(), move |batch| {
            if let FromRun::Events { events } = batch {
                sink.lock().unwrap().extend(events);
            }
        });
        let layer = lan::code_layer(recorder.clone(), "labs");
        tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer))?;

        let (typed, inputs) = mpsc::channel(16);
        let config = Config {
            tier: self.tier,
            seed: self.seed,
            subnet: (std::process::id() & 0x3fff) as u16,
            lines: lines.clone(),
            congestion: Congestion::Cubic,
            max_hosts: 16,
        };
        let (lan, control) = Lan::new(config, recorder, inputs)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let planned = self.inputs.clone();
        let result = runtime.block_on(async {
            let typing = tokio::spawn(async move {
                for (after_ms, text) in planned {
                    tokio::time::sleep(Duration::from_millis(after_ms)).await;
                    if typed.send(text).await.is_err() {
                        return;
                    }
                }
                // A reader who stops typing still has the page open.
                std::future::pending::<()>().await;
            });
            let limit = Duration::from_millis(entry.wall_ms().into());
            let result = tokio::time::timeout(limit, entry.run(params.clone(), lan)).await;
            typing.abort();
            result
        });
        let outcome = match result {
            Ok(Ok(())) => Outcome::Completed,
            Ok(Err(error)) => Outcome::Failed { message: format!("{error:#}") },
            Err(_) => Outcome::Broken { message: "wall clock".into() },
        };
        let hosts = control.hosts();
        let left_out = control.finish();
        let mut events = std::mem::take(&mut *events.lock().unwrap());
        events.sort_by_key(|event| (event.time, event.seq));
        Ok(Trace {
            version: api::trace::VERSION,
            id: "once".into(),
            lab: self.lab.clone(),
            params,
            lines,
            seed: self.seed,
            tier: self.tier,
            started_at_ms: 0,
            hosts,
            outcome,
            left_out,
            events,
        })
    }
}
