//! From whatever the runner was started as to the least that runs need.
//!
//! | started as | where | runs as | capabilities |
//! |---|---|---|---|
//! | root, user namespaces allowed | new user + network namespace | nobody outside, root inside | [`NEEDED`], inside only |
//! | root, user namespaces forbidden | new network namespace | nobody | [`NEEDED`] |
//! | a user, user namespaces allowed | new user + network namespace | that user outside, root inside | [`NEEDED`], inside only |
//! | anything else (tier `loopback`) | the machine's own network | that user, or nobody instead of root | none |
//!
//! Not being the machine's root matters even inside a user namespace: `/proc/sys/kernel` compares with the
//! real root user, not with capabilities.

use anyhow::Context as _;
use api::run::{Tier, TierReport};
use caps::{CapSet, Capability, CapsHashSet};
use nix::sys::prctl;
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Gid, Uid, fork, geteuid, setgroups, setresgid, setresuid};
use std::io::Read as _;
use std::os::unix::net::UnixStream;

/// What bringing up a LAN takes: namespaces and moving interfaces; links, addresses, sysctls; `AF_PACKET` and
/// raw sockets; ports below 1024.
const NEEDED: [Capability; 4] = [
    Capability::CAP_SYS_ADMIN,
    Capability::CAP_NET_ADMIN,
    Capability::CAP_NET_RAW,
    Capability::CAP_NET_BIND_SERVICE,
];

/// `nobody` on every distribution; user and group.
const NOBODY: u32 = 65534;

/// Network namespaces of all runs together; a backstop against leaks.
const MAX_NAMESPACES: &str = "4096";

/// Set to `loopback`, it forces that tier.
const TIER_VARIABLE: &str = "WIREBOOK_TIER";

/// Finds the best tier, enters its namespaces and gives up all other privileges.
pub(super) fn settle() -> anyhow::Result<TierReport> {
    prctl::set_no_new_privs().context("no_new_privs")?;
    let root = geteuid().is_root();
    if std::env::var_os(TIER_VARIABLE).is_some_and(|value| value == "loopback") {
        give_up_everything(root);
        return Ok(TierReport {
            tier: Tier::Loopback,
            reason: "启动时设置了 WIREBOOK_TIER=loopback，因此只用本机环回".into(),
            cure: "去掉环境变量 WIREBOOK_TIER 后重新启动".into(),
        });
    }
    if root && probe_as_nobody().is_ok_and(|report| report.tier == Tier::Isolated) {
        become_nobody(false)?;
        return isolated();
    }
    let report = lan::probe();
    if report.tier == Tier::Isolated {
        if root {
            become_nobody(true)?;
        }
        return isolated();
    }
    give_up_everything(root);
    Ok(report)
}

fn isolated() -> anyhow::Result<TierReport> {
    lan::isolate().context("entering the namespaces")?;
    // Only a backstop: not every kernel lets us.
    let _ = std::fs::write("/proc/sys/user/max_net_namespaces", MAX_NAMESPACES);
    keep_only(&NEEDED)?;
    Ok(TierReport { tier: Tier::Isolated, reason: String::new(), cure: String::new() })
}

/// Tier `loopback` needs no privilege at all. What cannot be given up was not there.
fn give_up_everything(root: bool) {
    if root {
        let _ = become_nobody(false);
    }
    let _ = keep_only(&[]);
}

fn keep_only(keep: &[Capability]) -> anyhow::Result<()> {
    let keep: CapsHashSet = keep.iter().copied().collect();
    let droppable = caps::has_cap(None, CapSet::Effective, Capability::CAP_SETPCAP)?;
    for capability in caps::all().difference(&keep) {
        // A kernel may know fewer capabilities than the crate.
        if droppable && caps::has_cap(None, CapSet::Bounding, *capability).unwrap_or(false) {
            caps::drop(None, CapSet::Bounding, *capability)?;
        }
    }
    let _ = caps::clear(None, CapSet::Ambient);
    caps::clear(None, CapSet::Inheritable)?;
    let have = caps::read(None, CapSet::Permitted)?;
    let both: CapsHashSet = have.intersection(&keep).copied().collect();
    caps::set(None, CapSet::Effective, &both)?;
    caps::set(None, CapSet::Permitted, &both)?;
    Ok(())
}

/// `keep`: hold on to [`NEEDED`] (and what is needed to reduce the rest) over the change of user.
fn become_nobody(keep: bool) -> anyhow::Result<()> {
    prctl::set_keepcaps(keep).context("keepcaps")?;
    setgroups(&[]).context("setgroups")?;
    let (user, group) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
    setresgid(group, group, group).context("setresgid")?;
    setresuid(user, user, user).context("setresuid")?;
    if keep {
        let permitted = caps::read(None, CapSet::Permitted)?;
        caps::set(None, CapSet::Effective, &permitted)?;
    }
    // The change of user made our own /proc/self root's, and with it uid_map.
    prctl::set_dumpable(true).context("dumpable")?;
    Ok(())
}

/// What [`lan::probe`] says to nobody, found out in a child.
fn probe_as_nobody() -> anyhow::Result<TierReport> {
    let (mut here, there) = UnixStream::pair()?;
    // SAFETY: the runner is single-threaded, so the child may do anything the parent may.
    match unsafe { fork() }.context("fork")? {
        ForkResult::Child => {
            drop(here);
            let report = become_nobody(false).map(|()| lan::probe());
            let sent = report.ok().and_then(|report| serde_json::to_writer(&there, &report).ok());
            // SAFETY: leaves at once, without running the parent's exit handlers a second time.
            unsafe { libc::_exit(i32::from(sent.is_none())) }
        }
        ForkResult::Parent { child } => {
            drop(there);
            let mut json = Vec::new();
            let read = here.read_to_end(&mut json);
            waitpid(child, None)?;
            read?;
            serde_json::from_slice(&json).context("the probe died")
        }
    }
}
