//! Reading the form and asking the server. Browser only.

use super::run;
use super::state::{Outcome, Phase, Quiz};
use crate::islands::bench::browser::Problem;
use api::quiz::{Form, Given, Verdict};
use gloo_net::http::Request;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos::wasm_bindgen::JsCast;
use web_sys::{Event, FormData, HtmlFormElement};

/// The reader pressed the button.
pub(crate) fn submit(quiz: Quiz, event: &Event) {
    event.prevent_default();
    let form = event.target().and_then(|target| target.dyn_into::<HtmlFormElement>().ok());
    let Some(data) = form.and_then(|form| FormData::new_with_form(&form).ok()) else { return };
    match read(quiz, &data) {
        Ok(Given::Number(guess)) => run::start(quiz, guess),
        Ok(given) => send(quiz, given),
        Err(hint) => quiz.phase.set(Phase::Wrong(hint.into())),
    }
}

/// What the reader has given, or what is missing.
fn read(quiz: Quiz, data: &FormData) -> Result<Given, &'static str> {
    let text = |name: &str| data.get(name).as_string().unwrap_or_default();
    quiz.question.with_value(|question| match question.form {
        Form::Single { .. } | Form::Several { .. } => {
            let chosen = data.get_all("choice");
            let chosen: Vec<u32> =
                chosen.iter().filter_map(|value| value.as_string()?.parse().ok()).collect();
            if chosen.is_empty() { Err("先选一项。") } else { Ok(Given::Chosen(chosen)) }
        }
        Form::Short => {
            let text = text("text");
            if text.trim().is_empty() { Err("先写下答案。") } else { Ok(Given::Text(text)) }
        }
        Form::Order { .. } => Ok(Given::Order(quiz.order.get_untracked())),
        Form::Predict(_) => {
            text("number").trim().parse().map(Given::Number).map_err(|_| "先写下你的预测：一个数。")
        }
    })
}

/// Asks the server to judge.
pub(crate) fn send(quiz: Quiz, given: Given) {
    quiz.abandon();
    quiz.phase.set(Phase::Busy("正在核对……".into()));
    spawn_local(async move {
        match ask(&quiz.address(), &given).await {
            Ok(verdict) => quiz.judged(&given, verdict),
            Err(problem) => quiz.phase.set(Phase::Failed(excuse(problem).into())),
        }
    });
}

/// After a run: the explanation.
pub(crate) async fn explain(quiz: Quiz, right: Option<bool>, run: super::state::Decided) {
    match ask(&quiz.address(), &Given::Reveal).await {
        Ok(Verdict { told: Some(told), .. }) => quiz.finish(Outcome { right, told, run: Some(run) }),
        Ok(_) => quiz.phase.set(Phase::Failed(excuse(Problem::Broken).into())),
        Err(problem) => quiz.phase.set(Phase::Failed(excuse(problem).into())),
    }
}

async fn ask(address: &str, given: &Given) -> Result<Verdict, Problem> {
    let request = Request::post(address).json(given).map_err(|_| Problem::Broken)?;
    let response = request.send().await.map_err(|_| Problem::Broken)?;
    if !response.ok() {
        return Err(Problem::Status(response.status()));
    }
    response.json().await.map_err(|_| Problem::Broken)
}

fn excuse(problem: Problem) -> &'static str {
    match problem {
        Problem::Status(404) => "书稿已经更新，这道题不在了：请刷新页面。",
        _ => "连不上服务器。答案由服务器核对，请稍后再试；正文和书里的其他部分照常可读。",
    }
}
