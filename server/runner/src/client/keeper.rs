//! The thread that keeps a runner running.
//!
//! A thread of its own, because the runner dies with the thread that started it (`PR_SET_PDEATHSIG`), and
//! threads of a tokio pool come and go.

use anyhow::{Context as _, bail, ensure};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::sys::socket::{MsgFlags, Shutdown, shutdown};
use std::ffi::OsString;
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd, RawFd};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

use super::registry::{Connection, Registry};
use crate::protocol::{CONTROL_FD, Ending, FromRunner};
use crate::seqpacket::{self, Received};

/// The pause before a runner that died young is started again doubles from the first to the second.
const PAUSE: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(500));

/// A runner that lived longer than this did not die young.
const YOUTH: Duration = Duration::from_secs(1);

/// Time a runner has to say that it is ready.
const GET_READY: u16 = 8_000;

/// Time a runner has to leave after its control socket has ended.
const LEAVE: Duration = Duration::from_secs(1);

/// What of the server's environment the runner gets. The rest may hold secrets.
const ENVIRONMENT: [&str; 3] = ["WIREBOOK_TIER", "LANG", "TZ"];

#[derive(Debug)]
pub(super) struct Keeper {
    shared: Arc<Shared>,
    thread: Thread,
}

#[derive(Debug)]
struct Shared {
    registry: Registry,
    closing: AtomicBool,
}

impl Keeper {
    pub(super) fn start(exe: PathBuf, args: Vec<OsString>) -> anyhow::Result<Self> {
        let shared = Arc::new(Shared { registry: Registry::new(), closing: AtomicBool::new(false) });
        let thread: JoinHandle<()> = thread::Builder::new().name("runner-keeper".into()).spawn({
            let shared = Arc::clone(&shared);
            move || keep(&shared, &exe, &args)
        })?;
        Ok(Self { shared, thread: thread.thread().clone() })
    }

    pub(super) fn registry(&self) -> &Registry {
        &self.shared.registry
    }
}

impl Drop for Keeper {
    /// The thread and the runner end soon after; nobody waits for them.
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::Release);
        if let Some(connection) = self.registry().connection() {
            let _ = shutdown(connection.control.as_raw_fd(), Shutdown::Both);
        }
        self.thread.unpark();
    }
}

fn keep(shared: &Shared, exe: &PathBuf, args: &[OsString]) {
    let mut pause = PAUSE.0;
    for generation in 0.. {
        let begun = Instant::now();
        let reason = match attend(shared, generation, exe, args) {
            Ok(status) => format!("the runner has ended: {status}"),
            Err(error) => format!("{error:#}"),
        };
        shared.registry.down(generation, reason.clone());
        if shared.closing.load(Ordering::Acquire) {
            return;
        }
        tracing::warn!(reason, "the runner is restarted");
        pause = if begun.elapsed() > YOUTH { PAUSE.0 } else { (pause * 2).min(PAUSE.1) };
        thread::park_timeout(pause);
    }
}

/// Starts a runner and listens to it until it is gone.
fn attend(shared: &Shared, generation: u64, exe: &PathBuf, args: &[OsString]) -> anyhow::Result<ExitStatus> {
    let (near, far) = seqpacket::pair()?;
    let mut child = spawn(exe, args, &far).with_context(|| format!("starting {}", exe.display()))?;
    drop(far);
    let heard = introduce(shared, generation, &near, &child).and_then(|()| listen(shared, &near));
    let status = end(&mut child)?;
    heard.map(|()| status)
}

fn spawn(exe: &PathBuf, args: &[OsString], control: &OwnedFd) -> std::io::Result<Child> {
    let control = control.as_raw_fd();
    let environment = ENVIRONMENT.iter().filter_map(|name| Some((name, std::env::var_os(name)?)));
    let mut command = Command::new(exe);
    command.args(args).env_clear().envs(environment).stdin(Stdio::null()).stdout(Stdio::null());
    // Ctrl-C in a terminal is for the server, which then ends the runs in good order.
    command.process_group(0);
    // SAFETY: only calls that are safe between fork and exec; no memory is allocated.
    unsafe { command.pre_exec(move || prepare(control)) };
    command.spawn()
}

/// In the new process, before it becomes the runner.
fn prepare(control: RawFd) -> std::io::Result<()> {
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    if control == CONTROL_FD {
        // SAFETY: plain system call; it keeps the descriptor open over exec.
        Errno::result(unsafe { libc::fcntl(control, libc::F_SETFD, 0) })?;
    } else {
        // SAFETY: plain system call; what had this number in the server is not the runner's.
        Errno::result(unsafe { libc::dup2(control, CONTROL_FD) })?;
    }
    Ok(())
}

/// Waits for the first packet and makes the runner known.
fn introduce(shared: &Shared, generation: u64, near: &OwnedFd, child: &Child) -> anyhow::Result<()> {
    let mut source = [PollFd::new(near.as_fd(), PollFlags::POLLIN)];
    let readable = poll(&mut source, PollTimeout::from(GET_READY))?;
    ensure!(readable > 0, "the runner was not ready in time");
    match seqpacket::receive::<FromRunner>(near.as_fd(), MsgFlags::empty())? {
        Received::Packet(FromRunner::Ready { tier }, _) => {
            let control = near.try_clone()?;
            shared.registry.ready(Connection { generation, process: child.id(), control, tier });
            // If the last client went in between, it did not know of this connection.
            if shared.closing.load(Ordering::Acquire) {
                shutdown(near.as_raw_fd(), Shutdown::Both)?;
            }
            Ok(())
        }
        Received::Closed => bail!("the runner died before it was ready"),
        other => bail!("unexpected first packet: {other:?}"),
    }
}

/// Until the control socket ends.
fn listen(shared: &Shared, near: &OwnedFd) -> anyhow::Result<()> {
    loop {
        match seqpacket::receive::<FromRunner>(near.as_fd(), MsgFlags::empty())? {
            Received::Packet(FromRunner::Exited { id, ending }, _) => shared.registry.ended(id, ending),
            Received::Packet(FromRunner::NotStarted { id, reason }, _) => {
                tracing::error!(reason, "the runner could not start a run");
                shared.registry.ended(id, Ending::NotStarted);
            }
            Received::Packet(FromRunner::Ready { .. }, _) | Received::Nothing => {}
            Received::Closed => return Ok(()),
        }
    }
}

/// The control socket has ended: so does the runner, by itself or by force.
fn end(child: &mut Child) -> anyhow::Result<ExitStatus> {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if begun.elapsed() > LEAVE {
            child.kill()?;
            return Ok(child.wait()?);
        }
        thread::park_timeout(Duration::from_millis(2));
    }
}
