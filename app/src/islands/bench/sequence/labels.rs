//! Finds places for the labels of arrows where they cover neither each other nor anything fixed.

/// An axis-aligned box in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rect {
    pub(crate) left: i32,
    pub(crate) top: i32,
    pub(crate) right: i32,
    pub(crate) bottom: i32,
}

impl Rect {
    pub(crate) fn around(x: i32, y: i32, width: i32, height: i32) -> Self {
        Self { left: x - width / 2, top: y - height / 2, right: x + width / 2, bottom: y + height / 2 }
    }

    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }
}

/// A straight line on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) x0: i32,
    pub(crate) y0: i32,
    pub(crate) x1: i32,
    pub(crate) y1: i32,
}

impl Line {
    /// The point at `percent` of the way.
    pub(crate) fn point(&self, percent: i32) -> (i32, i32) {
        let part = |a: i32, b: i32| a + (b - a) * percent / 100;
        (part(self.x0, self.x1), part(self.y0, self.y1))
    }

    /// Slope in degrees as text along the line is turned: between -90 and 90.
    pub(crate) fn degrees(&self) -> i32 {
        let (dx, dy) = (f64::from(self.x1 - self.x0), f64::from(self.y1 - self.y0));
        let angle = dy.atan2(dx).to_degrees().round() as i32;
        if angle > 90 { angle - 180 } else { angle }
    }
}

/// A label's place: its centre, and how it is turned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) x: i32,
    pub(crate) y: i32,
    pub(crate) degrees: i32,
}

/// Height of a label, pixels.
pub(crate) const HEIGHT: i32 = 14;
/// Steeper lines carry their labels level, on the line.
const STEEP: i32 = 30;
/// Places along the line that are tried, best first, in percent.
const TRIED: [i32; 7] = [50, 38, 62, 28, 72, 20, 80];

/// The boxes already taken.
#[derive(Default)]
pub(crate) struct Labels {
    /// Sorted by top.
    fixed: Vec<Rect>,
    placed: Vec<Rect>,
}

impl Labels {
    /// `fixed`: boxes that cannot move, in any order.
    pub(crate) fn new(mut fixed: Vec<Rect>) -> Self {
        fixed.sort_by_key(|rect| rect.top);
        Self { fixed, placed: Vec::new() }
    }

    /// Finds a place for a label `width` pixels wide along `line`. Lines come from top to bottom.
    pub(crate) fn place(&mut self, line: Line, width: i32) -> Option<Spot> {
        let (spot, rect) = TRIED
            .into_iter()
            .map(|percent| spot(line, percent, width))
            .find(|(_, rect)| self.is_free(rect))?;
        self.placed.push(rect);
        Some(spot)
    }

    /// The favourite place, taken or not.
    pub(crate) fn insist(&mut self, line: Line, width: i32) -> Spot {
        let (spot, rect) = spot(line, TRIED[0], width);
        self.placed.push(rect);
        spot
    }

    fn is_free(&self, rect: &Rect) -> bool {
        // Fixed boxes are one line high: those that start more than that above cannot reach down here.
        let first = self.fixed.partition_point(|fixed| fixed.top < rect.top - 2 * HEIGHT);
        let fixed = self.fixed[first..].iter().take_while(|fixed| fixed.top < rect.bottom);
        // Lines come top down, so only the last few labels can be near.
        let recent = self.placed.iter().rev().take(64);
        !fixed.chain(recent).any(|other| other.overlaps(rect))
    }
}

fn spot(line: Line, percent: i32, width: i32) -> (Spot, Rect) {
    let (x, y) = line.point(percent);
    let degrees = line.degrees();
    if degrees.abs() > STEEP {
        return (Spot { x, y, degrees: 0 }, Rect::around(x, y, width, HEIGHT));
    }
    let y = y - HEIGHT / 2 - 1;
    // The box of the turned label, shrunk to its height in the middle where neighbours are parallel.
    (Spot { x, y, degrees }, Rect::around(x, y, width, HEIGHT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_reads_left_to_right_whatever_the_direction() {
        let right = Line { x0: 0, y0: 0, x1: 100, y1: 20 };
        let left = Line { x0: 100, y0: 0, x1: 0, y1: 20 };
        assert_eq!(right.degrees(), 11);
        assert_eq!(left.degrees(), -11);
    }

    #[test]
    fn crossing_arrows_get_separate_places() {
        let mut labels = Labels::default();
        let spots: Vec<Spot> = (0..4)
            .map(|i| {
                let line = if i % 2 == 0 {
                    Line { x0: 0, y0: i * 2, x1: 400, y1: 60 + i * 2 }
                } else {
                    Line { x0: 400, y0: i * 2, x1: 0, y1: 60 + i * 2 }
                };
                labels.place(line, 70).unwrap()
            })
            .collect();
        for (i, a) in spots.iter().enumerate() {
            for b in &spots[i + 1..] {
                let (a, b) = (Rect::around(a.x, a.y, 70, HEIGHT), Rect::around(b.x, b.y, 70, HEIGHT));
                assert!(!a.overlaps(&b), "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn fixed_texts_are_respected_and_a_full_line_gives_none() {
        let line = Line { x0: 0, y0: 100, x1: 300, y1: 100 };
        let mut labels = Labels::new(vec![Rect::around(150, 92, 60, HEIGHT)]);
        let spot = labels.place(line, 60).unwrap();
        assert_ne!(spot.x, 150);
        let mut full = Labels::new(vec![Rect { left: 0, top: 80, right: 300, bottom: 100 }]);
        assert_eq!(full.place(line, 60), None);
        assert_eq!(full.insist(line, 60).x, 150);
    }
}
