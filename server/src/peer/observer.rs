//! Who looks at a socket: events go into a bounded queue that the observer's own socket empties.

use std::collections::HashMap;
use std::panic::Location;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use api::peer::{Passed, Seen};
use api::trace::{Code, Level};
use tokio::sync::mpsc;

/// Events that may wait for one page.
pub(super) const WAITING: usize = 256;

/// Where a session puts what it does. Cheap to clone; costs nothing if nobody looks.
#[derive(Clone, Default)]
pub(super) struct Observer {
    queue: Option<Arc<Queue>>,
}

struct Queue {
    opened: Instant,
    sender: mpsc::Sender<Seen>,
    left_out: Arc<AtomicU32>,
}

impl Observer {
    pub(super) fn nobody() -> Self {
        Self::default()
    }

    /// The server's code did something; file and line are those of the caller. The words are only made if
    /// somebody looks.
    #[track_caller]
    pub(super) fn note(&self, level: Level, words: impl FnOnce() -> String) {
        self.put(level, None, words, Location::caller());
    }

    /// A data message passes now.
    #[track_caller]
    pub(super) fn passes(&self, passed: Passed, words: impl FnOnce() -> String) {
        self.put(Level::Info, Some(passed), words, Location::caller());
    }

    fn put(
        &self,
        level: Level,
        passed: Option<Passed>,
        words: impl FnOnce() -> String,
        place: &Location<'_>,
    ) {
        let Some(queue) = &self.queue else { return };
        let Ok(place_in_queue) = queue.sender.try_reserve() else {
            queue.left_out.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let code = Code {
            host: None,
            level,
            target: "server::peer".into(),
            file: Some(place.file().into()),
            line: Some(place.line()),
            message: words(),
            fields: Vec::new(),
            own: true,
        };
        place_in_queue.send(Seen { time: since(queue.opened), code, passed });
    }
}

/// The observers that are open, by id.
#[derive(Default)]
pub(super) struct Observers {
    by_id: Mutex<HashMap<String, Observer>>,
}

impl Observers {
    /// A new observer; it is known until the result is dropped.
    pub(super) fn open(&self) -> Registered<'_> {
        let (sender, events) = mpsc::channel(WAITING);
        let opened = Instant::now();
        let left_out = Arc::new(AtomicU32::new(0));
        let queue = Queue { opened, sender, left_out: Arc::clone(&left_out) };
        // Nobody can guess it: who knows it may report to this page.
        let id = format!("{:032x}", rand::random::<u128>());
        self.lock().insert(id.clone(), Observer { queue: Some(Arc::new(queue)) });
        Registered { observers: self, id, opened, left_out, events }
    }

    /// The observer with this id, or nobody.
    pub(super) fn find(&self, id: &str) -> Observer {
        self.lock().get(id).cloned().unwrap_or_default()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Observer>> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The receiving end of an observer.
pub(super) struct Registered<'a> {
    observers: &'a Observers,
    pub(super) id: String,
    opened: Instant,
    left_out: Arc<AtomicU32>,
    pub(super) events: mpsc::Receiver<Seen>,
}

impl Registered<'_> {
    /// Nanoseconds since it was opened.
    pub(super) fn now(&self) -> u64 {
        since(self.opened)
    }

    /// Events that found no place since the last question.
    pub(super) fn left_out(&self) -> u32 {
        self.left_out.swap(0, Ordering::Relaxed)
    }

    /// No new sockets: `events` ends once those that are observed now have ended.
    pub(super) fn retire(&self) {
        self.observers.lock().remove(&self.id);
    }
}

impl Drop for Registered<'_> {
    fn drop(&mut self) {
        self.retire();
    }
}

fn since(opened: Instant) -> u64 {
    u64::try_from(opened.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_finds_no_place_is_counted() {
        let observers = Observers::default();
        let mut registered = observers.open();
        let observer = observers.find(&registered.id);
        for number in 0..300 {
            observer.passes(Passed::Sent(number), || format!("第 {number} 条"));
        }
        assert_eq!(registered.left_out(), 300 - WAITING as u32);
        let first = registered.events.try_recv().unwrap();
        assert_eq!((first.passed, first.code.message.as_str()), (Some(Passed::Sent(0)), "第 0 条"));
        assert!(first.code.file.is_some_and(|file| file.ends_with("observer.rs")));
    }

    #[test]
    fn an_observer_is_known_while_its_page_is_there() {
        let observers = Observers::default();
        let id = observers.open().id.clone();
        assert!(observers.find(&id).queue.is_none());
        Observer::nobody().note(Level::Info, || unreachable!("nobody looks"));
    }
}
