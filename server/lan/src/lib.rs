//! The LAN of a run: hosts in network namespaces, the switch between them, and the three observers.
//!
//! * [`Lan`] is what a lab gets: it makes [`Host`]s and runs code on them.
//! * [`Control`] stays with whoever started the run: it changes lines and ends the run.
//! * [`Recorder`] is where every observer puts its events; it orders, numbers, limits and batches them.
//! * [`code_layer`] is the code observer; the wire observer is the switch, the kernel observer a thread
//!   that reads `sock_diag` in each host's namespace.
//! * [`probe`] says what this machine permits, [`isolate`] enters the namespaces of tier `isolated`.
//!
//! Nothing in here knows labs, the web or how a trace is shown.

mod activity;
mod code;
mod config;
mod control;
mod host;
mod isolate;
mod kernel;
mod lan;
mod mark;
pub mod pcapng;
mod probe;
mod processor;
mod recorder;
mod routing;
mod setup;
mod shared;
mod sys;
mod task;
mod wire;

pub use code::{code_layer, observe_log};
pub use config::Config;
pub use control::Control;
pub use host::Host;
pub use isolate::isolate;
pub use lan::{Inputs, Lan, Sampler, Segment};
pub use probe::probe;
pub use processor::stay_here;
pub use recorder::Recorder;
pub use task::Task;
