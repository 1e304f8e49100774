//! One run = one process.
//!
//! ```text
//!  server / command line            runner (single-threaded)          run (forked, one per run)
//!  ┌──────────────────┐  control    ┌──────────────────┐    fork     ┌──────────────────────────┐
//!  │ Runner           │────────────▶│ serve            │────────────▶│ Lan + the lab's code     │
//!  │   └─ Run         │  SEQPACKET  │  limits, reaping │             │ a thread and a namespace │
//!  └──────┬───────────┘             └──────────────────┘             │ for each host            │
//!         │                 private stream socket                    └───────────┬──────────────┘
//!         └──────────────────────────────────────────────────────────────────────┘
//!                    ToRun ▶   one JSON value a line   ◀ FromRun
//! ```
//!
//! * [`Runner`] and [`Run`] are the client: they start the runner, restart it when it dies, and make sure
//!   that every run ends with exactly one [`api::run::FromRun::Finished`], whatever happened.
//! * [`serve`] is the runner: it forks runs, enforces their limits and reports how they ended.
//! * the private module `run` is what happens in the forked process.
//!
//! What a run cannot do, and which layer stops it, is listed in `run/confine.rs`.

mod client;
mod protocol;
mod run;
mod seqpacket;
mod supervisor;

pub use client::{Collected, Run, RunControl, RunError, Runner, collect, trace};
pub use supervisor::serve;
