//! The reader's run: asks for it, takes in what the server says, hands it to the views once per animation frame.

use super::model::Model;
use super::settings::{Choice, Settings};
use super::state::{Bench, Origin};
use super::{live, load};
use crate::islands::progress::storage;
use api::line::Line;
use api::live::{ClientMessage, ServerMessage};
use api::run::{Outcome, Tier, TierReport};
use api::trace::Event;
use leptos::prelude::*;
use std::collections::BTreeMap;

/// How far the run is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    #[default]
    Idle,
    /// Asked for; no answer yet.
    Asked,
    /// So many runs are ahead.
    Queued(u32),
    Running,
    /// The reader pressed stop; the rest is on its way.
    Stopping,
}

/// The run of one bench.
#[derive(Clone, Copy)]
pub(crate) struct Run {
    bench: Bench,
    settings: Settings,
    pub(crate) phase: RwSignal<Phase>,
    /// A sentence for the reader that belongs to no field.
    pub(crate) complaint: RwSignal<Option<String>>,
    /// What this machine permits.
    pub(crate) tier: RwSignal<Option<TierReport>>,
    /// What the trace on show was made with.
    pub(crate) made_with: RwSignal<Option<Choice>>,
    /// Request number and run id.
    request: StoredValue<Option<u32>>,
    id: StoredValue<Option<String>>,
    /// Events that wait for the next animation frame.
    waiting: StoredValue<Vec<Event>>,
}

impl Run {
    pub(crate) fn new(bench: Bench, settings: Settings, tier: Option<TierReport>) -> Self {
        Self {
            bench,
            settings,
            phase: RwSignal::new(Phase::Idle),
            complaint: RwSignal::new(None),
            tier: RwSignal::new(tier),
            made_with: RwSignal::new(None),
            request: StoredValue::new(None),
            id: StoredValue::new(None),
            waiting: StoredValue::new(Vec::new()),
        }
    }

    /// Starts a run with what the form says. Nothing happens while the form has mistakes.
    pub(crate) fn start(self) {
        let Some(choice) = self.settings.choice() else {
            self.complaint.set(Some("有的参数填得不对，请先改正标出的项。".into()));
            return;
        };
        self.forget();
        self.settings.refused.update(BTreeMap::clear);
        self.complaint.set(None);
        self.phase.set(Phase::Asked);
        self.bench.touched.set(true);
        let lab = self.bench.info.with_value(|info| info.slug.clone());
        let receive = move |message| self.receive(message);
        let request = live::start(
            |request| ClientMessage::Start {
                request,
                lab,
                params: serde_json::Value::Object(choice.params),
                lines: Some(turned(choice.lines)),
                seed: choice.seed,
                congestion: choice.congestion,
            },
            receive,
        );
        self.request.set_value(Some(request));
    }

    /// Asks the server to end the run.
    pub(crate) fn stop(self) {
        match self.id.get_value() {
            Some(run) => {
                live::send(&ClientMessage::Stop { run });
                self.phase.set(Phase::Stopping);
            }
            None => {
                self.forget();
                self.phase.set(Phase::Idle);
            }
        }
    }

    /// A line the reader typed.
    pub(crate) fn input(self, text: String) {
        if let Some(run) = self.id.get_value() {
            live::send(&ClientMessage::Input { run, text });
        }
    }

    /// A knob turned while the run goes on.
    pub(crate) fn change_line(self, host: &str, line: Line) {
        if self.phase.get_untracked() == Phase::Running
            && let Some(run) = self.id.get_value()
        {
            live::send(&ClientMessage::Line { run, host: host.to_owned(), line });
        }
    }

    /// The bench goes, or another run begins.
    pub(crate) fn forget(self) {
        if let Some(request) = self.request.get_value() {
            live::forget(request);
        }
        self.request.set_value(None);
        self.id.set_value(None);
        self.waiting.set_value(Vec::new());
    }

