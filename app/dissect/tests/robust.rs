//! Any bytes are fine: no panic, and every range lies within the frame.

#![allow(clippy::unwrap_used)] // helpers of tests

mod support;

use dissect::{Conversations, Dissection, Dissector, Field, Hints, Part, dissect};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use support::corpus;
use support::random::Random;

/// Checks what must hold for every dissection.
fn check(frame: &[u8], names: &HashSet<&str>) -> Dissection {
    let dissection = dissect(frame, &Hints::default());
    for layer in &dissection.layers {
        assert!(
            layer.start <= layer.end && layer.end as usize <= frame.len(),
            "{layer:?} of {}",
            frame.len()
        );
        for field in &layer.fields {
            check_field(field, frame.len(), names);
        }
    }
    dissection
}

fn check_field(field: &Field, length: usize, names: &HashSet<&str>) {
    assert!(
        field.start_bit <= field.end_bit && field.end_bit as usize <= length * 8,
        "{field:?} of {length} bytes"
    );
    assert!(names.contains(field.name), "{} is not in the catalog", field.name);
    for child in &field.children {
        check_field(child, length, names);
    }
}

fn names() -> HashSet<&'static str> {
    dissect::catalog().map(|spec| spec.name).collect()
}

#[test]
fn names_are_unique_and_labelled() {
    let mut seen = HashSet::new();
    for spec in dissect::catalog() {
        assert!(seen.insert(spec.name), "{} is listed twice", spec.name);
        assert!(!spec.label.is_empty() && spec.label.chars().count() <= 20, "{}: {}", spec.name, spec.label);
    }
    assert!(seen.len() > 200);
}

#[test]
fn every_frame_may_be_cut_short_anywhere() {
    let names = names();
    let mut cut = 0;
    for frame in corpus::frames() {
        for length in 0..=frame.len().min(400) {
            check(&frame[..length], &names);
            cut += 1;
        }
    }
    assert!(cut > 50_000, "only {cut} frames");
}

#[test]
fn changed_bytes_do_no_harm() {
    let names = names();
    let frames: Vec<_> = corpus::frames().into_iter().filter(|frame| frame.len() < 300).collect();
    let mut random = Random::new(20_261_121);
    let mut conversations = Conversations::new();
    for round in 0..200_000 {
        let mut frame = frames[random.below(frames.len())].clone();
        for _ in 0..1 + random.below(8) {
            let at = random.below(frame.len());
            frame[at] = match random.below(4) {
                0 => 0,
                1 => 0xff,
                _ => random.next() as u8,
            };
        }
        if random.below(4) == 0 {
            let extra = random.below(40);
            frame.extend(random.bytes(extra));
        }
        let dissection = check(&frame, &names);
        if round % 8 == 0 {
            conversations.push(round * 1_000, &dissection);
        }
    }
}

#[test]
fn pure_noise_does_no_harm() {
    let names = names();
    let mut random = Random::new(42);
    for kind in [0x0800_u16, 0x86dd, 0x0806, 0x8100, 0x88a8] {
        for _ in 0..4_000 {
            let length = random.below(120);
            let mut frame = random.bytes(length);
            if frame.len() > 14 {
                frame[12..14].copy_from_slice(&kind.to_be_bytes());
            }
            check(&frame, &names);
        }
    }
}

#[test]
fn headers_nested_without_end_are_followed_only_so_far() {
    let names = names();
    // VLAN tags all the way down.
    let mut tags = vec![2; 12];
    tags.extend([0x81, 0x00, 0x00, 0x01].repeat(20_000));
    assert!(check(&tags, &names).layers.len() < 40);
    // ICMP errors quoting ICMP errors.
    let quote = support::build::hex("4500ffff00000000400100000a0000010a000002 0300000000000000");
    let mut errors = support::build::hex("020000000002 020000000001 0800");
    errors.extend(quote.repeat(2_000));
    assert!(check(&errors, &names).layers.len() < 40);
}

/// Follows a capture and checks that every part of a field lies within the frame it names.
fn follow(frames: &[Vec<u8>], names: &HashSet<&str>) -> Vec<Dissection> {
    follow_with(Hints::default(), frames, names)
}

