//! Settings under `/proc/sys/net` of the calling thread's namespace.

use std::io::{self, Write};

/// Sets `name` (a path below `/proc/sys/net`).
pub(crate) fn set(name: &str, value: &str) -> io::Result<()> {
    let mut file = std::fs::OpenOptions::new().write(true).open(format!("/proc/sys/net/{name}"))?;
    file.write_all(value.as_bytes())
}
