//! Every field we show, against `tshark`: same name, same bits, same value.

mod support;

use std::collections::BTreeSet;
use support::capture::{Frame, TemporaryPcap};
use support::{compare, corpus, pdml};

const IN_STREAMS: [&str; 8] =
    ["http.", "http2.", "http3.", "websocket.", "grpc.", "protobuf.", "tls.", "quic."];

#[test]
fn every_field_is_where_and_what_tshark_says() {
    if pdml::left_out() {
        return;
    }
    let bytes = corpus::frames();
    let frames: Vec<_> = bytes
        .iter()
        .enumerate()
        .map(|(index, bytes)| Frame { time: index as u64 * 1_000_000, bytes: bytes.clone() })
        .collect();
    let capture = TemporaryPcap::new("corpus", &frames).unwrap();
    let report = compare::compare(&capture.path, &frames, false, &compare::Known::default()).unwrap();
    println!(
        "{} frames, {} layers, {} fields of {} names compared, {} differences",
        report.frames,
        report.layers,
        report.fields,
        report.names.len(),
        report.differences.len()
    );
    // What lives in streams is compared by `tests/streams.rs` and `tests/secure.rs`.
    let alone = |name: &&str| !IN_STREAMS.iter().any(|protocol| name.starts_with(protocol));
    let missing: BTreeSet<_> = dissect::catalog()
        .map(|spec| spec.name)
        .filter(alone)
        .filter(|name| !report.names.contains_key(name))
        .collect();
    println!("shown by tshark only: {:?}", report.not_shown);
    assert!(report.differences.is_empty(), "{}", report.differences.join("\n"));
    assert!(report.fields > 20_000, "only {} fields compared", report.fields);
    assert!(missing.is_empty(), "no frame of the corpus has {missing:?}");
}
