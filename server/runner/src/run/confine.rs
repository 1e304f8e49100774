//! What a run cannot do, and what stops it.
//!
//! | it tries to | tier `isolated` | tier `loopback` |
//! |---|---|---|
//! | reach an address outside its LAN | its network namespaces have no way out | possible: labs take no target address |
//! | reach an abstract Unix socket | network namespace, [`system_calls`], Landlock scope | [`system_calls`], Landlock scope |
//! | reach a Unix socket in the file system | [`system_calls`]: no `AF_UNIX` sockets but connected pairs | same |
//! | start a program or a process | [`system_calls`] | same |
//! | signal or trace another process | [`system_calls`], Landlock scope, not dumpable | same |
//! | read files (configuration, database, keys) | Landlock, where the kernel has it | same |
//! | write files | Landlock; `RLIMIT_FSIZE` 0; file permissions | same |
//! | use the kernel's less-trodden paths (BPF, keys, io_uring, mounts, …) | [`system_calls`] | same |
//! | outlive the runner | `PR_SET_PDEATHSIG`, end of its socket | same |
//!
//! The process is single-threaded when this is applied, so every thread of the run inherits it.

use anyhow::Context as _;
use landlock::{
    ABI, Access as _, AccessFs, BitFlags, PathBeneath, PathFd, Ruleset, RulesetAttr as _,
    RulesetCreatedAttr as _, Scope, make_bitflags,
};

use super::system_calls;

/// The newest Landlock interface this uses; older kernels do what they can.
const LANDLOCK: ABI = ABI::V6;

/// What name resolution, time zones and the allocator read.
const READABLE: [&str; 14] = [
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/gai.conf",
    "/etc/nsswitch.conf",
    "/etc/protocols",
    "/etc/resolv.conf",
    "/etc/services",
    "/etc/localtime",
    "/etc/ld.so.cache",
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/share/zoneinfo",
    "/sys/devices/system/cpu",
];

/// `/proc` as a whole: the sysctls of a network namespace have no inode that a rule made before it could name.
/// File permissions and capabilities still hold in there.
const WRITABLE: [&str; 5] = ["/proc", "/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"];

/// From here on the process and its threads can do what a lab needs, and little else.
pub(super) fn confine() -> anyhow::Result<()> {
    confine_files().context("Landlock")?;
    system_calls::confine().context("seccomp")
}

/// Does nothing where the kernel has no Landlock.
fn confine_files() -> anyhow::Result<()> {
    let read = make_bitflags!(AccessFs::{ReadFile | ReadDir});
    let mut rules = Ruleset::default()
        .handle_access(AccessFs::from_all(LANDLOCK))?
        .scope(Scope::from_all(LANDLOCK))?
        .create()?;
    let allowed = READABLE
        .map(|path| (path, read))
        .into_iter()
        .chain(WRITABLE.map(|path| (path, read | AccessFs::WriteFile)));
    for (path, access) in allowed {
        // What a machine does not have, it need not allow.
        let Ok(fd) = PathFd::new(path) else { continue };
        let is_directory = std::fs::metadata(path).is_ok_and(|metadata| metadata.is_dir());
        let access: BitFlags<AccessFs> = if is_directory { access } else { access & !AccessFs::ReadDir };
        rules = rules.add_rule(PathBeneath::new(fd, access))?;
    }
    rules.restrict_self()?;
    Ok(())
}
