//! Compares every frame of a pcapng with tshark: `cargo run -p dissect --example compare -- [option…] file.pcapng …`
//!
//! `--port 50051=http2` says what a port speaks; `--protos folder` where `.proto` files are, and `--descriptors file` the
//! descriptor set made from them.
//!
//! Every field we show (name, bits, value), messages in TCP streams included, decrypted with the secrets in the file, and every judgement on a TCP segment. Fails if anything differs.

#![allow(clippy::print_stdout)]

#[path = "../tests/support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use support::{capture, compare, judgements};

fn main() -> ExitCode {
    let Some((known, files)) = arguments().filter(|(_, files)| !files.is_empty()) else {
        eprintln!("usage: compare [--port 50051=http2] [--protos folder --descriptors file] file.pcapng …");
        return ExitCode::from(2);
    };
    let mut same = true;
    for file in &files {
        match one(file, &known) {
            Ok((fields, segments)) => {
                let differences: Vec<_> = fields.differences.iter().chain(&segments.differences).collect();
                for difference in differences.iter().take(60) {
                    eprintln!("{difference}");
                }
                println!(
                    "{}: {} frames, {} layers, {} fields, {} TCP segments, {} retransmissions, {} differences; only ours: {:?}; only in tshark: {:?}",
                    file.display(),
                    fields.frames,
                    fields.layers,
                    fields.fields,
                    segments.segments,
                    segments.retransmissions,
                    differences.len(),
                    fields.only_ours,
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

/// What is known beforehand, and the files.
fn arguments() -> Option<(compare::Known, Vec<PathBuf>)> {
    let (mut known, mut files) = (compare::Known::default(), Vec::new());
    let mut rest = std::env::args().skip(1);
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--port" => {
                let told = rest.next()?;
                let (port, name) = told.split_once('=')?;
                known.hints.ports.push((port.parse().ok()?, name.to_owned()));
            }
            "--protos" => known.protos = std::fs::canonicalize(rest.next()?).ok(),
            "--descriptors" => known.hints.descriptors = std::fs::read(rest.next()?).ok()?,
            _ => files.push(argument.into()),
        }
    }
    Some((known, files))
}

fn one(file: &Path, known: &compare::Known) -> Result<(compare::Report, judgements::Report), String> {
    let bytes = std::fs::read(file).map_err(|error| error.to_string())?;
    let frames = capture::read_pcapng(&bytes)?;
    let known = compare::Known {
        hints: known.hints.clone(),
        protos: known.protos.clone(),
        secrets: capture::secrets(&bytes),
    };
    let mut segments = judgements::Report::default();
    judgements::compare(file, &frames, &mut segments)?;
    Ok((compare::compare(file, &frames, true, &known)?, segments))
}
