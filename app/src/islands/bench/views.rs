//! The views of a trace: two side by side and the others below as tabs where there is room, all as tabs where not.

use super::code::Code;
use super::compare::Compare;
use super::frames::Frames;
use super::kernel::Kernel;
use super::log::Log;
use super::metrics::{self, Metrics};
use super::onion::Onion;
use super::panel::Panel;
use super::sequence::Sequence;
use super::state::Bench;
use super::streams::Streams;
use super::waveform::Waveform;
use crate::islands::boxed::{boxed, heard, part};
use crate::split::{self, split_off};
use leptos::ev::KeyboardEvent;
use leptos::html::Div;
use leptos::prelude::*;
use leptos::wasm_bindgen::JsCast;

/// Makes a view.
type Make = fn(Panel, Bench) -> AnyView;

/// The views that most traces begin with.
fn view(panel: Panel, bench: Bench, seldom: Seldom) -> AnyView {
    match panel {
        Panel::Sequence => view! { <Sequence bench/> }.into_any(),
        Panel::Code => view! { <Code bench/> }.into_any(),
        Panel::Frames => view! { <Frames bench/> }.into_any(),
        Panel::Kernel => view! { <Kernel bench/> }.into_any(),
        Panel::Log => view! { <Log bench/> }.into_any(),
        Panel::Waveform | Panel::Onion | Panel::Chart | Panel::Streams | Panel::Compare => {
            part(move || seldom.view(panel, bench)).into_any()
        }
    }
}

/// The others.
fn seldom_view(panel: Panel, bench: Bench) -> AnyView {
    match panel {
        Panel::Waveform => view! { <Waveform bench/> }.into_any(),
        Panel::Onion => view! { <Onion bench/> }.into_any(),
        Panel::Chart => view! { <Metrics bench/> }.into_any(),
        Panel::Streams => view! { <Streams bench/> }.into_any(),
        Panel::Compare => view! { <Compare bench/> }.into_any(),
        Panel::Sequence | Panel::Code | Panel::Frames | Panel::Kernel | Panel::Log => ().into_any(),
    }
}

split_off! {
    /// What makes them: in the browser nothing else may name [`seldom_view`].
    fn make_seldom() -> Make {
        seldom_view
    }
}

/// The views that few traces have or few readers open, once their code is here. `Copy`.
#[derive(Clone, Copy)]
struct Seldom {
    make: RwSignal<Option<Make>>,
    asked: StoredValue<bool>,
}

impl Seldom {
    /// The view, or what stands there until its code has come.
    fn view(self, panel: Panel, bench: Bench) -> AnyView {
        if let Some(make) = self.make.get() {
            return make(panel, bench);
        }
        if !self.asked.get_value() {
            self.asked.set_value(true);
            split::fetch(make_seldom, move |make| {
                self.make.try_set(Some(make));
            });
        }
        view! { <p class="bench-help">"正在载入这个视图……"</p> }.into_any()
    }
}

/// What a trace has to show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Has {
    frames: bool,
    signals: bool,
    crossings: bool,
    samples: bool,
    /// Results of one unit, which bars compare.
    results: bool,
    streams: bool,
}

/// Which view stands first and which others there are, besides the code.
fn panels(has: Has) -> (Panel, Vec<Panel>) {
    let wave_first = has.signals && !has.frames;
    let first = if wave_first { Panel::Waveform } else { Panel::Sequence };
    let others = [
        (has.crossings, Panel::Onion),
        (has.samples, Panel::Chart),
        (wave_first, Panel::Sequence),
        (!wave_first, Panel::Frames),
        (has.signals && has.frames, Panel::Waveform),
        (has.streams, Panel::Streams),
        (!wave_first, Panel::Kernel),
        (true, Panel::Log),
        (wave_first, Panel::Kernel),
        (has.results && !has.samples, Panel::Chart),
        (true, Panel::Compare),
    ];
    (first, others.into_iter().filter(|(is, _)| *is).map(|(_, panel)| panel).collect())
}

/// All views of a bench. Only those that can be seen exist.
#[component]
pub(crate) fn Views(
    bench: Bench,
    /// There is room for two columns.
    wide: Memo<bool>,
) -> impl IntoView {
    let chosen = bench.view;
    let seldom = Seldom { make: RwSignal::new(None), asked: StoredValue::new(false) };
    let has = Memo::new(move |_| {
        bench.model.with(|model| Has {
            frames: !model.frames.is_empty(),
            signals: model.signals > 0,
            crossings: model.crossings > 0,
            samples: !model.series.is_empty(),
            results: metrics::bars::compares(model),
            streams: bench.with_segments(model, |segments| !segments.spans().is_empty()),
        })
    });
    move || {
        let (first, others) = panels(has.get());
        if wide.get() {
            view! {
                <div class="bench-views bench-wide">
                    <div class="bench-main" role="group" aria-label=first.names().1>{view(first, bench, seldom)}</div>
                    <div class="bench-side" role="group" aria-label=Panel::Code.names().1>{view(Panel::Code, bench, seldom)}</div>
                    <div class="bench-below"><Tabs bench seldom panels=others chosen/></div>
                </div>
            }
            .into_any()
        } else {
            let mut all = vec![first, Panel::Code];
            all.extend(others);
            view! { <div class="bench-views"><Tabs bench seldom panels=all chosen/></div> }.into_any()
        }
    }
}

