//! One run as one socket follows it: a place in the run's log, moved on as fast as the reader takes it.

use std::sync::Arc;
use std::time::Duration;

use api::live::ServerMessage;
use axum::extract::ws::Utf8Bytes;
use tokio::sync::watch;

use crate::runs::{Entry, Phase, Progress, Run};

/// A reader with less than this ahead is never thinned: it will catch up soon.
const THIN_BYTES: u64 = 256 << 10;

pub(super) struct Watched {
    pub(super) run: Arc<Run>,
    progress: watch::Receiver<Progress>,
    /// What the page calls the run until it knows its id; `None` for those who resume.
    request: Option<u32>,
    /// Events up to here are known to the page.
    after_seq: Option<u32>,
    /// Number of the next log entry to look at.
    next: u32,
    /// Entries from here on came while this socket watched.
    live_from: u32,
    position: Option<u32>,
    started: bool,
    /// For how long sending has held us up since the socket last had everything.
    held_up: Duration,
}

/// What [`Watched::next`] found.
pub(super) enum Next {
    Message(Utf8Bytes),
    /// Nothing for now; wait for [`Watched::changed`].
    Nothing,
    /// Everything was sent, the run is over.
    Over,
}

impl Watched {
    /// The run this socket has started.
    pub(super) fn started_here(run: Arc<Run>, progress: watch::Receiver<Progress>, request: u32) -> Self {
        Self::new(run, progress, Some(request), None)
    }

    /// A run that goes on already, from the event after `after_seq`.
    pub(super) fn resumed(run: Arc<Run>, after_seq: Option<u32>) -> Self {
        let progress = run.watch();
        Self::new(run, progress, None, after_seq)
    }

    fn new(
        run: Arc<Run>,
        progress: watch::Receiver<Progress>,
        request: Option<u32>,
        after_seq: Option<u32>,
    ) -> Self {
        let live_from = progress.borrow().entries;
        Self {
            run,
            progress,
            request,
            after_seq,
            next: 0,
            live_from,
            position: None,
            started: false,
            held_up: Duration::ZERO,
        }
    }

    /// The next message for the reader, if there is one.
    pub(super) fn next(&mut self, most_lag: Duration) -> Next {
        let progress = *self.progress.borrow_and_update();
        if let Phase::Queued(position) = progress.phase
            && self.position != Some(position)
        {
            self.position = Some(position);
            let request = self.request.unwrap_or_default();
            let run = self.run.id.clone();
            return self.message(&ServerMessage::Queued { request, run, position });
        }
        if !self.started
            && let Some(message) = self.started_message()
        {
            self.started = true;
            return self.message(&message);
        }
        if let Some(message) = self.thin(most_lag) {
            return self.message(&message);
        }
        while let Some(entry) = self.run.entries(self.next, 1).pop() {
            let number = self.next;
            self.next += 1;
            if let Some(text) = self.wanted(number, entry) {
                return Next::Message(text);
            }
        }
        self.held_up = Duration::ZERO;
        if progress.phase == Phase::Finished && self.next >= progress.entries {
            return Next::Over;
        }
        Next::Nothing
    }

    /// Sending the last message took so long.
    pub(super) fn took(&mut self, time: Duration) {
        self.held_up += time;
    }

    /// Returns when [`Watched::next`] may find something new.
    pub(super) async fn changed(&mut self) {
        if self.progress.changed().await.is_err() {
            // The run holds the sender and we hold the run: this cannot be.
            std::future::pending::<()>().await;
        }
    }

    fn started_message(&self) -> Option<ServerMessage> {
        let started = self.run.started()?;
        let spec = &self.run.spec;
        Some(ServerMessage::Started {
            request: self.request,
            run: self.run.id.clone(),
            lab: spec.lab.clone(),
            params: spec.params.clone(),
            lines: spec.lines.clone(),
            seed: spec.seed,
            tier: started.tier.clone(),
            started_at_ms: started.at_ms,
        })
    }

    /// Skips the events this reader is too slow for. Hosts and the end are never skipped.
    fn thin(&mut self, most_lag: Duration) -> Option<ServerMessage> {
        if self.held_up <= most_lag || self.run.behind(self.next).0 < THIN_BYTES {
            return None;
        }
        self.held_up = Duration::ZERO;
        let mut events = 0;
        while let Some(Entry::Events { count, .. }) = self.run.entries(self.next, 1).first() {
            events += count;
            self.next += 1;
        }
        (events > 0).then(|| ServerMessage::Thinned { run: self.run.id.clone(), events })
    }

    /// The text of an entry, less what the page has already.
    fn wanted(&self, number: u32, entry: Entry) -> Option<Utf8Bytes> {
        match (entry, self.after_seq) {
            (Entry::Refused(_), _) if number < self.live_from => None,
            (Entry::Events { last, .. }, Some(after)) if last <= after => None,
            (Entry::Events { first, text, .. }, Some(after)) if first <= after => rest(&text, after),
            (entry, _) => Some(entry.text().clone()),
        }
    }

    fn message(&self, message: &ServerMessage) -> Next {
        crate::runs::text(message).map_or(Next::Nothing, Next::Message)
    }
}

/// The events of a message that come after `after`.
fn rest(text: &Utf8Bytes, after: u32) -> Option<Utf8Bytes> {
    let Ok(ServerMessage::Events { run, mut events }) = serde_json::from_str(text.as_str()) else {
        return None;
    };
    events.retain(|event| event.seq > after);
    crate::runs::text(&ServerMessage::Events { run, events })
}
