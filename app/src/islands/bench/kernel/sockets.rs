//! What the kernel said about sockets, read at one moment and over time.

use crate::islands::bench::format;
use crate::islands::bench::model::{Model, SocketHistory};
use api::trace::{Kernel, SocketState, Transport};

/// A stretch of a socket's life in one state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// The event that began it.
    pub(crate) seq: u32,
    pub(crate) state: SocketState,
    pub(crate) from: u64,
    pub(crate) to: u64,
    /// The run (or its recording) ended before the state did.
    pub(crate) open: bool,
}

/// What was known of a socket at `time`; `None` before it appeared.
pub(crate) fn at(history: &SocketHistory, time: u64) -> Option<&Kernel> {
    let past = history.samples.partition_point(|(when, ..)| *when <= time);
    past.checked_sub(1).map(|last| &history.samples[last].2)
}

/// The states of a socket in order, until it went or until `end`.
pub(crate) fn spans(history: &SocketHistory, end: u64) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for (time, seq, kernel) in &history.samples {
        if let Some(last) = spans.last_mut().filter(|last| last.open) {
            last.to = *time;
            if kernel.state == Some(last.state) {
                continue;
            }
            last.open = false;
        }
        if let Some(state) = kernel.state {
            spans.push(Span { seq: *seq, state, from: *time, to: *time, open: true });
        }
    }
    if let Some(last) = spans.last_mut().filter(|last| last.open) {
        last.to = end.max(last.from);
    }
    spans
}

/// A listener, an unconnected UDP socket, or one end of a conversation.
pub(crate) fn is_listener(kernel: &Kernel) -> bool {
    kernel.state == Some(SocketState::Listen)
}

/// `TCP 10.0.0.1:40000 → 10.0.0.2:8080`, `UDP 0.0.0.0:9000`
pub(crate) fn title(history: &SocketHistory) -> String {
    let transport = transport(history.transport);
    if is_wildcard(&history.remote) {
        format!("{transport} {}", history.local)
    } else {
        format!("{transport} {} → {}", history.local, history.remote)
    }
}

pub(crate) fn transport(transport: Transport) -> &'static str {
    match transport {
        Transport::Tcp => "TCP",
        Transport::Udp => "UDP",
    }
}

/// The state in words: TCP's by name, UDP has none but these.
pub(crate) fn state_name(transport: Transport, state: Option<SocketState>) -> &'static str {
    match (transport, state) {
        (_, None) => "已关闭",
        (Transport::Udp, Some(SocketState::Established)) => "已连接",
        (Transport::Udp, Some(_)) => "未连接",
        (Transport::Tcp, Some(state)) => format::state(state),
    }
}

/// No peer: the address is empty or has port 0 (`*`).
pub(crate) fn is_wildcard(remote: &str) -> bool {
    remote.is_empty() || remote.ends_with(":0") || remote.ends_with(":*")
}

/// The socket that is worth a chart: the one with most samples of a TCP connection.
pub(crate) fn busiest(model: &Model) -> Option<u32> {
    let weight = |history: &SocketHistory| {
        history.samples.iter().filter(|(_, _, kernel)| kernel.tcp.is_some()).count()
    };
    // Of several alike, the first.
    let best = model.sockets.iter().rev().max_by_key(|history| weight(history))?;
    Some(best.id)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use SocketState::{Established, FinWait1, SynSent};
    use api::trace::TcpInfo;

    pub(crate) fn history(samples: &[(u64, Option<SocketState>, Option<TcpInfo>)]) -> SocketHistory {
        let sample = |(seq, (time, state, tcp)): (usize, &(u64, Option<SocketState>, Option<TcpInfo>))| {
            let kernel = Kernel {
                host: 0,
                socket: 1,
                transport: Transport::Tcp,
                local: "10.0.0.1:40000".into(),
                remote: "10.0.0.2:80".into(),
                state: *state,
                receive_queue: 0,
                send_queue: 0,
                drops: 0,
                tcp: tcp.clone(),
            };
            (*time, seq as u32, kernel)
        };
        SocketHistory {
            id: 1,
            host: 0,
            transport: Transport::Tcp,
            local: "10.0.0.1:40000".into(),
            remote: "10.0.0.2:80".into(),
            samples: samples.iter().enumerate().map(sample).collect(),
        }
    }

    #[test]
    fn states_become_spans() {
        let history = history(&[
            (10, Some(SynSent), None),
            (20, Some(Established), None),
            (30, Some(Established), None),
            (50, Some(FinWait1), None),
            (60, None, None),
        ]);
        let told: Vec<_> =
            spans(&history, 100).iter().map(|span| (span.state, span.from, span.to, span.open)).collect();
        assert_eq!(told, [(SynSent, 10, 20, false), (Established, 20, 50, false), (FinWait1, 50, 60, false)]);
    }

    #[test]
    fn a_socket_that_outlives_the_run_stays_open() {
        let history = history(&[(10, Some(Established), None)]);
        let spans = spans(&history, 100);
        assert_eq!((spans[0].to, spans[0].open), (100, true));
    }

    #[test]
    fn a_moment() {
        let history = history(&[(10, Some(SynSent), None), (20, None, None)]);
        assert!(at(&history, 9).is_none());
        assert_eq!(at(&history, 10).unwrap().state, Some(SynSent));
        assert_eq!(at(&history, 99).unwrap().state, None);
        assert_eq!(title(&history), "TCP 10.0.0.1:40000 → 10.0.0.2:80");
        assert!(is_wildcard("0.0.0.0:0") && is_wildcard("[::]:0") && !is_wildcard("10.0.0.2:80"));
    }
}
