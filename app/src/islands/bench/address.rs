//! The state of a bench in the page's address: `?lab=tcp-echo&p.message=hi&l.client=d50l20&seed=7&trace=…&at=42`,
//! and beside it which view is chosen, how it draws and what is compared: `&view=chart&bars=mean`,
//! `&view=compare&with=…&parts=a0.b1`.
//!
//! Only what differs from the defaults is written. Parts that make no sense are ignored when read.

use super::compare::part::Part;
use super::knob::KNOBS;
use super::metrics::bars::Statistic;
use crate::number;
use api::line::{Impairments, Line};
use api::run::Congestion;
use std::collections::BTreeMap;

/// What the address says about one bench.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Address {
    /// Name of the bench on its page.
    pub(crate) name: String,
    /// Parameters as form text.
    pub(crate) params: BTreeMap<String, String>,
    pub(crate) lines: BTreeMap<String, Line>,
    pub(crate) seed: Option<u64>,
    pub(crate) congestion: Option<Congestion>,
    /// Saved trace on show.
    pub(crate) trace: Option<String>,
    /// Name of the view that the reader chose.
    pub(crate) view: Option<String>,
    /// What the chart's bars are; none: curves.
    pub(crate) bars: Option<Statistic>,
    /// Saved trace to compare with.
    pub(crate) with: Option<String>,
    /// What stands on the two sides of the comparison.
    pub(crate) parts: Option<[Part; 2]>,
    /// Selected event.
    pub(crate) selected: Option<u32>,
    /// Time cursor in nanoseconds, where no event is selected.
    pub(crate) cursor: Option<u64>,
}

impl Address {
    /// Names and values of the query, not yet percent-encoded.
    pub(crate) fn to_pairs(&self) -> Vec<(String, String)> {
        let mut pairs = vec![("lab".into(), self.name.clone())];
        for (name, text) in &self.params {
            pairs.push((format!("p.{name}"), text.clone()));
        }
        for (host, line) in &self.lines {
            let up = compact(&line.up);
            let text = if line.up == line.down { up } else { format!("{up}_{}", compact(&line.down)) };
            pairs.push((format!("l.{host}"), text));
        }
        let mut push = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                pairs.push((name.into(), value));
            }
        };
        push("seed", self.seed.map(|seed| seed.to_string()));
        push("cc", self.congestion.map(|congestion| congestion.linux_name().to_owned()));
        push("trace", self.trace.clone());
        push("view", self.view.clone());
        push("bars", self.bars.map(|bars| bars.key().to_owned()));
        push("with", self.with.clone());
        push("parts", self.parts.map(|[first, second]| format!("{}.{}", first.key(), second.key())));
        push("at", self.selected.map(|seq| seq.to_string()));
        push("t", self.cursor.map(|time| time.to_string()));
        pairs
    }

    /// Reads the pairs of a query; `None` if they are about no bench.
    pub(crate) fn from_pairs(pairs: impl Iterator<Item = (String, String)>) -> Option<Self> {
        let mut address = Self::default();
        for (name, value) in pairs {
            match name.as_str() {
                "lab" => address.name = value,
                "seed" => address.seed = value.parse().ok(),
                "cc" => address.congestion = congestion(&value),
                "trace" => address.trace = Some(value).filter(|id| is_id(id)),
                "view" => address.view = Some(value),
                "bars" => address.bars = Statistic::from_key(&value),
                "with" => address.with = Some(value).filter(|id| is_id(id)),
                "parts" => address.parts = parts(&value),
                "at" => address.selected = value.parse().ok(),
                "t" => address.cursor = value.parse().ok(),
                _ => {
                    if let Some(param) = name.strip_prefix("p.") {
                        address.params.insert(param.into(), value);
                    } else if let Some(host) = name.strip_prefix("l.") {
                        let (up, down) = value.split_once('_').unwrap_or((&value, &value));
                        if let (Some(up), Some(down)) = (expand(up), expand(down)) {
                            address.lines.insert(host.into(), Line { up, down });
                        }
                    }
                }
            }
        }
        (!address.name.is_empty()).then_some(address)
    }
}

