//! 对照: two parts of traces on one time axis, each from its own start.
//!
//! [`part`] says what can be compared and cuts it out, [`joint`] makes one model of two parts, which the sequence
//! diagram and the chart draw as they draw any, [`table`] puts numbers beside each other.

pub(crate) mod joint;
pub(crate) mod part;
pub(crate) mod state;
mod table;

use super::chart::Chart;
use super::measure::use_size;
use super::metrics;
use super::model::Model;
use super::sequence::Sequence;
use super::state::Bench;
use crate::islands::boxed::{boxed, heard, part};
use joint::{Joint, SIGNS, join};
use leptos::html::Div;
use leptos::prelude::*;
use leptos::task::spawn_local;
use part::{Part, cut, usual};
use state::{Other, id_of};
use std::sync::Arc;

/// From this width in pixels on, both sides stand in one diagram.
const WIDE: i32 = 720;

/// Two parts and what is drawn of them.
#[derive(Default)]
struct Pair {
    /// Of each side: where its time begins in its own trace, and how long it is, ns.
    spans: [(u64, u64); 2],
    parts: Option<[Part; 2]>,
    joint: Joint,
    /// The sides by themselves, for narrow pages.
    alone: [Joint; 2],
}

impl Pair {
    fn new(this: &Model, other: Option<&Model>, parts: [Part; 2]) -> Option<Self> {
        let of = |part: Part| if part.other { other } else { Some(this) };
        let [first, second] = parts;
        let (left, right) = (of(first)?, of(second)?);
        let cuts = [cut(left, first.section), cut(right, second.section)];
        Some(Self {
            spans: [0, 1].map(|side| (cuts[side].origin, cuts[side].length)),
            parts: Some(parts),
            joint: join(&[(0, left, &cuts[0]), (1, right, &cuts[1])]),
            alone: [join(&[(0, left, &cuts[0])]), join(&[(1, right, &cuts[1])])],
        })
    }

    /// A moment of the bench's own trace on the common axis, if that trace takes part.
    fn here(&self, time: u64) -> Option<u64> {
        let own = |side: usize| self.parts.is_some_and(|parts| !parts[side].other);
        let (start, length) = match (own(0), own(1)) {
            // Of two sections, the one that the moment is in or after.
            (true, true) if self.spans[1].0 > self.spans[0].0 && time >= self.spans[1].0 => self.spans[1],
            (true, true) if self.spans[0].0 > self.spans[1].0 && time < self.spans[0].0 => self.spans[1],
            (true, _) => self.spans[0],
            (false, true) => self.spans[1],
            (false, false) => return None,
        };
        Some(time.saturating_sub(start).min(length))
    }

    /// The moment of the bench's own trace that a moment of the common axis is.
    fn there(&self, time: u64) -> Option<u64> {
        let side = self.parts?.iter().position(|part| !part.other)?;
        Some(self.spans[side].0.saturating_add(time))
    }
}

/// The comparison of a bench's trace with another, or of two of its sections.
#[component]
pub fn Compare(
    /// The bench whose trace, cursor and selection it shares.
    bench: Bench,
) -> impl IntoView {
    let area = NodeRef::<Div>::new();
    let size = use_size(area);
    let wide = Memo::new(move |_| size.get().width >= WIDE);
    let compared = bench.compared;
    // While a run streams in, its parts are not whole.
    let parts = Memo::new(move |_| {
        let other = compared.other.get();
        bench.model.with(|model| {
            let other_model = other.as_ref().map(|other| &other.model);
            let chosen =
                compared.parts.get().filter(|parts| parts.iter().all(|part| part.is_in(model, other_model)));
            model.outcome.is_some().then(|| chosen.or_else(|| usual(model, other.is_some())))?
        })
    });
    let pair = Memo::new_with_compare(
        move |_| {
            let other = compared.other.get();
            let parts = parts.get();
            Arc::new(bench.model.with(|model| {
                let other = other.as_ref().map(|other| &other.model);
                parts.and_then(|parts| Pair::new(model, other, parts)).unwrap_or_default()
            }))
        },
        |_, _| true,
    );
    let any = Memo::new(move |_| pair.with(|pair| pair.parts.is_some()));
    let numbers = move || {
        let other = compared.other.get();
        let parts = parts.get();
        bench.model.with(|model| {
            let of =
                |part: Part| if part.other { other.as_ref().map(|other| &other.model) } else { Some(model) };
            let [first, second] = parts?;
            let (left, right) = (of(first)?, of(second)?);
            let cuts = [cut(left, first.section), cut(right, second.section)];
            pair.with(|pair| {
                let mut segments = super::segments::Segments::default();
                segments.update(&pair.joint.model);
                let rows = table::rows([(left, &cuts[0]), (right, &cuts[1])], &pair.joint.model, &segments);
                Some(table::html(&rows))
            })
        })
    };
    let titles = move |side: usize| {
        let other = compared.other.get();
        let part = parts.get()?[side];
        bench.model.with(|model| Some(title(part, model, other.as_deref())))
    };
    let side = move |which: usize| {
        view! { <p class="compare-title">{SIGNS[which]} " " {part(move || titles(which))}</p> }
    };
    view! {
        <div class="compare" node_ref=area>
            <Choice bench parts/>
            <Show when=move || any.get() fallback=move || view! { <p class="compare-empty">{part(move || why_none(bench))}</p> }>
                <div class="told-box compare-numbers" role="group" aria-label="对照表" tabindex="0"
                    inner_html=boxed(move || numbers().unwrap_or_default())></div>
                {part(move || if wide.get() {
                    view! {
                        <div class="compare-titles">{side(0)}{side(1)}</div>
                        <Linked bench pair which=None/>
                    }.into_any()
                } else {
                    view! {
                        {side(0)}
                        <Linked bench pair which=Some(0)/>
                        {side(1)}
                        <Linked bench pair which=Some(1)/>
                    }.into_any()
                })}
                <Curves bench pair/>
            </Show>
        </div>
    }
}

