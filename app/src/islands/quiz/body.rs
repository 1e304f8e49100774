//! The part of a question that takes the answer, by its kind.

use super::state::Quiz;
use api::quiz::{Form, MAX_TEXT, Prediction, Question};
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;
use web_sys::HtmlElement;

/// Options, a text field, items to order, or a number.
pub(crate) fn body(quiz: Quiz) -> AnyView {
    let Question { form, .. } = quiz.question.get_value();
    match form {
        Form::Single { options } => choices(quiz, options, "radio"),
        Form::Several { options } => choices(quiz, options, "checkbox"),
        Form::Short => view! {
            <label class="quiz-field">
                <span>"你的答案"</span>
                <input type="text" name="text" maxlength=MAX_TEXT.to_string() autocomplete="off" autocapitalize="off"
                    spellcheck="false" required/>
            </label>
        }
        .into_any(),
        Form::Order { items } => order(quiz, items),
        Form::Predict(Prediction { options, .. }) if options.is_empty() => view! {
            <label class="quiz-field">
                <span>"你的预测"</span>
                <input type="number" name="number" step="any" inputmode="decimal" autocomplete="off" required/>
            </label>
        }
        .into_any(),
        Form::Predict(Prediction { options, .. }) => {
            let options = options.into_iter().map(|value| {
                view! {
                    <li><label>
                        <input type="radio" name="number" value=value.to_string() required/>
                        <span>{value.to_string()}</span>
                    </label></li>
                }
            });
            view! { <ul class="quiz-options quiz-numbers">{options.collect_view()}</ul> }.into_any()
        }
    }
}

fn choices(quiz: Quiz, options: Vec<String>, kind: &'static str) -> AnyView {
    let options = (0u32..).zip(options).map(|(index, option)| {
        view! {
            <li class:quiz-answer=move || quiz.is_answer(index)>
                <label>
                    <input type=kind name="choice" value=index.to_string() required={kind == "radio"}/>
                    <span inner_html=option></span>
                    <span class="quiz-tick">{move || quiz.is_answer(index).then_some("✓ 正确答案")}</span>
                </label>
            </li>
        }
    });
    view! { <ul class="quiz-options">{options.collect_view()}</ul> }.into_any()
}

/// Fixed places whose content changes: the element with the focus never leaves the page.
fn order(quiz: Quiz, items: Vec<String>) -> AnyView {
    let count = items.len();
    let items = StoredValue::new(items);
    let places = (0..count).map(|place| {
        let item = move || {
            let index = quiz.order.with(|order| order.get(place).copied()).unwrap_or_default();
            items.with_value(|items| items.get(index as usize).cloned()).unwrap_or_default()
        };
        let shift = move |up: bool| {
            if let Some(to) = quiz.shift(place, up) {
                quiz.moved.set(format!("已移到第 {} 位", to + 1));
                follow(quiz, to, up, count);
            }
        };
        let button = move |up: bool| {
            let (name, sign) = if up { ("up", "↑") } else { ("down", "↓") };
            let label = format!("第 {} 项{}", place + 1, if up { "上移" } else { "下移" });
            let end = if up { place == 0 } else { place + 1 == count };
            view! {
                <button type="button" id=quiz.id(&format!("{name}-{place}")) class:quiz-away=move || !quiz.ready.get()
                    disabled=end aria-label=label on:click=move |_| shift(up)>{sign}</button>
            }
        };
        // Without wasm the places are chosen from lists; the server reads them in the order of the items.
        let numbers = (0..count).map(|number| {
            view! { <option value=number.to_string() selected={number == place}>{(number + 1).to_string()}</option> }
        });
        let numbers = numbers.collect_view();
        view! {
            <li>
                <span class="quiz-item" inner_html=item></span>
                <span class="quiz-move">
                    <select name="place" aria-label=format!("第 {} 项应排在", place + 1)
                        class:quiz-away=move || quiz.ready.get()>{numbers}</select>
                    {button(true)}
                    {button(false)}
                </span>
            </li>
        }
    });
    view! {
        <ol class="quiz-order">{places.collect_view()}</ol>
        <p class="unseen" role="status">{move || quiz.moved.get()}</p>
    }
    .into_any()
}

/// Keeps the focus with the item that moved.
fn follow(quiz: Quiz, to: usize, up: bool, count: usize) {
    // At either end the button that was pressed is out of use.
    let up = if to == 0 { false } else { up || to + 1 == count };
    let id = quiz.id(&format!("{}-{to}", if up { "up" } else { "down" }));
    let button = document().get_element_by_id(&id).and_then(|element| element.dyn_into::<HtmlElement>().ok());
    if let Some(button) = button {
        drop(button.focus());
    }
}
