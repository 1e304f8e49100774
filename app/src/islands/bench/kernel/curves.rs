//! How a TCP connection felt its way: congestion window, threshold, data in flight, round-trip time.

use crate::islands::bench::chart::panels::{Line, Panel, Panels};
use crate::islands::bench::model::SocketHistory;
use api::trace::TcpInfo;

/// Heights of the panels, pixels.
const SEGMENTS: i32 = 130;
const ROUND_TRIP: i32 = 70;

/// What the kernel said of a connection over a run that lasted until `end`; empty without a congestion control.
pub(crate) fn curves(history: &SocketHistory, end: u64) -> Panels {
    let full = |at: &usize| history.samples.get(*at).is_some_and(|(_, _, kernel)| kernel.tcp.is_some());
    let (Some(first), Some(last)) =
        ((0..history.samples.len()).find(full), (0..history.samples.len()).rev().find(full))
    else {
        return Panels::default();
    };
    // Without a full socket (TIME_WAIT, gone) nothing more is known.
    let until = history.samples.get(last + 1).map_or(end, |(time, ..)| *time);
    let begin = history.samples.get(first).map_or(0, |(time, ..)| *time);
    let begins_late = begin > until / 3;
    let start = if begins_late { begin.saturating_sub((until - begin) / 20) } else { 0 };
    let line = |name: &str, class: &str, none: &'static str, value: fn(&TcpInfo) -> Option<f64>| {
        let full =
            history.samples.iter().filter_map(|(time, seq, kernel)| Some((time, seq, kernel.tcp.as_ref()?)));
        let (samples, seqs) = full.map(|(time, seq, tcp)| ((*time, value(tcp)), *seq)).unzip();
        Line { name: name.into(), class: class.into(), samples, seqs, until, holds: true, none }
    };
    let segments = vec![
        line("拥塞窗口 cwnd", "chart-cwnd", "—", |tcp| Some(tcp.cwnd.into())),
        line("慢启动阈值 ssthresh", "chart-ssthresh", "无穷大", |tcp| tcp.ssthresh.map(Into::into)),
        line("在途未确认", "chart-flight", "—", |tcp| Some(tcp.unacked.into())),
    ];
    let round_trip = line("往返时间 rtt", "chart-rtt", "—", |tcp| {
        (tcp.rtt_us > 0).then(|| f64::from(tcp.rtt_us) / 1_000.0)
    });
    Panels {
        list: vec![
            Panel { unit: "段".into(), height: SEGMENTS, lines: segments },
            Panel { unit: "ms".into(), height: ROUND_TRIP, lines: vec![round_trip] },
        ],
        // The connection's life and a little after it, from 0 unless it began late.
        shown: (start, end.min(until + (until - start) / 20).max(start + 1)),
        sections: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::sockets::tests::history;
    use super::*;
    use api::trace::SocketState;

    #[test]
    fn curves_end_where_the_full_socket_does() {
        let tcp = |cwnd, rtt_us| Some(TcpInfo { cwnd, rtt_us, ..TcpInfo::default() });
        let history = history(&[
            (10, Some(SocketState::SynSent), tcp(10, 0)),
            (20, Some(SocketState::Established), tcp(12, 40_000)),
            (30, Some(SocketState::TimeWait), None),
        ]);
        let panels = curves(&history, 100);
        let [segments, round_trip] = panels.list.as_slice() else { panic!("{panels:?}") };
        assert_eq!(segments.lines[0].samples, [(10, Some(10.0)), (20, Some(12.0))]);
        assert_eq!(round_trip.lines[0].samples, [(10, None), (20, Some(40.0))]);
        assert_eq!((segments.lines[0].until, panels.shown), (30, (0, 31)));
        assert_eq!(segments.lines[1].told(20, "段"), "无穷大");
        assert_eq!(round_trip.lines[0].told(30, "ms"), "40 ms");
        assert_eq!(round_trip.lines[0].told(31, "ms"), "—");
    }

    #[test]
    fn a_socket_without_congestion_control_has_no_curves() {
        assert!(curves(&history(&[(10, Some(SocketState::Close), None)]), 100).is_empty());
    }
}