fn follow_with(hints: Hints, frames: &[Vec<u8>], names: &HashSet<&str>) -> Vec<Dissection> {
    fn parts(field: &Field) -> Vec<Part> {
        let inner = field.children.iter().flat_map(parts);
        field.parts.iter().copied().chain(inner).collect()
    }
    let mut dissector = Dissector::new(hints, dissect::all());
    let mut told = Vec::new();
    for (index, frame) in frames.iter().enumerate() {
        let number = index as u32 + 1;
        let dissection = dissector.push(number, u64::from(number) * 1_000_000, frame).dissection;
        for layer in &dissection.layers {
            assert!(layer.start <= layer.end && layer.end as usize <= frame.len(), "{layer:?}");
            for field in &layer.fields {
                check_field(field, frame.len(), names);
            }
            let inner = layer.fields.iter().flat_map(parts);
            for part in layer.parts.iter().copied().chain(inner) {
                assert!(part.frame >= 1 && part.frame <= number, "{part:?} in frame {number}");
                let length = frames[part.frame as usize - 1].len() * 8;
                assert!(part.start_bit <= part.end_bit && part.end_bit as usize <= length, "{part:?}");
            }
        }
        told.push(dissection);
    }
    told
}

fn captures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures")
}

fn capture(name: &str) -> Vec<Vec<u8>> {
    let file = captures().join(name).with_extension("pcapng");
    let frames = support::capture::read_pcapng(&std::fs::read(file).unwrap()).unwrap();
    frames.into_iter().map(|frame| frame.bytes).collect()
}

#[test]
fn streams_may_carry_anything() {
    let names = names();
    let mut random = Random::new(9112);
    let mut messages = 0;
    let descriptors = std::fs::read(captures().join("greeter.binpb")).unwrap();
    let ports = [8000, 8080, 9000, 50051].map(|port| (port, "http2".to_owned()));
    let known = Hints { ports: ports.to_vec(), descriptors };
    let captures = [
        ("http-node", Hints::default()),
        ("http-python", Hints::default()),
        ("websocket-python", Hints::default()),
        ("http2-curl", Hints::default()),
        ("http2-frames", known.clone()),
        ("http2-nghttp", known.clone()),
        ("grpc-python", known),
    ];
    for (name, hints) in captures {
        let whole = capture(name);
        for _ in 0..40 {
            let mut frames = whole.clone();
            for _ in 0..random.below(30) {
                let at = random.below(frames.len());
                match random.below(5) {
                    0 => drop(frames.remove(at)),
                    1 => {
                        let other = random.below(frames.len());
                        frames.swap(at, other);
                    }
                    2 => {
                        let length = random.below(frames[at].len());
                        frames[at].truncate(length);
                    }
                    3 => {
                        let again = frames[at].clone();
                        frames.insert(random.below(frames.len()), again);
                    }
                    _ => {}
                }
            }
            for frame in &mut frames {
                if frame.len() > 66 && random.below(3) == 0 {
                    let at = 54 + random.below(frame.len() - 54);
                    frame[at] = [0, 0xff, b'\n', b' ', b'9', random.next() as u8][random.below(6)];
                }
            }
            messages += follow_with(hints.clone(), &frames, &names)
                .iter()
                .filter(|told| told.protocol != "TCP")
                .count();
        }
    }
    assert!(messages > 5_000, "only {messages}");
}

/// A client's bytes in segments of these sizes, one frame each.
fn segments(bytes: &[u8], mut sizes: impl FnMut() -> usize) -> Vec<Vec<u8>> {
    let mut frames =
        vec![support::build::Tcp { seq: 0, ..support::build::Tcp::new(support::build::SYN) }.over_ipv4()];
    let mut at = 0;
    while at < bytes.len() {
        let end = (at + sizes().max(1)).min(bytes.len());
        let (seq, data) = (at as u32 + 1, bytes[at..end].to_vec());
        frames.push(
            support::build::Tcp { seq, data, ..support::build::Tcp::new(support::build::ACK) }.over_ipv4(),
        );
        at = end;
    }
    frames
}

