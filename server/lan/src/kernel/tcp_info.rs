//! `struct tcp_info` as the kernel lays it out (`include/uapi/linux/tcp.h`). It has grown at its end with
//! every few versions; what an older kernel does not send reads as zero.

use crate::sys::message::{u32_at, u64_at};
use api::trace::TcpInfo;

/// The kernel's way to say that there is no slow-start threshold yet (`TCP_INFINITE_SSTHRESH`).
const INFINITE_SSTHRESH: u32 = 0x7fff_ffff;

/// Reads the part we show. `congestion` is sent beside the structure.
pub(super) fn parse(bytes: &[u8], congestion: &str) -> TcpInfo {
    let byte = |at: usize| bytes.get(at).copied().unwrap_or(0);
    let short = |at: usize| u32_at(bytes, at).unwrap_or(0);
    let long = |at: usize| u64_at(bytes, at).unwrap_or(0);
    // All ones means "not known yet" for these.
    let known_short = |value: u32| if value == u32::MAX { 0 } else { value };
    let known_long = |value: u64| if value == u64::MAX { 0 } else { value };
    TcpInfo {
        congestion: congestion.into(),
        congestion_state: congestion_state(byte(1)).into(),
        backoff: byte(4).into(),
        rto_us: short(8),
        send_mss: short(16),
        receive_mss: short(20),
        unacked: short(24),
        sacked: short(28),
        lost: short(32),
        retransmitting: short(36),
        rtt_us: short(68),
        rtt_var_us: short(72),
        ssthresh: Some(short(76)).filter(|ssthresh| *ssthresh < INFINITE_SSTHRESH),
        cwnd: short(80),
        total_retransmissions: short(100),
        pacing_rate: known_long(long(104)),
        bytes_acked: long(120),
        bytes_received: long(128),
        segments_out: short(136),
        segments_in: short(140),
        min_rtt_us: known_short(short(148)),
        delivery_rate: long(160),
        bytes_sent: long(200),
        bytes_retransmitted: long(208),
        send_window: short(228),
        receive_window: short(232),
    }
}

/// `enum tcp_ca_state`
fn congestion_state(number: u8) -> &'static str {
    match number {
        0 => "open",
        1 => "disorder",
        2 => "cwr",
        3 => "recovery",
        _ => "loss",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_field_at_its_place() {
        let mut bytes = vec![0; 240];
        for (index, word) in bytes.chunks_exact_mut(4).enumerate() {
            word.copy_from_slice(&(index as u32).to_ne_bytes());
        }
        bytes[1] = 4;
        bytes[4] = 2;
        let info = parse(&bytes, "cubic");
        assert_eq!(info.congestion_state, "loss");
        assert_eq!((info.rto_us, info.send_mss, info.cwnd, info.ssthresh), (2, 4, 20, Some(19)));
        assert_eq!((info.total_retransmissions, info.send_window, info.receive_window), (25, 57, 58));
    }

    #[test]
    fn an_old_kernel_sends_less_and_infinity_is_absent() {
        let mut bytes = vec![0; 104];
        bytes[76..80].copy_from_slice(&INFINITE_SSTHRESH.to_ne_bytes());
        let info = parse(&bytes, "reno");
        assert_eq!((info.ssthresh, info.bytes_sent), (None, 0));
    }
}
