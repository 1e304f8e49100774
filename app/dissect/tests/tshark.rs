//! Every field we show, against `tshark`: same name, same bits, same value.

mod support;

use std::collections::BTreeSet;
use support::capture::{Frame, write_pcap};
use support::{compare, corpus, pdml};

/// Set to 1 to leave these tests out where tshark cannot be installed.
fn left_out() -> bool {
    if pdml::installed() {
        return false;
    }
    assert!(std::env::var_os("WIREBOOK_NO_TSHARK").is_some_and(|value| value == "1"), "{}", pdml::MISSING);
    true
}

/// A capture file that is removed again.
struct Capture(std::path::PathBuf);

impl Capture {
    fn new(name: &str, frames: &[Frame]) -> Self {
        let path = std::env::temp_dir().join(format!("dissect-{name}-{}.pcap", std::process::id()));
        write_pcap(std::fs::File::create(&path).unwrap(), frames).unwrap();
        Self(path)
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn every_field_is_where_and_what_tshark_says() {
    if left_out() {
        return;
    }
    let bytes = corpus::frames();
    let frames: Vec<_> = bytes
        .iter()
        .enumerate()
        .map(|(index, bytes)| Frame { time: index as u64 * 1_000_000, bytes: bytes.clone() })
        .collect();
    let capture = Capture::new("corpus", &frames);
    let report = compare::compare(&capture.0, &bytes).unwrap();
    println!(
        "{} frames, {} layers, {} fields of {} names compared, {} differences",
        report.frames,
        report.layers,
        report.fields,
        report.names.len(),
        report.differences.len()
    );
    let missing: BTreeSet<_> =
        dissect::catalog().map(|spec| spec.name).filter(|name| !report.names.contains_key(name)).collect();
    println!("shown by tshark only: {:?}", report.not_shown);
    assert!(report.differences.is_empty(), "{}", report.differences.join("\n"));
    assert!(report.fields > 20_000, "only {} fields compared", report.fields);
    assert!(missing.is_empty(), "no frame of the corpus has {missing:?}");
}
