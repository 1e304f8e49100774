//! What a run has reported so far: messages for readers, serialized once for all of them.

use api::live::ServerMessage;
use api::run::Outcome;
use api::trace::{Body, Event, HostInfo, LeftOut, Lifecycle};
use axum::extract::ws::Utf8Bytes;

/// Bytes of JSON kept for one run; what comes after is counted in `left_out`.
const MAX_BYTES: u64 = 48 << 20;
/// Refused inputs and line changes kept; more come only from a reader who hammers.
const MAX_REFUSALS: u32 = 200;
/// Events in one message: a reader who is slow waits for at most one such message.
const EVENTS_A_MESSAGE: usize = 256;

/// One message of the log.
#[derive(Clone, Debug)]
pub enum Entry {
    Host(Utf8Bytes),
    Events {
        /// `seq` of the first and the last of them.
        first: u32,
        last: u32,
        count: u32,
        text: Utf8Bytes,
    },
    /// An input or a line change had no effect. Of no interest to those who resume.
    Refused(Utf8Bytes),
    /// Always the last.
    Finished(Utf8Bytes),
}

impl Entry {
    #[must_use]
    pub fn text(&self) -> &Utf8Bytes {
        match self {
            Self::Host(text) | Self::Events { text, .. } | Self::Refused(text) | Self::Finished(text) => text,
        }
    }
}

/// Append-only and bounded.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) entries: Vec<Entry>,
    pub(super) hosts: Vec<HostInfo>,
    /// What did not fit in here; what the run itself left out comes with its last message.
    pub(super) left_out: LeftOut,
    pub(super) bytes: u64,
    refusals: u32,
}

impl Log {
    pub(super) fn host(&mut self, run: &str, info: HostInfo) {
        self.hosts.push(info.clone());
        if let Some(text) = text(&ServerMessage::Host { run: run.into(), info }) {
            self.push(Entry::Host(text));
        }
    }

    /// Events in order of `seq`.
    pub(super) fn events(&mut self, run: &str, mut events: Vec<Event>) {
        while !events.is_empty() {
            let rest = events.split_off(events.len().min(EVENTS_A_MESSAGE));
            let batch = std::mem::replace(&mut events, rest);
            let (Some(first), Some(last)) = (batch.first(), batch.last()) else { return };
            let (first, last) = (first.seq, last.seq);
            let count = u32::try_from(batch.len()).unwrap_or(u32::MAX);
            if self.bytes >= MAX_BYTES {
                leave_out(&mut self.left_out, &batch);
                continue;
            }
            if let Some(text) = text(&ServerMessage::Events { run: run.into(), events: batch }) {
                self.push(Entry::Events { first, last, count, text });
            }
        }
    }

    pub(super) fn refused(&mut self, run: &str, field: String, message: String) {
        if self.refusals >= MAX_REFUSALS {
            return;
        }
        self.refusals += 1;
        let message = ServerMessage::Error { request: None, run: Some(run.into()), field, message };
        if let Some(text) = text(&message) {
            self.push(Entry::Refused(text));
        }
    }

    pub(super) fn finished(&mut self, run: &str, outcome: Outcome, left_out: LeftOut, trace: Option<String>) {
        if let Some(text) = text(&ServerMessage::Finished { run: run.into(), outcome, left_out, trace }) {
            self.push(Entry::Finished(text));
        }
    }

    fn push(&mut self, entry: Entry) {
        self.bytes += entry.text().len() as u64;
        self.entries.push(entry);
    }
}

/// Our own types always serialize; should one not, the log says so and goes on.
pub(crate) fn text(message: &impl serde::Serialize) -> Option<Utf8Bytes> {
    match serde_json::to_string(message) {
        Ok(text) => Some(text.into()),
        Err(error) => {
            tracing::error!(%error, "a message could not be serialized");
            None
        }
    }
}

fn leave_out(left_out: &mut LeftOut, events: &[Event]) {
    for event in events {
        match &event.body {
            Body::Frame(frame) => {
                left_out.frames += 1;
                left_out.frame_bytes += u64::from(frame.length);
            }
            Body::Kernel(_) => left_out.kernel_events += 1,
            Body::Lifecycle(Lifecycle::Sampled { .. }) => left_out.samples += 1,
            Body::Code(_)
            | Body::Delivery(_)
            | Body::Lifecycle(_)
            | Body::Signal(_)
            | Body::Message(_)
            | Body::Secret(_) => {
                left_out.code_events += 1;
            }
        }
    }
}
