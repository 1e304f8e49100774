//! The secrets of the lab's TLS and QUIC connections, as any program writes them down that is asked to
//! (`SSLKEYLOGFILE`, RFC 9850).
//!
//! A run can create no file, so the variable names a pipe by way of `/proc/self/fd`: each writer opens it anew, in
//! append mode, and one thread reads. It reads always, so no writer ever waits for it.

use anyhow::Context as _;
use api::trace::Secret;
use lan::Recorder;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::unistd::{pipe2, read};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};

/// The pipe before anybody reads it.
pub(super) struct KeyLog {
    reading: OwnedFd,
    /// Never written to: it is what `/proc/self/fd` names, and what keeps the pipe from ending.
    _writing: OwnedFd,
}

/// The pipe and what became of it so far.
pub(super) struct Reader {
    log: KeyLog,
    recorder: Recorder,
    /// The beginning of a line.
    line: Mutex<Vec<u8>>,
}

impl KeyLog {
    /// Tells programs where to write.
    ///
    /// # Safety
    /// No other thread exists.
    pub(super) unsafe fn open() -> anyhow::Result<Self> {
        let (reading, writing) = pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK).context("pipe")?;
        // SAFETY: nobody else reads the environment, the caller has seen to that.
        unsafe { std::env::set_var("SSLKEYLOGFILE", format!("/proc/self/fd/{}", writing.as_raw_fd())) };
        Ok(Self { reading, _writing: writing })
    }

    /// Records what is written from now on.
    pub(super) fn watch(self, recorder: Recorder) -> anyhow::Result<Arc<Reader>> {
        let reader = Arc::new(Reader { log: self, recorder, line: Mutex::default() });
        let watching = Arc::clone(&reader);
        std::thread::Builder::new().name("key log".into()).spawn(move || {
            let wait = || {
                let mut pipe = [PollFd::new(watching.log.reading.as_fd(), PollFlags::POLLIN)];
                poll(&mut pipe, PollTimeout::NONE)
            };
            // Ends with the process; the pipe never does.
            while matches!(wait(), Ok(_) | Err(nix::errno::Errno::EINTR)) {
                watching.read();
            }
        })?;
        Ok(reader)
    }
}

impl Reader {
    /// Records all that was written so far.
    pub(super) fn read(&self) {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = read(&self.log.reading, &mut bytes) {
            for byte in bytes.get(..count).unwrap_or_default() {
                match byte {
                    b'\n' => self.take(&mut line),
                    // One byte too many makes it no secret, and more are not needed for that.
                    _ if line.len() <= Secret::LINE + 1 => line.push(*byte),
                    _ => {}
                }
            }
        }
    }

    fn take(&self, line: &mut Vec<u8>) {
        if let Some(secret) = std::str::from_utf8(line).ok().and_then(Secret::parse) {
            self.recorder.secret(secret);
        }
        line.clear();
    }
}
