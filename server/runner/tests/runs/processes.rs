//! What there is of a runner, seen from outside.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

/// Process numbers of the children of `parent`, zombies included.
pub(crate) fn children(parent: u32) -> BTreeSet<u32> {
    processes().filter(|&process| state_and_parent(process).is_some_and(|(_, of)| of == parent)).collect()
}

fn processes() -> impl Iterator<Item = u32> {
    fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

/// State and parent: fields 3 and 4 of `/proc/<pid>/stat`. The second is the name in parentheses, which may hold
/// anything.
fn state_and_parent(process: u32) -> Option<(char, u32)> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

/// Not gone, and not merely waiting for its parent (by now perhaps process 1) to take note of its end.
pub(crate) fn is_alive(process: u32) -> bool {
    state_and_parent(process).is_some_and(|(state, _)| state != 'Z')
}

/// Open descriptors; `None` if this user may not see them. `process`: a number, or `self`.
pub(crate) fn descriptors(process: &str) -> Option<usize> {
    Some(fs::read_dir(format!("/proc/{process}/fd")).ok()?.count())
}

/// Resident memory in KiB.
pub(crate) fn resident(process: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// Processes in the user namespace of `runner` other than itself: they would hold its network namespaces.
pub(crate) fn companions(runner: u32) -> Vec<u32> {
    let namespace = |process: u32| fs::read_link(format!("/proc/{process}/ns/user")).ok();
    let own = namespace(runner);
    if own.is_none() || own == namespace(std::process::id()) {
        return Vec::new();
    }
    processes().filter(|&process| process != runner && namespace(process) == own).collect()
}

/// Network namespaces in the whole machine, if the kernel says (only to root).
pub(crate) fn network_namespaces() -> Option<u64> {
    let slabs = fs::read_to_string("/proc/slabinfo").ok()?;
    slabs.lines().find_map(|line| line.strip_prefix("net_namespace"))?.split_whitespace().next()?.parse().ok()
}

/// Waits for `condition`, at most `at_most`.
pub(crate) fn eventually(what: &str, at_most: Duration, condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < at_most, "not within {at_most:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
