//! Waiting in the browser, and growing pauses between attempts at what the network refuses.

use futures::channel::oneshot;
use leptos::prelude::*;
use std::time::Duration;

/// Milliseconds before the second attempt; each further pause is twice as long, up to [`LONGEST`].
const FIRST: u64 = 400;
const LONGEST: u64 = 12_000;

/// Jittered, so that a class of readers does not come back at the same moment.
#[derive(Debug)]
pub(crate) struct Pauses {
    next: u64,
}

impl Default for Pauses {
    fn default() -> Self {
        Self { next: FIRST }
    }
}

impl Pauses {
    /// Waits before the next attempt: half to one and a half of the pause.
    pub(crate) async fn wait(&mut self) {
        let jittered = self.next as f64 * (0.5 + js_sys::Math::random());
        self.next = (self.next * 2).min(LONGEST);
        sleep(Duration::from_millis(jittered as u64)).await;
    }
}

/// Completes after a while.
pub(crate) async fn sleep(time: Duration) {
    let (wake, woken) = oneshot::channel();
    let wake = move || {
        // Nobody may wait any more.
        let _ = wake.send(());
    };
    set_timeout(wake, time);
    let _ = woken.await;
}
