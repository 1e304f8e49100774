//! From the first message to the end of the lab's code.

use anyhow::{Context as _, bail};
use api::run::{FromRun, Limits, RunSpec, Tier, ToRun};
use api::trace::Lifecycle;
use labs::Entry;
use lan::{Config, Lan, Recorder};
use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use tokio::sync::mpsc;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;

use super::conclusion::Conclusion;
use super::key_log::KeyLog;
use super::link::{Link, Requests};
use super::requests::Attendant;
use super::{outcome, panics};

/// Targets that begin with this are the lab's own.
const OWN: &str = "labs";

/// Lines of input that may wait for the lab to read them.
const INPUTS: usize = 64;

/// Machinery whose events would tell a reader nothing about a protocol.
const SILENT: [&str; 6] = ["tokio", "mio", "runtime", "lan", "runner", "polling"];

/// Runs the lab named in the first message. Ends the process unless it cannot even begin.
pub(super) fn run(
    link: &Arc<Link>,
    mut requests: Requests,
    labs: &'static [Entry],
) -> anyhow::Result<Infallible> {
    let Some(ToRun::Start { spec, limits, tier, subnet }) = requests.next()? else {
        bail!("the first message is not `start`");
    };
    let Some(entry) = labs.iter().find(|entry| entry.slug() == spec.lab) else {
        bail!("没有名为 {} 的实验", spec.lab);
    };
    let params = entry
        .check(&spec.params)
        .map_err(|wrong| anyhow::anyhow!("参数 {}：{}", wrong.field, wrong.message))?;

    if !entry.parallel() {
        lan::stay_here()?;
    }
    // SAFETY: the threads of the run are still to come; the first is the recorder's.
    let key_log = unsafe { KeyLog::open() }?;
    let recorder = Recorder::new(&limits, {
        let link = Arc::clone(link);
        move |message: FromRun| link.send(message)
    });
    observe_code(recorder.clone())?;
    panics::install();
    let key_log = key_log.watch(recorder.clone())?;
    let conclusion = Arc::new(Conclusion::new(Arc::clone(link), recorder.clone(), key_log));

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("tokio")?;
    let (inputs, received) = mpsc::channel(INPUTS);
    let (lan, control) = {
        let _context = runtime.enter();
        Lan::new(config(spec, &limits, tier, subnet), recorder.clone(), received)?
    };
    conclusion.set_control(control);
    let attendant = Attendant {
        link: Arc::clone(link),
        conclusion: Arc::clone(&conclusion),
        input: entry.info().input,
        inputs,
    };
    std::thread::Builder::new().name("requests".into()).spawn(move || attendant.attend(requests))?;

    let returned = catch_unwind(AssertUnwindSafe(|| runtime.block_on(entry.run(params, lan))));
    recorder.lifecycle(Lifecycle::Returned);
    conclusion.conclude(outcome::of(returned, &limits))
}

fn config(spec: RunSpec, limits: &Limits, tier: Tier, subnet: u16) -> Config {
    Config {
        tier,
        seed: spec.seed,
        subnet,
        lines: spec.lines,
        congestion: spec.congestion,
        max_hosts: limits.hosts,
    }
}

/// Global, because hosts and threads that labs start themselves are observed as well.
fn observe_code(recorder: Recorder) -> anyhow::Result<()> {
    let wanted = Targets::new()
        .with_default(LevelFilter::DEBUG)
        .with_targets(SILENT.map(|target| (target, LevelFilter::OFF)))
        .with_target(OWN, LevelFilter::TRACE);
    let of_log = wanted.clone();
    lan::observe_log(recorder.clone(), OWN, move |target, level| of_log.would_enable(target, &level))
        .context("the runner had a logger already")?;
    let subscriber = tracing_subscriber::registry().with(lan::code_layer(recorder, OWN).with_filter(wanted));
    tracing::subscriber::set_global_default(subscriber).context("the runner had a tracing subscriber already")
}
