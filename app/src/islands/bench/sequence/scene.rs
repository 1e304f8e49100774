//! What the sequence diagram draws, before anything has a place: marks in the order of the trace.

use crate::islands::bench::format;
use api::trace::{Fate, HostId, Level};

/// One thing in the diagram a reader can point at.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Mark {
    /// The event it stands for (for a frame: its entry into the switch).
    pub(crate) seq: u32,
    /// Nanoseconds since the start of the run.
    pub(crate) time: u64,
    /// What is written beside it.
    pub(crate) text: String,
    pub(crate) what: What,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum What {
    /// A frame and its way to each receiver.
    Frame { from: HostId, arrows: Vec<Arrow> },
    /// Something the lab's code logged.
    Code { host: HostId, level: Level },
    /// A socket of a host changed its state; `gone` if it was closed for good.
    State { host: HostId, gone: bool },
    /// Something about the whole run: a new section, the reader's input, a changed line.
    Note { section: bool },
}

/// A frame's way to one receiver.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Arrow {
    /// Receiver, or the host it was meant for if it got lost before the switch chose one.
    pub(crate) to: HostId,
    /// When its fate was sealed; `None` while that is not known.
    pub(crate) end: Option<u64>,
    /// Event that says so.
    pub(crate) seq: u32,
    pub(crate) course: Course,
    /// It overtook earlier frames.
    pub(crate) reordered: bool,
    /// It was overtaken by later ones.
    pub(crate) late: bool,
    /// Second copy.
    pub(crate) duplicate: bool,
    /// A bit was flipped on the way.
    pub(crate) corrupted: bool,
}

/// What is known of a way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Course {
    /// On its way, as far as the trace tells yet.
    Open,
    /// The run is over and its trace says nothing of it: nobody else was plugged in, or the delivery was left out.
    Unrecorded,
    Sealed(Fate),
}

impl Arrow {
    /// True if it reached its receiver, or will.
    pub(crate) fn arrives(&self) -> bool {
        matches!(self.course, Course::Open | Course::Sealed(Fate::Delivered))
    }

    /// What was special about this way, in words; none for an ordinary delivery.
    pub(crate) fn remarks(&self) -> impl Iterator<Item = &'static str> + use<> {
        let course = match self.course {
            Course::Open | Course::Sealed(Fate::Delivered) => None,
            Course::Unrecorded => Some(format::UNRECORDED),
            Course::Sealed(fate) => Some(format::fate(fate).1),
        };
        let words = [
            course,
            self.late.then_some("迟到"),
            self.reordered.then_some("乱序超前"),
            self.duplicate.then_some("重复"),
            self.corrupted.then_some("比特翻转"),
        ];
        words.into_iter().flatten()
    }

    /// [`Self::remarks`] as one text.
    pub(crate) fn remark(&self) -> String {
        self.remarks().collect::<Vec<_>>().join("、")
    }
}

/// What is written into the label of all ways together. `None` if receivers fared differently:
/// then each way has its own remark.
pub(crate) fn common_remark(arrows: &[Arrow]) -> Option<String> {
    let (first, rest) = arrows.split_first()?;
    let same_receiver = rest.iter().all(|arrow| arrow.to == first.to);
    let alike = rest.iter().all(|arrow| arrow.remarks().eq(first.remarks()));
    if !same_receiver && !alike {
        return None;
    }
    let mut words: Vec<&str> = Vec::new();
    for word in arrows.iter().flat_map(Arrow::remarks) {
        if !words.contains(&word) {
            words.push(word);
        }
    }
    Some(words.join("、"))
}

/// Marks the arrows that arrive after a frame that was sent later on the same way.
pub(crate) fn mark_late(marks: &mut [Mark]) {
    // Earliest arrival among the frames sent later, by (from, to).
    let mut earliest: Vec<((HostId, HostId), u64)> = Vec::new();
    for mark in marks.iter_mut().rev() {
        let What::Frame { from, arrows } = &mut mark.what else { continue };
        let arrived =
            |arrow: &&mut Arrow| arrow.course == Course::Sealed(Fate::Delivered) && !arrow.duplicate;
        for arrow in arrows.iter_mut().filter(arrived) {
            let Some(end) = arrow.end else { continue };
            let way = (*from, arrow.to);
            if let Some((_, best)) = earliest.iter_mut().find(|(known, _)| *known == way) {
                arrow.late = end > *best;
                *best = end.min(*best);
            } else {
                earliest.push((way, end));
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn arrow(to: HostId, end: u64) -> Arrow {
        Arrow {
            to,
            end: Some(end),
            seq: u32::MAX,
            course: Course::Sealed(Fate::Delivered),
            reordered: false,
            late: false,
            duplicate: false,
            corrupted: false,
        }
    }

    pub(crate) fn frame(seq: u32, time: u64, from: HostId, arrows: Vec<Arrow>) -> Mark {
        Mark { seq, time, text: "TCP SYN Seq=0".into(), what: What::Frame { from, arrows } }
    }

    #[test]
    fn overtaken_frames_are_late() {
        let mut marks = vec![
            frame(0, 0, 0, vec![arrow(1, 100)]),
            frame(1, 10, 0, vec![arrow(1, 60)]),
            frame(2, 20, 1, vec![arrow(0, 30)]),
            frame(3, 30, 0, vec![arrow(1, 110)]),
        ];
        mark_late(&mut marks);
        let late: Vec<bool> = marks
            .iter()
            .map(|mark| matches!(&mark.what, What::Frame { arrows, .. } if arrows[0].late))
            .collect();
        assert_eq!(late, [true, false, false, false]);
    }

    #[test]
    fn a_duplicate_is_one_story_and_a_broadcast_several() {
        let copy = Arrow { duplicate: true, ..arrow(1, 9) };
        assert_eq!(common_remark(&[arrow(1, 5), copy]).unwrap(), "重复");
        let lost = Arrow { course: Course::Sealed(Fate::Lost), ..arrow(2, 5) };
        assert_eq!(common_remark(&[arrow(1, 5), lost]), None);
        assert_eq!(common_remark(&[arrow(1, 5), arrow(2, 5)]).unwrap(), "");
    }

    #[test]
    fn remarks_are_words() {
        assert_eq!(arrow(1, 5).remark(), "");
        let lost = Arrow { course: Course::Sealed(Fate::Lost), duplicate: true, ..arrow(1, 5) };
        assert_eq!(lost.remark(), "丢失、重复");
        assert!(!lost.arrives());
    }
}