/// A part in words.
fn title(part: Part, this: &Model, other: Option<&Other>) -> String {
    let (name, model) = match (part.other, other) {
        (true, Some(other)) => (other.title.as_str(), &other.model),
        _ => ("这次运行", this),
    };
    match part.section.and_then(|at| model.sections.get(at)) {
        Some(section) if part.other => format!("{name} · {}", section.title),
        Some(section) => section.title.clone(),
        None => name.to_owned(),
    }
}

fn why_none(bench: Bench) -> &'static str {
    if bench.model.with(|model| model.outcome.is_none()) {
        "运行结束之后才能对照。"
    } else {
        "这次运行没有两个部分可比。再运行一次，或者贴上另一条轨迹的链接。"
    }
}

/// What stands on either side, and where another trace comes from.
#[component]
fn Choice(bench: Bench, parts: Memo<Option<[Part; 2]>>) -> impl IntoView {
    let compared = bench.compared;
    let text = RwSignal::new(String::new());
    let options = move |side: usize| {
        let chosen = parts.get().map(|parts| parts[side]);
        let other = compared.other.get();
        bench.model.with(|model| {
            let sections = |other: bool, model: &Model| {
                let some = (0..model.sections.len()).map(move |section| Part { other, section: Some(section) });
                std::iter::once(Part { other, section: None }).chain(some).collect::<Vec<_>>()
            };
            let mut all = sections(false, model);
            all.extend(other.iter().flat_map(|other| sections(true, &other.model)));
            let option = |part: Part| {
                let selected = chosen == Some(part);
                view! { <option value=part.key() selected=selected>{title(part, model, other.as_deref())}</option> }
            };
            all.into_iter().map(option).collect_view()
        })
    };
    let choose = move |side: usize, key: String| {
        if let (Some(mut both), Some(part)) = (parts.get_untracked(), Part::from_key(&key)) {
            both[side] = part;
            compared.parts.set(Some(both));
            bench.touched.set(true);
        }
    };
    let select = move |side: usize, label: &'static str| {
        view! {
            <label class="compare-side">
                <span>{SIGNS[side]}</span>
                <select aria-label=label on:change=heard(move |event| choose(side, event_target_value(&event)))>
                    {part(move || options(side))}
                </select>
            </label>
        }
    };
    let fetch = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        match id_of(&text.get_untracked()) {
            Some(id) => {
                compared.parts.set(None);
                compared.complaint.set(None);
                bench.touched.set(true);
                spawn_local(compared.load(id.to_owned()));
            }
            None => compared.complaint.set(Some("这不是轨迹的链接或编号。")),
        }
    };
    let previous = move |_| {
        compared.with_previous();
        bench.touched.set(true);
    };
    view! {
        <div class="compare-choice" role="group" aria-label="对照什么">
            {part(move || parts.get().is_some().then(|| (select(0, "左边"), select(1, "右边"))))}
            {part(move || compared.previous.get().is_some().then(|| view! {
                <button type="button" on:click=heard(previous)>"与上一次运行对照"</button>
            }))}
            <form class="compare-link" on:submit=heard(fetch)>
                <input type="text" aria-label="另一条轨迹的链接或编号" placeholder="另一条轨迹的链接" autocomplete="off" spellcheck="false"
                    prop:value=boxed(move || text.get()) on:input=heard(move |event| text.set(event_target_value(&event)))/>
                <button type="submit">"取来"</button>
            </form>
            <p class="compare-complaint" role="status">{part(move || compared.complaint.get())}</p>
        </div>
    }
}

