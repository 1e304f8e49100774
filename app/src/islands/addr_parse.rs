//! Type an address and see what `std::net` makes of it: the real parsers, in the reader's browser.

#![allow(unreachable_pub, reason = "`#[component]` declares items `pub` whatever its function is")]

pub(crate) mod kinds;
pub(crate) mod reading;

use leptos::prelude::*;
use reading::{Facts, Reading};

/// What the field holds before the reader types.
const FIRST: &str = "[fe80::1%3]:8080";
/// Texts to try, one press each.
const TRIES: [&str; 8] = [
    "192.168.1.5",
    "127.0.0.1:80",
    "::ffff:10.0.0.1",
    "[2001:db8::1]:443",
    "fe80::1:8080",
    "127.1",
    "localhost:80",
    "[::1]",
];
/// Longest text that is read; no address comes near it.
const LONGEST: &str = "100";

#[component]
pub fn AddrParse() -> impl IntoView {
    let text = RwSignal::new(FIRST.to_owned());
    let reading = Memo::new(move |_| text.with(|text| Reading::of(text)));
    // Until the wasm is there the field would do nothing.
    let ready = RwSignal::new(false);
    Effect::new(move || ready.set(true));
    let tries = TRIES.map(|example| {
        view! {
            <button type="button" disabled=move || !ready.get() on:click=move |_| text.set(example.into())>
                {example}
            </button>
        }
    });
    view! {
        <div class="addr-parse">
            <label for="addr-parse-text">"地址，或者地址加端口"</label>
            <input id="addr-parse-text" type="text" maxlength=LONGEST autocomplete="off" autocapitalize="off"
                spellcheck="false" value=FIRST prop:value=move || text.get() readonly=move || !ready.get()
                aria-describedby="addr-parse-why"
                on:input=move |event| text.set(event_target_value(&event))/>
            <div class="addr-tries" role="group" aria-label="试一试这些写法">{tries}</div>
            <dl class="addr-results">
                <dt><code>"parse::<IpAddr>()"</code></dt>
                <dd><code>{move || reading.with(|reading| reading.ip.clone())}</code></dd>
                <dt><code>"parse::<SocketAddr>()"</code></dt>
                <dd><code>{move || reading.with(|reading| reading.socket.clone())}</code></dd>
            </dl>
            <p id="addr-parse-why" class="addr-why" aria-live="polite">{move || reading.with(|reading| reading.why)}</p>
            {move || reading.with(|reading| reading.facts.clone()).map(facts)}
        </div>
    }
}

fn facts(facts: Facts) -> impl IntoView {
    let Facts { canonical, port, zone, mapped, kinds, parts } = facts;
    let row = |name: &'static str, value: String| view! { <div><dt>{name}</dt><dd>{value}</dd></div> };
    let unit = if parts.len() == 4 { "字节" } else { "段" };
    let parts: Vec<_> = parts
        .into_iter()
        .map(|[written, hex, bits]| view! { <tr><td>{written}</td><td>{hex}</td><td>{bits}</td></tr> })
        .collect();
    view! {
        <dl class="addr-facts">
            {row("标准写法", canonical)}
            {row("种类", kinds.join("；"))}
            {port.map(|port| row("端口", if port == 0 { "0：绑定时由内核来挑".into() } else { port.to_string() }))}
            {zone.map(|zone| row("区域号", format!("{zone}：从编号为 {zone} 的网卡出去")))}
            {mapped.map(|(ip, kind)| row("里面的 IPv4", format!("{ip}，{kind}")))}
        </dl>
        <table class="addr-bits">
            <thead><tr><th scope="col">{unit}</th><th scope="col">"十六进制"</th><th scope="col">"二进制"</th></tr></thead>
            <tbody>{parts}</tbody>
        </table>
    }
}
