//! The bench: runs a lab and plays its trace from three sides, code, wire and kernel.

#![allow(unreachable_pub, reason = "`#[component]` declares items `pub` whatever its function is")]

mod address;
mod axis;
pub(crate) mod browser;
mod chart;
pub mod code;
mod command;
pub(crate) mod compare;
pub(crate) mod controls;
mod entry;
mod fields;
mod form;
mod format;
mod frames;
mod hex;
mod input;
mod kernel;
mod knob;
mod lines;
pub(crate) mod live;
mod load;
pub mod log;
mod marks;
mod markup;
pub(crate) mod measure;
mod metrics;
pub mod model;
mod onion;
mod panel;
mod player;
mod results;
mod run;
mod segments;
pub(crate) mod sequence;
mod settings;
mod share;
pub mod source;
pub mod state;
mod status;
mod streams;
mod sync;
mod value;
mod views;
mod waveform;

use crate::islands::boxed::heard;
use crate::islands::late::Setup;
use crate::{known, split};
use controls::Controls;
use form::Form;
use input::InputLine;
use leptos::html::Div;
use leptos::prelude::*;
use leptos::task::spawn_local;
use live::Link;
use panel::Panel;
use results::Results;
use run::Run;
use segments::Segments;
use settings::Settings;
use share::Share;
use state::Origin;
use status::Status;
use views::Views;

/// From this width in pixels on, views stand side by side.
const WIDE: i32 = 880;

/// A lab that the reader can run here, or a trace to replay.
#[component]
pub fn Bench(
    setup: Setup,
    /// What is shown until there is a trace: complete and readable without wasm.
    children: Children,
) -> impl IntoView {
    let Setup { name, info, params, lines, seed, trace, tier } = setup;
    let bench = state::Bench::new(name, info);
    let settings = bench.info.with_value(|info| Settings::new(info, params, lines, seed, bench.touched));
    let run = Run::new(bench, settings, tier);
    let (ready, link) = (RwSignal::new(false), RwSignal::new(Link::Closed));
    let root = NodeRef::<Div>::new();
    let size = measure::use_size(root);
    let wide = Memo::new(move |_| size.get().width >= WIDE);
    start(bench, settings, run, trace, root, ready, link);
    let shown = move || bench.origin.get() != Origin::Nothing;
    let title_id = bench.id("title");
    view! {
        <div class="bench" role="group" aria-labelledby=title_id
            on:keydown=heard(move |event| controls::on_key(bench, &event))>
            <div node_ref=root>
                <p class="bench-title" id=title_id.clone()><span>"实验"</span> " " {bench.info.with_value(|info| info.title.clone())}</p>
                <Form bench settings run ready/>
                <Status bench run link ready/>
                <InputLine bench run/>
                <div class="bench-fallback" class:bench-hidden=shown>{children()}</div>
                <Show when=shown>
                    <Controls bench/>
                    <Results bench/>
                    <Views bench wide/>
                    <Share bench run/>
                </Show>
            </div>
        </div>
    }
}

/// Everything that needs the browser: once the element is there.
fn start(
    bench: state::Bench,
    settings: Settings,
    run: Run,
    trace: Option<String>,
    root: NodeRef<Div>,
    ready: RwSignal<bool>,
    link: RwSignal<Link>,
) {
    know_more(bench);
    let trace = StoredValue::new(trace);
    Effect::new(move |_| {
        let Some(root) = root.get() else { return };
        if ready.get_untracked() {
            return;
        }
        ready.set(true);
        bench.still.set(browser::prefers_less_motion());
        status::follow_link(link);
        let address = sync::read(bench, trace.get_value().is_some());
        if let Some(address) = &address {
            settings.read(address);
            let compares = address.with.is_some().then_some(Panel::Compare);
            bench.view.set(address.view.as_deref().and_then(Panel::named).or(compares));
            bench.bars.set(address.bars);
            bench.compared.parts.set(address.parts);
            if let Some(id) = address.with.clone() {
                spawn_local(bench.compared.load(id));
            }
        }
        sync::write(bench, settings, trace.get_value());
        let wanted = address.as_ref().and_then(|address| address.trace.clone()).or_else(|| trace.get_value());
        // What the page's address is about is wanted at once, wherever a reloaded page was scrolled to.
        let named = address.is_some();
        let load = move || spawn_local(load::load(bench, run, wanted, address));
        if named {
            load();
        } else {
            browser::when_near(&root, load);
        }
    });
}

/// Fetches the decoders that are not here yet, once frames need them. Until then those frames are shown as TCP.
fn know_more(bench: state::Bench) {
    Effect::new(move |asked: Option<bool>| {
        let asked = asked.unwrap_or_default();
        if !asked && bench.model.with(|model| bench.with_segments(model, Segments::lacks)) {
            split::fetch(known::decoders, move |decoders| bench.know(decoders));
            return true;
        }
        asked
    });
}
