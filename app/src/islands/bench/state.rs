//! What all views of one bench share: the trace, one time cursor, one selection.

use super::compare::state::Compared;
use super::metrics::bars::Statistic;
use super::model::{Model, is_shown};
use super::panel::Panel;
use super::segments::Segments;
use super::source::Source;
use crate::known;
use api::lab::LabInfo;
use dissect::Decoders;
use leptos::prelude::*;

/// Where the trace on show comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// Nothing yet: the static page is shown.
    #[default]
    Nothing,
    /// The real default run that the server recorded at its first start.
    Recording,
    /// A saved trace, by its id.
    Saved(String),
    /// A run the reader started on this page.
    Live,
}

/// Shared state of one bench. `Copy`: hand it to views by value.
#[derive(Clone, Copy)]
pub struct Bench {
    /// Unique on the page; prefix of all element ids and key in the address.
    pub name: StoredValue<String>,
    pub info: StoredValue<LabInfo>,
    /// Read with `.with()`. Notified at most once per animation frame while events stream in.
    pub model: RwSignal<Model>,
    pub origin: RwSignal<Origin>,
    /// The shared time cursor, nanoseconds since the start of the run. Events up to it are past.
    pub cursor: RwSignal<u64>,
    /// Sequence number of the selected event.
    pub selected: RwSignal<Option<u32>>,
    /// Frame, first bit, bit after the last: what is highlighted in both field tree and hex.
    pub selected_bytes: RwSignal<Option<(u32, u32, u32)>>,
    /// Show the events of crates, not only the lab's own.
    pub show_crates: RwSignal<bool>,
    /// The cursor stays at the newest event while a run streams in.
    pub follow: RwSignal<bool>,
    pub playing: RwSignal<bool>,
    /// The reader asked the system for less motion: nothing may move by itself.
    pub still: RwSignal<bool>,
    /// The lab's source file, once it is here.
    pub source: RwSignal<Option<Source>>,
    /// The reader did something with this bench: the page's address tells its state.
    pub touched: RwSignal<bool>,
    /// The view the reader chose last.
    pub(crate) view: RwSignal<Option<Panel>>,
    /// The chart shows bars of this; `None`: curves.
    pub(crate) bars: RwSignal<Option<Statistic>>,
    /// What the trace is compared with.
    pub(crate) compared: Compared,
    segments: StoredValue<Segments>,
    /// The frames were told anew by decoders that came late.
    pub(crate) told_anew: RwSignal<bool>,
}

impl Bench {
    #[must_use]
    pub fn new(name: String, info: LabInfo) -> Self {
        let model = RwSignal::new(Model::default());
        let segments = StoredValue::new(Segments::new(known::hints(&info.hints), Decoders::core()));
        Self {
            name: StoredValue::new(name),
            info: StoredValue::new(info),
            model,
            origin: RwSignal::new(Origin::Nothing),
            cursor: RwSignal::new(0),
            selected: RwSignal::new(None),
            selected_bytes: RwSignal::new(None),
            show_crates: RwSignal::new(false),
            follow: RwSignal::new(true),
            playing: RwSignal::new(false),
            still: RwSignal::new(false),
            source: RwSignal::new(None),
            touched: RwSignal::new(false),
            view: RwSignal::new(None),
            bars: RwSignal::new(None),
            compared: Compared::new(),
            segments,
            told_anew: RwSignal::new(false),
        }
    }

    /// An element id that no other bench on the page has.
    #[must_use]
    pub fn id(self, part: &str) -> String {
        self.name.with_value(|name| format!("bench-{name}-{part}"))
    }

    /// The words for each frame of `model` (the bench's own), made when first asked for and kept for all views.
    pub(crate) fn with_segments<T>(self, model: &Model, f: impl FnOnce(&Segments) -> T) -> T {
        let mut segments = self.segments.write_value();
        segments.update(model);
        f(&segments)
    }

    /// Tells all frames anew by these decoders. Nothing if the bench is gone by now.
    pub(crate) fn know(self, decoders: Decoders) {
        if self.segments.try_update_value(|segments| segments.know(decoders)).is_some() {
            self.told_anew.set(true);
            self.model.notify();
        }
    }

    /// Selects an event and moves the cursor to it. The reader did this, so following ends.
    pub fn select(self, seq: u32) {
        let time = self.model.with_untracked(|model| model.event(seq).map(|event| event.time));
        if let Some(time) = time {
            self.taken_over();
            self.selected_bytes.set(None);
            self.selected.set(Some(seq));
            self.cursor.set(time);
        }
    }

    /// Moves the cursor to a time and drops the selection.
    pub fn seek(self, time: u64) {
        self.taken_over();
        self.selected.set(None);
        self.selected_bytes.set(None);
        self.cursor.set(time);
    }

    /// The reader moves the cursor from now on.
    fn taken_over(self) {
        self.follow.set(false);
        if !self.touched.get_untracked() {
            self.touched.set(true);
        }
    }

    /// Selects the next or previous event that is shown; from the untouched end of a trace, the first.
    /// False at the end of the trace.
    pub fn step(self, forward: bool) -> bool {
        let (from, time) = (self.selected.get_untracked(), self.cursor.get_untracked());
        let whole = self.model.with_untracked(|model| model.outcome.is_some() && time >= model.end);
        if forward && from.is_none() && whole {
            self.jump(false);
            return true;
        }
        let crates = self.show_crates.get_untracked();
        let next = self.model.with_untracked(|model| model.neighbour(from, time, forward, crates));
        if let Some(seq) = next {
            self.select(seq);
        }
        next.is_some()
    }

    /// Selects the first or the last event that is shown.
    pub fn jump(self, to_end: bool) {
        let crates = self.show_crates.get_untracked();
        let seq = self.model.with_untracked(|model| {
            let mut shown = model.events.iter().filter(|event| is_shown(event, crates));
            if to_end { shown.next_back() } else { shown.next() }.map(|event| event.seq)
        });
        if let Some(seq) = seq {
            self.select(seq);
        }
    }
}
