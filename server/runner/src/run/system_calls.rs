//! The system calls a run may not make (seccomp, `linux/seccomp.h`).
//!
//! A list of what is forbidden rather than of what is allowed: labs and the crates they use are ours, new ones
//! come all the time, and the namespaces, Landlock and missing privileges stand behind this list. Calls newer
//! than the list and those of foreign ABIs are refused as a whole.

use anyhow::Context as _;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    apply_filter, sock_filter,
};
use std::collections::BTreeMap;

/// Refused with `EPERM` whatever their arguments.
const FORBIDDEN: &[i64] = &[
    // other programs and processes
    libc::SYS_execve,
    libc::SYS_execveat,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_fork,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_vfork,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_process_mrelease,
    libc::SYS_kcmp,
    libc::SYS_pidfd_open,
    libc::SYS_pidfd_getfd,
    libc::SYS_pidfd_send_signal,
    libc::SYS_tkill,
    libc::SYS_rt_sigqueueinfo,
    libc::SYS_rt_tgsigqueueinfo,
    // mounts and roots (namespaces: see `conditional`)
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_mount_setattr,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_open_by_handle_at,
    libc::SYS_name_to_handle_at,
    // kernel interfaces no network program needs
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_kexec_file_load,
    libc::SYS_reboot,
    libc::SYS_acct,
    libc::SYS_syslog,
    libc::SYS_fanotify_init,
    libc::SYS_lookup_dcookie,
    libc::SYS_vhangup,
    libc::SYS_personality,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
    // clocks, names and limits of the machine
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_setrlimit,
    // memory that no limit of ours counts
    libc::SYS_memfd_create,
    libc::SYS_memfd_secret,
    libc::SYS_shmget,
    libc::SYS_semget,
    libc::SYS_msgget,
    libc::SYS_mq_open,
];

/// Refused with `ENOSYS`, which makes callers take the older way that the rules above can judge:
/// `clone3` has its flags in memory, and `io_uring` would make system calls that no filter sees.
const UNKNOWN: &[i64] =
    &[libc::SYS_clone3, libc::SYS_io_uring_setup, libc::SYS_io_uring_enter, libc::SYS_io_uring_register];

/// The newest call known when this list was made (`lsm_list_modules`, Linux 6.8); on every 64-bit architecture
/// newer ones have higher numbers. Those of the x32 ABI have bit 30 set.
const NEWEST_KNOWN: u32 = 461;

/// What a new socket may be: the Internet, frames, and the kernel's own questions and answers.
const FAMILIES: [libc::c_int; 4] = [libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK, libc::AF_PACKET];

/// Installs the filters in this thread and those it will start.
pub(super) fn confine() -> anyhow::Result<()> {
    let mut refused: Rules = FORBIDDEN.iter().map(|&call| (call, vec![])).collect();
    refused.extend(conditional()?);
    let unknown: Rules = UNKNOWN.iter().map(|&call| (call, vec![])).collect();
    install(refused, libc::EPERM)?;
    install(unknown, libc::ENOSYS)?;
    apply_filter(&newer_calls()).context("newer system calls")
}

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Calls that are refused for some arguments only. Rules of one call are alternatives.
fn conditional() -> anyhow::Result<Rules> {
    let own = u64::from(std::process::id());
    let thread = flags(libc::CLONE_THREAD);
    let foreign_family = FAMILIES
        .iter()
        .map(|&family| argument(0, SeccompCmpOp::Ne, flags(family)))
        .collect::<anyhow::Result<Vec<_>>>()?;
    Ok(Rules::from([
        // a thread is a process otherwise
        (libc::SYS_clone, vec![rule(vec![argument(0, SeccompCmpOp::MaskedEq(thread), 0)?])?]),
        // each host makes a network namespace of its own and the switch enters it; no other kind. The run cannot
        // open one that is not its own.
        (libc::SYS_unshare, vec![rule(vec![argument(0, SeccompCmpOp::Ne, flags(libc::CLONE_NEWNET))?])?]),
        (libc::SYS_setns, vec![rule(vec![argument(1, SeccompCmpOp::Ne, flags(libc::CLONE_NEWNET))?])?]),
        // abort() and raise() signal their own process
        (libc::SYS_kill, vec![rule(vec![argument(0, SeccompCmpOp::Ne, own)?])?]),
        (libc::SYS_tgkill, vec![rule(vec![argument(0, SeccompCmpOp::Ne, own)?])?]),
        (libc::SYS_socket, vec![rule(foreign_family)?]),
        // a pair of datagram sockets could still send to any path
        (
            libc::SYS_socketpair,
            vec![rule(vec![argument(1, SeccompCmpOp::MaskedEq(0xf), flags(libc::SOCK_DGRAM))?])?],
        ),
        // reading limits is fine, setting them is not
        (libc::SYS_prlimit64, vec![rule(vec![wide_argument(2, SeccompCmpOp::Ne, 0)?])?]),
    ]))
}

/// `int` arguments: the kernel looks at 32 bits, so does the filter.
fn argument(index: u8, operator: SeccompCmpOp, value: u64) -> anyhow::Result<SeccompCondition> {
    Ok(SeccompCondition::new(index, SeccompCmpArgLen::Dword, operator, value)?)
}

/// Pointers.
fn wide_argument(index: u8, operator: SeccompCmpOp, value: u64) -> anyhow::Result<SeccompCondition> {
    Ok(SeccompCondition::new(index, SeccompCmpArgLen::Qword, operator, value)?)
}

fn rule(conditions: Vec<SeccompCondition>) -> anyhow::Result<SeccompRule> {
    Ok(SeccompRule::new(conditions)?)
}

fn flags(value: libc::c_int) -> u64 {
    u64::from(value.cast_unsigned())
}

fn install(rules: Rules, error: libc::c_int) -> anyhow::Result<()> {
    let architecture = std::env::consts::ARCH.try_into().context("no seccomp on this architecture")?;
    let refuse = SeccompAction::Errno(error.cast_unsigned());
    let filter: BpfProgram =
        SeccompFilter::new(rules, SeccompAction::Allow, refuse, architecture)?.try_into()?;
    Ok(apply_filter(&filter)?)
}

/// Classic BPF over `struct seccomp_data`: load `nr`; above the newest known, `ENOSYS`.
fn newer_calls() -> [sock_filter; 4] {
    const LOAD_WORD: u16 = 0x20; // BPF_LD | BPF_W | BPF_ABS
    const JUMP_IF_GREATER: u16 = 0x25; // BPF_JMP | BPF_JGT | BPF_K
    const RETURN: u16 = 0x06; // BPF_RET | BPF_K
    let step = |code, jf, k| sock_filter { code, jt: 0, jf, k };
    [
        step(LOAD_WORD, 0, 0),
        step(JUMP_IF_GREATER, 1, NEWEST_KNOWN),
        step(RETURN, 0, libc::SECCOMP_RET_ERRNO | libc::ENOSYS.cast_unsigned()),
        step(RETURN, 0, libc::SECCOMP_RET_ALLOW),
    ]
}
