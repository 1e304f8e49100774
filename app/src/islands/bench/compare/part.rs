//! The parts of traces that can be compared: a whole run, or one of its sections.

use crate::islands::bench::model::Model;
use api::trace::{Body, Event, Lifecycle};
use std::collections::BTreeSet;

/// A part of one of the two traces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// Of the other trace, not the one the bench shows.
    pub(crate) other: bool,
    /// The whole run, or the section of this number.
    pub(crate) section: Option<usize>,
}

impl Part {
    pub(crate) const WHOLE: Self = Self { other: false, section: None };
    pub(crate) const OTHER: Self = Self { other: true, section: None };

    /// `a`, `b`, `a0`, `b3`: for the address and for the options of a choice.
    pub(crate) fn key(self) -> String {
        let trace = if self.other { 'b' } else { 'a' };
        self.section.map_or_else(|| trace.to_string(), |section| format!("{trace}{section}"))
    }

    pub(crate) fn from_key(key: &str) -> Option<Self> {
        let other = match key.bytes().next()? {
            b'a' => false,
            b'b' => true,
            _ => return None,
        };
        let section = match &key[1..] {
            "" => None,
            number => Some(number.parse().ok().filter(|number| *number < 1_000)?),
        };
        Some(Self { other, section })
    }

    /// Does the part exist?
    pub(crate) fn is_in(self, this: &Model, other: Option<&Model>) -> bool {
        let model = if self.other { other } else { Some(this) };
        model.is_some_and(|model| self.section.is_none_or(|section| section < model.sections.len()))
    }
}

/// What is compared as long as the reader chose nothing: this run with the other, else the first two sections.
pub(crate) fn usual(this: &Model, other: bool) -> Option<[Part; 2]> {
    if other {
        return Some([Part::WHOLE, Part::OTHER]);
    }
    let section = |section| Part { other: false, section: Some(section) };
    (this.sections.len() >= 2).then(|| [section(0), section(1)])
}

/// The events of a part and where its time begins.
pub(crate) struct Cut<'a> {
    pub(crate) events: Vec<&'a Event>,
    /// From here on its time counts; ns since the start of its run.
    pub(crate) origin: u64,
    /// From its start to its last event, ns.
    pub(crate) length: u64,
}

/// Cuts a part out. What becomes of a frame belongs to it even if another section has begun meanwhile.
pub(crate) fn cut(model: &Model, section: Option<usize>) -> Cut<'_> {
    let key = |at: usize| model.sections.get(at).map(|section| (section.time, section.seq));
    let from = section.and_then(key).unwrap_or_default();
    let to = section.and_then(|section| key(section + 1)).unwrap_or((u64::MAX, u32::MAX));
    let within = |event: &Event| (from..to).contains(&(event.time, event.seq));
    let frames: BTreeSet<u32> = model
        .frames
        .iter()
        .filter(|row| (from..to).contains(&(row.time, row.seq)))
        .map(|row| row.frame.frame)
        .collect();
    let belongs = |event: &&Event| match &event.body {
        Body::Delivery(delivery) => frames.contains(&delivery.frame),
        // Its title stands above it.
        Body::Lifecycle(Lifecycle::Section { .. }) => section.is_none(),
        _ => within(event),
    };
    let started = model
        .events
        .iter()
        .find(|event| matches!(event.body, Body::Lifecycle(Lifecycle::Started { .. })))
        .map_or(0, |event| event.time);
    let origin = if section.is_some() { from.0 } else { started };
    let events: Vec<&Event> = model.events.iter().filter(belongs).collect();
    let length = events.last().map_or(0, |event| event.time.saturating_sub(origin));
    Cut { events, origin, length }
}

#[cfg(test)]
mod tests {
    use super::super::joint::tests::run;
    use super::*;

    #[test]
    fn keys_come_back_and_nonsense_does_not() {
        for part in [Part::WHOLE, Part::OTHER, Part { other: true, section: Some(12) }] {
            assert_eq!(Part::from_key(&part.key()), Some(part));
        }
        for key in ["", "c", "a-1", "aé", "a1000", "é"] {
            assert_eq!(Part::from_key(key), None, "{key}");
        }
    }

    #[test]
    fn a_section_keeps_the_deliveries_of_its_frames() {
        let model = run(&["甲", "乙"]);
        let first = cut(&model, Some(0));
        assert_eq!((first.origin, first.length), (1_000, 3_500), "the late delivery counts");
        let frames = first.events.iter().filter(|event| matches!(event.body, Body::Frame(_))).count();
        let late = first.events.iter().filter(|event| matches!(event.body, Body::Delivery(_))).count();
        assert_eq!((frames, late), (1, 1));
        let second = cut(&model, Some(1));
        assert_eq!(second.origin, 4_000);
        assert!(second.events.iter().all(|event| event.time >= 4_000));
        let whole = cut(&model, None);
        assert_eq!((whole.origin, whole.events.len()), (500, model.events.len()));
    }

    #[test]
    fn two_sections_or_another_trace_can_be_compared() {
        let (one, two) = (run(&["甲"]), run(&["甲", "乙"]));
        assert_eq!(usual(&one, false), None);
        assert_eq!(usual(&two, false).map(|parts| parts.map(Part::key)), Some(["a0".into(), "a1".into()]));
        assert_eq!(usual(&one, true), Some([Part::WHOLE, Part::OTHER]));
        assert!(Part { other: true, section: Some(1) }.is_in(&one, Some(&two)));
        assert!(!Part { other: false, section: Some(1) }.is_in(&one, Some(&two)));
        assert!(!Part::OTHER.is_in(&one, None));
    }
}
