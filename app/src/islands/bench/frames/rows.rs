//! One frame as a row of texts.

use crate::islands::bench::format;
use crate::islands::bench::model::{DeliveryRow, FrameRow, Model};
use crate::islands::bench::segments::Segments;
use crate::islands::bench::sequence::meant_for;
use api::trace::Fate;

/// What the table shows of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// Position in the table, from 0.
    pub(crate) index: usize,
    /// The event to select.
    pub(crate) seq: u32,
    /// Number as Wireshark counts, from 1.
    pub(crate) number: u32,
    /// Milliseconds since the start, and since the frame before.
    pub(crate) time: String,
    pub(crate) delta: String,
    pub(crate) from: String,
    pub(crate) from_lane: u8,
    pub(crate) to: String,
    pub(crate) protocol: &'static str,
    pub(crate) length: u32,
    pub(crate) summary: String,
    /// The summary in a few words, for narrow pages.
    pub(crate) caption: String,
    pub(crate) fate: FateText,
}

/// What became of a frame, for all receivers together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FateText {
    pub(crate) sign: &'static str,
    pub(crate) text: String,
    /// Nobody, or not everybody, got it as it was sent.
    pub(crate) bad: bool,
    /// It arrived, but not as usual.
    pub(crate) odd: bool,
}

/// The row of the frame at `index`.
pub(crate) fn row(model: &Model, segments: &Segments, index: usize) -> Option<Row> {
    let row = model.frames.get(index)?;
    let before = index.checked_sub(1).and_then(|before| model.frames.get(before));
    let delta = before.map_or(row.time, |before| row.time.saturating_sub(before.time));
    let told = segments.get(index)?;
    Some(Row {
        index,
        seq: row.seq,
        number: row.frame.frame.saturating_add(1),
        time: format::millis(row.time),
        delta: format!("+{}", format::millis(delta)),
        from: model.host_name(row.frame.from).to_owned(),
        from_lane: row.frame.from % 8,
        to: receivers(model, row),
        protocol: told.protocol,
        length: row.frame.length,
        summary: told.summary.clone(),
        caption: told.caption.clone(),
        fate: fate(row, is_late(model, index), model.outcome.is_some()),
    })
}

fn receivers(model: &Model, row: &FrameRow) -> String {
    let mut to: Vec<u8> = row.deliveries.iter().filter_map(|row| row.delivery.to).collect();
    to.sort_unstable();
    to.dedup();
    match to.as_slice() {
        // It came to the switch when no other host was plugged in.
        [] if row.deliveries.is_empty() && model.outcome.is_some() => "—".to_owned(),
        [] => meant_for(model, row).map_or("—", |host| model.host_name(host)).to_owned(),
        [one] => model.host_name(*one).to_owned(),
        many if many.len() + 1 >= model.hosts.len() => format!("所有人（{}）", many.len()),
        many => many.iter().map(|host| model.host_name(*host)).collect::<Vec<_>>().join("、"),
    }
}

/// True if a frame sent later on the same way arrived before this one.
fn is_late(model: &Model, index: usize) -> bool {
    let Some(row) = model.frames.get(index) else { return false };
    let arrived = |row: &DeliveryRow| {
        (row.delivery.fate == Fate::Delivered && !row.delivery.duplicate).then_some(row.time)
    };
    row.deliveries.iter().any(|delivery| {
        let Some(arrival) = arrived(delivery) else { return false };
        let later = model.frames[index + 1..].iter().take_while(|later| later.time < arrival);
        let mut same_way =
            later.filter(|later| later.frame.from == row.frame.from).flat_map(|later| &later.deliveries);
        same_way.any(|other| {
            other.delivery.to == delivery.delivery.to && arrived(other).is_some_and(|at| at < arrival)
        })
    })
}

