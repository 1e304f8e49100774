//! The runs there are, and what they may use.

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::usage;
use crate::protocol::{Ending, FromRunner, RunId};
use api::run::{Limit, Limits};

#[derive(Default)]
pub(super) struct Children {
    by_pid: HashMap<Pid, Child>,
}

struct Child {
    id: RunId,
    limits: Limits,
    /// When it is ended by force, and what is given as the reason then.
    deadline: Instant,
    at_deadline: Ending,
    /// Set once it has been sent SIGKILL.
    verdict: Option<Ending>,
}

impl Children {
    pub(super) fn add(&mut self, id: RunId, pid: Pid, limits: Limits) {
        let deadline = Instant::now() + Duration::from_millis(limits.wall_ms.into());
        let at_deadline = Ending::Limit { limit: Limit::WallClock };
        self.by_pid.insert(pid, Child { id, limits, deadline, at_deadline, verdict: None });
    }

    /// The earliest moment at which [`Self::check_clocks`] has something to do; `None` without children.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.by_pid.values().map(|child| child.deadline).min()
    }

    pub(super) fn kill(&mut self, id: RunId) {
        if let Some((&pid, child)) = self.find(id) {
            child.end(pid, Ending::Killed);
        }
    }

    /// Leaves it `grace` to go by itself.
    pub(super) fn stop(&mut self, id: RunId, grace: Duration) {
        if let Some((_, child)) = self.find(id) {
            let deadline = Instant::now() + grace;
            if deadline < child.deadline {
                child.deadline = deadline;
                child.at_deadline = Ending::Killed;
            }
        }
    }

    pub(super) fn check_clocks(&mut self, now: Instant) {
        for (&pid, child) in &mut self.by_pid {
            if now >= child.deadline {
                child.end(pid, child.at_deadline.clone());
            }
        }
    }

    pub(super) fn check_usage(&mut self) {
        for (&pid, child) in &mut self.by_pid {
            let Some(used) = usage::of(&pid.to_string()) else { continue };
            if used.threads > child.limits.threads {
                child.end(pid, Ending::Limit { limit: Limit::Threads });
            } else if used.resident_bytes > child.limits.memory_bytes {
                child.end(pid, Ending::Limit { limit: Limit::Memory });
            }
        }
    }

    /// Takes every child that has ended, and says how.
    pub(super) fn reap(&mut self) -> Vec<FromRunner> {
        let mut exited = Vec::new();
        loop {
            let (pid, by_itself) = match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(pid, code)) => (pid, Ending::Exited { code }),
                Ok(WaitStatus::Signaled(pid, signal, _)) => {
                    (pid, Ending::Signalled { signal: signal as i32 })
                }
                Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return exited,
                // Stops and continuations are not asked for; anything else is tried again.
                Ok(_) | Err(_) => continue,
            };
            if let Some(child) = self.by_pid.remove(&pid) {
                // A child that left by itself before our signal came has kept within its limits.
                let ending = match by_itself {
                    Ending::Signalled { signal: libc::SIGKILL } => child.verdict.unwrap_or(by_itself),
                    _ => by_itself,
                };
                exited.push(FromRunner::Exited { id: child.id, ending });
            }
        }
    }

    /// Ends all of them and waits until they are gone.
    pub(super) fn kill_all(&mut self) {
        for (&pid, child) in &mut self.by_pid {
            child.end(pid, Ending::Killed);
        }
        while !matches!(waitpid(None, None), Err(Errno::ECHILD)) {}
        self.by_pid.clear();
    }

    fn find(&mut self, id: RunId) -> Option<(&Pid, &mut Child)> {
        self.by_pid.iter_mut().find(|(_, child)| child.id == id)
    }
}

impl Child {
    fn end(&mut self, pid: Pid, reason: Ending) {
        if self.verdict.is_some() {
            return;
        }
        self.verdict = Some(reason);
        // Not again: `next_deadline` would not let the supervisor sleep until the child is reaped.
        self.deadline = Instant::now() + Duration::from_secs(1);
        // It has not been reaped, so the number is still its own; it can only have ended meanwhile.
        let _ = kill(pid, Signal::SIGKILL);
    }
}
