//! What both parts measured, and what their wires say, with difference and ratio.

use super::joint::SIGNS;
use super::part::Cut;
use crate::islands::bench::markup::table;
use crate::islands::bench::model::Model;
use crate::islands::bench::segments::Segments;
use crate::number;
use api::trace::{Body, Fate, Lifecycle};

/// One quantity on both sides.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) label: String,
    pub(crate) unit: String,
    pub(crate) values: [Option<f64>; 2],
}

/// Results of the lab, the last of each name; then what can be counted in any trace.
pub(crate) fn rows(sides: [(&Model, &Cut<'_>); 2], joint: &Model, segments: &Segments) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for (side, (model, cut)) in sides.iter().enumerate() {
        for event in &cut.events {
            let Body::Lifecycle(Lifecycle::Measured { host, label, value, unit }) = &event.body else {
                continue;
            };
            let label = match host {
                Some(host) => format!("{label}（{}）", model.host_name(*host)),
                None => label.clone(),
            };
            put(&mut rows, &label, unit, side, *value);
        }
    }
    for (side, (_, cut)) in sides.iter().enumerate() {
        put(&mut rows, "历时", "ms", side, cut.length as f64 / 1e6);
        if !joint.frames.is_empty() {
            let count = counts(joint, segments, side);
            for (label, unit, value) in count {
                put(&mut rows, label, unit, side, value);
            }
        }
    }
    rows
}

fn put(rows: &mut Vec<Row>, label: &str, unit: &str, side: usize, value: f64) {
    let known = rows.iter().position(|row| row.label == label && row.unit == unit);
    let at = known.unwrap_or_else(|| {
        rows.push(Row { label: label.to_owned(), unit: unit.to_owned(), values: [None; 2] });
        rows.len() - 1
    });
    rows[at].values[side % 2] = Some(value);
}

/// What the wire says of one side.
fn counts(joint: &Model, segments: &Segments, side: usize) -> [(&'static str, &'static str, f64); 4] {
    let own = || joint.frames.iter().filter(|row| usize::from(joint.is_second(row.frame.from)) == side);
    let lost = own().filter(|row| {
        let fates = || row.deliveries.iter().map(|row| row.delivery.fate);
        fates().any(|fate| matches!(fate, Fate::Lost | Fate::QueueFull | Fate::TooBig | Fate::Refused))
    });
    let again = segments
        .spans()
        .iter()
        .filter(|span| span.again && span.stream.number.is_none() && usize::from(span.stream.second) == side);
    let bytes: u64 = own().map(|row| u64::from(row.frame.length)).sum();
    [
        ("线上的帧", "个", own().count() as f64),
        ("线上的字节", "B", bytes as f64),
        ("丢失的帧", "个", lost.count() as f64),
        ("TCP 重传", "段", again.count() as f64),
    ]
}

impl Row {
    /// ②−①, with its sign.
    fn difference(&self) -> String {
        let [Some(first), Some(second)] = self.values else { return "—".to_owned() };
        let difference = second - first;
        let sign = if difference > 0.0 { "+" } else { "" };
        format!("{sign}{}", number::readable(difference))
    }

    /// ②/①.
    fn ratio(&self) -> String {
        match self.values {
            [Some(first), Some(second)] if first.abs() > 0.0 && first.is_finite() => {
                format!("×{}", number::readable(second / first))
            }
            _ => "—".to_owned(),
        }
    }
}

pub(crate) fn html(rows: &[Row]) -> String {
    let value = |value: Option<f64>| value.map_or_else(|| "—".to_owned(), number::readable);
    let rows = rows.iter().map(|row| {
        let [first, second] = row.values;
        let label =
            if row.unit.is_empty() { row.label.clone() } else { format!("{} / {}", row.label, row.unit) };
        vec![label, value(first), value(second), row.difference(), row.ratio()]
    });
    let (difference, ratio) =
        (format!("差 {}−{}", SIGNS[1], SIGNS[0]), format!("比 {}/{}", SIGNS[1], SIGNS[0]));
    table("测得的和数出来的", &["量", SIGNS[0], SIGNS[1], &difference, &ratio], &rows.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::super::joint::join;
    use super::super::joint::tests::run;
    use super::super::part::cut;
    use super::*;

    #[test]
    fn results_and_counts_stand_beside_each_other() {
        let model = run(&["甲", "乙"]);
        let (first, second) = (cut(&model, Some(0)), cut(&model, Some(1)));
        let joint = join(&[(0, &model, &first), (1, &model, &second)]).model;
        let mut segments = Segments::default();
        segments.update(&joint);
        let rows = rows([(&model, &first), (&model, &second)], &joint, &segments);
        let values = |label: &str| rows.iter().find(|row| row.label == label).map(|row| row.values);
        assert_eq!(values("往返"), Some([Some(1.0), Some(2.0)]));
        assert_eq!(values("线上的字节"), Some([Some(60.0), Some(60.0)]));
        assert_eq!(values("丢失的帧"), Some([Some(0.0), Some(1.0)]));
        assert_eq!(values("历时"), Some([Some(0.0035), Some(0.0035)]));
        assert_eq!((rows[0].difference().as_str(), rows[0].ratio().as_str()), ("+1", "×2"));
    }

    #[test]
    fn there_is_no_ratio_to_nothing() {
        let row = |values| Row { label: "x".into(), unit: String::new(), values };
        assert_eq!(row([Some(0.0), Some(2.0)]).ratio(), "—");
        assert_eq!(
            (row([None, Some(2.0)]).ratio().as_str(), row([None, Some(2.0)]).difference().as_str()),
            ("—", "—")
        );
        assert_eq!(
            (row([Some(4.0), Some(1.0)]).difference().as_str(), row([Some(4.0), Some(1.0)]).ratio().as_str()),
            ("−3", "×0.25")
        );
        assert!(html(&[row([Some(4.0), None])]).contains("<th scope=\"row\">x</th><td>4</td><td>—</td>"));
    }
}
