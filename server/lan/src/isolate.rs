//! Entering the namespaces of tier `isolated`.

use anyhow::Context as _;
use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{getgid, getuid};

/// Enters a new user and network namespace, or only a network namespace where user namespaces are
/// forbidden but the process is privileged. Only while the process is single-threaded.
///
/// Afterwards the process is root within: it may make networks, and can reach none of the machine's.
///
/// # Errors
/// The kernel refused; the message names the step.
pub fn isolate() -> anyhow::Result<()> {
    let (uid, gid) = (getuid(), getgid());
    match unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET) {
        Ok(()) => {
            // A process that changed its user is not "dumpable", and its /proc files belong to root.
            let _ = nix::sys::prctl::set_dumpable(true);
            // Without this an unprivileged process may not map its group.
            std::fs::write("/proc/self/setgroups", "deny").context("无法写入 setgroups")?;
            std::fs::write("/proc/self/uid_map", format!("0 {uid} 1")).context("无法写入 uid_map")?;
            std::fs::write("/proc/self/gid_map", format!("0 {gid} 1")).context("无法写入 gid_map")
        }
        Err(Errno::EPERM | Errno::ENOSPC | Errno::ENOSYS | Errno::EINVAL) => {
            unshare(CloneFlags::CLONE_NEWNET).context("无法创建用户命名空间，也无法只创建网络命名空间")
        }
        Err(error) => Err(error).context("无法创建用户和网络命名空间"),
    }
}
