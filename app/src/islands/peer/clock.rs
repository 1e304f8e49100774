//! The server's times on the page's clock.

/// One question and its answer: when the page asked, what the server's clock said, when the answer was here.
/// Nanoseconds; the two clocks start anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Probe {
    pub(crate) asked: u64,
    pub(crate) server: u64,
    pub(crate) answered: u64,
}

impl Probe {
    pub(crate) fn round_trip(&self) -> u64 {
        self.answered.saturating_sub(self.asked)
    }
}

/// Turns times of the server into times of the page. Taken from the probe with the shortest round trip, and as if both
/// ways took alike: wrong by half that round trip at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Clock {
    best: Probe,
}

impl Clock {
    pub(crate) fn new(probes: &[Probe]) -> Option<Self> {
        probes.iter().min_by_key(|probe| probe.round_trip()).map(|best| Self { best: *best })
    }

    /// A time of the server on the page's clock.
    pub(crate) fn on_page(&self, server: u64) -> u64 {
        let middle = self.best.asked + self.best.round_trip() / 2;
        (middle + server).saturating_sub(self.best.server)
    }

    pub(crate) fn round_trip(&self) -> u64 {
        self.best.round_trip()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_round_trip_tells_the_time() {
        let slow = Probe { asked: 1_000, server: 50, answered: 9_000 };
        let quick = Probe { asked: 10_000, server: 5_000, answered: 10_400 };
        let clock = Clock::new(&[slow, quick]).unwrap();
        assert_eq!(clock.round_trip(), 400);
        assert_eq!(clock.on_page(5_000), 10_200);
        assert_eq!(clock.on_page(7_000), 12_200);
        assert_eq!(clock.on_page(0), 5_200);
        assert_eq!(Clock::new(&[]), None);
    }

    #[test]
    fn times_before_the_page_was_there_are_its_beginning() {
        let clock = Clock::new(&[Probe { asked: 0, server: 1_000, answered: 10 }]).unwrap();
        assert_eq!(clock.on_page(3), 0);
    }
}
