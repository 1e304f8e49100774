//! The clock of the playback: moves the cursor once per animation frame while playing.

use super::state::Bench;
use leptos::prelude::*;

/// Events per second at speed 1× when playing event by event.
const EVENTS_PER_SECOND: f64 = 3.0;

/// What the clock counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Every event takes the same time.
    Events,
    /// The run's own time.
    Time,
}

/// Plays while `bench.playing` is true. `speed` in thousandths.
pub(crate) fn install(bench: Bench, pace: RwSignal<Pace>, speed: RwSignal<u32>) {
    Effect::new(move |_| {
        if bench.playing.get() {
            let clock = Clock { bench, pace, speed, last: None, rest: 0.0 };
            request_animation_frame(move || clock.tick());
        }
    });
}

/// Starts or pauses; from the end it begins again.
pub(crate) fn toggle(bench: Bench) {
    if bench.playing.get_untracked() {
        bench.playing.set(false);
        return;
    }
    let end = bench.model.with_untracked(|model| model.end);
    if bench.cursor.get_untracked() >= end {
        bench.seek(0);
    }
    bench.follow.set(false);
    bench.playing.set(true);
}

struct Clock {
    bench: Bench,
    pace: RwSignal<Pace>,
    speed: RwSignal<u32>,
    /// When the last animation frame was, milliseconds.
    last: Option<f64>,
    /// Parts of an event or of a nanosecond not yet played.
    rest: f64,
}

impl Clock {
    fn tick(mut self) {
        let bench = self.bench;
        if bench.playing.try_get_untracked() != Some(true) {
            return;
        }
        let now = window().performance().map_or(0.0, |clock| clock.now());
        // A page that was in the background does not catch up.
        let passed = self.last.map_or(0.0, |last| (now - last).clamp(0.0, 250.0));
        self.last = Some(now);
        let speed = f64::from(self.speed.try_get_untracked().unwrap_or(1_000)) / 1_000.0;
        let going = match self.pace.try_get_untracked() {
            Some(Pace::Time) => self.pass(passed * 1e6 * speed),
            _ => self.steps(passed / 1_000.0 * speed * EVENTS_PER_SECOND),
        };
        if going {
            request_animation_frame(move || self.tick());
        } else {
            bench.playing.set(false);
        }
    }

    /// Lets nanoseconds pass. False at the end.
    fn pass(&mut self, ns: f64) -> bool {
        let bench = self.bench;
        self.rest += ns;
        let whole = self.rest as u64;
        self.rest -= whole as f64;
        let (end, running) = bench.model.with_untracked(|model| (model.end, model.outcome.is_none()));
        let time = bench.cursor.get_untracked().saturating_add(whole).min(end);
        let playing = time < end || running;
        if time != bench.cursor.get_untracked() {
            bench.seek(time);
        }
        playing
    }

    /// Lets events pass. False at the end.
    fn steps(&mut self, events: f64) -> bool {
        self.rest += events;
        let whole = self.rest as u32;
        self.rest -= f64::from(whole);
        (0..whole).all(|_| self.bench.step(true))
            || self.bench.model.with_untracked(|model| model.outcome.is_none())
    }
}
