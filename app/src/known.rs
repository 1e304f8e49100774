//! What a lab says about its bytes, for the dissector.

use api::trace::{Body, Event};
use dissect::{Dissector, Hints};

/// The same in the dissector's words.
pub(crate) fn hints(lab: &api::lab::Hints) -> Hints {
    Hints { ports: lab.ports.clone(), descriptors: lab.descriptors.clone() }
}

/// One that knows every protocol there is, and what the lab knows.
pub(crate) fn dissector(hints: Hints) -> Dissector {
    Dissector::new(hints, dissect::all())
}

/// The same, with all secrets that the run wrote down, whenever it did.
pub(crate) fn dissector_of(events: &[Event], hints: Hints) -> Dissector {
    let mut dissector = dissector(hints);
    for event in events {
        if let Body::Secret(secret) = &event.body {
            dissector.secret(&secret.line);
        }
    }
    dissector
}
