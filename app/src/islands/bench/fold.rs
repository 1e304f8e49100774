//! The time axis with its idle gaps folded.
//!
//! A run is bursts of microseconds with pauses of milliseconds or seconds between them. On a true
//! scale the bursts vanish. Gaps longer than usual are therefore drawn shorter: a gap of `g` with a
//! usual gap of `u` takes `u · (1 + ln(g / u))`. Everything shorter keeps its true length.

/// How many median gaps still count as usual.
const USUAL: u64 = 12;
/// Gaps below this (10 µs) are never folded.
const SHORTEST: u64 = 10_000;

/// A monotone map between time (nanoseconds) and axis (nanoseconds of what is not folded).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fold {
    gaps: Vec<Gap>,
    /// Last time and its place on the axis.
    end: u64,
    length: f64,
}

/// A stretch of time in which nothing happened, longer than is shown.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gap {
    pub start: u64,
    pub end: u64,
    /// Where `start` and `end` are on the axis.
    pub axis_start: f64,
    pub axis_end: f64,
}

impl Fold {
    /// `times` in ascending order. The axis begins at time 0.
    #[must_use]
    pub fn new(times: impl Iterator<Item = u64> + Clone) -> Self {
        let usual = usual_gap(times.clone());
        let (mut gaps, mut last, mut axis) = (Vec::new(), 0, 0.0);
        for time in times {
            let length = time.saturating_sub(last);
            let shown = if length > usual { folded(length, usual) } else { length as f64 };
            if length > usual {
                gaps.push(Gap { start: last, end: time, axis_start: axis, axis_end: axis + shown });
            }
            axis += shown;
            last = last.max(time);
        }
        Self { gaps, end: last, length: axis }
    }

    /// Length of the whole axis.
    #[must_use]
    pub fn length(&self) -> f64 {
        self.length
    }

    /// The folded stretches, in order.
    #[must_use]
    pub fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    /// Where a time is on the axis.
    #[must_use]
    pub fn to_axis(&self, time: u64) -> f64 {
        let after = self.gaps.partition_point(|gap| gap.start < time);
        let Some(gap) = after.checked_sub(1).and_then(|at| self.gaps.get(at)) else { return time as f64 };
        if time >= gap.end {
            return gap.axis_end + (time - gap.end) as f64;
        }
        let part = (time - gap.start) as f64 / (gap.end - gap.start) as f64;
        gap.axis_start + part * (gap.axis_end - gap.axis_start)
    }

    /// The time at a place on the axis; places outside it give its first or last time.
    #[must_use]
    pub fn to_time(&self, axis: f64) -> u64 {
        if axis <= 0.0 {
            return 0;
        }
        let after = self.gaps.partition_point(|gap| gap.axis_start < axis);
        let time = match after.checked_sub(1).and_then(|at| self.gaps.get(at)) {
            None => axis as u64,
            Some(gap) if axis >= gap.axis_end => gap.end + (axis - gap.axis_end) as u64,
            Some(gap) => {
                let part = (axis - gap.axis_start) / (gap.axis_end - gap.axis_start);
                gap.start + (part * (gap.end - gap.start) as f64) as u64
            }
        };
        time.min(self.end)
    }
}

fn folded(gap: u64, usual: u64) -> f64 {
    usual as f64 * (1.0 + (gap as f64 / usual as f64).ln())
}

fn usual_gap(times: impl Iterator<Item = u64>) -> u64 {
    let mut last = 0;
    let mut gaps: Vec<u64> = times
        .map(|time| {
            let gap = time.saturating_sub(last);
            last = last.max(time);
            gap
        })
        .filter(|gap| *gap > 0)
        .collect();
    if gaps.is_empty() {
        return SHORTEST;
    }
    let middle = gaps.len() / 2;
    let (_, median, _) = gaps.select_nth_unstable(middle);
    median.saturating_mul(USUAL).max(SHORTEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three bursts of 1 ms with 10 µs between events, a second of silence between the bursts.
    fn bursts() -> Vec<u64> {
        (0..3_u64).flat_map(|b| (0..100).map(move |i| b * 1_001_000_000 + i * 10_000)).collect()
    }

    #[test]
    fn silence_is_folded_and_bursts_stay_visible() {
        let times = bursts();
        let fold = Fold::new(times.iter().copied());
        assert_eq!(fold.gaps().len(), 2);
        let burst = fold.to_axis(990_000);
        assert!(burst / fold.length() > 0.2, "a burst takes {burst} of {}", fold.length());
    }

    #[test]
    fn the_map_is_monotone_and_inverts() {
        let times = bursts();
        let fold = Fold::new(times.iter().copied());
        let mut last = -1.0;
        for time in times.iter().copied().chain([500_000_000, 1_500_000_000]) {
            let axis = fold.to_axis(time);
            assert!(fold.to_time(axis).abs_diff(time) <= 200, "{time} → {axis}");
        }
        for time in times {
            assert!(fold.to_axis(time) > last);
            last = fold.to_axis(time);
        }
        assert_eq!(fold.to_time(f64::INFINITY), 2_002_990_000);
        assert_eq!(fold.to_time(-1.0), 0);
    }

    #[test]
    fn nothing_at_all_is_a_point() {
        let fold = Fold::new(std::iter::empty());
        assert_eq!((fold.length(), fold.to_axis(0), fold.to_time(5.0)), (0.0, 0.0, 0));
    }
}
