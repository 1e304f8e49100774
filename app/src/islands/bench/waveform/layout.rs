//! Places for the bytes of a serial line, one after another.

use crate::islands::bench::model::Model;
use api::trace::{Body, Signal};

/// Pixels of one bit.
pub(crate) const BIT: i32 = 24;
/// Idle line between bytes, and before a byte that goes another way or begins a new part of the run.
const PAUSE: i32 = BIT / 2;
const BREAK: i32 = BIT * 2;

/// One byte (or whatever one signal event holds) on its wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    pub(crate) seq: u32,
    pub(crate) time: u64,
    /// Index into [`Layout::wires`].
    pub(crate) wire: usize,
    pub(crate) byte: Option<u8>,
    pub(crate) left: i32,
    pub(crate) right: i32,
    pub(crate) bits: Vec<Bit>,
}

/// One level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bit {
    pub(crate) high: bool,
    pub(crate) label: String,
    pub(crate) left: i32,
    pub(crate) right: i32,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Names of the wires in order of appearance.
    pub(crate) wires: Vec<String>,
    /// From left to right.
    pub(crate) words: Vec<Word>,
    /// Where a part of the run begins, and its title.
    pub(crate) sections: Vec<(i32, String)>,
    pub(crate) width: i32,
    /// How long a bit lasts on the modelled line, ns; 0 if there is none.
    pub(crate) bit_ns: u32,
}

/// Places all signal events of a trace in the order in which they were recorded.
pub(crate) fn lay_out(model: &Model) -> Layout {
    let mut layout = Layout::default();
    let mut sections = model.sections.iter().peekable();
    let mut x = 0;
    for event in &model.events {
        let Body::Signal(signal) = &event.body else { continue };
        let wire = layout.wire(&signal.wire);
        let same_wire = layout.words.last().is_some_and(|word| word.wire == wire);
        x += if same_wire { PAUSE } else { BREAK };
        let mut title = None;
        while let Some(section) =
            sections.next_if(|section| (section.time, section.seq) < (event.time, event.seq))
        {
            title = Some(section.title.clone());
        }
        if let Some(title) = title {
            x += if layout.words.is_empty() { 0 } else { BREAK };
            layout.sections.push((x - BIT, title));
        }
        let bits = bits(signal, x);
        let left = x;
        x = bits.last().map_or(x, |bit| bit.right);
        if layout.bit_ns == 0 {
            layout.bit_ns = signal.levels.first().map_or(0, |(_, length)| *length);
        }
        layout.words.push(Word {
            seq: event.seq,
            time: event.time,
            wire,
            byte: signal.byte,
            left,
            right: x,
            bits,
        });
    }
    layout.width = x + BREAK;
    layout
}

/// A level's width is its share of the first one's length, which is a bit.
fn bits(signal: &Signal, from: i32) -> Vec<Bit> {
    let unit = signal.levels.first().map_or(1, |(_, length)| (*length).max(1));
    let mut x = from;
    let bit = |(index, (high, length)): (usize, &(bool, u32))| {
        let width = i64::from(BIT) * i64::from(*length) / i64::from(unit);
        let left = x;
        x += i32::try_from(width).unwrap_or(BIT).clamp(BIT / 2, BIT * 8);
        Bit { high: *high, label: signal.labels.get(index).cloned().unwrap_or_default(), left, right: x }
    };
    signal.levels.iter().enumerate().map(bit).collect()
}

impl Layout {
    fn wire(&mut self, name: &str) -> usize {
        self.wires.iter().position(|wire| wire == name).unwrap_or_else(|| {
            self.wires.push(name.to_owned());
            self.wires.len() - 1
        })
    }

    /// The words between two places.
    pub(crate) fn window(&self, left: i32, right: i32) -> std::ops::Range<usize> {
        let first = self.words.partition_point(|word| word.right < left);
        let end = self.words.partition_point(|word| word.left <= right);
        first..end.max(first)
    }

    /// Where the cursor is: behind the last word recorded by then.
    pub(crate) fn cursor(&self, time: u64) -> i32 {
        let past = self.words.partition_point(|word| word.time <= time);
        past.checked_sub(1).map_or(0, |last| self.words[last].right)
    }

