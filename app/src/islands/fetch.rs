//! The reader's browser as an HTTP client of the router of the lab `axum-routing`: `fetch` to `/peer/axum/…`.

#![allow(unreachable_pub, reason = "`#[component]` declares items `pub` whatever its function is")]

mod answer;
mod compose;

use answer::Answer;
use compose::{Composed, METHODS, PRESETS, Preset};
use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos::task::spawn_local;

/// What the reader composes.
#[derive(Clone, Copy)]
struct Draft {
    method: RwSignal<String>,
    path: RwSignal<String>,
    query: RwSignal<String>,
    headers: RwSignal<String>,
    body: RwSignal<String>,
}

impl Draft {
    fn new() -> Self {
        let Preset { method, path, query, headers, body, .. } = PRESETS[0];
        Self {
            method: RwSignal::new(method.into()),
            path: RwSignal::new(path.into()),
            query: RwSignal::new(query.into()),
            headers: RwSignal::new(headers.into()),
            body: RwSignal::new(body.into()),
        }
    }

    fn set(self, preset: Preset) {
        self.method.set(preset.method.into());
        self.path.set(preset.path.into());
        self.query.set(preset.query.into());
        self.headers.set(preset.headers.into());
        self.body.set(preset.body.into());
    }

    /// The request, or a sentence for each field that does not fit.
    fn composed(self) -> Result<Composed, compose::Mistakes> {
        Composed::new(
            &self.method.get(),
            &self.path.get(),
            &self.query.get(),
            &self.headers.get(),
            &self.body.get(),
        )
    }
}

/// A form for a request, and the answer with its explanation.
#[component]
pub fn Fetch() -> impl IntoView {
    let draft = Draft::new();
    let composed = Memo::new(move |_| draft.composed());
    let mistake = move |field: fn(&compose::Mistakes) -> &str| {
        composed.with(|composed| composed.as_ref().err().map(|mistakes| field(mistakes).to_owned()))
    };
    let (ready, waiting) = (RwSignal::new(false), RwSignal::new(false));
    let outcome = RwSignal::new(None::<Result<Answer, String>>);
    Effect::new(move |_| ready.set(true));
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let Ok(composed) = composed.get_untracked() else { return };
        if waiting.get_untracked() {
            return;
        }
        waiting.set(true);
        spawn_local(async move {
            let answer = answer::ask(composed).await;
            // The page may be gone by now.
            outcome.try_set(Some(answer));
            waiting.try_set(false);
        });
    };
    view! {
        <div class="bench fetch" role="group" aria-labelledby="fetch-title">
            <div>
                <p class="bench-title" id="fetch-title"><span>"亲手"</span> " 用你的浏览器发请求"</p>
                <div class="fetch-presets" role="group" aria-label="现成的请求">
                    {PRESETS.into_iter().map(|preset| view! {
                        <button type="button" disabled=move || !ready.get() on:click=move |_| draft.set(preset)>{preset.label}</button>
                    }).collect_view()}
                </div>
                <form class="bench-form" autocomplete="off" novalidate on:submit=submit>
                    <div class="bench-params">
                        <div class="bench-field">
                            <label for="fetch-method">"方法"</label>
                            <select id="fetch-method" prop:value=move || draft.method.get()
                                on:change=move |event| draft.method.set(event_target_value(&event))>
                                {METHODS.into_iter().map(|method| {
                                    let selected = method == PRESETS[0].method;
                                    view! { <option value=method selected=selected>{method}</option> }
                                }).collect_view()}
                            </select>
                        </div>
                        <Line id="path" label="路径" help="前面会加上 /peer/axum" text=draft.path
                            mistake=Signal::derive(move || mistake(|mistakes| &mistakes.path))/>
                        <Line id="query" label="查询串" help="问号之后的部分" text=draft.query
                            mistake=Signal::derive(move || mistake(|mistakes| &mistakes.query))/>
                        <Lines id="headers" label="首部" help="每行一个：名字: 值" text=draft.headers
                            mistake=Signal::derive(move || mistake(|mistakes| &mistakes.headers))/>
                        <Lines id="body" label="正文" help="服务器最多收 1024 字节" text=draft.body
                            mistake=Signal::derive(move || mistake(|mistakes| &mistakes.body))/>
                    </div>
                    <div class="bench-actions">
                        <button type="submit" class="bench-run"
                            disabled=move || !ready.get() || waiting.get() || composed.with(Result::is_err)>
                            "发送"
                        </button>
                    </div>
                </form>
                <div class="fetch-outcome" aria-live="polite" aria-busy=move || waiting.get().to_string()>
                    {move || outcome.get().map(|outcome| match outcome {
                        Ok(answer) => view! { <Outcome answer/> }.into_any(),
                        Err(sentence) => view! { <p class="bench-error">{sentence}</p> }.into_any(),
                    })}
                </div>
            </div>
        </div>
    }
}

