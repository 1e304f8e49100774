//! Taking a trace along: the command that repeats it, its link, its downloads.

use super::browser;
use super::command;
use super::panel::Panel;
use super::run::Run;
use super::state::{Bench, Origin};
use crate::islands::boxed::{heard, part};
use leptos::prelude::*;

/// The row of links and copy buttons under the views.
#[component]
pub(crate) fn Share(bench: Bench, run: Run) -> impl IntoView {
    let command_copied = RwSignal::new(false);
    let link_copied = RwSignal::new(false);
    let copy_command = move |_| {
        let command = run.made_with.with_untracked(|choice| {
            let choice = choice.as_ref()?;
            Some(bench.info.with_value(|info| command::command(info, choice)))
        });
        browser::copy(command.unwrap_or_default(), command_copied);
    };
    let id = move || match bench.origin.get() {
        Origin::Saved(id) => Some(id),
        Origin::Live => bench.model.with(|model| model.trace_id.clone()),
        Origin::Nothing | Origin::Recording => None,
    };
    let saved = move || {
        id().map(|id| {
            let path = format!("/traces/{id}");
            let link = path.clone();
            let copy_link = move |_| {
                let origin = window().location().origin().unwrap_or_default();
                browser::copy(format!("{origin}{link}"), link_copied);
            };
            view! {
                <button type="button" class="bench-quiet" on:click=heard(copy_link)>
                    {part(move || if link_copied.get() { "✓ 已复制链接" } else { "复制分享链接" })}
                </button>
                <a href=path.clone()>"打开这条轨迹"</a>
                <a href=format!("{path}.json") download="">"下载 .json"</a>
                <a href=format!("{path}.pcapng") download="">"下载 .pcapng"</a>
            }
        })
    };
    let recorded = move || {
        (bench.origin.get() == Origin::Recording).then(|| {
            let path = bench.info.with_value(|info| format!("/labs/{}/recording.json", info.slug));
            view! { <a href=path download="">"下载录制 .json"</a> }
        })
    };
    let seed = move || {
        let seed = run.made_with.with(|choice| choice.as_ref()?.seed)?;
        Some(view! { <span class="bench-seed">{format!("种子 {seed}")}</span> })
    };
    let previous = move || {
        bench.compared.previous.with(Option::is_some) && bench.model.with(|model| model.outcome.is_some())
    };
    let compare = move |_| {
        bench.compared.with_previous();
        bench.view.set(Some(Panel::Compare));
        bench.touched.set(true);
    };
    view! {
        <div class="bench-share">
            {seed}
            <Show when=move || run.made_with.with(Option::is_some)>
                <button type="button" class="bench-quiet" on:click=heard(copy_command)>
                    {part(move || if command_copied.get() { "✓ 已复制命令" } else { "复制命令" })}
                </button>
            </Show>
            {saved}
            {recorded}
            {part(move || previous().then(|| view! {
                <button type="button" class="bench-quiet" on:click=heard(compare)>"与上一次运行对照"</button>
            }))}
        </div>
    }
}
