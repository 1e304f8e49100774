//! Samples as SVG paths: values that hold until the next, or straight lines between points.

use std::fmt::Write;

/// A value from a moment on; `None` while there is none (ssthresh before the first loss is infinite).
pub(crate) type Sample = (u64, Option<f64>);

/// Where the plot is, in pixels, and what its edges mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Plot {
    pub(crate) left: i32,
    pub(crate) top: i32,
    pub(crate) width: i32,
    pub(crate) height: i32,
    /// Times at the left and the right edge, ns.
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// Values at the bottom and the top edge.
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Plot {
    pub(crate) fn x(&self, time: u64) -> i32 {
        let part = (time.clamp(self.start, self.end) - self.start) as f64 / self.length();
        self.left + (part * f64::from(self.width)).round() as i32
    }

    pub(crate) fn y(&self, value: f64) -> i32 {
        let range = self.max - self.min;
        let part = if range > 0.0 { (value.clamp(self.min, self.max) - self.min) / range } else { 0.0 };
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

/// All values within one pixel.
struct Stroke {
    x: i32,
    first: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
    last: Option<f64>,
}

/// Samples pixel by pixel, so that a path is never longer than the plot is wide.
fn strokes(samples: &[Sample], plot: &Plot) -> impl Iterator<Item = Stroke> {
    let mut rest = samples.iter().peekable();
    std::iter::from_fn(move || {
        let (time, value) = rest.next()?;
        let x = plot.x(*time);
        let mut stroke = Stroke { x, first: *value, low: *value, high: *value, last: *value };
        while let Some((_, value)) = rest.next_if(|(time, _)| plot.x(*time) == x) {
            stroke.low = either(stroke.low, *value, f64::min);
            stroke.high = either(stroke.high, *value, f64::max);
            stroke.last = *value;
        }
        Some(stroke)
    })
}

fn either(a: Option<f64>, b: Option<f64>, choose: fn(f64, f64) -> f64) -> Option<f64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(choose(a, b)),
        (a, b) => a.or(b),
    }
}

/// A stepped line through the samples, the last of which holds until `until`.
pub(crate) fn steps(samples: &[Sample], until: u64, plot: &Plot) -> String {
    let mut path = String::new();
    // Where the pen is, if it is down.
    let mut pen: Option<(i32, i32)> = None;
    for Stroke { x, low, high, last, .. } in strokes(samples, plot) {
        if let Some((from, _)) = pen.filter(|(from, _)| *from < x) {
            let _ = write!(path, "H{x}");
            pen = pen.map(|(_, y)| (x.max(from), y));
        }
        // The stroke covers all values within this pixel, the line leaves at the last.
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

/// Straight lines from point to point; a missing value lifts the pen, even between two points of one pixel.
pub(crate) fn slopes(samples: &[Sample], plot: &Plot) -> String {
    let mut path = String::new();
    for part in samples.split(|(_, value)| value.is_none()) {
        let mut command = 'M';
        for Stroke { x, first, low, high, last } in strokes(part, plot) {
            let Some(first) = first else { continue };
            let _ = write!(path, "{command}{x} {}", plot.y(first));
            if low != high {
                for value in [low, high, last].into_iter().flatten() {
                    let _ = write!(path, "V{}", plot.y(value));
                }
            }
            command = 'L';
        }
    }
    path
}

/// The value at a moment.
pub(crate) fn at(samples: &[Sample], time: u64) -> Option<f64> {
    let past = samples.partition_point(|(when, _)| *when <= time);
    samples.get(past.checked_sub(1)?)?.1
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLOT: Plot =
        Plot { left: 10, top: 0, width: 100, height: 50, start: 0, end: 1_000, min: 0.0, max: 10.0 };

    #[test]
    fn values_hold_until_the_next() {
        let samples = [(0, Some(2.0)), (500, Some(10.0)), (800, Some(5.0))];
        assert_eq!(steps(&samples, 1_000, &PLOT), "M10 40H60V0H90V25H110");
        assert_eq!(at(&samples, 499), Some(2.0));
        assert_eq!(at(&samples, 500), Some(10.0));
        assert_eq!(at(&samples[1..], 0), None);
    }

    #[test]
    fn no_value_lifts_the_pen() {
        let samples = [(0, None), (500, Some(10.0)), (600, None), (700, Some(0.0))];
        assert_eq!(steps(&samples, 1_000, &PLOT), "M60 0H70M80 50H110");
        assert_eq!(slopes(&samples, &PLOT), "M60 0M80 50");
        let close = [(0, Some(10.0)), (500, Some(10.0)), (501, None), (502, Some(0.0)), (1_000, Some(0.0))];
        assert_eq!(slopes(&close, &PLOT), "M10 0L60 0M60 50L110 50");
    }

    #[test]
    fn points_are_joined_by_straight_lines() {
        let samples = [(0, Some(0.0)), (500, Some(10.0)), (500, Some(4.0)), (1_000, Some(5.0))];
        assert_eq!(slopes(&samples, &PLOT), "M10 50L60 0V30V0V30L110 25");
    }

    #[test]
    fn a_crowd_in_one_pixel_stays_short_and_keeps_its_peak() {
        let samples: Vec<Sample> = (0..10_000_u64).map(|i| (i / 10, Some((i % 11) as f64))).collect();
        for path in [steps(&samples, 1_000, &PLOT), slopes(&samples, &PLOT)] {
            assert!(path.len() < 2_400, "{}", path.len());
            assert!(path.contains("V0"), "{path}");
        }
    }

    #[test]
    fn pixels_and_moments() {
        assert_eq!((PLOT.x(0), PLOT.x(1_000), PLOT.x(5_000)), (10, 110, 110));
        assert_eq!((PLOT.y(0.0), PLOT.y(10.0), PLOT.y(99.0)), (50, 0, 0));
        let late = Plot { start: 500, ..PLOT };
        assert_eq!((late.x(500), late.x(750), late.time(60)), (10, 60, 750));
        assert_eq!((PLOT.time(60), PLOT.time(-5), PLOT.time(900)), (500, 0, 1_000));
        let signed = Plot { min: -10.0, ..PLOT };
        assert_eq!((signed.y(-10.0), signed.y(0.0), signed.y(10.0)), (50, 25, 0));
    }
}
