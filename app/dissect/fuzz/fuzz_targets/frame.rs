//! Frames one after the other (each preceded by its length in two bytes): dissected, and followed as conversations.

#![no_main]

use dissect::{Conversations, Field, Hints, dissect};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let mut conversations = Conversations::new();
    let mut rest = input;
    let mut time = 0;
    while let [high, low, frames @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(frames.len());
        let (frame, following) = frames.split_at(length);
        rest = following;
        let dissection = dissect(frame, &Hints::default());
        for layer in &dissection.layers {
            assert!(layer.start <= layer.end && layer.end as usize <= frame.len());
            layer.fields.iter().for_each(|field| within(field, frame.len() * 8));
        }
        time += 1_000_000;
        if let Some(segment) = conversations.push(time, &dissection) {
            let _ = segment.summary();
        }
    }
});

fn within(field: &Field, bits: usize) {
    assert!(field.start_bit <= field.end_bit && field.end_bit as usize <= bits);
    field.children.iter().for_each(|child| within(child, bits));
}