/// The congestion control of this (Linux) name.
pub(crate) fn congestion(name: &str) -> Option<Congestion> {
    [Congestion::Cubic, Congestion::Reno, Congestion::Bbr].into_iter().find(|c| c.linux_name() == name)
}

fn parts(text: &str) -> Option<[Part; 2]> {
    let (first, second) = text.split_once('.')?;
    Some([Part::from_key(first)?, Part::from_key(second)?])
}

/// Could be an id of a trace: keeps the address from reaching into other paths of the site.
pub(crate) fn is_id(text: &str) -> bool {
    !text.is_empty() && text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// `d50l20`: letter and value of every knob that is turned; `0` for a perfect cable.
fn compact(line: &Impairments) -> String {
    let perfect = Impairments::default();
    let turned = KNOBS.iter().filter(|knob| (knob.get)(line) != (knob.get)(&perfect));
    let text: String =
        turned.map(|knob| format!("{}{}", knob.letter, number::exact((knob.get)(line)))).collect();
    if text.is_empty() { "0".into() } else { text }
}

fn expand(text: &str) -> Option<Impairments> {
    let mut line = Impairments::default();
    if text == "0" {
        return Some(line);
    }
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let knob = KNOBS.iter().find(|knob| knob.letter == letter)?;
        let value = rest.get(1..)?;
        let end = value.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(value.len());
        (knob.set)(&mut line, knob.parse(&value[..end]).ok()?);
        rest = &value[end..];
    }
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Address {
        let lossy = Impairments { delay_ms: 50.5, loss_percent: 20.0, mtu: 576, ..Impairments::default() };
        let slow = Impairments { rate_kbit: 1_000, queue_bytes: 0, ..Impairments::default() };
        Address {
            name: "tcp-echo".into(),
            params: BTreeMap::from([("message".into(), "你好 & 再见=?".into())]),
            lines: BTreeMap::from([
                ("client".into(), Line::both(lossy.clone())),
                ("server".into(), Line { up: lossy, down: slow }),
                ("router".into(), Line::default()),
            ]),
            seed: Some(u64::MAX),
            congestion: Some(Congestion::Reno),
            trace: Some("01JD-abc".into()),
            view: Some("compare".into()),
            bars: Some(Statistic::Mean),
            with: Some("01JD-def".into()),
            parts: Part::from_key("a0").zip(Part::from_key("b")).map(Into::into),
            selected: Some(42),
            cursor: Some(123_456_789),
        }
    }

    #[test]
    fn everything_comes_back() {
        assert_eq!(Address::from_pairs(full().to_pairs().into_iter()), Some(full()));
    }

    #[test]
    fn it_is_compact() {
        let pairs = full().to_pairs();
        assert!(pairs.contains(&("l.client".into(), "d50.5l20m576".into())));
        assert!(pairs.contains(&("l.server".into(), "d50.5l20m576_r1000q0".into())));
        assert!(pairs.contains(&("l.router".into(), "0".into())));
    }

    #[test]
    fn nonsense_is_ignored() {
        let read = |pairs: &[(&str, &str)]| {
            Address::from_pairs(pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())))
        };
        assert_eq!(read(&[("utm", "1")]), None);
        let address = read(&[
            ("lab", "x"),
            ("seed", "-1"),
            ("cc", "vegas"),
            ("trace", "../../etc"),
            ("bars", "median"),
            ("with", "a/b"),
            ("parts", "a0"),
            ("parts", "a.x"),
            ("at", "seven"),
            ("l.client", "z9"),
            ("l.server", "l101"),
            ("l.a", "é"),
            ("l.b", "d"),
        ]);
        assert_eq!(address, Some(Address { name: "x".into(), ..Address::default() }));
    }
}
