//! `/progress`: all chapters, and taking the record along or away.

use super::plan::{Plan, Share};
use super::record::Record;
use super::{exchange, storage};
use leptos::prelude::*;

/// The whole page's content. Until the browser has taken over, nothing is known.
#[component]
pub fn Progress(plans: Vec<Plan>) -> impl IntoView {
    let record = RwSignal::new(Record::default());
    let (ready, said) = (RwSignal::new(false), RwSignal::new(String::new()));
    Effect::new(move |_| {
        if ready.get_untracked() {
            return;
        }
        ready.set(true);
        let shared = storage::record();
        Effect::new(move |_| record.set(shared.get()));
    });
    let rows = plans.into_iter().map(|plan| row(plan, record, ready, said)).collect_view();
    let file = move || if ready.get() { record.with(exchange::address) } else { String::new() };
    let forget_all = move |_| {
        if sure("把这台设备上的学习进度全部清除？") {
            storage::update(|record| *record = Record::default());
            said.set("已全部清除。".into());
        }
    };
    let closed = move || !ready.get();
    view! {
        <div class="table" role="group" aria-label="各章进度" tabindex="0">
            <table class="progress">
                <thead><tr>
                    <th scope="col">"章"</th><th scope="col">"节"</th><th scope="col">"实验"</th>
                    <th scope="col">"题"</th><th scope="col"><span class="unseen">"重置"</span></th>
                </tr></thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
        <p class="progress-actions">
            <a class="progress-button" download="wirebook-progress.json" href=file aria-disabled=move || closed().then_some("true")>"导出为文件"</a>
            <label class="progress-button">
                "导入文件"
                <input type="file" accept="application/json,.json" class="unseen" prop:disabled=closed
                    on:change=move |event| exchange::import(&event, said)/>
            </label>
            <button type="button" class="progress-button" prop:disabled=closed on:click=forget_all>"全部清除"</button>
        </p>
        <p class="progress-said" role="status">{move || said.get()}</p>
    }
}

fn row(plan: Plan, record: RwSignal<Record>, ready: RwSignal<bool>, said: RwSignal<String>) -> impl IntoView {
    let Plan { chapter, title, labs, .. } = plan.clone();
    let plan = StoredValue::new(plan);
    let count = Memo::new(move |_| record.with(|record| plan.with_value(|plan| plan.count(record))));
    let cell = move |share: fn(&super::plan::Count) -> Share| {
        view! {
            <td>{move || match share(&count.get()) {
                (_, 0) => "—".to_owned(),
                (_, all) if !ready.get() => format!("…/{all}"),
                (done, all) if done == all => format!("✓ {done}/{all}"),
                (done, all) => format!("{done}/{all}"),
            }}</td>
        }
    };
    let address = format!("/{chapter}");
    let reset_label = format!("重置 {title}");
    let name = title.clone();
    let reset = move |_| {
        if sure(&format!("清除“{name}”的进度？包括这一章的实验。")) {
            storage::update(|record| record.forget(&chapter, &labs));
            said.set(format!("“{name}”的进度已清除。"));
        }
    };
    view! {
        <tr>
            <th scope="row"><a href=address>{title}</a></th>
            {cell(|count| count.sections)}
            {cell(|count| count.labs)}
            {cell(|count| count.quizzes)}
            <td><button type="button" class="progress-reset" aria-label=reset_label
                prop:disabled=move || !ready.get() on:click=reset>"重置"</button></td>
        </tr>
    }
}

fn sure(question: &str) -> bool {
    window().confirm_with_message(question).unwrap_or(false)
}