/// Names and values of all that messages say.
fn said(told: &[Dissection]) -> Vec<(&'static str, String)> {
    fn add(said: &mut Vec<(&'static str, String)>, field: &Field) {
        said.push((field.name, field.value.to_string()));
        field.children.iter().for_each(|child| add(said, child));
    }
    let mut said = Vec::new();
    let layers = told.iter().flat_map(|told| &told.layers);
    let messages = layers.filter(|layer| !["eth", "ip", "tcp", "data"].contains(&layer.protocol));
    for field in messages.flat_map(|layer| &layer.fields) {
        add(&mut said, field);
    }
    said
}

/// A frame of HTTP/2.
fn http2(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = &(payload.len() as u32).to_be_bytes()[1..];
    [length, &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A call of gRPC whose headers take two frames and whose messages end in the middle of others.
fn call() -> Vec<u8> {
    let (path, kind) = (b"/greeter.v1.Greeter/Gather", b"application/grpc");
    let block =
        [&[0x83, 0x86, 0x44, path.len() as u8][..], path, &[0x5f, kind.len() as u8], kind, &[0xbe]].concat();
    let greet =
        |name: &str| [&[0, 0, 0, 0, name.len() as u8 + 2, 0x0a, name.len() as u8], name.as_bytes()].concat();
    let messages = [greet("Ada"), greet("Grace"), greet("Barbara")].concat();
    [
        PREFACE.to_vec(),
        http2(4, 0, 0, &[0, 3, 0, 0, 0, 100]),
        http2(1, 0, 1, &block[..9]),
        http2(9, 4, 1, &block[9..]),
        http2(0, 0, 1, &messages[..4]),
        http2(0, 8, 1, &[&[2], &messages[4..20], &[0, 0]].concat()),
        http2(0, 1, 1, &messages[20..]),
        http2(1, 5, 3, &[0x82, 0x86, 0x84, 0xbe]),
        http2(7, 0, 0, &[0; 8]),
    ]
    .concat()
}

#[test]
fn where_segments_of_a_call_end_changes_nothing() {
    let names = names();
    let mut random = Random::new(7540);
    let hints =
        Hints { descriptors: std::fs::read(captures().join("greeter.binpb")).unwrap(), ..Hints::default() };
    let said = |frames: &[Vec<u8>]| {
        let mut said = said(&follow_with(hints.clone(), frames, &names));
        // In which frame a header is shown depends on where it ends.
        said.sort();
        said
    };
    let call = call();
    let whole = said(&segments(&call, || 1_400));
    let values = |name: &str| {
        whole.iter().filter(|(own, _)| *own == name).map(|(_, value)| value.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(values("protobuf.field.value.string"), ["Ada", "Barbara", "Grace"]);
    assert_eq!(values("http2.headers.path"), ["/", "/greeter.v1.Greeter/Gather"]);
    assert_eq!(values("http2.headers.content_type"), ["application/grpc"; 3]);
    assert_eq!(values("http2.type"), ["0", "0", "0", "1", "1", "4", "7", "9"]);
    for round in 0..200 {
        let most = if round == 0 { 1 } else { 1 + random.below(60) };
        let mut frames = segments(&call, || 1 + random.below(most));
        assert_eq!(said(&frames), whole, "{most}");
        for _ in 0..frames.len() {
            let (one, other) = (1 + random.below(frames.len() - 1), 1 + random.below(frames.len() - 1));
            frames.swap(one, other);
        }
        assert_eq!(said(&frames), whole, "{most} in disorder");
    }
}

#[test]
fn http2_without_end_stays_within_bounds() {
    let names = names();
    let started = std::time::Instant::now();
    let begun = |start: &[u8], more: &[u8], length: usize| {
        let bytes = [PREFACE, start, &more.repeat(length / more.len())].concat();
        let told = follow(&segments(&bytes, || 1_400), &names);
        let said = said(&told);
        let count = |name: &str| said.iter().filter(|(own, _)| *own == name).count();
        (count("http2.type"), count("http2.header"))
    };
    let endless = |start: &[u8], more: &[u8]| begun(start, more, 2_000_000);
    // A header whose value is 2 MB long, in pieces; headers without end.
    let start = http2(1, 0, 1, &[0x40, 1, b'a', 0x7f, 0x81, 0x89, 0x7a]);
    let (frames, headers) = endless(&start, &http2(9, 0, 1, &[b'x'; 1000]));
    assert!(frames > 1_900 && headers == 0, "{frames} {headers}");
    let (_, headers) = endless(&http2(1, 0, 1, &[0x82]), &http2(9, 0, 1, &[0x82; 1000]));
    assert_eq!(headers, 512, "of one block");
    // One long header, named again and again: a bomb.
    let long = [&[0x40, 1, b'a', 0x7f, 0x80, 0x1e][..], &[b'v'; 3967]].concat();
    let (frames, headers) = begun(&http2(1, 4, 1, &long), &http2(1, 4, 1, &[0xbe; 1000]), 100_000);
    assert!(frames > 95 && headers < 34 * frames, "{frames} {headers}");
    // Frames of 16 MB; messages of 4 GB; streams without end.
    let start = [&http2(4, 0, 0, &[])[..], &[0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1]].concat();
    assert_eq!(endless(&start, b"x"), (2, 0));
    let grpc = [&[0x5f, 16][..], b"application/grpc"].concat();
    let (frames, _) = endless(
        &http2(1, 4, 1, &grpc),
        &http2(0, 0, 1, &[&[0, 0xff, 0xff, 0xff, 0xff][..], &[0; 995]].concat()),
    );
    assert!(frames > 1_900, "{frames}");
    let many: Vec<u8> = (0..4_000).flat_map(|call| http2(1, 4, 2 * call + 1, &grpc)).collect();
    let told = follow(&segments(&[PREFACE, &many].concat(), || 1_400), &names);
    assert_eq!(said(&told).iter().filter(|(own, _)| *own == "http2.type").count(), 4_000);
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
}

#[test]
fn where_segments_end_changes_nothing() {
    let names = names();
    let mut random = Random::new(4);
    let requests = b"POST /a?b=c&d HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5;e\r\nhello\r\n\
        1\r\n\n\r\n0\r\nT: u\r\n\r\nGET / HTTP/1.1\r\nCookie: a=b; c=d\r\nX:  y \r\n z\r\n\r\n\
        PUT /l HTTP/1.1\r\nContent-Length: 10\r\n\r\n0123456789HEAD / HTTP/1.0\r\n\r\n";
    let whole = said(&follow(&segments(requests, || 1_400), &names));
    let count = |name: &str| whole.iter().filter(|(own, _)| *own == name).count();
    assert_eq!((count("http.request.method"), count("http.chunk_size"), count("http.file_data")), (4, 3, 2));
    for round in 0..300 {
        let most = if round == 0 { 1 } else { 1 + random.below(60) };
        let mut frames = segments(requests, || 1 + random.below(most));
        assert_eq!(said(&follow(&frames, &names)), whole, "{most}");
        // In any order, the first of them apart, and some twice.
        for _ in 0..frames.len() {
            let (one, other) = (1 + random.below(frames.len() - 1), 1 + random.below(frames.len() - 1));
            frames.swap(one, other);
            if random.below(4) == 0 {
                frames.push(frames[one].clone());
            }
        }
        assert_eq!(said(&follow(&frames, &names)), whole, "{most} in disorder");
    }
}

#[test]
fn streams_without_end_stay_within_bounds() {
    let names = names();
    let started = std::time::Instant::now();
    // A header that never ends, chunks that never end, a length that nobody can keep, a gap that nothing fills.
    let endless = |start: &str, more: &str| {
        let bytes = [start.as_bytes(), &more.as_bytes().repeat(2_000_000 / more.len())].concat();
        let told = follow(&segments(&bytes, || 1_400), &names);
        told.iter().filter(|told| told.protocol != "TCP").count()
    };
    assert_eq!(endless("GET / HTTP/1.1\r\n", "A: b\r\n"), 0);
    assert_eq!(endless("GET / HTTP/1.1\r\n", "x"), 0);
    assert_eq!(endless("GET ", "x"), 0);
    assert_eq!(endless("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n"), 0);
    assert_eq!(endless("GET / HTTP/1.1\r\nContent-Length: 18446744073709551615\r\n\r\n", "x"), 1);
    // A body too long to collect: its head is shown at once, and what follows it is found again.
    let request = "GET / HTTP/1.1\r\n\r\n";
    let skipped = endless("GET / HTTP/1.1\r\nContent-Length: 1499994\r\n\r\n", request);
    assert!((355..=362).contains(&skipped), "{skipped}");
    let mut gap = segments(&[b'x'; 1_000_000], || 1_000);
    gap.remove(1);
    assert!(follow(&gap, &names).iter().all(|told| told.protocol == "TCP"));
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
}
