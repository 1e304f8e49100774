//! Messages in TCP streams, against what `tshark` makes of captures of programs that nobody here wrote
//! (`tests/captures/make` has what was done to record them).

#![allow(clippy::unwrap_used)] // helpers of tests

mod support;

use dissect::Hints;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use support::capture::{Frame, TemporaryPcap, read_pcapng};
use support::compare::Known;
use support::random::Random;
use support::{compare, pdml};

const CAPTURES: [&str; 7] = [
    "http-python",
    "http-node",
    "websocket-python",
    "http2-curl",
    "http2-nghttp",
    "http2-frames",
    "grpc-python",
];

/// A server's settings may come before the client's preface that would tell HTTP/2, so ports tell it.
fn known(name: &str) -> Known {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures");
    let ports: &[u16] = match name {
        "grpc-python" => &[50051],
        _ if name.starts_with("http2") => &[8000, 8080, 9000],
        _ => return Known::default(),
    };
    let ports = ports.iter().map(|port| (*port, "http2".to_owned())).collect();
    let descriptors = std::fs::read(folder.join("greeter.binpb")).unwrap();
    Known { hints: Hints { ports, descriptors }, protos: Some(folder.join("make")), secrets: Vec::new() }
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures").join(name).with_extension("pcapng")
}

fn frames(name: &str) -> Vec<Frame> {
    read_pcapng(&std::fs::read(path(name)).unwrap()).unwrap()
}

/// Beginnings of names that only tshark shows.
const TOLD_OTHERWISE: [&str; 18] = [
    // The names of codes are in our value, the parts of a path in the path.
    "http.response.code.desc",
    "http.path_s",
    // Messages of several frames are shown frame by frame, so that every byte stands where it came.
    "websocket.payload.text",
    "http2.body.",
    "http2.data.data",
    "http2.data.segment",
    // A heading, where we begin a layer.
    "http2.stream",
    // Sums over the unpacked headers, and the same value or length once more.
    "http2.header.count",
    "http2.header.length",
    "http2.header.name.length",
    "http2.header.unescaped",
    "http2.header.value.length",
    "http2.headers.",
    "http2.pad_length",
    // Bits that lie apart and mean nothing.
    "http2.flags.unused_",
    // Settings in Base64 in a header of HTTP/1.1, which RFC 9113 no longer has.
    "http.http2_settings",
    "http2.settings",
    // A guess at bytes whose type nobody told.
    "protobuf.field.value.string",
];

/// True if the field is one of a stream's message.
fn is_ours(name: &str) -> bool {
    ["http.", "http2.", "websocket.", "grpc.", "protobuf."].iter().any(|protocol| name.starts_with(protocol))
}

#[test]
fn every_message_is_where_and_what_tshark_says() {
    if pdml::left_out() {
        return;
    }
    let mut seen = BTreeSet::new();
    let mut of_messages = 0;
    for name in CAPTURES {
        let report = compare::compare(&path(name), &frames(name), true, &known(name)).unwrap();
        let count: usize =
            report.names.iter().filter(|(name, _)| is_ours(name)).map(|(_, count)| count).sum();
        println!(
            "{name}: {} frames, {} layers, {} fields, {count} of them in messages, {} differences, told by us only: {:?}",
            report.frames,
            report.layers,
            report.fields,
            report.differences.len(),
            report.only_ours
        );
        assert!(report.differences.is_empty(), "{name}: {}", report.differences.join("\n"));
        let not_shown: Vec<_> = report.not_shown.keys().filter(|name| is_ours(name)).collect();
        let told_otherwise = |name: &String| TOLD_OTHERWISE.iter().any(|known| name.starts_with(known));
        let not_shown: Vec<_> = not_shown.into_iter().filter(|name| !told_otherwise(name)).collect();
        assert!(not_shown.is_empty(), "{name}: {not_shown:?}");
        of_messages += count;
        seen.extend(report.names.into_keys());
    }
    assert!(of_messages > 1_400, "only {of_messages} fields of messages compared");
    let ours = dissect::catalog().map(|spec| spec.name).filter(|name| is_ours(name));
    let missing: Vec<_> = ours.filter(|name| !seen.contains(name)).collect();
    assert!(missing.is_empty(), "no capture has {missing:?}");
}

/// Bytes of TCP payload, sender's port, and the flags, if the frame is a segment.
fn segment(frame: &[u8]) -> Option<(usize, u16, u8)> {
    let ip = frame.get(14..)?;
    let length = usize::from(u16::from_be_bytes([ip[2], ip[3]]));
    let header = usize::from(ip[0] & 15) * 4;
    let tcp = ip.get(header..)?;
    let payload = length - header - usize::from(tcp[12] >> 4) * 4;
    Some((payload, u16::from_be_bytes([tcp[0], tcp[1]]), tcp[13]))
}

/// The same capture by a worse line: segments overtake each other and come twice.
fn disturbed(frames: &[Frame], seed: u64) -> Vec<Frame> {
    let mut random = Random::new(seed);
    let mut bytes: Vec<_> = frames.iter().map(|frame| frame.bytes.clone()).collect();
    let data = |bytes: &[Vec<u8>], at: usize| {
        let found = segment(bytes.get(at)?)?;
        (found.0 > 0 && found.2 & 7 == 0).then_some(found.1)
    };
    for at in 0..bytes.len() {
        let Some(port) = data(&bytes, at) else { continue };
        match random.below(4) {
            0 if data(&bytes, at + 1) == Some(port) => bytes.swap(at, at + 1),
            1 if data(&bytes, at + 1) == Some(port) => {
                let again = bytes[at].clone();
                bytes.insert(at + 2, again);
            }
            _ => {}
        }
    }
    let time = |at: usize| frames[0].time + at as u64 * 100_000;
    bytes.into_iter().enumerate().map(|(at, bytes)| Frame { time: time(at), bytes }).collect()
}

#[test]
fn segments_that_overtake_or_come_twice_change_nothing() {
    if pdml::left_out() {
        return;
    }
    let (mut compared, mut retold) = (0, 0);
    for name in CAPTURES {
        for seed in 1..=3 {
            let frames = disturbed(&frames(name), seed);
            let capture = TemporaryPcap::new(&format!("streams-{name}-{seed}"), &frames).unwrap();
            let report = compare::compare(&capture.path, &frames, true, &known(name)).unwrap();
            retold += usize::from(frames.len() > self::frames(name).len());
            compared +=
                report.names.iter().filter(|(name, _)| is_ours(name)).map(|(_, count)| count).sum::<usize>();
            assert!(report.differences.is_empty(), "{name}, {seed}: {}", report.differences.join("\n"));
        }
    }
    println!("{compared} fields of messages compared, 0 differences");
    assert!(compared > 4_200 && retold > 5, "{compared} {retold}");
}
