//! The form of a lab, made from its parameters.

use super::lines::Lines;
use super::run::{Phase, Run};
use super::settings::{Field, Settings, parse_seed};
use super::state::Bench;
use super::{address, value};
use crate::inline_code::InlineCode;
use crate::islands::boxed::{boxed, heard, part};
use api::lab::ParamKind;
use api::run::{Congestion, Tier};
use leptos::ev::SubmitEvent;
use leptos::prelude::*;

/// Parameters, lines, seed, and the buttons that start and stop a run.
#[component]
pub(crate) fn Form(
    bench: Bench,
    settings: Settings,
    run: Run,
    /// The wasm is here: before that nothing hears what is typed or pressed, and nothing can be.
    ready: RwSignal<bool>,
) -> impl IntoView {
    let fields = settings.fields.get_value();
    let needs_isolated = bench.info.with_value(|info| info.needs_isolated);
    let impossible = move || {
        let loopback = run.tier.with(|tier| tier.as_ref().is_some_and(|tier| tier.tier == Tier::Loopback));
        needs_isolated && loopback
    };
    let underway = move || run.phase.get() != Phase::Idle;
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if !underway() && !impossible() {
            run.start();
        }
    };
    view! {
        <form class="bench-form" autocomplete="off" novalidate on:submit=heard(submit)>
            <fieldset class="bench-choices" disabled=boxed(move || !ready.get())>
                <div class="bench-params">
                    {fields.into_iter().map(|field| param_field(bench, settings, field)).collect_view()}
                </div>
                <Lines bench settings run/>
                <details class="bench-panel">
                    <summary>"种子与拥塞控制"</summary>
                    <div class="bench-params">
                        <Seed bench settings/>
                        <CongestionChoice bench settings/>
                    </div>
                </details>
            </fieldset>
            <Show when=impossible>
                <p class="bench-impossible">
                    "这个实验需要完整的虚拟网络（隔离级），在这台机器上运行不了；下面的录制仍可逐步回放。"
                </p>
            </Show>
            <div class="bench-actions">
                <button
                    type="submit"
                    class="bench-run"
                    disabled=boxed(move || !ready.get() || underway() || impossible())
                >
                    "运行"
                </button>
                <button
                    type="button"
                    class="bench-stop"
                    disabled=boxed(move || !underway() || run.phase.get() == Phase::Stopping)
                    on:click=heard(move |_| run.stop())
                >
                    "停止"
                </button>
                <button type="button" class="bench-quiet" disabled=boxed(move || !ready.get()) on:click=heard(move |_| settings.reset())>
                    "恢复默认"
                </button>
            </div>
        </form>
    }
}

/// One parameter with label, help and, if it has one, its mistake.
fn param_field(bench: Bench, settings: Settings, field: Field) -> impl IntoView {
    let Field { param, initial, text } = field;
    let path = format!("params.{}", param.name);
    let id = bench.id(&format!("p-{}", param.name));
    let (help_id, error_id) = (format!("{id}-help"), format!("{id}-error"));
    let error = Memo::new({
        let (param, path) = (param.clone(), path.clone());
        move |_| {
            let own = text.with(|text| value::parse(&param, text)).err();
            own.or_else(|| settings.refused.with(|refused| refused.get(&path).cloned()))
        }
    });
    let described = if param.help.is_empty() { error_id.clone() } else { format!("{help_id} {error_id}") };
    let set = move |new: String| {
        text.set(new);
        settings.forgive(&path);
    };
    let invalid = move || error.with(Option::is_some).then_some("true");
    let (name, flag) = (param.name, param.kind == ParamKind::Flag);
    let input = match param.kind {
        ParamKind::Integer { min, max } => view! {
            <input id=id.clone() name=name type="number" inputmode="numeric" step="1"
                min=min.to_string() max=max.to_string() value=initial prop:value=boxed(move || text.get())
                aria-invalid=invalid aria-describedby=described
                on:input=heard(move |event| set(event_target_value(&event)))/>
        }
        .into_any(),
        ParamKind::Number { min, max } => view! {
            <input id=id.clone() name=name type="number" inputmode="decimal" step="any"
                min=crate::number::exact(min) max=crate::number::exact(max) value=initial prop:value=boxed(move || text.get())
                aria-invalid=invalid aria-describedby=described
                on:input=heard(move |event| set(event_target_value(&event)))/>
        }
        .into_any(),
        ParamKind::Text { multiline: true, .. } => view! {
            <textarea id=id.clone() name=name rows="3" spellcheck="false" prop:value=boxed(move || text.get())
                aria-invalid=invalid aria-describedby=described
                on:input=heard(move |event| set(event_target_value(&event)))>{initial}</textarea>
        }
        .into_any(),
        ParamKind::Text { .. } => view! {
            <input id=id.clone() name=name type="text" spellcheck="false" value=initial prop:value=boxed(move || text.get())
                aria-invalid=invalid aria-describedby=described
                on:input=heard(move |event| set(event_target_value(&event)))/>
        }
        .into_any(),
        ParamKind::Flag => view! {
            <input id=id.clone() name=name type="checkbox" checked=initial == "true"
                prop:checked=boxed(move || text.with(|text| text == "true")) aria-describedby=described
                on:change=heard(move |event| set(event_target_checked(&event).to_string()))/>
        }
        .into_any(),
        ParamKind::Choice { options } => view! {
            <select id=id.clone() name=name prop:value=boxed(move || text.get()) aria-invalid=invalid aria-describedby=described
                on:change=heard(move |event| set(event_target_value(&event)))>
                {options.into_iter().map(|(value, label)| {
                    let selected = value == initial;
                    view! { <option value=value selected=selected>{label}</option> }
                }).collect_view()}
            </select>
        }
        .into_any(),
    };
    view! {
        <div class="bench-field" class:bench-flag=flag>
            <label for=id>{param.label}</label>
            {input}
            {(!param.help.is_empty()).then(|| view! { <p class="bench-help" id=help_id><InlineCode text=param.help /></p> })}
            <p class="bench-error" id=error_id>{part(move || error.get())}</p>
        </div>
    }
}

