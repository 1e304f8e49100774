//! What a lab says about its bytes, for the dissector.

use dissect::{Dissector, Hints};

/// The same in the dissector's words.
pub(crate) fn hints(lab: &api::lab::Hints) -> Hints {
    Hints { ports: lab.ports.clone(), descriptors: lab.descriptors.clone() }
}

/// One that knows every protocol there is, and what the lab knows.
pub(crate) fn dissector(hints: Hints) -> Dissector {
    Dissector::new(hints, dissect::all())
}
