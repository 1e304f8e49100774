//! Compares every frame of a pcapng with tshark: `cargo run -p dissect --example compare -- file.pcapng …`
//!
//! Every field we show (name, bits, value), messages in TCP streams included, and every judgement on a TCP segment. Fails if anything differs.

#![allow(clippy::print_stdout)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::path::Path;
use std::process::ExitCode;
use support::{capture, compare, judgements};

fn main() -> ExitCode {
    let files: Vec<_> = std::env::args_os().skip(1).collect();
    if files.is_empty() {
        eprintln!("usage: compare file.pcapng …");
        return ExitCode::from(2);
    }
    let mut same = true;
    for file in &files {
        let file = Path::new(file);
        match one(file) {
            Ok((fields, segments)) => {
                let differences: Vec<_> = fields.differences.iter().chain(&segments.differences).collect();
                for difference in differences.iter().take(20) {
                    eprintln!("{difference}");
                }
                println!(
                    "{}: {} frames, {} layers, {} fields, {} TCP segments, {} retransmissions, {} differences; only in tshark: {:?}",
                    file.display(),
                    fields.frames,
                    fields.layers,
                    fields.fields,
                    segments.segments,
                    segments.retransmissions,
                    differences.len(),
                    fields.not_shown
                );
                same &= differences.is_empty();
            }
            Err(error) => {
                eprintln!("{}: {error}", file.display());
                same = false;
            }
        }
    }
    if same { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn one(file: &Path) -> Result<(compare::Report, judgements::Report), String> {
    let frames = capture::read_pcapng(&std::fs::read(file).map_err(|error| error.to_string())?)?;
    let mut segments = judgements::Report::default();
    judgements::compare(file, &frames, &mut segments)?;
    Ok((compare::compare(file, &frames, true)?, segments))
}