/// A bench of its own for one drawing, its cursor and selection tied to those of the real one.
fn linked(bench: Bench, pair: Memo<Arc<Pair>>, which: Option<usize>) -> Bench {
    let name = format!(
        "{}-{}",
        bench.name.get_value(),
        ["both", "first", "second"][which.map_or(0, |which| which + 1)]
    );
    let own = Bench::new(name, bench.info.get_value());
    own.follow.set(false);
    super::know_more(own);
    let joint = move |pair: &Pair| -> Joint {
        match which {
            None => pair.joint.clone(),
            Some(which) => pair.alone[which % 2].clone(),
        }
    };
    let origins = StoredValue::new(Joint::default());
    Effect::new(move |_| {
        let drawn = joint(&pair.get());
        own.selected.set(None);
        own.model.set(drawn.model.clone());
        origins.set_value(Joint { model: Model::default(), ..drawn });
    });
    let own_side =
        move |side: usize| pair.with_untracked(|pair| pair.parts.is_some_and(|parts| !parts[side].other));
    // From the bench to the drawing …
    Effect::new(move |_| {
        let (time, selected) = (bench.cursor.get(), bench.selected.get());
        if let Some(time) = pair.with(|pair| pair.here(time)) {
            if own.cursor.get_untracked() != time {
                own.cursor.set(time);
            }
            let seq = selected.and_then(|seq| {
                origins.with_value(|joint| {
                    [0, 1].into_iter().filter(|side| own_side(*side)).find_map(|side| joint.here(side, seq))
                })
            });
            let foreign = own.selected.get_untracked().is_some_and(|seq| {
                origins.with_value(|joint| {
                    joint.origins.get(seq as usize).is_some_and(|(side, _)| !own_side(*side))
                })
            });
            if own.selected.get_untracked() != seq && !(foreign && seq.is_none()) {
                own.selected.set(seq);
            }
        } else if own.cursor.get_untracked() == 0 {
            own.cursor.set(own.model.with_untracked(|model| model.end));
        }
    });
    // … and back, where the reader moved it there.
    Effect::new(move |_| {
        let (time, selected) = (own.cursor.get(), own.selected.get());
        let origin =
            selected.and_then(|seq| origins.with_value(|joint| joint.origins.get(seq as usize).copied()));
        match origin {
            Some((side, seq)) if own_side(side) => {
                if bench.selected.get_untracked() != Some(seq) {
                    bench.playing.set(false);
                    bench.select(seq);
                }
            }
            _ => {
                let (now, wanted) =
                    pair.with_untracked(|pair| (pair.here(bench.cursor.get_untracked()), pair.there(time)));
                if let (Some(now), Some(wanted)) = (now, wanted)
                    && now != time
                {
                    bench.playing.set(false);
                    bench.seek(wanted);
                }
            }
        }
    });
    own
}

/// The sequence diagram of both sides, or of one.
#[component]
fn Linked(bench: Bench, pair: Memo<Arc<Pair>>, which: Option<usize>) -> impl IntoView {
    let own = linked(bench, pair, which);
    view! { <Sequence bench=own/> }
}

/// The series of both sides in one picture, if there are any.
#[component]
fn Curves(bench: Bench, pair: Memo<Arc<Pair>>) -> impl IntoView {
    let any = Memo::new(move |_| pair.with(|pair| !pair.joint.model.series.is_empty()));
    let panels = Memo::new(move |_| Arc::new(pair.with(|pair| metrics::series::panels(&pair.joint.model))));
    view! {
        <Show when=move || any.get()>
            <p class="kernel-heading">"采样"<small>"两边各自从头计时"</small></p>
            <Chart bench=linked(bench, pair, None) panels label="两边的采样随时间的变化：方向键逐个采样查看"/>
        </Show>
    }
}

#[cfg(test)]
mod tests {
    use super::joint::tests::run;
    use super::*;

    fn section(section: usize) -> Part {
        Part { other: false, section: Some(section) }
    }

    #[test]
    fn the_cursor_of_two_sections_is_in_the_one_that_runs() {
        let model = run(&["甲", "乙"]);
        let pair = Pair::new(&model, None, [section(0), section(1)]).unwrap();
        assert_eq!(pair.spans, [(1_000, 3_500), (4_000, 3_500)]);
        assert_eq!(
            [0, 1_500, 3_999, 4_000, 5_000, 99_000].map(|time| pair.here(time)),
            [Some(0), Some(500), Some(2_999), Some(0), Some(1_000), Some(3_500)]
        );
        assert_eq!(pair.there(500), Some(1_500));
        let turned = Pair::new(&model, None, [section(1), section(0)]).unwrap();
        assert_eq!([1_500, 5_000].map(|time| turned.here(time)), [Some(500), Some(1_000)]);
    }

    #[test]
    fn another_trace_has_its_own_time() {
        let (this, other) = (run(&["甲"]), run(&["甲", "乙"]));
        let pair = Pair::new(&this, Some(&other), [Part::OTHER, Part::WHOLE]).unwrap();
        assert_eq!((pair.here(1_500), pair.there(1_000)), (Some(1_000), Some(1_500)));
        let foreign = Part { other: true, section: Some(0) };
        let pair = Pair::new(&this, Some(&other), [foreign, Part::OTHER]).unwrap();
        assert_eq!((pair.here(1_500), pair.there(1_000)), (None, None));
        assert!(Pair::new(&this, None, [Part::WHOLE, Part::OTHER]).is_none());
    }
}
