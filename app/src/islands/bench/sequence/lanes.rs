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

use std::ops::Range;

/// Messages outside the outermost lanes need at least this much room, pixels.
const OUTSIDE: i32 = 88;
/// Messages between lanes get at least this much, across lifelines if they stand closer.
const LEAST_ROOM: i32 = 210;
/// Lanes never stand closer than this.
const LEAST_GAP: i32 = 56;
/// From this width on there is room for messages outside the outermost lanes.
const WIDE: i32 = 620;

impl Lanes {
    /// Distributes `count` lanes over `width` pixels.
    pub(crate) fn new(width: i32, count: usize) -> Self {
        let count = i32::try_from(count.max(1)).unwrap_or(i32::MAX);
        let wide = width >= WIDE;
        let gutter = if wide { 60 } else { 48 };
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
    /// The outermost lanes write outwards where there is room. Otherwise messages go to the side with more room,
    /// if need be across other lifelines.
    pub(crate) fn message_side(&self, lane: usize) -> Side {
        let last = self.xs.len().saturating_sub(1);
        let x = self.x(lane);
        let (before, behind) = (x - self.gutter - 16, self.width - x - 16);
        // To the next lifeline, or further if that is too near for a few words.
        let inwards = |all: i32| (self.gap() - 24).max(LEAST_ROOM).min(all);
        match lane {
            _ if last == 0 => Side { left: false, room: behind },
            0 if before >= OUTSIDE => Side { left: true, room: before },
            _ if lane == last && behind >= OUTSIDE => Side { left: false, room: behind },
            _ if lane == last || before > behind => Side { left: true, room: inwards(before) },
            _ => Side { left: false, room: inwards(behind) },
        }
    }

    /// The columns (0 = left of lane 0, i = between lanes i-1 and i) that a message of this width covers.
    pub(crate) fn message_columns(&self, lane: usize, width: i32) -> Range<usize> {
        let x = self.x(lane);
        let end = width.min(self.message_side(lane).room) + 16;
        if self.message_side(lane).left { self.columns(x - end, x - 1) } else { self.columns(x + 1, x + end) }
    }

    /// The columns between two places.
    pub(crate) fn columns(&self, left: i32, right: i32) -> Range<usize> {
        self.xs.partition_point(|x| *x <= left)..self.xs.partition_point(|x| *x < right) + 1
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
        assert_eq!([wide.message_columns(0, 80), wide.message_columns(1, 80)], [0..1, 2..3]);
        let narrow = Lanes::new(358, 2);
        assert_eq!([narrow.message_columns(0, 80), narrow.message_columns(1, 80)], [1..2, 1..2]);
    }

    #[test]
    fn on_crowded_lanes_long_messages_cross_lifelines() {
        let lanes = Lanes::new(358, 5);
        assert!(lanes.message_side(1).room > 150);
        assert_eq!(lanes.message_columns(1, 30), 2..3);
        assert_eq!(lanes.message_columns(1, 90), 2..4);
        assert_eq!(lanes.message_columns(4, 140), 2..5);
    }
}