fn fate(row: &FrameRow, late: bool, ended: bool) -> FateText {
    let all = row.deliveries.len();
    let delivered = row.deliveries.iter().filter(|row| row.delivery.fate == Fate::Delivered).count();
    let any = |f: fn(&DeliveryRow) -> bool| row.deliveries.iter().any(f);
    let remarks = [
        (late, "迟到"),
        (any(|row| row.delivery.reordered), "乱序超前"),
        (any(|row| row.delivery.duplicate), "重复"),
        (any(|row| row.delivery.flipped_bit.is_some()), "比特翻转"),
    ];
    let remarks: Vec<&str> = remarks.iter().filter(|(is, _)| *is).map(|(_, word)| *word).collect();
    let worst = row.deliveries.iter().map(|row| row.delivery.fate).find(|fate| *fate != Fate::Delivered);
    let (sign, mut text) = match worst {
        None if all == 0 && ended => ("∅", format::UNRECORDED.to_owned()),
        None if all == 0 => ("…", "在途中".to_owned()),
        None => {
            let took = row
                .deliveries
                .iter()
                .map(|delivery| delivery.time.saturating_sub(row.time))
                .max()
                .unwrap_or(0);
            (format::fate(Fate::Delivered).0, format::duration(took))
        }
        Some(worst) if delivered == 0 => (format::fate(worst).0, format::fate(worst).1.to_owned()),
        Some(worst) => {
            let (sign, word) = format::fate(worst);
            (sign, format!("{word}，{delivered}/{all} 送达"))
        }
    };
    for remark in &remarks {
        text.push_str(" · ");
        text.push_str(remark);
    }
    let bad = worst.is_some();
    FateText { sign, text, bad, odd: !bad && !remarks.is_empty() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::run::Outcome;
    use api::trace::{Body, Delivery, Event, Frame, HostInfo};

    fn model(bodies: Vec<(u64, Body)>) -> Model {
        let mut model = Model::default();
        let host = |name: &str| HostInfo { name: name.into(), interfaces: Vec::new() };
        model.hosts = vec![host("client"), host("server"), host("third")];
        let event = |(seq, (time, body)): (usize, (u64, Body))| Event { seq: seq as u32, time, body };
        model.apply(bodies.into_iter().enumerate().map(event).collect());
        model
    }

    fn frame(frame: u32) -> Body {
        Body::Frame(Frame { frame, from: 0, segment: 0, bytes: Vec::new(), length: 60, due: None })
    }

    fn delivery(frame: u32, to: Option<u8>, fate: Fate) -> Body {
        Body::Delivery(Delivery { frame, to, fate, reordered: false, duplicate: false, flipped_bit: None })
    }

    fn told(model: &Model, index: usize) -> Option<Row> {
        let mut segments = Segments::default();
        segments.update(model);
        row(model, &segments, index)
    }

    #[test]
    fn times_names_and_fate() {
        let model = model(vec![
            (1_000_000, frame(0)),
            (1_500_000, delivery(0, Some(1), Fate::Delivered)),
            (3_000_000, frame(1)),
            (3_000_000, delivery(1, None, Fate::Lost)),
        ]);
        let first = told(&model, 0).unwrap();
        assert_eq!((first.number, first.time.as_str(), first.delta.as_str()), (1, "1.000", "+1.000"));
        assert_eq!((first.from.as_str(), first.to.as_str()), ("client", "server"));
        assert_eq!((first.fate.sign, first.fate.text.as_str(), first.fate.bad), ("✓", "500.0 µs", false));
        let second = told(&model, 1).unwrap();
        assert_eq!(
            (second.delta.as_str(), second.fate.text.as_str(), second.fate.bad),
            ("+2.000", "丢失", true)
        );
        assert_eq!(told(&model, 2), None);
    }

    #[test]
    fn a_broadcast_that_one_missed() {
        let model = model(vec![
            (0, frame(0)),
            (10, delivery(0, Some(1), Fate::Delivered)),
            (10, delivery(0, Some(2), Fate::Lost)),
        ]);
        let row = told(&model, 0).unwrap();
        assert_eq!((row.to.as_str(), row.fate.text.as_str()), ("所有人（2）", "丢失，1/2 送达"));
    }

    #[test]
    fn what_nobody_was_there_for_is_not_on_its_way_for_ever() {
        let Body::Frame(report) = frame(0) else { unreachable!() };
        let to_a_group = vec![0x01, 0x00, 0x5e, 0x00, 0x00, 0x16];
        let mut model = model(vec![(0, Body::Frame(Frame { bytes: to_a_group, ..report }))]);
        let row = told(&model, 0).unwrap();
        assert_eq!((row.to.as_str(), row.fate.text.as_str()), ("server", "在途中"));
        model.outcome = Some(Outcome::Completed);
        let row = told(&model, 0).unwrap();
        assert_eq!((row.to.as_str(), row.fate.text.as_str()), ("—", "没有送达记录"));
    }

    #[test]
    fn overtaken_means_late() {
        let model = model(vec![
            (0, frame(0)),
            (5, frame(1)),
            (20, delivery(1, Some(1), Fate::Delivered)),
            (90, delivery(0, Some(1), Fate::Delivered)),
        ]);
        assert_eq!(told(&model, 0).unwrap().fate.text, "90 ns · 迟到");
        assert!(told(&model, 0).unwrap().fate.odd && !told(&model, 1).unwrap().fate.odd);
    }
}
