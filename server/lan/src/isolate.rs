//! Entering the namespaces of tier `isolated`.

/// Enters a new user and network namespace, or only a network namespace where user namespaces are
/// forbidden but the process is privileged. Only while the process is single-threaded.
///
/// # Errors
/// The kernel refused; the message names the step.
pub fn isolate() -> anyhow::Result<()> {
    anyhow::bail!("尚未实现")
}
