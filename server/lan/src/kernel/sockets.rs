//! From what was seen to what changed: sockets keep their number over their whole life.

use super::inet_diag::{Part, Seen};
use api::trace::{HostId, Kernel, SocketState, TcpInfo};
use std::collections::HashSet;

/// How long the end of a connection waits for its last words, which the kernel sends from a work queue.
const LAST_WORDS_NS: u64 = 5_000_000;
/// Counters that move with every segment are recorded this often, the less often the more there is.
const COUNTERS_NS: [(u32, u64); 3] = [(2_000, 100_000_000), (400, 20_000_000), (0, 5_000_000)];
/// Names of sockets that ended, remembered so that late last words do not revive them.
const REMEMBERED: usize = 4_096;

/// The sockets of one namespace.
#[derive(Debug)]
pub(super) struct Sockets {
    tracked: Vec<Tracked>,
    retired: HashSet<u64>,
    changes: Vec<(u64, Kernel)>,
    /// True if the kernel sends last words.
    last_words: bool,
    /// True if every difference is recorded at once.
    everything: bool,
    round: u64,
}

#[derive(Debug)]
struct Tracked {
    number: u32,
    host: HostId,
    seen: Seen,
    shown: Kernel,
    shown_at: u64,
    times_shown: u32,
    round: u64,
    ending: Option<Ending>,
}

/// A full socket that is no longer there.
#[derive(Debug)]
struct Ending {
    since: u64,
    /// It went on as this; otherwise it is gone.
    time_wait: Option<Seen>,
}

impl Sockets {
    pub(super) fn new(last_words: bool) -> Self {
        Self {
            tracked: Vec::new(),
            retired: HashSet::new(),
            changes: Vec::new(),
            last_words,
            everything: false,
            round: 0,
        }
    }

    pub(super) fn count(&self) -> usize {
        self.tracked.len()
    }

    pub(super) fn hold_nothing_back(&mut self) {
        self.everything = true;
    }

    pub(super) fn take_changes(&mut self) -> Vec<(u64, Kernel)> {
        std::mem::take(&mut self.changes)
    }

    /// Takes in all sockets of one kind. `number` gives new sockets their number.
    pub(super) fn seen(
        &mut self,
        time: u64,
        part: Part,
        all: Vec<(HostId, Seen)>,
        mut number: impl FnMut() -> u32,
    ) {
        self.round += 1;
        for (host, seen) in all {
            if let Some(index) = self.tracked.iter().position(|tracked| tracked.seen.cookie == seen.cookie) {
                self.update(index, time, seen);
            } else if let Some(index) = self.predecessor(&seen) {
                self.end(index, time, Some(seen));
            } else {
                self.begin(host, time, seen, number());
            }
        }
        for index in (0..self.tracked.len()).rev() {
            let Tracked { seen, round, .. } = &self.tracked[index];
            if seen.part() == part && *round != self.round {
                self.end(index, time, None);
            }
        }
    }

    /// Takes in the last words of sockets that ended.
    pub(super) fn ended(&mut self, time: u64, all: Vec<(HostId, Seen)>, mut number: impl FnMut() -> u32) {
        for (host, words) in all {
            if words.local.port() == 0 || self.retired.contains(&words.cookie) {
                continue;
            }
            let found = self.tracked.iter().position(|tracked| tracked.seen.cookie == words.cookie);
            let index = match found {
                Some(index) => index,
                // It lived between two looks: this is all there is to tell.
                None => self.begin(host, time, words.clone(), number()),
            };
            let tracked = &mut self.tracked[index];
            if let (Some(mut tcp), Some(before)) = (words.tcp, &tracked.shown.tcp) {
                tcp.congestion.clone_from(&before.congestion);
                tracked.seen.tcp = Some(tcp);
            }
            match tracked.ending.take() {
                Some(Ending { since, time_wait }) => self.complete(index, since, time_wait),
                // Whether it goes on in TIME_WAIT is for the next look to say.
                None => self.retire(index),
            }
        }
    }

    /// The connection that `seen`, in TIME_WAIT, was before: the kernel gives it a new cookie.
    fn predecessor(&self, seen: &Seen) -> Option<usize> {
        if seen.state != SocketState::TimeWait {
            return None;
        }
        self.tracked.iter().position(|tracked| {
            let before = &tracked.seen;
            before.state != SocketState::TimeWait
                && before.state != SocketState::Listen
                && (before.transport, before.local, before.remote)
                    == (seen.transport, seen.local, seen.remote)
        })
    }

