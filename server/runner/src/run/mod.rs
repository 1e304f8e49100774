//! The run: what happens in the forked process, from fork to `_exit`.
//!
//! Threads: the main thread runs the lab's orchestration ([`lab`]), one thread reads what the server says
//! ([`requests`]), the recorder has one for its sink, and the LAN has its own. Whichever of the first two
//! knows first how the run ends says so through [`conclusion::Conclusion`].

mod conclusion;
mod confine;
mod key_log;
mod lab;
mod link;
mod outcome;
mod panics;
pub(crate) mod process;
mod requests;
mod system_calls;

use api::run::{FromRun, Limits, Outcome};
use api::trace::LeftOut;
use labs::Entry;
use nix::unistd::Pid;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Exit status of a run that has said all it had to say.
const SAID_ALL: i32 = 0;
/// Exit status of a run whose server is gone, or whose machinery panicked.
const SAID_NOTHING: i32 = 70;

/// Called in the child that `supervisor` forked; `socket` is the private connection to the server.
pub(crate) fn enter(socket: OwnedFd, limits: &Limits, supervisor: Pid, labs: &'static [Entry]) -> ! {
    // A panic must not unwind into the supervisor's loop, of which this process has a copy.
    let _ = catch_unwind(AssertUnwindSafe(|| {
        let Ok((link, requests)) = process::settle(socket, limits, supervisor).and_then(link::open) else {
            process::leave(SAID_NOTHING);
        };
        let link = Arc::new(link);
        let Err(error) = confine::confine().and_then(|()| lab::run(&link, requests, labs));
        let message = format!("没能开始运行：{error:#}");
        link.send(FromRun::Finished { outcome: Outcome::Broken { message }, left_out: LeftOut::default() });
        process::leave(SAID_ALL)
    }));
    process::leave(SAID_NOTHING)
}
