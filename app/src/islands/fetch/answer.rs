//! Asking the server by `fetch`. Browser only.

use super::compose::Composed;
use gloo_net::http::{Headers, Request};
use leptos::prelude::*;
use leptos::wasm_bindgen::JsValue;
use std::time::Duration;

/// The site itself gives up after a few seconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// What came back.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Answer {
    /// Method and address.
    pub(super) request: String,
    pub(super) status: u16,
    /// Reason phrase; empty in HTTP/2.
    pub(super) reason: String,
    /// From the call of `fetch` to the last byte of the body.
    pub(super) milliseconds: f64,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

/// Sends it.
///
/// # Errors
/// A sentence for the reader.
pub(super) async fn ask(composed: Composed) -> Result<Answer, String> {
    let Composed { method, url, headers, body } = composed;
    let request = format!("{method} {url}");
    let fields = Headers::new();
    for (name, value) in &headers {
        fields.append(name, value);
    }
    let abort = web_sys::AbortController::new().map_err(|_| "浏览器不支持中止请求".to_owned())?;
    // Not by gloo's builder, which writes the query anew and adds an `&`.
    let options = web_sys::RequestInit::new();
    options.set_method(&method);
    options.set_headers(&fields.into_raw());
    options.set_cache(web_sys::RequestCache::NoStore);
    options.set_credentials(web_sys::RequestCredentials::Omit);
    options.set_redirect(web_sys::RequestRedirect::Manual);
    options.set_signal(Some(&abort.signal()));
    if let Some(body) = body {
        options.set_body(&JsValue::from_str(&body));
    }
    let built = web_sys::Request::new_with_str_and_init(&url, &options)
        .map_err(|_| "浏览器不肯发出这样的请求".to_owned())?;
    let timer = set_timeout_with_handle(move || abort.abort(), PATIENCE);
    let started = now();
    let received = async {
        let response = Request::from(built).send().await?;
        let body = response.text().await?;
        Ok::<_, gloo_net::Error>((response, body))
    }
    .await;
    let milliseconds = now() - started;
    if let Ok(timer) = timer {
        timer.clear();
    }
    let (response, body) = received.map_err(|_| "没有得到回答：连接断了，或者等得太久。".to_owned())?;
    let mut headers: Vec<_> = response.headers().entries().collect();
    headers.sort();
    let (status, reason) = (response.status(), response.status_text());
    Ok(Answer { request, status, reason, milliseconds, headers, body })
}

fn now() -> f64 {
    window().performance().map_or(0.0, |performance| performance.now())
}
