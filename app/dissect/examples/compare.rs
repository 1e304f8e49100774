//! Compares every frame of a pcapng with tshark: `cargo run -p dissect --example compare -- file.pcapng …`

#[path = "../tests/support/mod.rs"]
mod support;

use std::path::Path;
use std::process::ExitCode;
use support::{capture, compare};

fn main() -> ExitCode {
    let files: Vec<_> = std::env::args_os().skip(1).collect();
    if files.is_empty() {
        eprintln!("usage: compare file.pcapng …");
        return ExitCode::from(2);
    }
    let mut same = true;
    for file in &files {
        match one(Path::new(file)) {
            Ok(report) => {
                let different = report.differences.len();
                for difference in report.differences.iter().take(20) {
                    eprintln!("{difference}");
                }
                let (frames, layers, fields) = (report.frames, report.layers, report.fields);
                println_summary(
                    Path::new(file),
                    &format!(
                        "{frames} frames, {layers} layers, {fields} fields, {different} differences; only in tshark: {:?}",
                        report.not_shown
                    ),
                );
                same &= different == 0;
            }
            Err(error) => {
                eprintln!("{}: {error}", Path::new(file).display());
                same = false;
            }
        }
    }
    if same { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[allow(clippy::print_stdout)]
fn println_summary(file: &Path, text: &str) {
    println!("{}: {text}", file.display());
}

fn one(file: &Path) -> Result<compare::Report, String> {
    let bytes = std::fs::read(file).map_err(|error| error.to_string())?;
    let frames: Vec<_> = capture::read_pcapng(&bytes)?.into_iter().map(|frame| frame.bytes).collect();
    compare::compare(file, &frames)
}
