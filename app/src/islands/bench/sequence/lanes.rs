//! Where the lifelines of the hosts stand.

/// Left edge for times, lifelines, and how far texts may reach beside them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Lanes {
    /// Width of the column of times at the left, pixels.
    pub(crate) gutter: i32,
    /// One x for each host, ascending.
    pub(crate) xs: Vec<i32>,
    /// Width of the whole drawing; more than asked for if the lanes would stand too close.
    pub(crate) width: i32,
}

/// Lanes never stand closer than this.
const LEAST_GAP: i32 = 56;
/// From this width on there is room for messages outside the outermost lanes.
const WIDE: i32 = 620;

impl Lanes {
    /// Distributes `count` lanes over `width` pixels.
    pub(crate) fn new(width: i32, count: usize) -> Self {
        let count = i32::try_from(count.max(1)).unwrap_or(i32::MAX);
        let wide = width >= WIDE;
        let gutter = if wide { 66 } else { 44 };
        let outer = match (wide, count) {
            (_, 1) => 56,
            (true, 2) => (width - gutter) / 4,
            (true, 3) => (width - gutter) / 6,
            (true, _) => 64,
            (false, _) => 46,
        };
        let gaps = count - 1;
        let gap = if gaps == 0 { 0 } else { ((width - gutter - 2 * outer) / gaps).max(LEAST_GAP) };
        let xs = (0..count).map(|i| gutter + outer + i * gap).collect();
        Self { gutter, xs, width: width.max(gutter + 2 * outer + gaps * gap) }
    }

    pub(crate) fn x(&self, lane: usize) -> i32 {
        self.xs.get(lane).or(self.xs.last()).copied().unwrap_or(self.gutter)
    }

    /// Distance between neighbouring lanes; the whole width for a single one.
    pub(crate) fn gap(&self) -> i32 {
        match self.xs.as_slice() {
            [first, second, ..] => second - first,
            _ => self.width,
        }
    }

    /// The side of a lane on which its messages are written, and how many pixels they may take.
    /// The outermost lanes write outwards where there is room, all others into the gap at their right.
    pub(crate) fn message_side(&self, lane: usize) -> Side {
        let last = self.xs.len().saturating_sub(1);
        let x = self.x(lane);
        let outwards = if lane == 0 && last > 0 { x - self.gutter } else { self.width - x };
        match lane {
            _ if last == 0 => Side { left: false, room: self.width - x - 16 },
            0 if outwards >= 96 => Side { left: true, room: outwards - 18 },
            _ if lane == last && outwards >= 96 => Side { left: false, room: outwards - 16 },
            _ if lane == last => Side { left: true, room: self.gap() - 24 },
            _ => Side { left: false, room: self.gap() - 24 },
        }
    }

    /// The column (0 = left of lane 0, i = between lanes i-1 and i) a lane's messages are in.
    pub(crate) fn message_column(&self, lane: usize) -> usize {
        if self.message_side(lane).left { lane } else { lane + 1 }
    }
}

/// See [`Lanes::message_side`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Side {
    pub(crate) left: bool,
    pub(crate) room: i32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_fit_and_keep_their_distance() {
        for width in [326, 358, 700, 1200] {
            for count in 1..=8 {
                let lanes = Lanes::new(width, count);
                assert_eq!(lanes.xs.len(), count);
                assert!(lanes.xs.windows(2).all(|pair| pair[1] - pair[0] >= LEAST_GAP));
                assert!(*lanes.xs.last().unwrap() < lanes.width && lanes.xs[0] > lanes.gutter);
                if count <= 3 {
                    assert_eq!(lanes.width, width, "{count} lanes at {width}");
                }
                for lane in 0..count {
                    let side = lanes.message_side(lane);
                    let x = lanes.x(lane);
                    assert!(side.room > 20);
                    assert!(if side.left { x - side.room > 0 } else { x + side.room < lanes.width });
                }
            }
        }
    }

    #[test]
    fn two_lanes_write_outwards_on_a_wide_page_and_inwards_on_a_phone() {
        let wide = Lanes::new(900, 2);
        assert_eq!([wide.message_column(0), wide.message_column(1)], [0, 2]);
        let narrow = Lanes::new(358, 2);
        assert_eq!([narrow.message_column(0), narrow.message_column(1)], [1, 1]);
    }
}
