//! What is set once per process: signals, descriptors, resource limits.

use anyhow::Context as _;
use api::run::Limits;
use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{SigHandler, SigSet, Signal, signal};
use nix::unistd::{Pid, getppid};
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd};

/// Where a run finds its private socket.
const RUN_FD: RawFd = 3;

/// Addresses a run may map on top of its memory limit: stacks and the allocator reserve far more than
/// they touch. A backstop; the supervisor watches what is really resident.
const ADDRESS_SPACE: u64 = 4 << 30;

/// Heaps of the allocator. The default, eight for each core, would let threads of large machines reserve
/// more than [`ADDRESS_SPACE`].
#[cfg(target_env = "gnu")]
const ARENAS: libc::c_int = 4;

/// SIGKILL for this process when the thread of `parent` that started it ends. The kernel forgets it when a
/// process changes its credentials: ask again then.
pub(crate) fn die_with(parent: Pid) -> anyhow::Result<()> {
    prctl::set_pdeathsig(Signal::SIGKILL).context("pdeathsig")?;
    anyhow::ensure!(getppid() == parent, "the parent is gone already");
    Ok(())
}

/// Closes every descriptor from `first` on.
pub(crate) fn close_from(first: RawFd) -> anyhow::Result<()> {
    let first = libc::c_uint::try_from(first)?;
    // SAFETY: the callers own nothing with such a number, or are about to forget it.
    Errno::result(unsafe { libc::close_range(first, libc::c_uint::MAX, 0) }).context("close_range")?;
    Ok(())
}

/// Leaves at once: no destructors, no exit handlers, no waiting for threads.
pub(super) fn leave(status: i32) -> ! {
    // SAFETY: has no preconditions.
    unsafe { libc::_exit(status) }
}

/// Makes the forked copy of the supervisor a process of its own: it shares nothing with it but standard
/// descriptors that lead nowhere. Returns the private socket.
pub(super) fn settle(socket: OwnedFd, limits: &Limits, supervisor: Pid) -> anyhow::Result<OwnedFd> {
    let socket = keep_only(socket)?;
    die_with(supervisor)?;
    SigSet::all().thread_unblock()?;
    // SAFETY: no handler is installed, so none can run in a bad place. Writing to a file beyond
    // RLIMIT_FSIZE then is an error the lab sees instead of its death.
    unsafe { signal(Signal::SIGXFSZ, SigHandler::SigIgn) }?;
    // SAFETY: changes this process only.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 5) };
    // If the machine runs out of memory, a run goes before anything else.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    // SAFETY: single-threaded, and nothing has been allocated from an arena that would vanish.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, ARENAS)
    };
    limit(Resource::RLIMIT_NOFILE, limits.descriptors.into())?;
    limit(Resource::RLIMIT_AS, ADDRESS_SPACE + limits.memory_bytes)?;
    limit(Resource::RLIMIT_FSIZE, 0)?;
    limit(Resource::RLIMIT_CORE, 0)?;
    // Runs share a user: none may look into another's memory through /proc.
    prctl::set_dumpable(false).context("dumpable")?;
    Ok(socket)
}

/// Lowers a limit. One that is lower already stays: only root could raise it.
fn limit(resource: Resource, value: u64) -> anyhow::Result<()> {
    let (_, most) = getrlimit(resource)?;
    let value = value.min(most);
    setrlimit(resource, value, value).context("setrlimit")
}

/// Moves `socket` to [`RUN_FD`], closes all others, and sends standard error where standard output goes:
/// to /dev/null, the client has seen to that.
fn keep_only(socket: OwnedFd) -> anyhow::Result<OwnedFd> {
    let raw = socket.as_raw_fd();
    // SAFETY: what had this number was the control socket, a copy that this process does not use.
    Errno::result(unsafe { libc::dup2(raw, RUN_FD) }).context("dup2")?;
    if raw == RUN_FD {
        std::mem::forget(socket);
    } else {
        drop(socket);
    }
    // SAFETY: standard output and error belong to nobody in particular.
    Errno::result(unsafe { libc::dup2(libc::STDOUT_FILENO, libc::STDERR_FILENO) }).context("dup2")?;
    close_from(RUN_FD + 1)?;
    // SAFETY: it was put there just now and nothing else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(RUN_FD) })
}
