//! Time axes: one that folds idle time away, and round numbers for the one that does not.

/// A point of the axis: from this moment on, at this pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Knot {
    time: u64,
    at: i32,
}

/// A stretch of idle time drawn shorter than it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fold {
    pub(crate) from: u64,
    pub(crate) to: u64,
    pub(crate) start: i32,
    pub(crate) end: i32,
}

/// A monotonic, piecewise linear map between time (ns) and pixels.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Axis {
    knots: Vec<Knot>,
    folds: Vec<Fold>,
}

/// How an [`AxisBuilder`] spreads time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    /// Pixels per nanosecond.
    pub(crate) scale: f64,
    /// Idle time longer than this many pixels is folded …
    pub(crate) fold_above: i32,
    /// … to this many.
    pub(crate) fold_to: i32,
}

/// Builds an axis moment by moment, in ascending order.
pub(crate) struct AxisBuilder {
    spread: Spread,
    axis: Axis,
    last: Knot,
}

impl AxisBuilder {
    /// The axis begins at `time`, at pixel `at`.
    pub(crate) fn new(spread: Spread, time: u64, at: i32) -> Self {
        let first = Knot { time, at };
        Self { spread, axis: Axis { knots: vec![first], folds: Vec::new() }, last: first }
    }

    /// Goes on to `time` (a moment before the last one counts as the last) and to pixel `at_least` or beyond.
    pub(crate) fn advance(&mut self, time: u64, at_least: i32) -> i32 {
        let time = time.max(self.last.time);
        let natural = (time - self.last.time) as f64 * self.spread.scale;
        let at = if natural > f64::from(self.spread.fold_above) {
            let end = self.last.at + self.spread.fold_to;
            let fold = Fold { from: self.last.time, to: time, start: self.last.at, end };
            self.axis.folds.push(fold);
            if at_least > end {
                // What is beyond the fold is room for labels, not time.
                self.axis.knots.push(Knot { time, at: end });
            }
            end.max(at_least)
        } else {
            (self.last.at + natural as i32).max(at_least)
        };
        self.last = Knot { time, at };
        if self.axis.knots.last() != Some(&self.last) {
            self.axis.knots.push(self.last);
        }
        at
    }

    pub(crate) fn finish(self) -> Axis {
        self.axis
    }
}

impl Axis {
    /// Spreads `times` (ascending) over `width` pixels: the longer a gap the wider, but short ones stay visible
    /// and long ones do not swallow the rest (a gap's share grows with its square root).
    pub(crate) fn compressed(times: &[u64], width: i32, least: i32) -> Self {
        let gaps = times.windows(2).map(|pair| pair[1].saturating_sub(pair[0]));
        let roots: Vec<f64> = gaps.map(|gap| (gap as f64).sqrt()).collect();
        let count = i32::try_from(roots.len()).unwrap_or(i32::MAX).max(1);
        let least = least.min(width / count);
        let (total, free) = (roots.iter().sum::<f64>(), f64::from(width - least * count));
        let mut at = 0.0;
        let mut knots: Vec<Knot> = times.first().map(|&time| Knot { time, at: 0 }).into_iter().collect();
        for (root, &time) in roots.iter().zip(times.iter().skip(1)) {
            let share = if total > 0.0 { root / total * free } else { free / f64::from(count) };
            at += f64::from(least) + share;
            knots.push(Knot { time, at: at.round() as i32 });
        }
        Self { knots, folds: Vec::new() }
    }

    /// Where `time` is; beyond the ends, the end. If several pixels belong to it, the last.
    pub(crate) fn at(&self, time: u64) -> i32 {
        let after = self.knots.partition_point(|knot| knot.time <= time);
        let (Some(left), right) = (after.checked_sub(1).map(|i| self.knots[i]), self.knots.get(after)) else {
            return self.knots.first().map_or(0, |knot| knot.at);
        };
        let Some(right) = right else { return left.at };
        let part = (time - left.time) as f64 / (right.time - left.time) as f64;
        left.at + (part * f64::from(right.at - left.at)).round() as i32
    }

    /// Which moment is at a pixel; beyond the ends, the end.
    pub(crate) fn time(&self, at: i32) -> u64 {
        let after = self.knots.partition_point(|knot| knot.at <= at);
        let (Some(left), right) = (after.checked_sub(1).map(|i| self.knots[i]), self.knots.get(after)) else {
            return self.knots.first().map_or(0, |knot| knot.time);
        };
        let Some(right) = right else { return left.time };
        let part = f64::from(at - left.at) / f64::from(right.at - left.at);
        left.time + (part * (right.time - left.time) as f64).round() as u64
    }

    pub(crate) fn folds(&self) -> &[Fold] {
        &self.folds
    }
}

/// Round numbers (1, 2 or 5 times a power of ten) from 0 up to `max`, at most `count` steps.
pub(crate) fn ticks(max: u64, count: u64) -> Vec<u64> {
    let rough = max.div_ceil(count.max(1)).max(1);
    let mut power = 1;
    while power <= rough / 10 {
        power *= 10;
    }
    let step = [1, 2, 5, 10].map(|factor| factor * power).into_iter().find(|step| *step >= rough);
    let step = step.unwrap_or(rough);
    (0..).map(|i| i * step).take_while(|tick| *tick <= max).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPREAD: Spread = Spread { scale: 1e-3, fold_above: 100, fold_to: 40 };

    #[test]
    fn short_gaps_keep_their_scale_and_long_ones_fold() {
        let mut builder = AxisBuilder::new(SPREAD, 0, 10);
        assert_eq!(builder.advance(50_000, 0), 60);
        assert_eq!(builder.advance(1_050_000, 0), 100);
        let axis = builder.finish();
        assert_eq!(axis.folds(), [Fold { from: 50_000, to: 1_050_000, start: 60, end: 100 }]);
        assert_eq!(axis.at(25_000), 35);
        assert_eq!(axis.at(550_000), 80);
        assert_eq!(axis.time(80), 550_000);
    }

    #[test]
    fn labels_may_ask_for_more_room_and_order_is_kept() {
        let mut builder = AxisBuilder::new(SPREAD, 0, 0);
        assert_eq!(builder.advance(1_000, 20), 20);
        assert_eq!(builder.advance(500, 0), 20, "never backwards");
        assert_eq!(builder.advance(900_000, 80), 80, "room beyond a fold");
        let axis = builder.finish();
        let positions: Vec<i32> = (0..900).map(|i| axis.at(i * 1_000)).collect();
        assert!(positions.is_sorted());
        assert_eq!(axis.at(u64::MAX), 80);
        assert_eq!(axis.time(-5), 0);
        assert_eq!(axis.time(500), 900_000);
    }

    #[test]
    fn compressed_fills_the_width_and_shows_every_gap() {
        let axis = Axis::compressed(&[0, 10, 20, 1_000_000_000], 300, 20);
        assert_eq!(axis.at(1_000_000_000), 300);
        assert!(axis.at(10) >= 20 && axis.at(20) >= 40, "{axis:?}");
        assert_eq!(Axis::compressed(&[], 300, 20).at(5), 0);
        assert_eq!(Axis::compressed(&[7, 7], 100, 0).at(7), 100);
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(ticks(10, 5), [0, 2, 4, 6, 8, 10]);
        assert_eq!(ticks(93, 4), [0, 50]);
        assert_eq!(ticks(0, 4), [0]);
        assert_eq!(ticks(1_234_567, 5), [0, 500_000, 1_000_000]);
    }
}