    fn receive(self, message: ServerMessage) {
        match message {
            ServerMessage::Hello { tier, .. } => self.tier.set(Some(tier)),
            ServerMessage::Queued { run, position, .. } => {
                self.id.set_value(Some(run));
                self.phase.set(Phase::Queued(position));
            }
            ServerMessage::Started { run, params, lines, seed, tier, .. } => {
                self.started(run, tier.tier);
                self.tier.set(Some(tier));
                let params = params.as_object().cloned().unwrap_or_default();
                let congestion = self.settings.congestion.get_untracked();
                self.made_with.set(Some(Choice { params, lines, seed: Some(seed), congestion }));
            }
            ServerMessage::Host { info, .. } => self.bench.model.update(|model| {
                if !model.hosts.iter().any(|host| host.name == info.name) {
                    model.hosts.push(info);
                }
            }),
            ServerMessage::Events { events, .. } => self.wait(events),
            ServerMessage::Thinned { events, .. } => {
                self.bench.model.update(|model| model.thinned = model.thinned.saturating_add(events));
            }
            ServerMessage::Finished { outcome, left_out, trace, .. } => {
                self.flush();
                if outcome == Outcome::Completed {
                    let lab = self.bench.info.with_value(|info| info.slug.clone());
                    storage::update(|record| record.ran(&lab));
                }
                let thinned = self.bench.model.with_untracked(|model| model.thinned > 0);
                self.bench.model.update(|model| {
                    model.outcome = Some(outcome);
                    model.left_out = left_out;
                    model.trace_id.clone_from(&trace);
                });
                self.end();
                if let (true, Some(id)) = (thinned, trace) {
                    leptos::task::spawn_local(load::complete(self.bench, id));
                }
            }
            ServerMessage::Error { field, message, .. } => self.refused(&field, message),
        }
    }

    fn started(self, run: String, tier: Tier) {
        let underway = matches!(self.phase.get_untracked(), Phase::Running | Phase::Stopping);
        let resumed = underway && self.id.get_value().as_ref() == Some(&run);
        if resumed {
            return;
        }
        self.id.set_value(Some(run));
        self.phase.set(Phase::Running);
        let bench = self.bench;
        bench.playing.set(false);
        bench.selected.set(None);
        bench.selected_bytes.set(None);
        bench.cursor.set(0);
        bench.follow.set(true);
        bench.model.with_untracked(|model| bench.compared.keep(model));
        bench.model.set(Model::of_new_run(tier));
        bench.origin.set(Origin::Live);
    }

    fn refused(self, field: &str, message: String) {
        let known = field.starts_with("params.") || field.starts_with("lines.");
        if known {
            self.settings.refused.update(|refused| drop(refused.insert(field.to_owned(), message.clone())));
        }
        let broken = self.phase.get_untracked() == Phase::Asked || field == "run";
        self.complaint.set(Some(message.clone()));
        if broken {
            // Either the start was refused or the server no longer knows the run.
            if field == "run" {
                self.flush();
                let outcome = Outcome::Broken { message };
                self.bench.model.update(|model| {
                    model.outcome.get_or_insert(outcome);
                });
            }
            self.end();
        }
    }

    fn end(self) {
        self.phase.set(Phase::Idle);
        self.forget();
    }

    fn wait(self, events: Vec<Event>) {
        let first = self.waiting.try_update_value(|waiting| {
            let first = waiting.is_empty();
            waiting.extend(events);
            first
        });
        if first == Some(true) {
            request_animation_frame(move || self.flush());
        }
    }

    fn flush(self) {
        let events = self.waiting.try_update_value(std::mem::take).unwrap_or_default();
        if events.is_empty() {
            return;
        }
        self.bench.model.update(|model| model.apply(events));
        if self.bench.follow.get_untracked() {
            self.bench.cursor.set(self.bench.model.with_untracked(|model| model.end));
        }
    }
}

/// Without the hosts whose line is perfect, which is what an absent one means.
fn turned(mut lines: BTreeMap<String, Line>) -> BTreeMap<String, Line> {
    let perfect = Line::default();
    lines.retain(|_, line| *line != perfect);
    lines
}
