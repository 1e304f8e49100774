//! From what was seen to what changed: sockets keep their number over their whole life.

use super::change::{event, matters};
use super::inet_diag::{Part, Seen};
use api::trace::{HostId, Kernel, SocketState};
use std::collections::HashSet;

/// How long the end of a connection waits for its last words. The kernel sends them from a work queue when
/// the program has closed the socket too; if it does so later, they are told later.
pub(super) const LAST_WORDS_NS: u64 = 20_000_000;
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
    /// Of a remnant: the cookie of the connection whose last words have not come.
    former: Option<u64>,
}

/// A full socket that is no longer there.
#[derive(Debug)]
struct Ending {
    since: u64,
    /// It went on as this remnant; otherwise it is gone.
    remnant: Option<Seen>,
}

/// True for what the kernel keeps of a connection that its program has closed, without `TCP_INFO`: in TIME_WAIT,
/// and while it waits for the other side's FIN in FIN_WAIT2.
fn is_remnant(seen: &Seen) -> bool {
    match seen.state {
        SocketState::TimeWait => true,
        SocketState::FinWait2 => seen.tcp.is_none(),
        _ => false,
    }
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

    /// True while last words may still come.
    pub(super) fn waits(&self) -> bool {
        self.tracked.iter().any(|tracked| tracked.ending.is_some())
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
            if let Some(index) = self.predecessor(&seen) {
                self.end(index, time, Some(seen));
            } else if let Some(index) =
                self.tracked.iter().position(|tracked| tracked.seen.cookie == seen.cookie)
            {
                self.update(index, time, seen);
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
            let late = |tracked: &Tracked| tracked.former == Some(words.cookie);
            if let Some(index) = self.tracked.iter().position(late) {
                self.tracked[index].former = None;
                let shown = self.tracked[index].shown.clone();
                self.show(index, time, Kernel { tcp: words.tcp, ..shown });
                continue;
            }
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
                Some(Ending { since, remnant }) => {
                    self.retire(index);
                    self.complete(index, since, remnant);
                }
                // Whether a remnant goes on is for the next look to say.
                None => self.retire(index),
            }
        }
    }

    /// The connection of which `seen` is the remnant. Older kernels give it a new cookie.
    fn predecessor(&self, seen: &Seen) -> Option<usize> {
        if !is_remnant(seen) {
            return None;
        }
        self.tracked.iter().position(|tracked| {
            let before = &tracked.seen;
            !is_remnant(before)
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
            former: None,
        });
        self.tracked.len() - 1
    }

    fn update(&mut self, index: usize, time: u64, seen: Seen) {
        let tracked = &mut self.tracked[index];
        tracked.round = self.round;
        if self.retired.contains(&seen.cookie) && !is_remnant(&seen) {
            // It ended while it was being looked at: its last words are newer than this.
            return;
        }
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

    /// A full socket is not there any more; a remnant may go on.
    fn end(&mut self, index: usize, time: u64, remnant: Option<Seen>) {
        let (last_words, everything, round) = (self.last_words, self.everything, self.round);
        let tracked = &mut self.tracked[index];
        tracked.round = round;
        let since = tracked.ending.as_ref().map_or(time, |ending| ending.since);
        // Only full sockets of connections have last words worth waiting for.
        let waits = last_words && tracked.seen.tcp.is_some() && !self.retired.contains(&tracked.seen.cookie);
        if waits && !everything && time - since < LAST_WORDS_NS {
            tracked.ending = Some(Ending { since, remnant });
        } else {
            self.complete(index, since, remnant);
        }
    }

    fn complete(&mut self, index: usize, time: u64, remnant: Option<Seen>) {
        let former = self.tracked[index].seen.cookie;
        let told = self.retired.contains(&former);
        self.retire(index);
        let Some(remnant) = remnant else {
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
        tracked.former = (!told).then_some(former);
        tracked.seen = remnant;
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

#[cfg(test)]
mod tests;
