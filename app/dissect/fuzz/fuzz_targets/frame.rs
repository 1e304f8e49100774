//! Frames one after the other (each preceded by its length in two bytes): dissected alone, and followed as a capture.
//! What does not begin with an Ethernet header of IPv4 is the payload of the next segment of a stream, so that messages
//! are found soon.

#![no_main]

use dissect::{Dissector, Field, Hints, Part, dissect};
use libfuzzer_sys::fuzz_target;

const DESCRIPTORS: &[u8] = include_bytes!("../../tests/captures/greeter.binpb");

fuzz_target!(|input: &[u8]| {
    // The first byte says whether the ports speak what the first bytes tell, HTTP/2, or WebSocket from the start.
    let [told, input @ ..] = input else { return };
    let mut hints = Hints { descriptors: DESCRIPTORS.to_vec(), ..Hints::default() };
    match told & 3 {
        0 => hints.ports.push((80, "http2".to_owned())),
        1 => hints.ports.push((80, "websocket".to_owned())),
        _ => {}
    }
    let mut dissector = Dissector::new(hints, dissect::all());
    let mut lengths = Vec::new();
    let mut next = [1_u32, 1];
    let mut rest = input;
    while let [high, low, frames @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high & 0x7f, *low])).min(frames.len());
        let (given, following) = frames.split_at(length);
        rest = following;
        let frame = if given.get(12..14) == Some(&[8, 0]) {
            given.to_vec()
        } else {
            segment(usize::from(*high >> 7), &mut next, given)
        };
        let alone = dissect(&frame, &Hints::default());
        alone.layers.iter().flat_map(|layer| &layer.fields).for_each(|field| within(field, frame.len() * 8));
        lengths.push(frame.len() * 8);
        let number = u32::try_from(lengths.len()).unwrap();
        let followed = dissector.push(number, u64::from(number) * 1_000_000, &frame);
        for layer in &followed.dissection.layers {
            assert!(layer.start <= layer.end && layer.end as usize <= frame.len());
            layer.parts.iter().for_each(|part| known(part, &lengths));
            for field in &layer.fields {
                within(field, frame.len() * 8);
                parts(field, &lengths);
            }
        }
        if let Some(segment) = followed.segment {
            let _ = segment.summary();
        }
    }
});

/// The next segment of one direction, or, with a first byte of 0, one that goes back or ahead a little.
fn segment(from: usize, next: &mut [u32; 2], data: &[u8]) -> Vec<u8> {
    let (data, shift) = match data {
        [0, shift, data @ ..] => (data, i32::from(shift.cast_signed())),
        data => (data, 0),
    };
    let mut frame = vec![2; 12];
    frame.extend([8, 0, 0x45, 0]);
    frame.extend(u16::try_from(40 + data.len()).unwrap_or(u16::MAX).to_be_bytes());
    frame.extend([0, 0, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1 + from as u8, 10, 0, 0, 2 - from as u8]);
    frame.extend(if from == 0 { [0x9c, 0x40, 0, 80] } else { [0, 80, 0x9c, 0x40] });
    frame.extend(next[from].wrapping_add_signed(shift).to_be_bytes());
    frame.extend([0, 0, 0, 1, 0x50, 0x18, 0xfa, 0, 0, 0, 0, 0]);
    frame.extend(data);
    if shift == 0 {
        next[from] = next[from].wrapping_add(data.len() as u32);
    }
    frame
}

fn within(field: &Field, bits: usize) {
    assert!(field.start_bit <= field.end_bit && field.end_bit as usize <= bits);
    field.children.iter().for_each(|child| within(child, bits));
}

fn parts(field: &Field, lengths: &[usize]) {
    field.parts.iter().for_each(|part| known(part, lengths));
    field.children.iter().for_each(|child| parts(child, lengths));
}

fn known(part: &Part, lengths: &[usize]) {
    assert!(part.start_bit <= part.end_bit && part.end_bit as usize <= lengths[part.frame as usize - 1]);
}
