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
}

/// A box turned around its centre.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Turned {
    centre: [f64; 2],
    /// Half its width and height.
    half: [f64; 2],
    /// Directions of its width and height.
    axes: [[f64; 2]; 2],
}

impl Turned {
    pub(crate) fn new(spot: Spot, width: i32) -> Self {
        let (sin, cos) = f64::from(spot.degrees).to_radians().sin_cos();
        Self {
            centre: [f64::from(spot.x), f64::from(spot.y)],
            half: [f64::from(width) / 2.0, f64::from(HEIGHT) / 2.0],
            axes: [[cos, sin], [-sin, cos]],
        }
    }

    fn reach(&self, axis: [f64; 2]) -> f64 {
        (0..2).map(|side| self.half[side] * dot(self.axes[side], axis).abs()).sum()
    }

    /// Two boxes are apart if one of their sides' directions separates them.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        let between = [other.centre[0] - self.centre[0], other.centre[1] - self.centre[1]];
        let mut axes = self.axes.iter().chain(&other.axes);
        axes.all(|axis| dot(between, *axis).abs() < self.reach(*axis) + other.reach(*axis))
    }

    /// Highest and lowest pixel.
    fn span(&self) -> (i32, i32) {
        let reach = self.reach([0.0, 1.0]);
        ((self.centre[1] - reach).floor() as i32, (self.centre[1] + reach).ceil() as i32)
    }
}

impl From<Rect> for Turned {
    fn from(rect: Rect) -> Self {
        let middle = |a: i32, b: i32| f64::from(a + b) / 2.0;
        let half = |a: i32, b: i32| f64::from(b - a) / 2.0;
        Self {
            centre: [middle(rect.left, rect.right), middle(rect.top, rect.bottom)],
            half: [half(rect.left, rect.right), half(rect.top, rect.bottom)],
            axes: [[1.0, 0.0], [0.0, 1.0]],
        }
    }
}

