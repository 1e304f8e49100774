//! What readers do with marks, rows and blocks: choose one of many by key or click, open what tells more.

use leptos::ev::{Event, KeyboardEvent};
use leptos::wasm_bindgen::JsCast;
use std::str::FromStr;
use web_sys::Element;

/// True if the key belongs to the browser: Alt with an arrow is its way back.
pub(super) fn is_shortcut(event: &KeyboardEvent) -> bool {
    event.alt_key() || event.ctrl_key() || event.meta_key()
}

/// The key has been used: neither does the page scroll nor the bench step.
pub(super) fn used(event: &KeyboardEvent) {
    event.prevent_default();
    event.stop_propagation();
}

/// The mark of `count` to which an arrow, Home or End leads. `past`: how many lie before the cursor, where one begins who
/// has chosen none yet.
pub(super) fn by_key(
    event: &KeyboardEvent,
    chosen: Option<usize>,
    past: usize,
    count: usize,
) -> Option<usize> {
    if is_shortcut(event) {
        return None;
    }
    let last = count.saturating_sub(1);
    let next = match event.key().as_str() {
        "ArrowRight" | "ArrowDown" => chosen.map_or(past, |chosen| chosen + 1),
        "ArrowLeft" | "ArrowUp" => chosen.unwrap_or(past).saturating_sub(1),
        "Home" => 0,
        "End" => last,
        _ => return None,
    };
    used(event);
    Some(next.min(last))
}

/// What was clicked.
pub(super) fn target(event: &Event) -> Option<Element> {
    event.target()?.dyn_into().ok()
}

/// True if a `<details>` that tells of being toggled is open.
pub(super) fn is_open(event: &Event) -> bool {
    target(event).is_some_and(|details| details.has_attribute("open"))
}

/// The nearest ancestor of `element`, or itself, that fits a CSS selector.
pub(super) fn around(element: &Element, selector: &str) -> Option<Element> {
    element.closest(selector).ok()?
}

/// The number that an attribute gives to the mark of which `element` is a part.
pub(super) fn number<T: FromStr>(element: &Element, attribute: &str) -> Option<T> {
    around(element, &format!("[{attribute}]"))?.get_attribute(attribute)?.parse().ok()
}
