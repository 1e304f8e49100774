//! The knobs of a line: one entry for each field of [`Impairments`], and named settings for all of them.

use api::line::Impairments;

/// One field of [`Impairments`] as the form and the address know it.
#[derive(Clone, Copy)]
pub(crate) struct Knob {
    /// Field name in JSON and in the server's errors.
    pub(crate) field: &'static str,
    /// Letter in the page's address.
    pub(crate) letter: char,
    pub(crate) label: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) help: &'static str,
    pub(crate) min: f64,
    pub(crate) max: f64,
    /// For the arrow buttons of the number field.
    pub(crate) step: &'static str,
    pub(crate) get: fn(&Impairments) -> f64,
    pub(crate) set: fn(&mut Impairments, f64),
}

pub(crate) const KNOBS: [Knob; 9] = [
    Knob {
        field: "delay_ms",
        letter: 'd',
        label: "延迟",
        unit: "ms",
        help: "单向传播延迟",
        min: 0.0,
        max: 10_000.0,
        step: "any",
        get: |i| i.delay_ms,
        set: |i, v| i.delay_ms = v,
    },
    Knob {
        field: "jitter_ms",
        letter: 'j',
        label: "抖动",
        unit: "ms",
        help: "在延迟之上再加 0 到此值之间的随机时间",
        min: 0.0,
        max: 5_000.0,
        step: "any",
        get: |i| i.jitter_ms,
        set: |i, v| i.jitter_ms = v,
    },
    Knob {
        field: "loss_percent",
        letter: 'l',
        label: "丢包",
        unit: "%",
        help: "每一帧丢失的概率",
        min: 0.0,
        max: 100.0,
        step: "any",
        get: |i| i.loss_percent,
        set: |i, v| i.loss_percent = v,
    },
    Knob {
        field: "reorder_percent",
        letter: 'o',
        label: "乱序",
        unit: "%",
        help: "一帧不等延迟、超过前面各帧的概率；延迟为 0 时看不出效果",
        min: 0.0,
        max: 100.0,
        step: "any",
        get: |i| i.reorder_percent,
        set: |i, v| i.reorder_percent = v,
    },
    Knob {
        field: "duplicate_percent",
        letter: 'u',
        label: "重复",
        unit: "%",
        help: "一帧送达两次的概率",
        min: 0.0,
        max: 100.0,
        step: "any",
        get: |i| i.duplicate_percent,
        set: |i, v| i.duplicate_percent = v,
    },
    Knob {
        field: "corrupt_percent",
        letter: 'c',
        label: "损坏",
        unit: "%",
        help: "一帧中有一个比特被翻转的概率",
        min: 0.0,
        max: 100.0,
        step: "any",
        get: |i| i.corrupt_percent,
        set: |i, v| i.corrupt_percent = v,
    },
    Knob {
        field: "rate_kbit",
        letter: 'r',
        label: "带宽",
        unit: "kbit/s",
        help: "0 表示不限",
        min: 0.0,
        max: 4_294_967_295.0,
        step: "1",
        get: |i| f64::from(i.rate_kbit),
        set: |i, v| i.rate_kbit = v as u32,
    },
    Knob {
        field: "queue_bytes",
        letter: 'q',
        label: "队列",
        unit: "字节",
        help: "限速时可以排队的字节数，超出的帧从队尾丢弃",
        min: 0.0,
        max: 4_294_967_295.0,
        step: "1",
        get: |i| f64::from(i.queue_bytes),
        set: |i, v| i.queue_bytes = v as u32,
    },
    Knob {
        field: "mtu",
        letter: 'm',
        label: "MTU",
        unit: "字节",
        help: "能通过的最大 IP 包；运行中调小会形成“黑洞”",
        min: 576.0,
        max: 1_500.0,
        step: "1",
        get: |i| f64::from(i.mtu),
        set: |i, v| i.mtu = v as u16,
    },
];

impl Knob {
    /// Checks what the reader typed.
    ///
    /// # Errors
    /// A sentence for the reader.
    pub(crate) fn parse(&self, text: &str) -> Result<f64, String> {
        let value = crate::number::parse(text).ok_or_else(|| "请填一个数".to_owned())?;
        if self.step == "1" && value.fract() != 0.0 {
            return Err("请填一个整数".into());
        }
        if !(self.min..=self.max).contains(&value) {
            let (min, max) = (crate::number::exact(self.min), crate::number::exact(self.max));
            return Err(format!("{}必须在 {min} 到 {max} {}之间", self.label, self.unit));
        }
        Ok(value)
    }
}

/// A named line: name in the form and what it does to each direction.
pub(crate) fn presets() -> [(&'static str, Impairments); 4] {
    let perfect = Impairments::default;
    [
        ("完美", perfect()),
        (
            "家用 Wi-Fi",
            Impairments {
                delay_ms: 2.0,
                jitter_ms: 4.0,
                loss_percent: 0.5,
                reorder_percent: 0.5,
                rate_kbit: 50_000,
                ..perfect()
            },
        ),
        (
            "跨洋",
            Impairments {
                delay_ms: 90.0,
                jitter_ms: 5.0,
                loss_percent: 0.1,
                rate_kbit: 100_000,
                ..perfect()
            },
        ),
        ("丢包严重", Impairments { delay_ms: 20.0, jitter_ms: 5.0, loss_percent: 15.0, ..perfect() }),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::line::Line;

    #[test]
    fn there_is_a_knob_for_every_field_and_it_turns_that_field() {
        let json = serde_json::to_value(Impairments::default()).unwrap();
        let mut fields: Vec<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
        let mut knobs: Vec<_> = KNOBS.iter().map(|knob| knob.field).collect();
        fields.sort_unstable();
        knobs.sort_unstable();
        assert_eq!(fields, knobs);
        for knob in KNOBS {
            let mut line = Impairments::default();
            (knob.set)(&mut line, 600.0);
            assert_eq!((knob.get)(&line), 600.0);
            let json = serde_json::to_value(&line).unwrap();
            assert_eq!(json[knob.field].as_f64(), Some(600.0));
        }
    }

    #[test]
    fn bounds_are_those_of_the_line() {
        for knob in KNOBS {
            for value in [knob.min, knob.max] {
                let mut line = Line::default();
                (knob.set)(&mut line.up, value);
                assert_eq!(line.validate(), Ok(()), "{} = {value}", knob.field);
                assert!(knob.parse(&crate::number::exact(value)).is_ok());
            }
            assert!(knob.parse("-1").is_err());
        }
        let loss = KNOBS.iter().find(|knob| knob.field == "loss_percent").unwrap();
        assert!(loss.parse("100.1").is_err());
        assert!(KNOBS.iter().find(|knob| knob.field == "mtu").unwrap().parse("700.5").is_err());
    }

    #[test]
    fn letters_and_presets() {
        let mut letters: Vec<_> = KNOBS.iter().map(|knob| knob.letter).collect();
        letters.sort_unstable();
        letters.dedup();
        assert_eq!(letters.len(), KNOBS.len());
        for (name, line) in presets() {
            assert_eq!(Line::both(line).validate(), Ok(()), "{name}");
        }
    }
}
