//! What is known about the bytes of a lab: by the lab itself, and by the decoders.

use crate::split::split_off;
#[cfg(feature = "ssr")]
use api::trace::{Body, Event};
use dissect::{Decoders, Hints};

/// What a lab says, in the dissector's words.
pub(crate) fn hints(lab: &api::lab::Hints) -> Hints {
    Hints { ports: lab.ports.clone(), descriptors: lab.descriptors.clone() }
}

split_off! {
    /// Every protocol there is. In the browser a part of the wasm of its own, because few traces need more than
    /// [`Decoders::core`]: nothing else there may name [`dissect::all`].
    pub(crate) fn decoders() -> Decoders {
        dissect::all()
    }
}

/// Takes the frames of a recording apart, all of it, with all secrets that the run wrote down, whenever it did.
#[cfg(feature = "ssr")]
pub(crate) fn dissector(events: &[Event], hints: Hints) -> dissect::Dissector {
    let mut dissector = dissect::Dissector::new(hints, dissect::all());
    for event in events {
        if let Body::Secret(secret) = &event.body {
            dissector.secret(&secret.line);
        }
    }
    dissector
}
