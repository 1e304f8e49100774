//! TLS 1.3, QUIC and HTTP/3, decrypted with the secrets that the captures carry, against what `tshark` makes of them
//! (`tests/captures/make` has what was done to record them).

#![allow(clippy::unwrap_used)] // helpers of tests

mod support;

use dissect::{Dissection, Dissector, Field, Hints};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use support::capture::{self, Frame, TemporaryPcap};
use support::compare::{Known, Report, compare};
use support::pdml;
use support::random::Random;

const CAPTURES: [&str; 5] = ["tls-openssl", "tls-http", "quic-bare", "quic-http3", "quic-retry"];

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures").join(name).with_extension("pcapng")
}

fn read(name: &str) -> (Vec<Frame>, Vec<String>) {
    let bytes = std::fs::read(path(name)).unwrap();
    (capture::read_pcapng(&bytes).unwrap(), capture::secrets(&bytes))
}

fn is_ours(name: &str) -> bool {
    ["tls.", "quic.", "http3."].iter().any(|protocol| name.starts_with(protocol))
}

/// Headings of tshark, halves of numbers, and digests that it makes: no fields of the protocols.
const HEADINGS: [&str; 28] = [
    "quic.coalesced_padding_data",
    "quic.frame",
    "quic.short",
    "tls.alert_message",
    "tls.app_data_proto",
    "tls.handshake",
    "tls.handshake.certificates",
    "tls.handshake.ciphersuites",
    "tls.handshake.comp_methods",
    "tls.handshake.extensions_alpn_list",
    "tls.handshake.extensions_ec_point_formats",
    "tls.handshake.extensions_supported_groups",
    "tls.handshake.ja3",
    "tls.handshake.ja3_full",
    "tls.handshake.ja3s",
    "tls.handshake.ja3s_full",
    "tls.handshake.random_bytes",
    "tls.handshake.random_time",
    "tls.handshake.sig_hash_algs",
    "tls.handshake.sig_hash_hash",
    "tls.handshake.sig_hash_sig",
    "tls.reassembled.data",
    "tls.reassembled.length",
    "tls.record",
    "tls.segment",
    "tls.segment.count",
    "tls.segment.data",
    "tls.segments",
];

/// The port is told because tshark takes it for that of another protocol.
fn known(secrets: Vec<String>) -> Known {
    let hints = Hints { ports: vec![(445, "tls".to_owned())], ..Hints::default() };
    Known { hints, secrets, ..Known::default() }
}

/// Fields of our protocols that only tshark shows.
fn not_shown(report: &Report) -> Vec<&str> {
    let names = report.not_shown.keys().map(String::as_str);
    names.filter(|name| is_ours(name) && !HEADINGS.contains(name)).collect()
}

/// Captures in which a client starts over, which tshark 4.0 cannot follow: how many frames come before its second first
/// packet, and how many tshark cannot open after it.
const SHUT: [(&str, usize, usize); 2] = [("quic-bare", 33, 12), ("quic-retry", 2, 33)];

/// What is not encrypted, and what opens by itself, is the same without secrets.
#[test]
fn closed_captures_are_what_tshark_says() {
    if pdml::left_out() {
        return;
    }
    for name in CAPTURES {
        let (frames, _) = read(name);
        let file = TemporaryPcap::new(&format!("closed-{name}"), &frames).unwrap();
        let report = compare(&file.path, &frames, true, &known(Vec::new())).unwrap();
        assert!(report.differences.is_empty(), "{name}: {}", report.differences.join("\n"));
        let opened = follow(&frames, &[]);
        let layers = opened.iter().flat_map(|told| &told.layers).filter(|layer| layer.decrypted);
        // Initial packets carry the first flights, nothing more.
        assert_eq!(layers.count() > 0, name.starts_with("quic"), "{name}");
    }
}

