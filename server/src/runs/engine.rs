//! What runs depend on to be executed; the runner's client in production, a script in tests.

use std::sync::Arc;

use api::run::{FromRun, Limits, RunSpec, TierReport, ToRun};
use futures::FutureExt as _;
use futures::future::BoxFuture;

/// No process could be started; a sentence for the reader.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StartError(pub String);

/// Starts processes.
pub trait Engine: Send + Sync + 'static {
    /// What this machine permits.
    fn tier(&self) -> TierReport;

    /// One process, one run.
    fn start(&self, spec: RunSpec, limits: Limits) -> BoxFuture<'_, Result<Box<dyn Process>, StartError>>;
}

/// A running process; dropping it ends it.
pub trait Process: Send {
    /// What it reports next, the last one always `Finished`. May be cancelled without loss.
    fn next(&mut self) -> BoxFuture<'_, Option<FromRun>>;

    /// A way to talk to it while waiting for reports.
    fn control(&self) -> Arc<dyn Control>;
}

/// Sends to a process.
pub trait Control: Send + Sync {
    /// Fails with a sentence for the reader.
    fn send(&self, message: ToRun) -> BoxFuture<'_, Result<(), String>>;
}

impl Engine for runner::Runner {
    fn tier(&self) -> TierReport {
        Self::tier(self)
    }

    fn start(&self, spec: RunSpec, limits: Limits) -> BoxFuture<'_, Result<Box<dyn Process>, StartError>> {
        async move {
            let run = self.run(spec, limits).await.map_err(|error| StartError(error.to_string()))?;
            Ok(Box::new(run) as Box<dyn Process>)
        }
        .boxed()
    }
}

impl Process for runner::Run {
    fn next(&mut self) -> BoxFuture<'_, Option<FromRun>> {
        Self::next(self).boxed()
    }

    fn control(&self) -> Arc<dyn Control> {
        Arc::new(Self::control(self))
    }
}

impl Control for runner::RunControl {
    fn send(&self, message: ToRun) -> BoxFuture<'_, Result<(), String>> {
        async move { Self::send(self, message).await.map_err(|error| error.to_string()) }.boxed()
    }
}
