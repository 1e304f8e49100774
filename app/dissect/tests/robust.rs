//! Any bytes are fine: no panic, and every range lies within the frame.

mod support;

use dissect::{Conversations, Dissection, Field, Hints, dissect};
use std::collections::HashSet;
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
