//! Panics of the lab's code: recorded where they happen, with the place they happened at.

use nix::errno::Errno;
use std::any::Any;
use std::cell::RefCell;
use std::panic::PanicHookInfo;
use std::sync::atomic::{AtomicBool, Ordering};

thread_local! {
    /// Where this thread panicked last: `server/labs/src/tcp_echo.rs:31`.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// A thread panicked while the process had no descriptor left.
static OUT_OF_DESCRIPTORS: AtomicBool = AtomicBool::new(false);

/// Replaces the standard hook, whose text on standard error nobody would see.
pub(super) fn install() {
    std::panic::set_hook(Box::new(record));
}

/// Before unwinding, so descriptors are still open and the thread still is the host's.
fn record(panic: &PanicHookInfo<'_>) {
    // SAFETY: duplicates standard input and closes the duplicate; touches no descriptor of others.
    let probe = Errno::result(unsafe { libc::fcntl(libc::STDIN_FILENO, libc::F_DUPFD_CLOEXEC, 0) });
    match probe {
        Err(Errno::EMFILE) => OUT_OF_DESCRIPTORS.store(true, Ordering::Release),
        // SAFETY: it is the duplicate from above.
        Ok(fd) => drop(unsafe { libc::close(fd) }),
        Err(_) => {}
    }
    let message = message(panic.payload());
    let (file, line) = panic.location().map_or(("", 0), |place| (place.file(), place.line()));
    PLACE.set(Some(format!("{file}:{line}")));
    // The `log.*` fields are how `tracing-log` names the place of an event that is not the place of the macro;
    // the code observer reads them.
    tracing::error!(target: "labs::panic", { log.file = file, log.line = line }, "panic：{message}");
}

/// Whether any thread has panicked for want of descriptors.
pub(super) fn out_of_descriptors() -> bool {
    OUT_OF_DESCRIPTORS.load(Ordering::Acquire)
}

/// What a panic of this thread said, and where: one Chinese sentence.
pub(super) fn sentence(payload: &(dyn Any + Send)) -> String {
    let message = message(payload);
    match PLACE.take() {
        Some(place) => format!("实验代码在 {place} 处 panic：{message}"),
        None => format!("实验代码 panic：{message}"),
    }
}

fn message(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("（没有附带信息）")
}
