//! `/quiz/{part}/{chapter}/{id}`: the answer to a form that was posted without wasm.

use api::quiz::{Answer, Form, Verdict};
use leptos::prelude::*;

use super::not_found::NotFound;
use crate::Answered;
use crate::parts::page::Page;

#[component]
pub fn QuizAnswer() -> impl IntoView {
    match use_context::<Answered>() {
        Some(answered) => view! { <AnswerPage answered/> }.into_any(),
        None => view! { <NotFound/> }.into_any(),
    }
}

#[component]
fn AnswerPage(answered: Answered) -> impl IntoView {
    let Answered { question, verdict } = answered;
    let asked = question.asked();
    let back = format!("/{}#quiz-{}", asked.chapter, asked.id);
    let path = format!("/quiz/{}/{}", asked.chapter, asked.id);
    let Verdict { right, hint, told } = verdict;
    let head = match (&told, right) {
        (_, true) => "✓ 答对了",
        (Some(_), false) => "答案",
        (None, false) => "✕ 还不对",
    };
    let told = told.map(|told| {
        let answer: Vec<String> = match (&told.answer, asked.form) {
            (Answer::Chosen(chosen), Form::Single { options } | Form::Several { options }) => {
                pick(&options, chosen)
            }
            (Answer::Order(order), Form::Order { items }) => pick(&items, order),
            _ => Vec::new(),
        };
        let plain = match &told.answer {
            Answer::Text(text) => Some(text.clone()),
            Answer::Number(number) => Some(number.to_string()),
            _ => None,
        };
        let items = answer.into_iter().map(|item| view! { <li inner_html=item></li> }).collect_view();
        view! {
            {plain.map(|answer| view! { <p><code>{answer}</code></p> })}
            <ol>{items}</ol>
            <p inner_html=told.explain></p>
        }
    });
    view! {
        <Page title="一道题" description="这道题答得对不对，为什么。" path class="quiz-page">
            <div class="prose">
                <p inner_html=asked.ask></p>
                <h1>{head}</h1>
                {(!hint.is_empty()).then(|| view! { <p>{hint}</p> })}
                {told}
                <p><a href=back>"回到这道题"</a></p>
            </div>
        </Page>
    }
}

fn pick(items: &[String], indices: &[u32]) -> Vec<String> {
    indices.iter().filter_map(|index| items.get(usize::try_from(*index).ok()?).cloned()).collect()
}
