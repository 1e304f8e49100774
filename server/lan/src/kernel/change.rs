//! What of a socket is shown, and which differences matter.

use super::inet_diag::Seen;
use api::trace::{HostId, Kernel, TcpInfo};

/// A socket as the trace shows it.
pub(super) fn event(host: HostId, socket: u32, seen: &Seen) -> Kernel {
    Kernel {
        host,
        socket,
        transport: seen.transport,
        local: seen.local.to_string(),
        remote: seen.remote.to_string(),
        state: Some(seen.state),
        receive_queue: seen.receive_queue,
        send_queue: seen.send_queue,
        drops: seen.drops,
        tcp: seen.tcp.clone(),
    }
}

/// True for changes that must not be missed, false for counters.
pub(super) fn matters(before: &Kernel, now: &Kernel) -> bool {
    let ends = |kernel: &Kernel| (kernel.local.clone(), kernel.remote.clone(), kernel.state, kernel.drops);
    let control = |kernel: &Kernel| {
        kernel.tcp.as_ref().map(|tcp| {
            let TcpInfo { congestion, congestion_state, ssthresh, backoff, .. } = tcp;
            (
                congestion.clone(),
                congestion_state.clone(),
                *ssthresh,
                *backoff,
                tcp.lost,
                tcp.total_retransmissions,
            )
        })
    };
    ends(before) != ends(now) || control(before) != control(now)
}