/// What all chance in a run is drawn from.
#[component]
fn Seed(bench: Bench, settings: Settings) -> impl IntoView {
    let id = bench.id("seed");
    let (help_id, error_id) = (format!("{id}-help"), format!("{id}-error"));
    let error = move || {
        let own = settings.seed.with(|text| parse_seed(text).err().map(ToOwned::to_owned));
        own.or_else(|| settings.refused.with(|refused| refused.get("seed").cloned()))
    };
    let set = move |text: String| {
        settings.seed.set(text);
        settings.forgive("seed");
    };
    view! {
        <div class="bench-field">
            <label for=id.clone()>"种子"</label>
            <div class="bench-with-button">
                <input id=id type="text" inputmode="numeric" placeholder="每次随机"
                    value=settings.seed.get_untracked() prop:value=boxed(move || settings.seed.get())
                    aria-invalid=boxed(move || error().is_some().then_some("true"))
                    aria-describedby=format!("{help_id} {error_id}")
                    on:input=heard(move |event| set(event_target_value(&event)))/>
                <button type="button" class="bench-quiet" on:click=heard(move |_| set(draw().to_string()))>"换一个"</button>
            </div>
            <p class="bench-help" id=help_id>"同一个种子会在同样的位置丢失、打乱同样的帧。留空则每次另抽一个。"</p>
            <p class="bench-error" id=error_id>{error}</p>
        </div>
    }
}

/// A random seed that is short enough to read out in class.
fn draw() -> u32 {
    (js_sys::Math::random() * 1_000_000.0) as u32
}

#[component]
fn CongestionChoice(bench: Bench, settings: Settings) -> impl IntoView {
    let id = bench.id("congestion");
    let help_id = format!("{id}-help");
    let choose = move |event| {
        if let Some(congestion) = address::congestion(&event_target_value(&event)) {
            settings.congestion.set(congestion);
            settings.forgive("congestion");
        }
    };
    let options = [
        (Congestion::Cubic, "CUBIC（Linux 默认）"),
        (Congestion::Reno, "Reno（RFC 5681）"),
        (Congestion::Bbr, "BBR v1"),
    ];
    view! {
        <div class="bench-field">
            <label for=id.clone()>"TCP 拥塞控制"</label>
            <select id=id prop:value=boxed(move || settings.congestion.get().linux_name()) aria-describedby=help_id.clone() on:change=heard(choose)>
                {options.into_iter().map(|(congestion, label)| {
                    let selected = congestion == Congestion::default();
                    view! { <option value=congestion.linux_name() selected=selected>{label}</option> }
                }).collect_view()}
            </select>
            <p class="bench-help" id=help_id>"所有主机都用它，不随操作系统的默认值变化。"</p>
        </div>
    }
}
