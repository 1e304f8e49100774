//! Which host a thread belongs to.
//!
//! Threads that a lab or a crate starts know nothing of hosts. But Linux copies the *timer slack*
//! (`PR_SET_TIMERSLACK`, nanoseconds by which a timer may be late) to every new thread, so a value that
//! nobody else uses marks a host's thread and all its descendants. It is the default, 50 µs, plus one to
//! 256 ns: no timer notices.

use api::trace::HostId;
use nix::sys::prctl;

const DEFAULT_NS: u64 = 50_000;

/// Marks the calling thread, and all threads it will start, as this host's.
pub(crate) fn set(host: HostId) {
    let _ = prctl::set_timerslack(DEFAULT_NS + 1 + u64::from(host));
}

/// Marks the calling thread as nobody's.
pub(crate) fn clear() {
    let _ = prctl::set_timerslack(DEFAULT_NS);
}

/// The calling thread's host.
pub(crate) fn get() -> Option<HostId> {
    let slack = u64::try_from(prctl::get_timerslack().ok()?).ok()?;
    u8::try_from(slack.checked_sub(DEFAULT_NS + 1)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_inherit_the_mark() {
        std::thread::spawn(|| {
            clear();
            assert_eq!(get(), None);
            set(7);
            assert_eq!(std::thread::spawn(get).join().unwrap(), Some(7));
            clear();
            assert_eq!(get(), None);
        })
        .join()
        .unwrap();
    }
}
