//! What a process uses, from `/proc/<pid>/status` (proc(5)).

/// Resident memory and threads of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) resident_bytes: u64,
    pub(super) threads: u32,
}

/// `None` if the process is gone. `process`: a number, or `self`.
pub(super) fn of(process: &str) -> Option<Usage> {
    parse(&std::fs::read_to_string(format!("/proc/{process}/status")).ok()?)
}

/// A zombie has no `VmRSS` line.
fn parse(status: &str) -> Option<Usage> {
    let number = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim_start_matches(':').split_whitespace().next()?.parse::<u64>().ok()
    };
    Some(Usage {
        resident_bytes: number("VmRSS").unwrap_or(0) * 1024,
        threads: number("Threads")?.try_into().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_two_lines() {
        let status = "Name:\tcat\nVmHWM:\t 9999 kB\nVmRSS:\t    1620 kB\nThreads:\t3\n";
        assert_eq!(parse(status), Some(Usage { resident_bytes: 1620 * 1024, threads: 3 }));
        assert_eq!(parse("Name:\tcat\nThreads:\t1\n"), Some(Usage { resident_bytes: 0, threads: 1 }));
        assert_eq!(parse(""), None);
    }

    #[test]
    fn this_process_uses_something() {
        let used = of("self").unwrap();
        assert!(used.resident_bytes > 100_000 && used.threads >= 1);
        assert_eq!(of("0"), None);
    }
}
