//! A question: the form as the server drew it, brought to life. Without wasm the form posts by itself.

#![allow(unreachable_pub, reason = "`#[component]` declares items `pub` whatever its function is")]

mod ask;
mod body;
pub mod observe;
mod run;
mod state;
mod verdict;

use crate::islands::bench::live::Link;
use crate::islands::progress::storage;
use api::quiz::{Form, Given, Question};
use leptos::prelude::*;
use state::{Phase, Quiz};
use verdict::VerdictBox;

/// One question of a chapter.
#[component]
pub fn QuizBox(
    question: Question,
    /// Title of the lab that decides a prediction.
    lab: Option<String>,
) -> impl IntoView {
    let quiz = Quiz::new(question);
    let link = RwSignal::new(Link::Closed);
    start(quiz, link);
    let Question { ask, form, .. } = quiz.question.get_value();
    let (kind, verb) = words(&form);
    let lab = match form {
        Form::Predict(run) => Some(view! {
            <p class="quiz-run">
                "由一次真实的运行来定：实验 "
                <a href=format!("/labs/{}", run.lab)>{lab.unwrap_or_else(|| run.lab.clone())}</a>
                {format!("，种子 {}。", run.seed)}
            </p>
        }),
        _ => None,
    };
    let changed = move |_| {
        if quiz.phase.with_untracked(|phase| matches!(phase, Phase::Wrong(_))) {
            quiz.phase.set(Phase::Open);
        }
    };
    let closed = move || quiz.is_told() || quiz.is_busy();
    view! {
        <form class="quiz-form" method="post" action=quiz.address()
            on:submit=move |event| ask::submit(quiz, &event) on:change=changed>
            <fieldset class="quiz-body" prop:disabled=closed>
                <legend>
                    <span class="quiz-kind">{kind}</span>
                    <span class="quiz-solved">{move || quiz.solved.get().then_some("✓ 已答对")}</span>
                    <span class="quiz-ask" inner_html=ask></span>
                </legend>
                {lab}
                {body::body(quiz)}
            </fieldset>
            <p class="quiz-actions">{move || actions(quiz, verb)}</p>
        </form>
        <VerdictBox quiz link/>
    }
}

/// What to call this kind of question, and its button.
fn words(form: &Form) -> (&'static str, &'static str) {
    match form {
        Form::Single { .. } => ("单选", "回答"),
        Form::Several { .. } => ("多选", "回答"),
        Form::Short => ("填空", "回答"),
        Form::Order { .. } => ("排序", "回答"),
        Form::Predict(_) => ("先猜再跑", "就猜这个，运行"),
    }
}

fn actions(quiz: Quiz, verb: &'static str) -> AnyView {
    if quiz.is_told() {
        return view! { <button type="button" on:click=move |_| quiz.again()>"再做一次"</button> }.into_any();
    }
    if quiz.is_busy() {
        return view! { <button type="button" on:click=move |_| quiz.again()>"取消"</button> }.into_any();
    }
    let reveal = move |event: leptos::ev::MouseEvent| {
        event.prevent_default();
        ask::send(quiz, Given::Reveal);
    };
    view! {
        <button type="submit">{verb}</button>
        <button type="submit" class="quiz-reveal" name="reveal" value="1" formnovalidate on:click=reveal>"看答案"</button>
    }
    .into_any()
}

/// Once the browser has taken over.
fn start(quiz: Quiz, link: RwSignal<Link>) {
    Effect::new(move |_| {
        if quiz.ready.get_untracked() {
            return;
        }
        quiz.ready.set(true);
        run::follow_link(link);
        let record = storage::record();
        Effect::new(move |_| {
            let solved = quiz.question.with_value(|question| {
                record.with(|record| record.is_solved(&question.chapter, &question.id))
            });
            quiz.solved.set(solved);
        });
    });
}
