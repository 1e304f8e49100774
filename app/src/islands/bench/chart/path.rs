//! Values that hold until the next sample, as an SVG path.

/// A value from a moment on; `None` while there is none (ssthresh before the first loss is infinite).
pub(crate) type Sample = (u64, Option<u32>);

/// Where the plot is, in pixels, and what its edges mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plot {
    pub(crate) left: i32,
    pub(crate) top: i32,
    pub(crate) width: i32,
    pub(crate) height: i32,
    /// Times at the left and the right edge, ns.
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// Value at the top edge. The bottom edge is 0.
    pub(crate) max: u32,
}

impl Plot {
    pub(crate) fn x(&self, time: u64) -> i32 {
        let part = (time.clamp(self.start, self.end) - self.start) as f64 / self.length();
        self.left + (part * f64::from(self.width)).round() as i32
    }

    pub(crate) fn y(&self, value: u32) -> i32 {
        let part = f64::from(value.min(self.max)) / f64::from(self.max.max(1));
        self.top + self.height - (part * f64::from(self.height)).round() as i32
    }

    pub(crate) fn time(&self, x: i32) -> u64 {
        let part = f64::from((x - self.left).clamp(0, self.width)) / f64::from(self.width.max(1));
        self.start + (part * self.length()).round() as u64
    }

    fn length(&self) -> f64 {
        self.end.saturating_sub(self.start).max(1) as f64
    }
}

/// A stepped line through the samples, the last of which holds until `until`.
/// Samples that share a pixel become one vertical stroke, so the path is never longer than the plot is wide.
pub(crate) fn steps(samples: &[Sample], until: u64, plot: &Plot) -> String {
    use std::fmt::Write;
    let mut path = String::new();
    // Where the pen is, if it is down.
    let mut pen: Option<(i32, i32)> = None;
    let mut rest = samples.iter().peekable();
    while let Some((time, value)) = rest.next() {
        let x = plot.x(*time);
        if let Some((from, _)) = pen.filter(|(from, _)| *from < x) {
            let _ = write!(path, "H{x}");
            pen = pen.map(|(_, y)| (x.max(from), y));
        }
        // All values within this pixel: the stroke covers them, the line leaves at the last.
        let (mut low, mut high, mut last) = (*value, *value, *value);
        while let Some((_, value)) = rest.next_if(|(time, _)| plot.x(*time) == x) {
            (low, high, last) = (low.min(value.or(low)), high.max(*value), *value);
        }
        let Some(end) = last.map(|value| plot.y(value)) else {
            pen = None;
            continue;
        };
        match pen {
            None => {
                let _ = write!(path, "M{x} {end}");
            }
            Some((_, y)) => {
                for target in [low, high].into_iter().flatten().map(|value| plot.y(value)) {
                    if target != y && target != end {
                        let _ = write!(path, "V{target}");
                    }
                }
                if y != end || path.ends_with(|c: char| c.is_ascii_digit()) && (low, high) != (last, last) {
                    let _ = write!(path, "V{end}");
                }
            }
        }
        pen = Some((x, end));
    }
    if let Some((x, _)) = pen {
        let _ = write!(path, "H{}", plot.x(until).max(x + 1));
    }
    path
}

/// The value at a moment.
pub(crate) fn at(samples: &[Sample], time: u64) -> Option<u32> {
    let past = samples.partition_point(|(when, _)| *when <= time);
    samples.get(past.checked_sub(1)?)?.1
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLOT: Plot = Plot { left: 10, top: 0, width: 100, height: 50, start: 0, end: 1_000, max: 10 };

    #[test]
    fn values_hold_until_the_next() {
        let samples = [(0, Some(2)), (500, Some(10)), (800, Some(5))];
        assert_eq!(steps(&samples, 1_000, &PLOT), "M10 40H60V0H90V25H110");
        assert_eq!(at(&samples, 499), Some(2));
        assert_eq!(at(&samples, 500), Some(10));
        assert_eq!(at(&samples[1..], 0), None);
    }

    #[test]
    fn no_value_lifts_the_pen() {
        let samples = [(0, None), (500, Some(10)), (600, None), (700, Some(0))];
        assert_eq!(steps(&samples, 1_000, &PLOT), "M60 0H70M80 50H110");
    }

    #[test]
    fn a_crowd_in_one_pixel_stays_short_and_keeps_its_peak() {
        let samples: Vec<Sample> = (0..10_000_u64).map(|i| (i / 10, Some((i % 11) as u32))).collect();
        let path = steps(&samples, 1_000, &PLOT);
        assert!(path.len() < 2_000, "{}", path.len());
        assert!(path.contains("V0"), "{path}");
    }

    #[test]
    fn pixels_and_moments() {
        assert_eq!((PLOT.x(0), PLOT.x(1_000), PLOT.x(5_000)), (10, 110, 110));
        assert_eq!((PLOT.y(0), PLOT.y(10), PLOT.y(99)), (50, 0, 0));
        let late = Plot { start: 500, ..PLOT };
        assert_eq!((late.x(500), late.x(750), late.time(60)), (10, 60, 750));
        assert_eq!((PLOT.time(60), PLOT.time(-5), PLOT.time(900)), (500, 0, 1_000));
    }
}