/// Tabs by the ARIA pattern: one stop in the tab order, arrows between them, selection follows the focus.
#[component]
fn Tabs(
    bench: Bench,
    seldom: Seldom,
    panels: Vec<Panel>,
    /// What the reader chose last; the first if that is not among them.
    chosen: RwSignal<Option<Panel>>,
) -> impl IntoView {
    let first = panels.first().copied().unwrap_or(Panel::Log);
    let all = StoredValue::new(panels.clone());
    let active = Memo::new(move |_| {
        let chosen = chosen.get().filter(|panel| all.with_value(|all| all.contains(panel)));
        chosen.unwrap_or(first)
    });
    let tab_id = move |panel: Panel| bench.id(&format!("tab-{}", panel.names().0));
    let panel_id = bench.id("panel");
    let choose = move |panel| {
        chosen.set(Some(panel));
        bench.touched.set(true);
    };
    let on_key = move |event: KeyboardEvent| {
        let next = all.with_value(|all| {
            let at = all.iter().position(|panel| *panel == active.get_untracked()).unwrap_or(0);
            let last = all.len() - 1;
            let to = match event.key().as_str() {
                "ArrowRight" if at == last => 0,
                "ArrowRight" => at + 1,
                "ArrowLeft" if at == 0 => last,
                "ArrowLeft" => at - 1,
                "Home" => 0,
                "End" => last,
                _ => return None,
            };
            all.get(to).copied()
        });
        if let Some(panel) = next {
            event.prevent_default();
            choose(panel);
            if let Some(tab) = document().get_element_by_id(&tab_id(panel))
                && let Ok(tab) = tab.dyn_into::<web_sys::HtmlElement>()
            {
                drop(tab.focus());
            }
        }
    };
    let strip = NodeRef::<Div>::new();
    Effect::new(move |_| {
        let id = tab_id(active.get());
        if let Some(strip) = strip.get() {
            request_animation_frame(move || show_tab(&strip, &id));
        }
    });
    view! {
        <div class="bench-tabs" role="tablist" aria-label="轨迹的视图" node_ref=strip on:keydown=heard(on_key)>
            {panels.into_iter().map(|panel| {
                let is_active = move || active.get() == panel;
                view! {
                    <button type="button" role="tab" id=tab_id(panel) aria-controls=panel_id.clone()
                        aria-selected=boxed(move || is_active().to_string())
                        tabindex=boxed(move || if is_active() { "0" } else { "-1" })
                        on:click=heard(move |_| choose(panel))>
                        {panel.names().1}
                    </button>
                }
            }).collect_view()}
        </div>
        <div class="bench-tabpanel" role="tabpanel" id=panel_id.clone()
            aria-labelledby=boxed(move || tab_id(active.get()))>
            {part(move || view(active.get(), bench, seldom))}
        </div>
    }
}

/// Scrolls the strip of tabs (never the page) until all of a tab is seen.
fn show_tab(strip: &web_sys::HtmlDivElement, id: &str) {
    let Some(tab) = document().get_element_by_id(id) else { return };
    let (room, place) = (strip.get_bounding_client_rect(), tab.get_bounding_client_rect());
    let over = (place.right() - room.right()).max(0.0) - (room.left() - place.left()).max(0.0);
    if over.abs() > 0.0 {
        strip.set_scroll_left(strip.scroll_left() + over as i32 + 24 * over.signum() as i32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_without_frames_but_with_levels_begins_with_the_waveform() {
        assert_eq!(panels(Has { signals: true, ..Has::default() }).0, Panel::Waveform);
        for (frames, signals) in [(false, false), (true, false), (true, true)] {
            let has = Has { frames, signals, ..Has::default() };
            let (first, others) = panels(has);
            assert_eq!(first, Panel::Sequence);
            assert_eq!(others.contains(&Panel::Waveform), signals);
            assert!(!others.contains(&first) && !others.contains(&Panel::Code));
            assert!(![Panel::Onion, Panel::Chart, Panel::Streams].iter().any(|panel| others.contains(panel)));
            assert_eq!(panels(Has { crossings: true, ..has }).1[0], Panel::Onion);
            assert_eq!(panels(Has { samples: true, ..has }).1[0], Panel::Chart);
            assert!(
                panels(Has { results: true, ..has }).1[1..].contains(&Panel::Chart),
                "results open no view"
            );
            assert!(panels(Has { streams: true, ..has }).1.contains(&Panel::Streams));
        }
    }
}