    fn begin(&mut self, host: HostId, time: u64, seen: Seen, number: u32) -> usize {
        let shown = event(host, number, &seen);
        self.changes.push((time, shown.clone()));
        let round = self.round;
        self.tracked.push(Tracked {
            number,
            host,
            seen,
            shown,
            shown_at: time,
            times_shown: 1,
            round,
            ending: None,
        });
        self.tracked.len() - 1
    }

    fn update(&mut self, index: usize, time: u64, seen: Seen) {
        let tracked = &mut self.tracked[index];
        tracked.round = self.round;
        tracked.seen = seen;
        let now = event(tracked.host, tracked.number, &tracked.seen);
        if now == tracked.shown {
            return;
        }
        let pause = COUNTERS_NS
            .iter()
            .find(|(times, _)| tracked.times_shown >= *times)
            .map_or(0, |(_, pause)| *pause);
        let due = time.saturating_sub(tracked.shown_at) >= pause;
        if due || self.everything || matters(&tracked.shown, &now) {
            self.show(index, time, now);
        }
    }

    fn show(&mut self, index: usize, time: u64, kernel: Kernel) {
        let tracked = &mut self.tracked[index];
        tracked.shown = kernel.clone();
        tracked.shown_at = time;
        tracked.times_shown += 1;
        self.changes.push((time, kernel));
    }

    /// A full socket is not there any more; it may go on in TIME_WAIT.
    fn end(&mut self, index: usize, time: u64, time_wait: Option<Seen>) {
        let (last_words, everything, round) = (self.last_words, self.everything, self.round);
        let tracked = &mut self.tracked[index];
        tracked.round = round;
        let since = tracked.ending.as_ref().map_or(time, |ending| ending.since);
        // Only full sockets of connections have last words worth waiting for.
        let waits = last_words && tracked.seen.tcp.is_some() && !self.retired.contains(&tracked.seen.cookie);
        if waits && !everything && time - since < LAST_WORDS_NS {
            tracked.ending = Some(Ending { since, time_wait });
        } else {
            self.complete(index, since, time_wait);
        }
    }

    fn complete(&mut self, index: usize, time: u64, time_wait: Option<Seen>) {
        self.retire(index);
        let Some(time_wait) = time_wait else {
            let tracked = self.tracked.remove(index);
            let last = Kernel {
                state: None,
                receive_queue: 0,
                send_queue: 0,
                ..event(tracked.host, tracked.number, &tracked.seen)
            };
            self.changes.push((time, last));
            return;
        };
        let tracked = &self.tracked[index];
        let last = Kernel {
            state: tracked.shown.state,
            receive_queue: tracked.shown.receive_queue,
            send_queue: tracked.shown.send_queue,
            ..event(tracked.host, tracked.number, &tracked.seen)
        };
        if last != tracked.shown {
            self.show(index, time, last);
        }
        let tracked = &mut self.tracked[index];
        tracked.ending = None;
        tracked.seen = time_wait;
        let now = event(tracked.host, tracked.number, &tracked.seen);
        self.show(index, time, now);
    }

    fn retire(&mut self, index: usize) {
        if self.retired.len() >= REMEMBERED {
            self.retired.clear();
        }
        self.retired.insert(self.tracked[index].seen.cookie);
    }
}

