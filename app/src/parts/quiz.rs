//! A question where it stands in its chapter.

use api::quiz::Form;
use book::Question;
use leptos::prelude::*;

/// The question and what there is to choose from; not its answer.
#[component]
pub fn QuestionBox(question: Question) -> impl IntoView {
    let asked = question.asked();
    let options = match asked.form {
        Form::Single { options } | Form::Several { options } | Form::Order { items: options } => options,
        Form::Predict(run) => run.options.iter().map(ToString::to_string).collect(),
        Form::Short => Vec::new(),
    };
    let options = options.into_iter().map(|option| view! { <li inner_html=option></li> }).collect_view();
    view! {
        <section class="quiz" id=format!("quiz-{}", asked.id) aria-label="题目">
            <p class="quiz-ask" inner_html=asked.ask></p>
            <ol class="quiz-options">{options}</ol>
        </section>
    }
}
