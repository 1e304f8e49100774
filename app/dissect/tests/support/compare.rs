//! Field by field: name, bits and value.

use super::pdml::{self, Entry};
use dissect::{Field, Hints, Value};
use std::collections::BTreeMap;
use std::path::Path;

/// What a comparison found.
#[derive(Debug, Default)]
pub struct Report {
    pub frames: usize,
    pub layers: usize,
    pub fields: usize,
    /// A sentence each.
    pub differences: Vec<String>,
    /// How often each field name was compared.
    pub names: BTreeMap<&'static str, usize>,
    /// Fields read from bytes that tshark shows and we do not.
    pub not_shown: BTreeMap<String, usize>,
}

/// Compares every frame of a capture file with what tshark says. `frames` are the bytes of the same file.
pub fn compare(file: &Path, frames: &[Vec<u8>]) -> Result<Report, String> {
    let mut report = Report::default();
    pdml::read(file, |entries| {
        if let Some(bytes) = frames.get(report.frames) {
            report.frames += 1;
            frame(&mut report, bytes, &entries);
        }
    })?;
    if report.frames != frames.len() {
        report.differences.push(format!("tshark read {} of {} frames", report.frames, frames.len()));
    }
    Ok(report)
}

fn frame(report: &mut Report, bytes: &[u8], entries: &[Entry]) {
    let number = report.frames;
    let mut used = vec![false; entries.len()];
    for layer in dissect::dissect(bytes, &Hints::default()).layers {
        let (start, end) = (layer.start as usize, layer.end as usize);
        if layer.protocol != "data" {
            report.layers += 1;
            let same = |entry: &Entry| {
                entry.is_protocol
                    && entry.name == layer.protocol
                    && (entry.position, entry.size) == (start, end - start)
            };
            if !entries.iter().any(same) {
                let seen: Vec<_> = entries
                    .iter()
                    .filter(|entry| entry.is_protocol && entry.name == layer.protocol)
                    .map(|entry| (entry.position, entry.size))
                    .collect();
                let text =
                    format!("frame {number}: layer {} {start}..{end}, tshark {seen:?}", layer.protocol);
                report.differences.push(text);
            }
        }
        for field in &layer.fields {
            compare_field(report, field, entries, &mut used);
        }
    }
    for (entry, used) in entries.iter().zip(used) {
        if !used && entry.name.contains('.') && !entry.is_protocol && !entry.hidden && entry.size > 0 {
            *report.not_shown.entry(entry.name.clone()).or_default() += 1;
        }
    }
}

fn compare_field(report: &mut Report, field: &Field, entries: &[Entry], used: &mut [bool]) {
    report.fields += 1;
    *report.names.entry(field.name).or_default() += 1;
    let found = entries.iter().enumerate().position(|(index, entry)| {
        (!used[index] || field.is_derived())
            && named(field, entry)
            && placed(field, entry)
            && agrees(field, entry)
    });
    match found {
        Some(index) => used[index] = true,
        None => {
            let near: Vec<_> = entries
                .iter()
                .filter(|entry| named(field, entry))
                .map(|entry| format!("@{}+{} {} {}", entry.position, entry.size, entry.pattern, entry.show))
                .collect();
            report.differences.push(format!(
                "frame {}: {} bits {}..{} (byte {}) = {}, tshark {near:?}",
                report.frames,
                field.name,
                field.start_bit,
                field.end_bit,
                field.start_bit / 8,
                field.value
            ));
        }
    }
    for child in &field.children {
        compare_field(report, child, entries, used);
    }
}

/// Which application protocol tshark guesses is not ours to follow: our `data` is what it calls payload then.
fn named(field: &Field, entry: &Entry) -> bool {
    match field.name {
        "data.data" => matches!(entry.name.as_str(), "data.data" | "tcp.payload" | "udp.payload"),
        "data.len" => matches!(entry.name.as_str(), "data.len" | "tcp.payload" | "udp.payload"),
        name => entry.name == name,
    }
}

/// Same bits of the frame.
fn placed(field: &Field, entry: &Entry) -> bool {
    let (start, end) = (field.start_bit as usize, field.end_bit as usize);
    let (first, last) = (entry.position * 8, (entry.position + entry.size) * 8);
    if start == end {
        return first == start;
    }
    // Padding of one byte is one byte (RFC 8200 section 4.2); tshark marks two.
    if field.name == "ipv6.opt" && end - start == 8 {
        return first == start;
    }
    let digits = (entry.pattern.find(['0', '1']), entry.pattern.rfind(['0', '1']));
    match digits {
        (Some(from), Some(to)) if entry.pattern.len() == entry.size * 8 => {
            (first + from, first + to + 1) == (start, end)
        }
        // The flags of TCP are drawn as twelve bits below `tcp.flags`.
        (Some(from), Some(to)) if entry.pattern.len() == 12 => {
            let base = entry.parent_position * 8 + 4;
            (base + from, base + to + 1) == (start, end)
        }
        // Masked without a drawing: it must lie within.
        _ if entry.masked => first <= start && end <= last,
        _ => (first, last) == (start, end),
    }
}

/// Same value.
fn agrees(field: &Field, entry: &Entry) -> bool {
    if field.name == "data.len" && entry.name != "data.len" {
        return field.value.unsigned() == Some(entry.size as u64);
    }
    match &field.value {
        Value::None => true,
        Value::Unsigned(number) => parse(&entry.show) == Some(*number),
        Value::Bool(set) => {
            entry.show == if *set { "1" } else { "0" } || entry.show == if *set { "True" } else { "False" }
        }
        Value::Bytes(_) => entry.value == field.value.to_string(),
        Value::Ipv6(address) => entry.show.parse() == Ok(std::net::Ipv6Addr::from(*address)),
        value => entry.show == value.to_string(),
    }
}

fn parse(show: &str) -> Option<u64> {
    match show.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => show.parse().ok(),
    }
}