/// Without the frames before them tshark opens all of them.
#[test]
fn what_follows_a_second_attempt_is_what_tshark_says() {
    if pdml::left_out() {
        return;
    }
    for (name, before, shut) in SHUT {
        let file = TemporaryPcap::without(name, &std::fs::read(path(name)).unwrap(), before).unwrap();
        let (frames, secrets) = read(name);
        let report = compare(&file.path, &frames[before..], true, &known(secrets)).unwrap();
        println!(
            "{name} from frame {}: {} frames, {} fields, told by us only: {:?}",
            before + 1,
            report.frames,
            report.fields,
            report.only_ours
        );
        assert!(report.frames >= shut && report.unopened == 0, "{name}: {} unopened", report.unopened);
        assert!(report.differences.is_empty(), "{name}: {}", report.differences.join("\n"));
        assert_eq!(not_shown(&report), [""; 0], "{name}");
        assert!(report.only_ours.keys().all(|name| name.starts_with("http3.")), "{:?}", report.only_ours);
    }
}

#[test]
fn every_field_is_where_and_what_tshark_says() {
    if pdml::left_out() {
        return;
    }
    let (mut seen, mut compared) = (BTreeSet::new(), 0);
    for name in CAPTURES {
        let (frames, secrets) = read(name);
        let report = compare(&path(name), &frames, true, &known(secrets)).unwrap();
        assert_eq!(report.unopened, SHUT.iter().find(|shut| shut.0 == name).map_or(0, |shut| shut.2));
        let count: usize =
            report.names.iter().filter(|(name, _)| is_ours(name)).map(|(_, count)| count).sum();
        println!(
            "{name}: {} frames, {} fields, {count} of them in TLS, QUIC and HTTP/3, {} differences, told by us only: {:?}",
            report.frames,
            report.fields,
            report.differences.len(),
            report.only_ours
        );
        assert!(report.differences.is_empty(), "{name}: {}", report.differences.join("\n"));
        assert_eq!(not_shown(&report), [""; 0], "{name}");
        compared += count - report.only_ours.values().sum::<usize>();
        seen.extend(report.names.into_keys());
    }
    assert!(compared > 6_000, "only {compared} fields compared");
    let ours = dissect::catalog().map(|spec| spec.name).filter(|name| is_ours(name));
    let missing: Vec<_> = ours.filter(|name| !seen.contains(name)).collect();
    println!("in no capture: {missing:?}");
}

/// What a capture says, with these secrets.
fn follow(frames: &[Frame], secrets: &[String]) -> Vec<Dissection> {
    let mut dissector = Dissector::new(Hints::default(), dissect::all());
    for line in secrets {
        dissector.secret(line);
    }
    let push = |(index, frame): (usize, &Frame)| {
        dissector.push(index as u32 + 1, frame.time, &frame.bytes).dissection
    };
    frames.iter().enumerate().map(push).collect()
}

/// The fields of all HTTP/3 messages, by name.
fn headers(dissections: &[Dissection]) -> BTreeMap<String, Vec<String>> {
    let mut told = BTreeMap::<_, Vec<_>>::new();
    let layers = dissections.iter().flat_map(|dissection| &dissection.layers);
    for field in layers.flat_map(|layer| &layer.fields) {
        collect(field, &mut |field| {
            let text = |name: &str| field.find(name).map(|found| found.value.to_string()).unwrap_or_default();
            if field.name == "http3.headers.header" {
                told.entry(text("http3.header.header.name"))
                    .or_default()
                    .push(text("http3.headers.header.value"));
            }
        });
    }
    told
}

fn collect(field: &Field, act: &mut impl FnMut(&Field)) {
    act(field);
    field.children.iter().for_each(|child| collect(child, act));
}

