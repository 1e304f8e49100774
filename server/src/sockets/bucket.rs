//! A token bucket: so many messages at once, so many a second in the long run.

use std::time::{Duration, Instant};

pub(crate) struct Bucket {
    tokens: f64,
    burst: f64,
    per_second: f64,
    last: Instant,
}

impl Bucket {
    pub(crate) fn new(burst: u32, per_second: u32, now: Instant) -> Self {
        let (burst, per_second) = (f64::from(burst), f64::from(per_second));
        Self { tokens: burst, burst, per_second, last: now }
    }

    /// Takes one token; false if there is none.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        let earned = now.duration_since(self.last).as_secs_f64() * self.per_second;
        self.last = now;
        self.tokens = (self.tokens + earned).min(self.burst);
        if self.tokens < 1.0 {
            return false;
        }
        self.tokens -= 1.0;
        true
    }

    /// Waits for a token. A reader that waits before it reads on slows its peer down instead of refusing it.
    pub(crate) async fn wait(&mut self) {
        while !self.take(Instant::now()) {
            tokio::time::sleep(Duration::from_secs_f64(1.0 / self.per_second)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_the_rate() {
        let start = Instant::now();
        let mut bucket = Bucket::new(3, 2, start);
        let mut taken = |after: Duration| (0..5).filter(|_| bucket.take(start + after)).count();
        assert_eq!(taken(Duration::ZERO), 3);
        assert_eq!(taken(Duration::from_millis(500)), 1);
        assert_eq!(taken(Duration::from_secs(60)), 3, "no more than the burst is saved up");
    }
}
