//! Network namespaces of threads.

use nix::sched::{CloneFlags, setns, unshare};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

/// Puts the calling thread into a new, empty namespace and returns a handle to it.
pub(crate) fn enter_new() -> io::Result<OwnedFd> {
    unshare(CloneFlags::CLONE_NEWNET)?;
    current()
}

/// The calling thread's namespace. (`/proc/self` would be that of the process's first thread.)
pub(crate) fn current() -> io::Result<OwnedFd> {
    Ok(File::open("/proc/thread-self/ns/net")?.into())
}

/// Puts the calling thread into an existing namespace.
pub(crate) fn enter(namespace: impl AsFd) -> io::Result<()> {
    Ok(setns(namespace, CloneFlags::CLONE_NEWNET)?)
}
