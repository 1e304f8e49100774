use super::*;
use api::trace::{TcpInfo, Transport};

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

use SocketState::{Close, Established, FinWait1, FinWait2, SynSent, TimeWait};

#[test]
fn what_waits_for_the_other_sides_fin_is_seen_without_its_program() {
    let waiting = |cookie| Seen { tcp: None, ..seen(cookie, FinWait2) };
    for cookie in [7, 8] {
        let mut bench = Bench::new(true);
        assert_eq!(bench.look(1, &[seen(7, FinWait1)]), [(1, 0, Some(FinWait1))]);
        assert_eq!(bench.last_words(2, seen(7, Close)), []);
        assert_eq!(bench.look(3, &[waiting(cookie)]), [(3, 0, Some(FinWait2))]);
        assert_eq!(bench.look(4, &[waiting(cookie)]), []);
        assert_eq!(bench.look(5, &[seen(cookie, TimeWait)]), [(5, 0, Some(TimeWait))]);
        assert_eq!(bench.look(6, &[]), [(6, 0, None)]);
    }
}

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
fn a_look_taken_before_the_last_words_does_not_undo_them() {
    let mut bench = Bench::new(true);
    bench.look(1, &[seen(7, FinWait2)]);
    bench.last_words(2, with_retransmissions(seen(7, Close), 3));
    bench.look(2, &[seen(7, FinWait2)]);
    // Told before TIME_WAIT, with the last words' count.
    assert_eq!(bench.look(3, &[seen(8, TimeWait)]), [(3, 0, Some(FinWait2)), (3, 0, Some(TimeWait))]);
}

#[test]
fn late_last_words_are_told_in_time_wait() {
    // Newer kernels keep the cookie, older ones give a new one.
    for cookie in [7, 8] {
        let mut bench = Bench::new(true);
        bench.look(1, &[seen(7, FinWait2)]);
        assert_eq!(bench.look(2, &[seen(cookie, TimeWait)]), []);
        assert_eq!(bench.look(2 + LAST_WORDS_NS, &[seen(cookie, TimeWait)]), [(2, 0, Some(TimeWait))]);
        let late = bench.last_words(90 + LAST_WORDS_NS, with_retransmissions(seen(7, Close), 4));
        assert_eq!(late, [(90 + LAST_WORDS_NS, 0, Some(TimeWait))]);
    }
}

#[test]
fn the_end_is_told_in_order_when_the_cookie_stays() {
    let mut bench = Bench::new(true);
    bench.look(1, &[seen(7, FinWait2)]);
    assert_eq!(bench.look(2, &[seen(7, TimeWait)]), []);
    let words = with_retransmissions(seen(7, Close), 3);
    assert_eq!(bench.last_words(9, words), [(2, 0, Some(FinWait2)), (2, 0, Some(TimeWait))]);
    assert_eq!(bench.look(10, &[seen(7, TimeWait)]), []);
    assert_eq!(bench.look(11, &[]), [(11, 0, None)]);
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
