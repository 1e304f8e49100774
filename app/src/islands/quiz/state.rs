//! What a question on the page knows of itself.

use super::observe::Undecided;
use crate::islands::bench::live;
use crate::islands::progress::storage;
use api::live::ClientMessage;
use api::quiz::{Answer, Form, Given, Question, Told, Verdict};
use leptos::prelude::*;

/// How far the reader is.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Phase {
    #[default]
    Open,
    /// Something is under way; what, for the reader.
    Busy(String),
    /// Not right yet, and perhaps how far from it.
    Wrong(String),
    /// It could not be judged, and why.
    Failed(String),
    Told(Outcome),
}

/// The end of a question.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outcome {
    /// Absent: the reader asked to be told, or nothing could decide.
    pub(crate) right: Option<bool>,
    pub(crate) told: Told,
    /// The run behind it.
    pub(crate) run: Option<Decided>,
}

/// A run that was to decide a prediction.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Decided {
    pub(crate) guess: f64,
    pub(crate) seen: Result<f64, Undecided>,
    /// Id of its trace.
    pub(crate) trace: String,
}

/// One question on the page. Copied freely.
#[derive(Clone, Copy)]
pub(crate) struct Quiz {
    pub(crate) question: StoredValue<Question>,
    pub(crate) phase: RwSignal<Phase>,
    /// Items as shown at first, in the order the reader has given them.
    pub(crate) order: RwSignal<Vec<u32>>,
    /// What moving an item has done, for listening readers.
    pub(crate) moved: RwSignal<String>,
    /// The wasm is here.
    pub(crate) ready: RwSignal<bool>,
    /// This device remembers a right answer.
    pub(crate) solved: RwSignal<bool>,
    /// The unfinished run of a prediction.
    pub(crate) request: StoredValue<Option<u32>>,
    /// And its name, once the server has said it.
    pub(crate) run: StoredValue<Option<String>>,
}

impl Quiz {
    pub(crate) fn new(question: Question) -> Self {
        let count = match &question.form {
            Form::Order { items } => u32::try_from(items.len()).unwrap_or(0),
            _ => 0,
        };
        Self {
            question: StoredValue::new(question),
            phase: RwSignal::new(Phase::Open),
            order: RwSignal::new((0..count).collect()),
            moved: RwSignal::new(String::new()),
            ready: RwSignal::new(false),
            solved: RwSignal::new(false),
            request: StoredValue::new(None),
            run: StoredValue::new(None),
        }
    }

    /// Where answers go.
    pub(crate) fn address(self) -> String {
        self.question.with_value(|question| format!("/quiz/{}/{}", question.chapter, question.id))
    }

    /// An element's id, unique on the page.
    pub(crate) fn id(self, part: &str) -> String {
        self.question.with_value(|question| format!("quiz-{}-{part}", question.id))
    }

    pub(crate) fn is_told(self) -> bool {
        self.phase.with(|phase| matches!(phase, Phase::Told(_)))
    }

    pub(crate) fn is_busy(self) -> bool {
        self.phase.with(|phase| matches!(phase, Phase::Busy(_)))
    }

    /// True once it is known that this option is (one of) the right ones.
    pub(crate) fn is_answer(self, option: u32) -> bool {
        self.phase.with(|phase| match phase {
            Phase::Told(Outcome { told: Told { answer: Answer::Chosen(chosen), .. }, .. }) => {
                chosen.contains(&option)
            }
            _ => false,
        })
    }

    /// Takes in what the server said to `given`.
    pub(crate) fn judged(self, given: &Given, verdict: Verdict) {
        match verdict {
            Verdict { right, told: Some(told), .. } => {
                if let Answer::Order(order) = &told.answer {
                    self.order.set(order.clone());
                }
                let right = (*given != Given::Reveal).then_some(right);
                self.finish(Outcome { right, told, run: None });
            }
            Verdict { hint, .. } => self.phase.set(Phase::Wrong(hint)),
        }
    }

    /// Shows the end and remembers it on this device.
    pub(crate) fn finish(self, outcome: Outcome) {
        let right = outcome.right == Some(true);
        let (chapter, id) =
            self.question.with_value(|question| (question.chapter.clone(), question.id.clone()));
        storage::update(|record| record.answered(&chapter, &id, right));
        if right {
            self.solved.set(true);
        }
        self.phase.set(Phase::Told(outcome));
    }

    /// From the beginning.
    pub(crate) fn again(self) {
        self.abandon();
        self.order.update(|order| order.sort_unstable());
        self.phase.set(Phase::Open);
    }

    /// No longer interested in the run: ends it if it has not ended.
    pub(crate) fn abandon(self) {
        if let Some(run) = self.run.try_update_value(Option::take).flatten() {
            live::send(&ClientMessage::Stop { run });
        }
        self.forget();
    }

    /// The run is over.
    pub(crate) fn forget(self) {
        self.run.set_value(None);
        if let Some(request) = self.request.try_update_value(Option::take).flatten() {
            live::forget(request);
        }
    }

    /// Moves the item at `from` one place up or down. Returns its new place.
    pub(crate) fn shift(self, from: usize, up: bool) -> Option<usize> {
        let to = if up { from.checked_sub(1)? } else { from + 1 };
        let done = self.order.try_update(|order| {
            let fits = from < order.len() && to < order.len();
            if fits {
                order.swap(from, to);
            }
            fits
        });
        (done == Some(true)).then_some(to)
    }
}
