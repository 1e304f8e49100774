//! When a section counts as read: its end has been on the screen, and it was there long enough.

/// Seconds a section must have been on the screen, however they are spread.
pub const SECONDS: u32 = 8;

/// The sections of one chapter while it is open.
#[derive(Clone, Debug)]
pub struct Dwell {
    /// Seconds on the screen so far.
    seconds: Vec<u32>,
    ended: Vec<bool>,
}

impl Dwell {
    #[must_use]
    pub fn new(sections: usize) -> Self {
        Self { seconds: vec![0; sections], ended: vec![false; sections] }
    }

    /// A second has passed. `tops`: where the sections begin and, last, where the text ends, in pixels from the
    /// top of the screen, which is `height` high. Returns the sections that are read now.
    pub fn second(&mut self, tops: &[f64], height: f64) -> Vec<usize> {
        let mut read = Vec::new();
        let states = self.seconds.iter_mut().zip(&mut self.ended);
        for (at, ((seconds, ended), edges)) in states.zip(tops.windows(2)).enumerate() {
            let &[top, end] = edges else { continue };
            let (top_seen, end_seen) = (top < height, end > 0.0);
            let was = *ended && *seconds >= SECONDS;
            *ended |= end <= height;
            if top_seen && end_seen {
                *seconds += 1;
            }
            if !was && *ended && *seconds >= SECONDS {
                read.push(at);
            }
        }
        read
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two sections of 1000 pixels each on a screen of 600, scrolled by so many.
    fn tops(scroll: f64) -> [f64; 3] {
        [100.0 - scroll, 1100.0 - scroll, 2100.0 - scroll]
    }

    #[test]
    fn reading_takes_time_and_reaches_the_end() {
        let mut dwell = Dwell::new(2);
        for _ in 0..30 {
            assert!(dwell.second(&tops(0.0), 600.0).is_empty(), "the end has not been seen");
        }
        assert_eq!(dwell.second(&tops(700.0), 600.0), [0]);
        assert!(dwell.second(&tops(700.0), 600.0).is_empty(), "said once");
    }

    #[test]
    fn leafing_through_is_not_reading() {
        let mut dwell = Dwell::new(2);
        for scroll in [0.0, 500.0, 1000.0, 1500.0] {
            assert!(dwell.second(&tops(scroll), 600.0).is_empty());
        }
        let read: Vec<_> = (0..SECONDS).flat_map(|_| dwell.second(&tops(1600.0), 600.0)).collect();
        assert_eq!(read, [1], "the first was left behind too soon");
    }

    #[test]
    fn short_sections_share_a_screen() {
        let mut dwell = Dwell::new(3);
        let read: Vec<_> =
            (0..SECONDS).flat_map(|_| dwell.second(&[50.0, 150.0, 250.0, 350.0], 600.0)).collect();
        assert_eq!(read, [0, 1, 2]);
    }
}