fn dot(a: [f64; 2], b: [f64; 2]) -> f64 {
    a[0] * b[0] + a[1] * b[1]
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
const TRIED: [i32; 17] = [50, 44, 56, 38, 62, 32, 68, 26, 74, 20, 80, 14, 86, 8, 92, 3, 97];

/// The boxes already taken.
pub(crate) struct Labels {
    /// With their tops, by which they are sorted.
    fixed: Vec<(i32, Turned)>,
    /// Height of the highest of them.
    tallest: i32,
    placed: Vec<Turned>,
    /// Labels stay between these.
    left: i32,
    right: i32,
}

impl Labels {
    /// `fixed`: boxes that cannot move, in any order.
    /// `left`, `right`: edges of the page.
    pub(crate) fn new(fixed: Vec<Rect>, left: i32, right: i32) -> Self {
        let mut labels = Self { fixed: Vec::new(), tallest: 0, placed: Vec::new(), left, right };
        labels.fix(fixed.into_iter().map(Turned::from).collect());
        labels
    }

    /// What was placed so far stays; the next line may be anywhere again.
    pub(crate) fn start_over(&mut self) {
        let placed = std::mem::take(&mut self.placed);
        self.fix(placed);
    }

    fn fix(&mut self, boxes: Vec<Turned>) {
        for it in boxes {
            let (top, bottom) = it.span();
            self.tallest = self.tallest.max(bottom - top);
            self.fixed.push((top, it));
        }
        self.fixed.sort_by_key(|(top, _)| *top);
    }

    /// Finds a place for a label `width` pixels wide along `line`. Lines come from top to bottom.
    pub(crate) fn place(&mut self, line: Line, width: i32) -> Option<Spot> {
        let candidates = self.candidates(line, width).map(|spot| (spot, Turned::new(spot, width)));
        let (spot, label) = candidates.into_iter().find(|(_, label)| self.is_free(label))?;
        self.placed.push(label);
        Some(spot)
    }

    /// The place where it covers least.
    pub(crate) fn insist(&mut self, line: Line, width: i32) -> Spot {
        let covered = |spot: &Spot| {
            let label = Turned::new(*spot, width);
            self.near(&label).filter(|other| other.overlaps(&label)).count()
        };
        let candidates = self.candidates(line, width);
        let spot = candidates.into_iter().min_by_key(covered).unwrap_or(candidates[0]);
        self.placed.push(Turned::new(spot, width));
        spot
    }

    fn is_free(&self, label: &Turned) -> bool {
        !self.near(label).any(|other| other.overlaps(label))
    }

    /// The boxes that could touch a label.
    fn near(&self, label: &Turned) -> impl Iterator<Item = &Turned> {
        let (top, bottom) = label.span();
        let first = self.fixed.partition_point(|(above, _)| *above < top - self.tallest);
        let fixed =
            self.fixed[first..].iter().take_while(move |(above, _)| *above < bottom).map(|(_, rect)| rect);
        // Lines come top down, so only the last few labels can be near.
        fixed.chain(self.placed.iter().rev().take(64))
    }

    /// Places along the line, best first; the last is level above its start, where rows leave room.
    fn candidates(&self, line: Line, width: i32) -> [Spot; TRIED.len() + 1] {
        let above = Spot { y: line.y0 - HEIGHT / 2 - 2, degrees: 0, ..self.spot(line, 50, width) };
        std::array::from_fn(|at| TRIED.get(at).map_or(above, |percent| self.spot(line, *percent, width)))
    }

    fn spot(&self, line: Line, percent: i32, width: i32) -> Spot {
        let (x, y) = line.point(percent);
        let x = x.min(self.right - width / 2).max(self.left + width / 2);
        let degrees = line.degrees();
        if degrees.abs() > STEEP {
            return Spot { x, y, degrees: 0 };
        }
        // Just above the line, at right angles to it.
        let (sin, cos) = f64::from(degrees).to_radians().sin_cos();
        let above = f64::from(HEIGHT / 2 + 1);
        Spot { x: x + (above * sin).round() as i32, y: y - (above * cos).round() as i32, degrees }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(fixed: Vec<Rect>) -> Labels {
        Labels::new(fixed, 0, 1_000)
    }

    #[test]
    fn text_reads_left_to_right_whatever_the_direction() {
        let right = Line { x0: 0, y0: 0, x1: 100, y1: 20 };
        let left = Line { x0: 100, y0: 0, x1: 0, y1: 20 };
        assert_eq!(right.degrees(), 11);
        assert_eq!(left.degrees(), -11);
    }

    #[test]
    fn turned_boxes_know_when_they_touch() {
        let level = Spot { x: 100, y: 100, degrees: 0 };
        let touching = |other: Spot| Turned::new(level, 100).overlaps(&Turned::new(other, 100));
        assert!(touching(Spot { x: 100, y: 110, degrees: 0 }));
        assert!(!touching(Spot { x: 100, y: 115, degrees: 0 }));
        // Its middle is free of the other, its end is not.
        assert!(touching(Spot { x: 140, y: 118, degrees: 25 }));
        assert!(!touching(Spot { x: 60, y: 125, degrees: 25 }));
    }

    #[test]
    fn crossing_arrows_get_separate_places() {
        let mut labels = labels(Vec::new());
        let spots: Vec<Spot> = (0..4)
            .map(|i| {
                let (y0, y1) = (i * 2, 60 + i * 2);
                let (x0, x1) = if i % 2 == 0 { (0, 400) } else { (400, 0) };
                labels.place(Line { x0, y0, x1, y1 }, 70).unwrap()
            })
            .collect();
        for (i, a) in spots.iter().enumerate() {
            for b in &spots[i + 1..] {
                assert!(!Turned::new(*a, 70).overlaps(&Turned::new(*b, 70)), "{a:?} {b:?}");
            }
        }
    }

    #[test]
    fn fixed_texts_are_respected_and_a_full_line_gives_none() {
        let line = Line { x0: 0, y0: 100, x1: 300, y1: 100 };
        let spot = labels(vec![Rect::around(150, 92, 60, HEIGHT)]).place(line, 60).unwrap();
        assert_ne!(spot.x, 150);
        let mut full = labels(vec![Rect { left: 0, top: 80, right: 300, bottom: 100 }]);
        assert_eq!(full.place(line, 60), None);
        assert_eq!(full.insist(line, 60).x, 150);
    }

    #[test]
    fn labels_stay_on_the_page() {
        let line = Line { x0: 20, y0: 0, x1: 60, y1: 10 };
        let spot = Labels::new(Vec::new(), 10, 1_000).place(line, 120).unwrap();
        assert!(spot.x - 60 >= 10, "{spot:?}");
    }
}