    /// A word as it is heard: wire, byte, every bit.
    pub(crate) fn describe(&self, at: usize) -> String {
        let Some(word) = self.words.get(at) else { return String::new() };
        let wire = self.wires.get(word.wire).map_or("", String::as_str);
        let bits = word.bits.iter().map(|bit| format!("{} {}", bit.label, u8::from(bit.high)));
        format!("{wire} {}：{}", word.name(), bits.collect::<Vec<_>>().join("，"))
    }
}

impl Word {
    /// `0x41 “A”`, `0x0d CR`
    pub(crate) fn name(&self) -> String {
        let Some(byte) = self.byte else { return String::new() };
        let character = match byte {
            b'\r' => " CR".to_owned(),
            b'\n' => " LF".to_owned(),
            0 => " NUL".to_owned(),
            b' ' => " 空格".to_owned(),
            _ if byte.is_ascii_graphic() => format!(" “{}”", char::from(byte)),
            _ => String::new(),
        };
        format!("0x{byte:02x}{character}")
    }

    /// The level as a line: idle (high) before and after.
    pub(crate) fn path(&self, high: i32, low: i32) -> String {
        let mut path = format!("M{} {high}", self.left);
        let mut level = true;
        for bit in &self.bits {
            if bit.high != level {
                path.push_str(&format!("V{}", if bit.high { high } else { low }));
                level = bit.high;
            }
            path.push_str(&format!("H{}", bit.right));
        }
        if !level {
            path.push_str(&format!("V{high}"));
        }
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::trace::{Event, Lifecycle};

    fn byte(wire: &str, byte: u8) -> Body {
        let mut levels = vec![(false, 8_680)];
        levels.extend((0..8).map(|n| (byte >> n & 1 == 1, 8_680)));
        levels.push((true, 8_680));
        let labels = (0..10).map(|n| match n {
            0 => "起始".to_owned(),
            9 => "停止".to_owned(),
            n => format!("D{}", n - 1),
        });
        Body::Signal(Signal { wire: wire.into(), levels, labels: labels.collect(), byte: Some(byte) })
    }

    fn layout() -> Layout {
        let section = Body::Lifecycle(Lifecycle::Section { title: "第二段".into() });
        let bodies = vec![byte("TX", b'A'), byte("TX", b'\r'), section, byte("RX", b'O')];
        let mut model = Model::default();
        let event = |(seq, body): (u32, Body)| Event { seq, time: u64::from(seq) * 1_000, body };
        model.apply((0..).zip(bodies).map(event).collect());
        lay_out(&model)
    }

    #[test]
    fn words_follow_each_other_without_overlap() {
        let layout = layout();
        assert_eq!(layout.wires, ["TX", "RX"]);
        assert!(layout.words.windows(2).all(|pair| pair[0].right < pair[1].left));
        assert_eq!(layout.words[0].right - layout.words[0].left, 10 * BIT);
        assert_eq!(layout.sections.len(), 1);
        assert!(layout.sections[0].0 < layout.words[2].left && layout.sections[0].0 > layout.words[1].right);
        assert_eq!(layout.bit_ns, 8_680);
    }

    #[test]
    fn only_words_in_sight_and_the_cursor_behind_the_last() {
        let layout = layout();
        let second = &layout.words[1];
        assert_eq!(layout.window(second.left + 1, second.right - 1), 1..2);
        assert_eq!(layout.cursor(1_500), second.right);
    }

    #[test]
    fn a_byte_in_words_and_as_a_line() {
        let layout = layout();
        assert_eq!(layout.words[0].name(), "0x41 “A”");
        assert_eq!(layout.words[1].name(), "0x0d CR");
        assert!(layout.describe(0).starts_with("TX 0x41 “A”：起始 0，D0 1，D1 0"), "{}", layout.describe(0));
        // 0x41: start low, D0 high, D1–D5 low, D6 high, D7 low, stop high.
        let x = layout.words[0].left;
        let at = |bits: i32| x + bits * BIT;
        let path = layout.words[0].path(10, 40);
        assert!(path.starts_with(&format!("M{x} 10V40H{}V10H{}V40", at(1), at(2))), "{path}");
        assert!(path.ends_with(&format!("V10H{}", at(10))), "{path}");
    }
}
