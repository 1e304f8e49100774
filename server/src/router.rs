//! All routes, testable without a socket: `router(state).oneshot(request)`.

use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State as Shared};
use axum::middleware::map_response;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;

use crate::respond::problem;
use crate::state::State;
use crate::{csp, dev, health, live, peer, quiz, traces};

/// Only `/peer/axum`, `/peer/grpc` and answers to questions have a body, and a short one.
const LARGEST_BODY: usize = 16 * 1024;

/// Sent with everything.
const HEADERS: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), microphone=(), geolocation=(), payment=(), usb=(), serial=()",
    ),
];

/// The whole site. Its WebSockets need `ConnectInfo<SocketAddr>` in the request, which the listener adds.
pub fn router(state: State, request_timeout: Duration) -> Router {
    let mut router = Router::new()
        .route("/live", get(live::upgrade))
        .route("/peer/observe", get(peer::observe))
        .route("/peer/ws-echo", get(peer::echo))
        .route("/peer/ws-chat", get(peer::chat))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/labs/{slug}/recording.json", get(recording))
        .route("/quiz/{part}/{chapter}/{id}", post(quiz::post))
        .route("/traces/{file}", get(traces::get))
        .nest_service("/peer/axum", labs::axum_routing::router().layer(map_response(fresh)))
        .nest_service("/peer/grpc", labs::grpc_web::router().layer(map_response(fresh)));
    if state.reloads.is_some() {
        router = router.route("/dev/reload", get(dev::reload)).route("/dev/reload.js", get(dev::script));
    }
    router
        .fallback_service(get(file_or_page).with_state(state.clone()))
        .with_state(state)
        .layer(RequestBodyLimitLayer::new(LARGEST_BODY))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, request_timeout))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(map_response(secure))
}

/// Files first: they are a look-up in memory.
async fn file_or_page(Shared(state): Shared<State>, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path();
    if let Some(asset) = state.assets.get(path) {
        return asset.respond(&headers);
    }
    if let Some(file) = state.library.now().file(path) {
        return file.respond(&headers);
    }
    if path.starts_with("/pkg/") || path.starts_with("/images/") {
        return problem(StatusCode::NOT_FOUND, "没有这个文件");
    }
    // One address for each page: `/labs/` is `/labs`.
    if path.len() > 1 && path.ends_with('/') {
        let trimmed = path.trim_end_matches('/');
        if let Ok(location) = HeaderValue::try_from(format!("/{}", trimmed.trim_start_matches('/'))) {
            return (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, location)]).into_response();
        }
    }
    match state.pages.get(path).await {
        Ok(page) => page.respond(&headers),
        Err(error) => {
            tracing::error!(?error, path, "a page cannot be rendered");
            problem(StatusCode::INTERNAL_SERVER_ERROR, "这一页暂时打不开，请稍后再试")
        }
    }
}

/// `GET /labs/{slug}/recording.json`
async fn recording(Shared(state): Shared<State>, Path(slug): Path<String>, headers: HeaderMap) -> Response {
    if let Some(json) = state.recordings.json(&slug) {
        return json.respond(&headers);
    }
    if crate::catalog::find(&slug).is_none() {
        return problem(StatusCode::NOT_FOUND, "没有这个实验");
    }
    // Not a failure: the browser asks again, and nothing red stands in the reader's console.
    let mut response = problem(StatusCode::ACCEPTED, "录像还没有做好");
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    response
}

/// A mistake in one page is not the end of its connection. The panic itself is in the log already.
fn panicked(_: Box<dyn std::any::Any + Send + 'static>) -> Response {
    problem(StatusCode::INTERNAL_SERVER_ERROR, "这一页暂时打不开，请稍后再试")
}

/// Answers of a lab's server depend on what is asked and are never kept.
async fn fresh(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

async fn secure(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(csp::NOTHING));
    response
}
