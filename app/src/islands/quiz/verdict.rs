//! What the page says after an answer.

use super::observe::Undecided;
use super::state::{Decided, Outcome, Phase, Quiz};
use crate::islands::bench::live::Link;
use api::quiz::{Answer, Told};
use leptos::prelude::*;

/// Below the form; announced when it changes.
#[component]
pub(crate) fn VerdictBox(quiz: Quiz, link: RwSignal<Link>) -> impl IntoView {
    let said = move || match quiz.phase.get() {
        Phase::Open => ().into_any(),
        Phase::Busy(_) if link.get() == Link::Waiting => {
            view! { <p class="quiz-busy">"连不上服务器，稍后自动重试……"</p> }.into_any()
        }
        Phase::Busy(text) => view! { <p class="quiz-busy">{text}</p> }.into_any(),
        Phase::Wrong(hint) => {
            view! { <p class="quiz-wrong"><strong>"✕ 还不对"</strong>" "{hint}</p> }.into_any()
        }
        Phase::Failed(why) => {
            view! { <p class="quiz-failed"><strong>"! 没有结果"</strong>" "{why}</p> }.into_any()
        }
        Phase::Told(outcome) => told(outcome).into_any(),
    };
    view! { <div class="quiz-verdict" role="status" aria-live="polite">{said}</div> }
}

fn told(outcome: Outcome) -> impl IntoView {
    let Outcome { right, told: Told { explain, answer }, run } = outcome;
    let head = match (right, &run) {
        (Some(true), None) => view! { <p class="quiz-good"><strong>"✓ 答对了"</strong></p> }.into_any(),
        (_, Some(run)) => decided(run, &answer).into_any(),
        (_, None) => view! { <p class="quiz-told"><strong>"答案"</strong>" "{spell(&answer)}</p> }.into_any(),
    };
    view! { {head} <p class="quiz-explain" inner_html=explain></p> }
}

/// The answer in words, where it is not marked in the form itself.
fn spell(answer: &Answer) -> String {
    match answer {
        Answer::Chosen(_) => "已在上面标出。".into(),
        Answer::Order(_) => "已在上面排好。".into(),
        Answer::Text(text) => text.clone(),
        Answer::Number(number) => number.to_string(),
    }
}

fn decided(run: &Decided, answer: &Answer) -> impl IntoView + use<> {
    let Decided { guess, seen, trace } = run;
    let book = match answer {
        Answer::Number(number) => Some(*number),
        _ => None,
    };
    let (class, head, rest) = match seen {
        Ok(seen) => {
            let (class, head) = if seen == guess {
                ("quiz-good", "✓ 猜中了")
            } else {
                ("quiz-wrong", "✕ 没有猜中")
            };
            let mut rest = format!("你的预测是 {guess}，运行的结果是 {seen}。");
            if let Some(book) = book.filter(|book| book != seen) {
                rest.push_str(&format!(
                    "书里这道题的答案是 {book}：这台机器跑出了不同的结果，以眼前的运行为准。"
                ));
            }
            (class, head, rest)
        }
        Err(why) => {
            let why = match why {
                Undecided::Loopback => {
                    "这台机器不能建立网络命名空间：没有帧的记录，线路设置也不起作用，所以这次运行定不了这道题。"
                }
                Undecided::LeftOut => "这次运行的记录不完整，定不了这道题。",
                Undecided::NotMeasured => "实验没有报告这道题要的测量。",
            };
            let book = book.map(|book| format!("书里记录的结果是 {book}。")).unwrap_or_default();
            ("quiz-failed", "! 没有定论", format!("{why}{book}"))
        }
    };
    view! {
        <p class=class>
            <strong>{head}</strong>" "{rest}" "
            <a href=format!("/traces/{trace}")>"看这次运行的轨迹"</a>
        </p>
    }
}