fn event(host: HostId, socket: u32, seen: &Seen) -> Kernel {
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
fn matters(before: &Kernel, now: &Kernel) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;
    use api::trace::Transport;

    fn seen(cookie: u64, state: SocketState) -> Seen {
        let connection = !matches!(state, SocketState::TimeWait | SocketState::Listen);
        Seen {
            cookie,
            transport: Transport::Tcp,
            local: "10.0.0.1:5000".parse().unwrap(),
            remote: "10.0.0.2:80".parse().unwrap(),
            state,
            receive_queue: 0,
            send_queue: 0,
            drops: 0,
            tcp: connection.then(TcpInfo::default),
        }
    }

    fn with_retransmissions(mut seen: Seen, total: u32) -> Seen {
        seen.tcp = Some(TcpInfo { total_retransmissions: total, ..TcpInfo::default() });
        seen
    }

    struct Bench {
        sockets: Sockets,
        next: u32,
    }

    impl Bench {
        fn new(last_words: bool) -> Self {
            Self { sockets: Sockets::new(last_words), next: 0 }
        }

        fn look(&mut self, time: u64, all: &[Seen]) -> Vec<(u64, u32, Option<SocketState>)> {
            let all = all.iter().map(|seen| (0, seen.clone())).collect();
            let next = &mut self.next;
            self.sockets.seen(time, Part::Connections, all, || {
                *next += 1;
                *next - 1
            });
            self.changes()
        }

        fn last_words(&mut self, time: u64, seen: Seen) -> Vec<(u64, u32, Option<SocketState>)> {
            let next = &mut self.next;
            self.sockets.ended(time, vec![(0, seen)], || {
                *next += 1;
                *next - 1
            });
            self.changes()
        }

        fn changes(&mut self) -> Vec<(u64, u32, Option<SocketState>)> {
            let changes = self.sockets.take_changes();
            changes.into_iter().map(|(time, kernel)| (time, kernel.socket, kernel.state)).collect()
        }
    }

    use SocketState::{Close, Established, FinWait2, SynSent, TimeWait};

    #[test]
    fn a_connection_keeps_its_number_into_time_wait() {
        let mut bench = Bench::new(false);
        assert_eq!(bench.look(1, &[seen(7, SynSent)]), [(1, 0, Some(SynSent))]);
        assert_eq!(bench.look(2, &[seen(7, Established)]), [(2, 0, Some(Established))]);
        assert_eq!(bench.look(3, &[seen(7, Established)]), []);
        assert_eq!(bench.look(4, &[seen(8, TimeWait)]), [(4, 0, Some(TimeWait))]);
        assert_eq!(bench.look(5, &[]), [(5, 0, None)]);
        assert_eq!(bench.look(6, &[seen(9, SynSent)]), [(6, 1, Some(SynSent))]);
    }

    #[test]
    fn the_end_waits_for_last_words_and_tells_them_first() {
        let mut bench = Bench::new(true);
        bench.look(1, &[seen(7, FinWait2)]);
        assert_eq!(bench.look(2, &[seen(8, TimeWait)]), []);
        let words = with_retransmissions(seen(7, Close), 3);
        assert_eq!(bench.last_words(9, words), [(2, 0, Some(FinWait2)), (2, 0, Some(TimeWait))]);
        assert_eq!(bench.look(10, &[seen(8, TimeWait)]), []);
    }

    #[test]
    fn last_words_before_the_look_are_not_lost() {
        let mut bench = Bench::new(true);
        bench.look(1, &[seen(7, Established)]);
        assert_eq!(bench.last_words(2, with_retransmissions(seen(7, Close), 5)), []);
        let all: Vec<(HostId, Seen)> = Vec::new();
        bench.sockets.seen(3, Part::Connections, all, || unreachable!());
        let changes = bench.sockets.take_changes();
        assert_eq!(changes.len(), 1);
        assert_eq!(changes[0].1.state, None);
        assert_eq!(changes[0].1.tcp.as_ref().unwrap().total_retransmissions, 5);
    }

    #[test]
    fn without_last_words_the_end_comes_after_a_while() {
        let mut bench = Bench::new(true);
        bench.look(1, &[seen(7, Established)]);
        assert_eq!(bench.look(2, &[]), []);
        assert_eq!(bench.look(2 + LAST_WORDS_NS, &[]), [(2, 0, None)]);
        assert_eq!(bench.last_words(3 + LAST_WORDS_NS, seen(7, Close)), []);
    }

    #[test]
    fn counters_are_thinned_but_nothing_that_matters_is() {
        let mut bench = Bench::new(false);
        bench.look(0, &[seen(7, Established)]);
        let mut busy = seen(7, Established);
        busy.send_queue = 9;
        assert_eq!(bench.look(1_000_000, &[busy.clone()]), []);
        assert_eq!(bench.look(6_000_000, &[busy]), [(6_000_000, 0, Some(Established))]);
        let lossy = with_retransmissions(seen(7, Established), 1);
        assert_eq!(bench.look(6_100_000, &[lossy]), [(6_100_000, 0, Some(Established))]);
    }

    #[test]
    fn a_socket_that_lived_between_two_looks_is_still_told() {
        let mut bench = Bench::new(true);
        assert_eq!(bench.last_words(4, seen(7, Close)), [(4, 0, Some(Close))]);
        assert_eq!(bench.look(5, &[]), [(5, 0, None)]);
    }
}
