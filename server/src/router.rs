//! All answers, testable without a socket: `Site::new(state, timeout).oneshot(request)`.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State as Shared};
use axum::middleware::map_response;
use axum::response::{IntoResponse as _, Response};
use axum::routing::future::RouteFuture;
use axum::routing::{get, post};
use futures::future::{self, Either, Ready};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, header};
use tower::Service;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;

use crate::respond::{problem, secure};
use crate::state::State;
use crate::{dev, health, live, peer, quiz, traces};

/// Only `/peer/axum`, `/peer/grpc` and answers to questions have a body, and a short one.
const LARGEST_BODY: usize = 16 * 1024;

/// The whole site: what is ready in memory is sent at once, before routes and their limits; all else goes through these.
/// Its WebSockets need `ConnectInfo<SocketAddr>` in the request, which the listener adds.
#[derive(Clone)]
pub struct Site {
    state: Arc<State>,
    routes: Router,
}

impl Site {
    #[must_use]
    pub fn new(state: State, request_timeout: Duration) -> Self {
        Self { routes: routes(state.clone(), request_timeout), state: Arc::new(state) }
    }

    fn ready(&self, request: &Request<Body>) -> Option<Response> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return None;
        }
        let (path, headers) = (request.uri().path(), request.headers());
        if let Some(asset) = self.state.assets.get(path) {
            return Some(asset.respond(headers));
        }
        let edition = self.state.library.now();
        if let Some(file) = edition.file(path) {
            return Some(file.respond(headers));
        }
        Some(self.state.pages.ready(&edition, path)?.respond(headers))
    }
}

impl Service<Request<Body>> for Site {
    type Response = Response;
    type Error = Infallible;
    type Future = Either<Ready<Result<Response, Infallible>>, RouteFuture<Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(())) // as routes always are
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        match self.ready(&request) {
            Some(response) => Either::Left(future::ready(Ok(response))),
            None => Either::Right(self.routes.call(request)),
        }
    }
}

fn routes(state: State, request_timeout: Duration) -> Router {
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
        .fallback_service(get(page).with_state(state.clone()))
        .with_state(state)
        .layer(RequestBodyLimitLayer::new(LARGEST_BODY))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, request_timeout))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(map_response(secured))
}

/// A page that has to be rendered, or is none.
async fn page(Shared(state): Shared<State>, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path();
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

async fn secured(mut response: Response) -> Response {
    secure(response.headers_mut());
    response
}