/// A field of one line.
#[component]
fn Line(
    id: &'static str,
    label: &'static str,
    help: &'static str,
    text: RwSignal<String>,
    /// What is wrong with it; empty or absent if nothing is.
    mistake: Signal<Option<String>>,
) -> impl IntoView {
    let ids = Ids::new(id);
    view! {
        <div class="bench-field">
            <label for=ids.field.clone()>{label}</label>
            <input id=ids.field type="text" spellcheck="false" maxlength="200" value=text.get_untracked()
                prop:value=move || text.get() aria-describedby=ids.described
                aria-invalid=move || is_wrong(mistake)
                on:input=move |event| text.set(event_target_value(&event))/>
            <p class="bench-help" id=ids.help>{help}</p>
            <p class="bench-error" id=ids.error>{mistake}</p>
        </div>
    }
}

/// A field of several lines.
#[component]
fn Lines(
    id: &'static str,
    label: &'static str,
    help: &'static str,
    text: RwSignal<String>,
    /// What is wrong with it; empty or absent if nothing is.
    mistake: Signal<Option<String>>,
) -> impl IntoView {
    let ids = Ids::new(id);
    view! {
        <div class="bench-field">
            <label for=ids.field.clone()>{label}</label>
            <textarea id=ids.field rows="3" spellcheck="false" maxlength="3000" prop:value=move || text.get()
                aria-describedby=ids.described aria-invalid=move || is_wrong(mistake)
                on:input=move |event| text.set(event_target_value(&event))>{text.get_untracked()}</textarea>
            <p class="bench-help" id=ids.help>{help}</p>
            <p class="bench-error" id=ids.error>{mistake}</p>
        </div>
    }
}

fn is_wrong(mistake: Signal<Option<String>>) -> Option<&'static str> {
    mistake.with(|mistake| mistake.as_deref().is_some_and(|text| !text.is_empty())).then_some("true")
}

/// Element ids of one field.
struct Ids {
    field: String,
    help: String,
    error: String,
    described: String,
}

impl Ids {
    fn new(id: &str) -> Self {
        let (field, help, error) =
            (format!("fetch-{id}"), format!("fetch-{id}-help"), format!("fetch-{id}-error"));
        let described = format!("{help} {error}");
        Self { field, help, error, described }
    }
}

/// Status, explanation, headers and body.
#[component]
fn Outcome(answer: Answer) -> impl IntoView {
    let Answer { request, status, reason, milliseconds, headers, body } = answer;
    let explanation = compose::explain(status, &body);
    let class = if status < 400 { "fetch-status fetch-taken" } else { "fetch-status fetch-refused" };
    view! {
        <p class="fetch-request"><code>{request}</code></p>
        <p class=class><strong>{status}</strong>" "{reason} <span class="fetch-time">{format!("{milliseconds:.1} ms")}</span></p>
        <p class="fetch-why">{explanation}</p>
        <details class="bench-panel" open>
            <summary>"首部与正文"</summary>
            <dl class="fetch-headers">
                {headers.into_iter().map(|(name, value)| view! {
                    <div><dt>{name}</dt><dd>{value}</dd></div>
                }).collect_view()}
            </dl>
            <pre class="fetch-body" tabindex="0" aria-label="响应的正文">{if body.is_empty() { "（没有正文）".to_owned() } else { body }}</pre>
        </details>
    }
}