/// What the client of the capture asked for (`http3_client.py`): plainly, resumed with early data, with the other two
/// ciphers, from a new connection identifier and with new keys.
#[test]
fn requests_are_those_that_were_sent() {
    let (frames, secrets) = read("quic-http3");
    let told = headers(&follow(&frames, &secrets));
    let plain = ["/a?x=1", "/a?x=1", "/up", "/moved", "/updated"];
    let more = ["/early", "/a?x=1", "/up", "/a?x=1", "/a?x=1", "/up", "/a?x=1", "/a?x=1", "/up"];
    assert_eq!(told[":path"], [&plain[..], &more].concat());
    assert_eq!(told[":status"], ["200"; 14]);
    assert_eq!(told["x-own"], ["你"; 14]);
    assert_eq!(told["x-note"], ["一条说明"; 14]);
    assert_eq!(told["x-checksum"], ["0"; 14]);
    // After Retry, and after version negotiation.
    for (name, paths) in [("quic-retry", &["/a?x=1", "/a?x=1", "/up"][..]), ("quic-bare", &["/version"])] {
        let (frames, secrets) = read(name);
        assert_eq!(headers(&follow(&frames, &secrets))[":path"], paths, "{name}");
    }
    let (frames, secrets) = read("quic-http3");
    assert!(headers(&follow(&frames, &[])).is_empty(), "nothing opens without secrets");
    let some: Vec<_> = secrets.into_iter().filter(|line| !line.starts_with("SERVER_TRAFFIC")).collect();
    let told = headers(&follow(&frames, &some));
    assert!(told.contains_key(":path") && !told.contains_key(":status"), "{told:?}");
}

#[test]
fn tls_carries_http() {
    let (frames, secrets) = read("tls-http");
    let told = follow(&frames, &secrets);
    let texts = |name: &str| {
        let found = told.iter().flat_map(|told| &told.layers).filter_map(|layer| layer.field(name));
        found.map(|field| field.value.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(texts("http2.headers.path"), ["/a", "/long", "/up"]);
    assert_eq!(texts("http.request.uri"), ["/one", "/long"]);
    assert!(told.iter().any(|told| told.protocol == "HTTP2"));
}

/// No key file: the capture is all that tshark has.
#[test]
fn tshark_opens_the_captures_too() {
    if pdml::left_out() {
        return;
    }
    let shown = |name: &str, filter: &str| {
        let output = Command::new("tshark").args(["-n", "-r"]).arg(path(name)).args(["-Y", filter]).output();
        String::from_utf8_lossy(&output.unwrap().stdout).lines().count()
    };
    assert!(shown("quic-http3", "http3.frame_type == 1") > 20);
    assert_eq!(shown("tls-http", "http2.headers.path"), 3);
    assert_eq!(shown("tls-openssl", "http.request"), 3);
}

#[test]
fn damage_does_no_harm() {
    let names: HashSet<_> = dissect::catalog().map(|spec| spec.name).collect();
    let mut random = Random::new(9001);
    let mut opened = 0;
    for name in CAPTURES {
        let (whole, secrets) = read(name);
        for _ in 0..12 {
            let mut frames = whole.clone();
            for _ in 0..random.below(20) {
                let at = random.below(frames.len());
                match random.below(4) {
                    0 => drop(frames.remove(at)),
                    1 => {
                        let other = random.below(frames.len());
                        frames.swap(at, other);
                    }
                    2 => {
                        let again = frames[at].clone();
                        frames.insert(at, again);
                    }
                    _ => {
                        let bytes = &mut frames[at].bytes;
                        let byte = random.below(bytes.len());
                        bytes[byte] = random.next() as u8;
                    }
                }
            }
            for (dissection, frame) in follow(&frames, &secrets).iter().zip(&frames) {
                for layer in &dissection.layers {
                    opened += usize::from(layer.decrypted);
                    assert!(layer.start <= layer.end && layer.end as usize <= frame.bytes.len(), "{layer:?}");
                    for field in &layer.fields {
                        collect(field, &mut |field| {
                            assert!(names.contains(field.name), "{} is not in the catalog", field.name);
                            let end = frame.bytes.len() * 8;
                            assert!(field.start_bit <= field.end_bit && field.end_bit as usize <= end);
                        });
                    }
                }
            }
        }
    }
    assert!(opened > 2_000, "only {opened} layers were decrypted");
}
