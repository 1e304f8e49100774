//! 洋葱: which layers each request went through, one inside the other, and how it came out of them.

mod tree;

use super::format;
use super::state::Bench;
use leptos::prelude::*;
use tree::{End, Layer, Moment, Request};

pub(super) use tree::crossing;

/// The requests of a bench's trace as nested boxes.
#[component]
pub(crate) fn Onion(bench: Bench) -> impl IntoView {
    let requests = Memo::new(move |_| bench.model.with(|model| tree::requests(&model.events)));
    view! {
        <div class="onion" role="group" aria-label="洋葱" tabindex="0">
            {move || requests.get().into_iter().map(|request| one(bench, request)).collect_view()}
        </div>
    }
}

fn one(bench: Bench, request: Request) -> impl IntoView {
    let Request { section, outermost } = request;
    view! {
        <section class="onion-request">
            <p class="onion-section">{section}</p>
            <ul>{layer(bench, outermost)}</ul>
        </section>
    }
}

/// One layer around those inside it.
fn layer(bench: Bench, layer: Layer) -> AnyView {
    let Layer { name, entered, ended, inner } = layer;
    let dropped = ended.as_ref().is_some_and(|end| end.dropped);
    let end = ended.map(|End { at, dropped, status }| {
        let words = match (dropped, status) {
            (true, _) => format!("✕ {name} 被丢弃"),
            (false, Some(status)) => format!("← {name} {status}"),
            (false, None) => format!("← {name}"),
        };
        edge(bench, at, words)
    });
    view! {
        <li class="onion-layer" class:onion-dropped=dropped>
            {edge(bench, entered, format!("→ {name}"))}
            {(!inner.is_empty()).then(|| view! { <ul>{inner.into_iter().map(|inner| self::layer(bench, inner)).collect_view()}</ul> })}
            {end}
        </li>
    }
    .into_any()
}

/// Where a layer is entered or left: chooses the event.
fn edge(bench: Bench, at: Moment, words: String) -> impl IntoView {
    let selected = move || bench.selected.get() == Some(at.seq);
    let select = move |_| {
        bench.playing.set(false);
        bench.select(at.seq);
    };
    view! {
        <button type="button" class="onion-edge" class:onion-future=move || bench.cursor.get() < at.time
            aria-current=move || selected().then_some("true") on:click=select>
            <span>{words}</span>
            <span class="onion-time">{format::millis(at.time)}</span>
        </button>
    }
}
