//! The field in which the reader types lines for a lab that takes them while it runs.

use super::run::{Phase, Run};
use super::state::Bench;
use crate::islands::boxed::{boxed, heard, part};
use leptos::ev::SubmitEvent;
use leptos::prelude::*;

/// Nothing, for a lab that takes no input.
#[component]
pub(crate) fn InputLine(bench: Bench, run: Run) -> impl IntoView {
    let input = bench.info.with_value(|info| info.input.clone())?;
    let text = RwSignal::new(String::new());
    let closed = move || run.phase.get() != Phase::Running;
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if !closed() {
            run.input(text.get_untracked());
            text.set(String::new());
        }
    };
    let id = bench.id("input");
    Some(view! {
        <form class="bench-input" autocomplete="off" on:submit=heard(submit)>
            <label for=id.clone()>{input.label}</label>
            <input id=id type="text" placeholder=input.placeholder maxlength=input.max_length
                disabled=closed prop:value=boxed(move || text.get())
                on:input=heard(move |event| text.set(event_target_value(&event)))/>
            <button type="submit" disabled=closed>"发送"</button>
            <p class="bench-help">{part(move || if closed() { "运行开始后可以输入" } else { "按回车发送" })}</p>
        </form>
    })
}
