//! A question where it stands in its chapter.

use api::quiz::Form;
use book::Question;
use leptos::prelude::*;

use crate::Site;
use crate::islands::late::{LateIsland, LateWidget};

/// The question with its form, complete without wasm; its answer stays on the server.
#[component]
pub fn QuestionBox(question: Question) -> impl IntoView {
    let site = expect_context::<Site>();
    let question = question.asked();
    let lab = match &question.form {
        Form::Predict(run) => site.lab(&run.lab).map(|lab| lab.title.clone()),
        _ => None,
    };
    let id = format!("quiz-{}", question.id);
    view! {
        <div class="quiz" id=id>
            <LateIsland island=LateWidget::Quiz(Box::new(question), lab)/>
        </div>
    }
}
