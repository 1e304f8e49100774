//! Compares every frame of a pcapng with tshark: `cargo run -p dissect --example compare -- [option…] file.pcapng …`
//!
//! `--port 50051=http2` says what a port speaks; `--protos folder` where `.proto` files are, and `--descriptors file` the
//! descriptor set made from them. `--labs file`: what `wirebook labs --json` printed; a capture with the name of a lab is
//! compared under the hints of that lab.
//!
//! Every field we show (name, bits, value), messages in TCP streams included, decrypted with the secrets in the file, and every judgement on a TCP segment. Fails if anything differs.

#![allow(clippy::print_stdout)]

#[path = "../tests/support/mod.rs"]
mod support;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::Value;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use support::{capture, compare, judgements};

fn main() -> ExitCode {
    let Some((known, labs, files)) = arguments().filter(|(.., files)| !files.is_empty()) else {
        eprintln!(
            "usage: compare [--port 50051=http2] [--protos folder] [--descriptors file] [--labs file] file.pcapng …"
        );
        return ExitCode::from(2);
    };
    let mut same = true;
    for file in &files {
        match one(file, &of_lab(file, &labs, &known)) {
            Ok((fields, segments)) => {
                let differences: Vec<_> = fields.differences.iter().chain(&segments.differences).collect();
                for difference in differences.iter().take(60) {
                    eprintln!("{difference}");
                }
                println!(
                    "{}: {} frames, {} layers, {} fields, {} TCP segments, {} retransmissions, {} differences, {} frames opened by us only; only ours: {:?}; only in tshark: {:?}",
                    file.display(),
                    fields.frames,
                    fields.layers,
                    fields.fields,
                    segments.segments,
                    segments.retransmissions,
                    differences.len(),
                    fields.unopened,
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

/// What is known beforehand, the labs, and the files.
fn arguments() -> Option<(compare::Known, Value, Vec<PathBuf>)> {
    let (mut known, mut labs, mut files) = (compare::Known::default(), Value::Null, Vec::new());
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
            "--labs" => labs = serde_json::from_slice(&std::fs::read(rest.next()?).ok()?).ok()?,
            _ => files.push(argument.into()),
        }
    }
    Some((known, labs, files))
}

/// What is known, and what the lab says whose name the file has.
fn of_lab(file: &Path, labs: &Value, known: &compare::Known) -> compare::Known {
    let name = file.file_stem().and_then(OsStr::to_str);
    let mut known = known.clone();
    let mut list = labs.as_array().into_iter().flatten();
    let Some(lab) = list.find(|lab| name.is_some() && lab["slug"].as_str() == name) else { return known };
    for port in lab["hints"]["ports"].as_array().into_iter().flatten() {
        let number = port[0].as_u64().and_then(|number| u16::try_from(number).ok());
        known.hints.ports.extend(number.zip(port[1].as_str().map(str::to_owned)));
    }
    if let Some(Ok(set)) = lab["hints"]["descriptors"].as_str().map(|text| BASE64.decode(text)) {
        known.hints.descriptors = set;
    }
    known
}

fn one(file: &Path, known: &compare::Known) -> Result<(compare::Report, judgements::Report), String> {
    let bytes = std::fs::read(file).map_err(|error| error.to_string())?;
    let frames = capture::read_pcapng(&bytes)?;
    let known = compare::Known { secrets: capture::secrets(&bytes), ..known.clone() };
    let mut segments = judgements::Report::default();
    judgements::compare(file, &frames, &mut segments)?;
    Ok((compare::compare(file, &frames, true, &known)?, segments))
}
