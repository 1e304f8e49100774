//! Where the threads of a run are at work.

use anyhow::Context as _;
use nix::sched::{CpuSet, sched_getcpu, sched_setaffinity};
use nix::unistd::Pid;

/// Binds the calling thread, and all that it will start, to the processor it is on: for a new process the idlest one,
/// where the kernel has put it.
///
/// Hosts and switch hand each other a frame and go to sleep. Spread over processors, each would have to wake another one
/// for the next: on a virtual machine that takes many times longer than all the rest of a frame's way.
///
/// # Errors
/// The kernel refused.
pub fn stay_here() -> anyhow::Result<()> {
    let mut here = CpuSet::new();
    here.set(sched_getcpu().context("sched_getcpu")?).context("more processors than a CpuSet holds")?;
    sched_setaffinity(Pid::from_raw(0), &here).context("sched_setaffinity")
}

#[cfg(test)]
mod tests {
    use super::stay_here;
    use nix::sched::{CpuSet, sched_getaffinity};
    use nix::unistd::Pid;

    fn processors() -> usize {
        let allowed = sched_getaffinity(Pid::from_raw(0)).unwrap();
        (0..CpuSet::count()).filter(|&at| allowed.is_set(at).unwrap()).count()
    }

    #[test]
    fn a_thread_and_those_it_starts_have_one_processor_left() {
        let bound = std::thread::spawn(|| {
            stay_here().unwrap();
            (processors(), std::thread::spawn(processors).join().unwrap())
        });
        assert_eq!(bound.join().unwrap(), (1, 1));
    }
}
