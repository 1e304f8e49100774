//! The recorder's thread: puts events in order of time, numbers them, hands them on in batches.

use super::{Item, Shared};
use api::run::FromRun;
use api::trace::{Body, Event};
use std::sync::PoisonError;
use std::sync::atomic::Ordering::{AcqRel, Acquire};
use std::time::Duration;

/// How long events are collected before they are handed on.
const BATCH: Duration = Duration::from_millis(3);
/// Observers stamp an event before they record it; this is how far out of order that may put two threads.
const REORDER_NS: u64 = 4_000_000;
/// Largest batch, so that a message to the server stays small.
const BATCH_EVENTS: usize = 1_000;
const BATCH_BYTES: usize = 256 * 1024;

pub(super) fn run(shared: &Shared, mut sink: impl FnMut(FromRun)) {
    // Ends also if the sink panics: nobody may wait for this thread any more.
    let _ended = Ended(shared);
    let mut held: Vec<Item> = Vec::new();
    let mut sequence = 0;
    loop {
        let mut queue = shared.queue();
        let urgent = |queue: &super::Queue| queue.closing || queue.asked > queue.done;
        let idle = |queue: &super::Queue| {
            queue.items.is_empty() && queue.hosts.is_empty() && !shared.lost.load(Acquire) && !urgent(queue)
        };
        while held.is_empty() && idle(&queue) {
            queue = shared.came.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        if !urgent(&queue) {
            queue = shared
                .came
                .wait_timeout_while(queue, BATCH, |queue| {
                    !urgent(queue) && queue.items.len() < super::QUEUE / 2
                })
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        let hosts = std::mem::take(&mut queue.hosts);
        held.append(&mut queue.items);
        let asked = queue.asked;
        let closing = queue.closing;
        let all = urgent(&queue);
        drop(queue);

        for info in hosts {
            sink(FromRun::Host { info });
        }
        held.sort_by_key(|item| item.time);
        let until = if all { u64::MAX } else { shared.elapsed_ns().saturating_sub(REORDER_NS) };
        let ready = held.partition_point(|item| item.time <= until);
        emit(held.drain(..ready), &mut sequence, &mut sink);
        if shared.lost.swap(false, AcqRel) && !closing {
            sink(FromRun::LeftOut { so_far: shared.budget.left_out() });
        }

        shared.queue().done = asked;
        shared.written.notify_all();
        if closing {
            return;
        }
    }
}

fn emit(items: impl Iterator<Item = Item>, sequence: &mut u32, sink: &mut impl FnMut(FromRun)) {
    let mut events = Vec::new();
    let mut bytes = 0;
    for Item { time, body } in items {
        if let Body::Frame(frame) = &body {
            bytes += frame.bytes.len();
        }
        events.push(Event { seq: *sequence, time, body });
        *sequence += 1;
        if events.len() >= BATCH_EVENTS || bytes >= BATCH_BYTES {
            sink(FromRun::Events { events: std::mem::take(&mut events) });
            bytes = 0;
        }
    }
    if !events.is_empty() {
        sink(FromRun::Events { events });
    }
}

struct Ended<'a>(&'a Shared);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        let mut queue = self.0.queue();
        queue.closing = true;
        queue.items = Vec::new();
        drop(queue);
        self.0.written.notify_all();
    }
}
