//! The runner process: forks runs, enforces their limits, reaps them.
//!
//! Single-threaded from start to end, because only a single-threaded process may enter a user namespace
//! and because a fork then is an exact copy. There is no tokio in here.

mod children;
mod privileges;
mod usage;

use anyhow::{Context as _, ensure};
use labs::Entry;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigHandler, SigSet, Signal, signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::socket::MsgFlags;
use nix::unistd::{ForkResult, fork, getpid, getppid};
use std::os::fd::{AsFd as _, FromRawFd as _, OwnedFd};
use std::time::{Duration, Instant};

use crate::protocol::{CONTROL_FD, FromRunner, RunId, ToRunner};
use crate::run;
use crate::seqpacket::{self, Received};
use api::run::Limits;
use children::Children;

/// How often memory and threads of every run are looked at while there are runs.
const SAMPLE: Duration = Duration::from_millis(25);

/// Entry point of the hidden subcommand: descriptor 3 is the control socket (`SOCK_SEQPACKET`).
///
/// Call it before any thread is started, any subscriber installed and any descriptor opened.
/// It returns when the client is gone; all runs are gone then as well.
///
/// # Errors
/// Descriptor 3 is not a control socket, the process is not single-threaded, or the kernel refused
/// something that [`lan::probe`] had found permitted.
pub fn serve(labs: &'static [Entry]) -> anyhow::Result<()> {
    let client = getppid();
    run::process::die_with(client)?;
    let own = usage::of("self").context("reading /proc/self/status")?;
    ensure!(own.threads == 1, "the runner has to be single-threaded, but has {} threads", own.threads);
    run::process::close_from(CONTROL_FD + 1)?;
    // Whoever ends a whole service or terminal at once means the server; it ends the runs in good order.
    for polite in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT] {
        // SAFETY: no handler is installed, so none can run in a bad place. Runs inherit this.
        unsafe { signal(polite, SigHandler::SigIgn) }?;
    }
    // SAFETY: the client put the control socket here (`client/keeper.rs`); nothing else in this process owns it.
    let control = unsafe { OwnedFd::from_raw_fd(CONTROL_FD) };

    let tier = privileges::settle()?;
    run::process::die_with(client)?;
    seqpacket::send(control.as_fd(), &FromRunner::Ready { tier }, None, MsgFlags::empty())
        .context("descriptor 3 is not a control socket")?;
    Supervisor::new(control, labs)?.attend()
}

struct Supervisor {
    control: OwnedFd,
    /// Readable when a child has ended.
    ended: SignalFd,
    labs: &'static [Entry],
    children: Children,
}

impl Supervisor {
    fn new(control: OwnedFd, labs: &'static [Entry]) -> anyhow::Result<Self> {
        let mut signals = SigSet::empty();
        signals.add(Signal::SIGCHLD);
        signals.thread_block()?;
        let ended = SignalFd::with_flags(&signals, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?;
        Ok(Self { control, ended, labs, children: Children::default() })
    }

    /// Until the client is gone.
    fn attend(mut self) -> anyhow::Result<()> {
        let mut next_sample = Instant::now();
        loop {
            self.wait(next_sample)?;
            while self.ended.read_signal()?.is_some() {}
            for exited in self.children.reap() {
                self.report(&exited)?;
            }
            if !self.take_requests()? {
                self.children.kill_all();
                return Ok(());
            }
            let now = Instant::now();
            self.children.check_clocks(now);
            if now >= next_sample {
                self.children.check_usage();
                next_sample = now + SAMPLE;
            }
        }
    }

    /// Sleeps until there is something to do.
    fn wait(&self, next_sample: Instant) -> anyhow::Result<()> {
        let timeout = match self.children.next_deadline() {
            None => PollTimeout::NONE,
            Some(deadline) => {
                let left = deadline.min(next_sample).saturating_duration_since(Instant::now());
                // Rounded up, so that a deadline has passed when poll says so.
                PollTimeout::try_from(left + Duration::from_millis(1)).unwrap_or(PollTimeout::ZERO)
            }
        };
        let mut sources = [
            PollFd::new(self.control.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.ended.as_fd(), PollFlags::POLLIN),
        ];
        match poll(&mut sources, timeout) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(error) => Err(error).context("poll"),
        }
    }

    /// False when the client is gone.
    fn take_requests(&mut self) -> anyhow::Result<bool> {
        loop {
            match seqpacket::receive::<ToRunner>(self.control.as_fd(), MsgFlags::MSG_DONTWAIT)? {
                Received::Nothing => return Ok(true),
                Received::Closed => return Ok(false),
                Received::Packet(ToRunner::Kill { id }, _) => self.children.kill(id),
                Received::Packet(ToRunner::Stop { id, grace_ms }, _) => {
                    self.children.stop(id, Duration::from_millis(grace_ms.into()));
                }
                Received::Packet(ToRunner::Run { id, limits }, socket) => self.start(id, limits, socket)?,
            }
        }
    }

    fn start(&mut self, id: RunId, limits: Limits, socket: Option<OwnedFd>) -> anyhow::Result<()> {
        let Some(socket) = socket else {
            return self.report(&FromRunner::NotStarted { id, reason: "no socket came along".into() });
        };
        let supervisor = getpid();
        // SAFETY: this process is single-threaded, so the child may do anything the parent may.
        match unsafe { fork() } {
            Ok(ForkResult::Child) => run::enter(socket, &limits, supervisor, self.labs),
            Ok(ForkResult::Parent { child }) => {
                self.children.add(id, child, limits);
                Ok(())
            }
            Err(error) => self.report(&FromRunner::NotStarted { id, reason: format!("fork: {error}") }),
        }
    }

    fn report(&self, message: &FromRunner) -> anyhow::Result<()> {
        match seqpacket::send(self.control.as_fd(), message, None, MsgFlags::empty()) {
            // The client is gone; the next read of the socket says so.
            Ok(()) | Err(Errno::EPIPE | Errno::ECONNRESET) => Ok(()),
            Err(error) => Err(error).context("control socket"),
        }
    }
}
