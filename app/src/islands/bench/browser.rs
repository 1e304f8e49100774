//! What the bench asks of the browser besides drawing. Call these in effects and event handlers only.

use gloo_net::http::Request;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos::wasm_bindgen::prelude::Closure;
use leptos::wasm_bindgen::{JsCast, JsValue};
use serde::de::DeserializeOwned;
use std::time::Duration;
use wasm_bindgen_futures::JsFuture;

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// The server answered with this status.
    Status(u16),
    /// No connection, or an answer that is not what was expected.
    Broken,
}

/// Gets JSON from this site.
///
/// # Errors
/// The status, or that there was no usable answer.
pub(crate) async fn json<T: DeserializeOwned>(path: &str) -> Result<T, Problem> {
    let response = Request::get(path).send().await.map_err(|_| Problem::Broken)?;
    // Anything else that is not a failure has no such content (202: not yet).
    if response.status() != 200 {
        return Err(Problem::Status(response.status()));
    }
    let text = response.text().await.map_err(|_| Problem::Broken)?;
    serde_json::from_str(&text).map_err(|error| {
        leptos::logging::warn!("{path}: {error}");
        Problem::Broken
    })
}

/// Puts text on the clipboard; `done` is true for two seconds after that.
pub(crate) fn copy(text: String, done: RwSignal<bool>) {
    spawn_local(async move {
        let clipboard = window().navigator().clipboard();
        // Absent where the site is plain http:// on another machine, as in a classroom.
        let copied = if JsValue::from(clipboard.clone()).is_undefined() {
            copy_by_selection(&text).unwrap_or(false)
        } else {
            JsFuture::from(clipboard.write_text(&text)).await.is_ok()
        };
        if copied {
            done.try_set(true);
            let undo = move || {
                done.try_set(false);
            };
            set_timeout(undo, Duration::from_secs(2));
        }
    });
}

/// The old way: a text field, selected and copied.
fn copy_by_selection(text: &str) -> Result<bool, JsValue> {
    let document = document().unchecked_into::<web_sys::HtmlDocument>();
    let field = document.create_element("textarea")?.unchecked_into::<web_sys::HtmlTextAreaElement>();
    field.set_class_name("bench-unseen");
    field.set_value(text);
    let Some(body) = document.body() else { return Ok(false) };
    body.append_child(&field)?;
    field.select();
    let copied = document.exec_command("copy");
    field.remove();
    copied
}

/// Names and values of the page's query.
pub(crate) fn query() -> Vec<(String, String)> {
    let text = window().location().search().unwrap_or_default();
    let Ok(query) = web_sys::UrlSearchParams::new_with_str(&text) else { return Vec::new() };
    let pairs = js_sys::try_iter(&query).ok().flatten().into_iter().flatten();
    pairs
        .filter_map(|pair| {
            let pair: js_sys::Array = pair.ok()?.unchecked_into();
            Some((pair.get(0).as_string()?, pair.get(1).as_string()?))
        })
        .collect()
}

/// Replaces the query in the address bar; path and fragment stay, nothing is loaded.
pub(crate) fn set_query(pairs: &[(String, String)]) {
    let Ok(query) = web_sys::UrlSearchParams::new() else { return };
    for (name, value) in pairs {
        query.append(name, value);
    }
    let (location, query) = (window().location(), String::from(query.to_string()));
    let (path, hash) = (location.pathname().unwrap_or_default(), location.hash().unwrap_or_default());
    if let Ok(history) = window().history() {
        // Browsers refuse more than a hundred changes in half a minute; the next one will do.
        drop(history.replace_state_with_url(&JsValue::NULL, "", Some(&format!("{path}?{query}{hash}"))));
    }
}

/// Did the reader ask the system for less motion?
pub(crate) fn prefers_less_motion() -> bool {
    let query = window().match_media("(prefers-reduced-motion: reduce)").ok().flatten();
    query.is_some_and(|query| query.matches())
}

/// Calls back once, as soon as the element is about to be seen.
pub(crate) fn when_near(element: &web_sys::Element, callback: impl FnOnce() + 'static) {
    let mut callback = Some(callback);
    let seen = Closure::<dyn FnMut(js_sys::Array, web_sys::IntersectionObserver)>::new(
        move |entries: js_sys::Array, observer: web_sys::IntersectionObserver| {
            let near = entries
                .iter()
                .any(|entry| entry.unchecked_into::<web_sys::IntersectionObserverEntry>().is_intersecting());
            if near && let Some(callback) = callback.take() {
                observer.disconnect();
                callback();
            }
        },
    );
    let options = web_sys::IntersectionObserverInit::new();
    options.set_root_margin("300px");
    let observer = web_sys::IntersectionObserver::new_with_options(seen.as_ref().unchecked_ref(), &options);
    if let Ok(observer) = observer {
        observer.observe(element);
    }
    // Lives as long as the page, like the bench.
    seen.forget();
}
