//! A machine on which nobody may make user namespaces.
//!
//! This process enters a user namespace in which all users are themselves and forbids further ones there. To a
//! runner started in it, it looks like the machine.

use nix::sched::{CloneFlags, unshare};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, fork, getpid, pipe};
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};

/// Users and groups 0 to 65534.
const EVERYBODY: &str = "0 0 65535";

/// Becomes the program in the third and later arguments.
pub(crate) fn become_program() -> ExitCode {
    let process = getpid();
    let (go, ready) = pipe().unwrap();
    // Only a process outside may map more than one user.
    // SAFETY: this process is single-threaded.
    match unsafe { fork() }.unwrap() {
        ForkResult::Child => {
            drop(ready);
            // Ends when `ready` is closed.
            nix::unistd::read(&go, &mut [0]).unwrap();
            fs::write(format!("/proc/{process}/uid_map"), EVERYBODY).unwrap();
            fs::write(format!("/proc/{process}/gid_map"), EVERYBODY).unwrap();
            ExitCode::SUCCESS
        }
        ForkResult::Parent { child } => {
            unshare(CloneFlags::CLONE_NEWUSER).unwrap();
            drop((go, ready));
            waitpid(child, None).unwrap();
            fs::write("/proc/sys/user/max_user_namespaces", "0").unwrap();
            let mut words = std::env::args().skip(2);
            panic!("{}", Command::new(words.next().unwrap()).args(words).exec());
        }
    }
}
