//! The knobs of every host's line.

use super::knob::{KNOBS, Knob, presets};
use super::run::Run;
use super::settings::Settings;
use super::state::Bench;
use crate::islands::boxed::{boxed, heard, part};
use crate::number;
use api::line::{Impairments, Line};
use api::run::Tier;
use leptos::prelude::*;

/// Which direction of a line a knob turns.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    /// Both alike.
    Both,
    Up,
    Down,
}

/// The panel 线路: for each host its knobs, a preset, and whether both directions are alike.
#[component]
pub(crate) fn Lines(bench: Bench, settings: Settings, run: Run) -> impl IntoView {
    // The knobs are many; they are made when the panel is opened for the first time.
    let opened = RwSignal::new(false);
    let loopback =
        move || run.tier.with(|tier| tier.as_ref().is_some_and(|tier| tier.tier == Tier::Loopback));
    let summary = move || {
        let bad = settings.lines.with(|lines| {
            let perfect = |line: &&Line| line.up.is_perfect() && line.down.is_perfect();
            lines.values().filter(|line| !perfect(line)).count()
        });
        if bad == 0 { "全部完美".to_owned() } else { format!("{bad} 台主机的线路不完美") }
    };
    view! {
        <details class="bench-panel" on:toggle=heard(move |_| opened.set(true))>
            <summary>"线路" <span class="bench-summary">{summary}</span></summary>
            <p class="bench-help">
                {part(move || if loopback() {
                    "这台机器上的主机都在本机环回接口上，没有线路，下面的旋钮不起作用。"
                } else {
                    "每台主机用一根网线接到交换机。这里的设置作用在网线上，运行中改动立即生效。"
                })}
            </p>
            <Show when=move || opened.get()>{all_hosts(bench, settings, run)}</Show>
        </details>
    }
}

fn all_hosts(bench: Bench, settings: Settings, run: Run) -> impl IntoView {
    let hosts = bench.info.with_value(|info| info.hosts.clone());
    hosts
        .into_iter()
        .enumerate()
        .map(|(lane, host)| host_line(bench, settings, run, lane, host))
        .collect_view()
}

fn host_line(bench: Bench, settings: Settings, run: Run, lane: usize, host: String) -> impl IntoView {
    let name = StoredValue::new(host.clone());
    let line = move || name.with_value(|host| settings.lines.with(|lines| lines.get(host).cloned()));
    let split = RwSignal::new(untrack(line).is_some_and(|line| line.up != line.down));
    let set = move |line: Line| {
        let host = name.get_value();
        settings.lines.update(|lines| {
            lines.insert(host.clone(), line.clone());
        });
        settings.mistyped.update(|mistyped| mistyped.retain(|path, _| !path.starts_with(&prefix(&host))));
        settings.forgive(&prefix(&host));
        run.change_line(&host, line);
    };
    let preset = move |event| {
        let chosen = event_target_value(&event);
        if let Some((_, impairments)) = presets().into_iter().find(|(name, _)| *name == chosen) {
            set(Line::both(impairments));
        }
    };
    let preset_name = move || {
        let line = line().unwrap_or_default();
        let found = presets().into_iter().find(|(_, i)| line == Line::both(i.clone()));
        found.map_or("", |(name, _)| name)
    };
    let toggle = move |event| {
        let apart = event_target_checked(&event);
        split.set(apart);
        if let (false, Some(line)) = (apart, untrack(line)) {
            set(Line::both(line.up));
        }
    };
    // A line from the address may have two different directions: show both.
    Effect::new(move |_| {
        if line().is_some_and(|line| line.up != line.down) {
            split.set(true);
        }
    });
    let id = bench.id(&format!("line-{host}"));
    let knobs = move |direction: Direction| {
        KNOBS.iter().map(|knob| knob_field(bench, settings, run, name, direction, knob)).collect_view()
    };
    view! {
        <fieldset class=format!("bench-line bench-lane-{}", lane % 8)>
            <legend>{host}</legend>
            <div class="bench-line-head">
                <label for=format!("{id}-preset")>"预设"</label>
                <select id=format!("{id}-preset") prop:value=preset_name on:change=heard(preset)>
                    <option value="">"自定"</option>
                    {presets().into_iter().map(|(name, _)| view! { <option value=name>{name}</option> }).collect_view()}
                </select>
                <label class="bench-check">
                    <input type="checkbox" prop:checked=boxed(move || split.get()) on:change=heard(toggle)/>
                    "两个方向分别设置"
                </label>
            </div>
            {part(move || if split.get() {
                view! {
                    <p class="bench-direction">"去（主机 → 交换机）"</p>
                    <div class="bench-knobs">{knobs(Direction::Up)}</div>
                    <p class="bench-direction">"回（交换机 → 主机）"</p>
                    <div class="bench-knobs">{knobs(Direction::Down)}</div>
                }.into_any()
            } else {
                view! { <div class="bench-knobs">{knobs(Direction::Both)}</div> }.into_any()
            })}
        </fieldset>
    }
}

/// `lines.client`: where the server's complaints about a host's line begin.
fn prefix(host: &str) -> String {
    format!("lines.{host}.")
}

fn knob_field(
    bench: Bench,
    settings: Settings,
    run: Run,
    host: StoredValue<String>,
    direction: Direction,
    knob: &'static Knob,
) -> impl IntoView {
    let (side, words) = match direction {
        Direction::Both => ("up", ""),
        Direction::Up => ("up", "，去"),
        Direction::Down => ("down", "，回"),
    };
    let path = host.with_value(|host| format!("{}{side}.{}", prefix(host), knob.field));
    let id = bench.id(&path.replace(['.', '_'], "-"));
    let error_id = format!("{id}-error");
    let value = move || {
        let line = host.with_value(|host| settings.lines.with(|lines| lines.get(host).cloned()));
        let line = line.unwrap_or_default();
        number::exact((knob.get)(if direction == Direction::Down { &line.down } else { &line.up }))
    };
    let error = Memo::new({
        let path = path.clone();
        move |_| {
            let typed = settings.mistyped.with(|mistyped| mistyped.get(&path).cloned());
            typed.or_else(|| settings.refused.with(|refused| refused.get(&path).cloned()))
        }
    });
    let change = move |event| match knob.parse(&event_target_value(&event)) {
        Ok(value) => {
            settings.mistyped.update(|mistyped| drop(mistyped.remove(&path)));
            settings.forgive(&path);
            let changed = settings.lines.try_update(|lines| {
                let line = lines.entry(host.get_value()).or_default();
                let turn = |side: &mut Impairments| (knob.set)(side, value);
                if direction != Direction::Down {
                    turn(&mut line.up);
                }
                if direction != Direction::Up {
                    turn(&mut line.down);
                }
                line.clone()
            });
            if let Some(line) = changed {
                host.with_value(|host| run.change_line(host, line));
            }
        }
        Err(message) => settings.mistyped.update(|mistyped| drop(mistyped.insert(path.clone(), message))),
    };
    view! {
        <div class="bench-knob" title=knob.help>
            <label for=id.clone()>
                {knob.label} <span class="bench-unseen">{words}</span> <span class="bench-unit">{knob.unit}</span>
            </label>
            <input id=id type="number" inputmode="decimal" step=knob.step min=number::exact(knob.min)
                max=number::exact(knob.max) value=untrack(value) prop:value=value
                aria-invalid=boxed(move || error.with(Option::is_some).then_some("true")) aria-describedby=error_id.clone()
                on:change=heard(change)/>
            <p class="bench-error" id=error_id>{part(move || error.get())}</p>
        </div>
    }
}
