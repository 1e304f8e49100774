//! Connections: stream, relative numbers and `tcp.analysis.*`, segment by segment.

use super::capture::Frame;
use super::pdml::MISSING;
use dissect::{Conversations, Hints, Segment, dissect};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// What a comparison found.
#[derive(Debug, Default)]
pub struct Report {
    pub segments: usize,
    /// How often tshark told each column.
    pub told: BTreeMap<&'static str, usize>,
    /// Segments that we call retransmissions.
    pub retransmissions: usize,
    pub differences: Vec<String>,
}

/// Columns asked of tshark, in the order of [`columns`].
pub const COLUMNS: [&str; 20] = [
    "tcp.stream",
    "tcp.seq",
    "tcp.ack",
    "tcp.len",
    "tcp.window_size",
    "tcp.analysis.retransmission",
    "tcp.analysis.fast_retransmission",
    "tcp.analysis.spurious_retransmission",
    "tcp.analysis.out_of_order",
    "tcp.analysis.lost_segment",
    "tcp.analysis.ack_lost_segment",
    "tcp.analysis.duplicate_ack_num",
    "tcp.analysis.keep_alive",
    "tcp.analysis.keep_alive_ack",
    "tcp.analysis.zero_window",
    "tcp.analysis.zero_window_probe",
    "tcp.analysis.zero_window_probe_ack",
    "tcp.analysis.window_update",
    "tcp.analysis.window_full",
    "tcp.analysis.reused_ports",
];

fn columns(segment: &Segment) -> Vec<String> {
    let told = &segment.analysis;
    let flag = |set: bool| if set { "1" } else { "" }.to_owned();
    let count = |number: u32| if number == 0 { String::new() } else { number.to_string() };
    vec![
        segment.stream.to_string(),
        segment.seq.to_string(),
        segment.ack.to_string(),
        segment.length.to_string(),
        segment.window.to_string(),
        flag(told.retransmission),
        flag(told.fast_retransmission),
        flag(told.spurious_retransmission),
        flag(told.out_of_order),
        flag(told.previous_lost),
        flag(told.acked_unseen),
        count(told.duplicate_ack),
        flag(told.keep_alive),
        flag(told.keep_alive_ack),
        flag(told.zero_window),
        flag(told.zero_window_probe),
        flag(told.zero_window_probe_ack),
        flag(told.window_update),
        flag(told.window_full),
        flag(told.ports_reused),
    ]
}

/// Compares what both say about the TCP segments of a capture file whose frames are `frames`.
pub fn compare(file: &Path, frames: &[Frame], report: &mut Report) -> Result<(), String> {
    let mut command = Command::new("tshark");
    command.arg("-n").arg("-r").arg(file).args(["-T", "fields", "-E", "separator=|", "-E", "occurrence=f"]);
    for column in COLUMNS {
        command.args(["-e", column]);
    }
    let output = command.output().map_err(|error| format!("{MISSING} ({error})"))?;
    let text = String::from_utf8(output.stdout).map_err(|error| error.to_string())?;
    if text.lines().count() != frames.len() {
        return Err(format!("tshark read {} of {} frames", text.lines().count(), frames.len()));
    }
    let mut conversations = Conversations::new();
    for (index, (frame, line)) in frames.iter().zip(text.lines()).enumerate() {
        let segment = conversations.push(frame.time, &dissect(&frame.bytes, &Hints::default()));
        let ours = segment.as_ref().map_or(vec![String::new(); COLUMNS.len()], columns);
        report.segments += usize::from(segment.is_some());
        report.retransmissions += usize::from(segment.is_some_and(|segment| segment.analysis.retransmission));
        for ((name, ours), theirs) in COLUMNS.into_iter().zip(&ours).zip(line.split('|')) {
            if !theirs.is_empty() {
                *report.told.entry(name).or_default() += 1;
            }
            if ours != theirs {
                report.differences.push(format!("frame {}: {name} {ours:?}, tshark {theirs:?}", index + 1));
            }
        }
    }
    Ok(())
}
