//! Predict, then run: the reader has committed to a number, a real run decides.

use super::ask;
use super::observe::{Undecided, observe};
use super::state::{Decided, Phase, Quiz};
use crate::islands::bench::browser;
use crate::islands::bench::live;
use crate::islands::progress::storage;
use crate::pauses::sleep;
use api::live::{ClientMessage, ServerMessage};
use api::quiz::{Form, Prediction};
use api::run::{Congestion, Outcome};
use api::trace::Trace;
use leptos::prelude::*;
use leptos::task::spawn_local;
use std::time::Duration;

/// A trace is saved a moment after its run has ended: how often to ask for it, and how long apart.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(300);

/// Starts the run of this question.
pub(crate) fn start(quiz: Quiz, guess: f64) {
    let run = quiz.question.with_value(|question| match &question.form {
        Form::Predict(run) => Some(run.clone()),
        _ => None,
    });
    let Some(Prediction { lab, params, lines, seed, .. }) = run else { return };
    quiz.abandon();
    quiz.phase.set(Phase::Busy("记下了。正在请求运行……".into()));
    let message = |request| ClientMessage::Start {
        request,
        lab,
        params,
        lines,
        seed: Some(seed),
        congestion: Congestion::default(),
    };
    let request = live::start(message, move |message| receive(quiz, guess, message));
    quiz.request.set_value(Some(request));
}

fn receive(quiz: Quiz, guess: f64, message: ServerMessage) {
    let busy = |text: String| quiz.phase.set(Phase::Busy(text));
    match message {
        ServerMessage::Queued { run, position, .. } => {
            quiz.run.set_value(Some(run));
            busy(format!("机器正忙，排队中：前面还有 {position} 个运行"));
        }
        ServerMessage::Started { run, .. } => {
            quiz.run.set_value(Some(run));
            busy("正在运行……".into());
        }
        ServerMessage::Finished { outcome, trace, .. } => {
            quiz.forget();
            match (outcome, trace) {
                (Outcome::Completed, Some(trace)) => {
                    busy("运行结束，正在读轨迹……".into());
                    spawn_local(decide(quiz, guess, trace));
                }
                (Outcome::Completed, None) => {
                    quiz.phase.set(Phase::Failed("运行结束了，但轨迹没有保存下来，请再试一次。".into()));
                }
                (
                    Outcome::Failed { message }
                    | Outcome::Stopped { message }
                    | Outcome::LimitReached { message, .. }
                    | Outcome::Broken { message },
                    _,
                ) => {
                    quiz.phase.set(Phase::Failed(format!("运行没有跑完：{message}")));
                }
            }
        }
        ServerMessage::Error { message, .. } => {
            quiz.forget();
            quiz.phase.set(Phase::Failed(format!("运行没有开始：{message}")));
        }
        _ => {}
    }
}

/// Reads the number off the trace and compares.
async fn decide(quiz: Quiz, guess: f64, id: String) {
    let path = format!("/traces/{id}.json");
    let mut left = TRIES;
    let trace = loop {
        left -= 1;
        match browser::json::<Trace>(&path).await {
            Err(browser::Problem::Status(404)) if left > 0 => sleep(PAUSE).await,
            answer => break answer,
        }
    };
    let Ok(trace) = trace else {
        quiz.phase.set(Phase::Failed("运行结束了，但轨迹没有取到，请再试一次。".into()));
        return;
    };
    let seen = quiz.question.with_value(|question| match &question.form {
        Form::Predict(run) => observe(&trace, &run.observe),
        _ => Err(Undecided::NotMeasured),
    });
    storage::update(|record| record.ran(&trace.lab));
    let right = seen.ok().map(|seen| seen == guess);
    ask::explain(quiz, right, Decided { guess, seen, trace: id }).await;
}

/// While the socket is away.
pub(crate) fn follow_link(link: RwSignal<live::Link>) {
    let shared = live::link();
    Effect::new(move |_| link.set(shared.get()));
}
