//! The default run of every lab, made once by really running it, so that a page has something true to show
//! before its reader presses anything.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use anyhow::Context as _;
use api::run::{Limits, Outcome, Tier};
use api::trace::{Trace, VERSION};

use crate::catalog::{self, Lab};
use crate::request::{self, Wish};
use crate::respond::Stored;
use crate::runs::{self, Runs};
use crate::store::{self, Kind, Store};

/// Seed of every recording: the same losses in every classroom.
const SEED: u64 = 1;

/// The recordings there are. Cheap to clone.
#[derive(Clone, Default)]
pub struct Recordings {
    by_lab: Arc<RwLock<HashMap<String, Recording>>>,
}

#[derive(Clone)]
struct Recording {
    trace: Arc<Trace>,
    /// JSON of the trace, compressed.
    json: Arc<Stored>,
}

impl Recordings {
    /// The JSON of a lab's recording.
    #[must_use]
    pub fn json(&self, lab: &str) -> Option<Arc<Stored>> {
        self.read().get(lab).map(|recording| Arc::clone(&recording.json))
    }

    /// For the pages.
    #[must_use]
    pub fn lookup(&self) -> app::Recordings {
        let recordings = self.clone();
        Arc::new(move |lab| recordings.read().get(lab).map(|recording| Arc::clone(&recording.trace)))
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, HashMap<String, Recording>> {
        self.by_lab.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn insert(&self, trace: Trace, json: Stored) {
        let mut by_lab = self.by_lab.write().unwrap_or_else(PoisonError::into_inner);
        by_lab.insert(trace.lab.clone(), Recording { trace: Arc::new(trace), json: Arc::new(json) });
    }

    /// Takes what is on disk and still true; returns the labs that have to be recorded.
    pub async fn load(&self, store: &Store, tier: Tier) -> Vec<&'static Lab> {
        let mut missing = Vec::new();
        for lab in recordable(tier) {
            match self.load_one(store, lab, tier).await {
                Ok(true) => {}
                Ok(false) => missing.push(lab),
                Err(error) => {
                    tracing::warn!(
                        ?error,
                        lab = lab.info.slug,
                        "the recording cannot be read and is made anew"
                    );
                    missing.push(lab);
                }
            }
        }
        missing
    }

    async fn load_one(&self, store: &Store, lab: &Lab, tier: Tier) -> anyhow::Result<bool> {
        let Some(packed) = store.recording(&lab.info.slug, &mark(lab, tier)).await? else { return Ok(false) };
        let (trace, json) = tokio::task::spawn_blocking(move || {
            let trace = packed.trace()?;
            let json = Stored::json(&trace)?;
            anyhow::Ok((trace, json))
        })
        .await??;
        self.insert(trace, json);
        Ok(true)
    }

    /// Records one lab and saves it.
    ///
    /// # Errors
    /// The run did not end well, or could not be saved.
    pub async fn make(&self, lab: &'static Lab, runs: &Runs, store: &Store) -> anyhow::Result<()> {
        let tier = runs.tier();
        let wish = Wish {
            lab: lab.info.slug.clone(),
            params: serde_json::Value::Null,
            lines: None,
            seed: Some(SEED),
            congestion: api::run::Congestion::default(),
        };
        let (spec, _) = request::check(wish, &tier)
            .map_err(|error| anyhow::anyhow!("{}: {}", error.field, error.message))?;
        let limits = Limits { wall_ms: lab.entry.wall_ms(), ..runs.limits() };
        let Some(slot) = runs.idle_slot().await else { return Ok(()) };
        let trace = runs::record(runs.engine().as_ref(), store::new_id(), spec, limits).await;
        drop(slot);
        let trace = trace?;
        match &trace.outcome {
            Outcome::Completed => {}
            other => anyhow::bail!("the default run ended with {other:?}"),
        }
        let (trace, json) = tokio::task::spawn_blocking(move || {
            let json = Stored::json(&trace);
            (trace, json)
        })
        .await?;
        store
            .save(trace.clone(), Kind::Recording, &mark(lab, tier.tier))
            .await
            .context("saving the recording")?;
        self.insert(trace, json?);
        Ok(())
    }
}

/// Labs that this machine can run.
fn recordable(tier: Tier) -> impl Iterator<Item = &'static Lab> {
    catalog::all().iter().filter(move |lab| tier == Tier::Isolated || !lab.info.needs_isolated)
}

/// A recording is true for this source, this format and this tier.
fn mark(lab: &Lab, tier: Tier) -> String {
    let tier = match tier {
        Tier::Isolated => "isolated",
        Tier::Loopback => "loopback",
    };
    format!("{}-{tier}-{VERSION}", lab.source_hash)
}
