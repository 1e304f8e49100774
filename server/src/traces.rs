//! `/traces/<id>` (a page), `/traces/<id>.json`, `/traces/<id>.pcapng`

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::compress;
use crate::pages::Pages;
use crate::respond::problem;
use crate::state::State as AppState;
use crate::store::{self, Packed, Store, StoreError};

const GONE: &str = "没有这条轨迹，它可能因为太旧已被删除";

/// Why a trace cannot be shown.
enum Refused {
    Missing,
    Store(StoreError),
    Other(anyhow::Error),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<anyhow::Error> for Refused {
    fn from(error: anyhow::Error) -> Self {
        Self::Other(error)
    }
}

/// `GET /traces/{file}`
pub(crate) async fn get(
    State(state): State<AppState>,
    Path(file): Path<String>,
    headers: HeaderMap,
) -> Response {
    let (id, form) = match file.split_once('.') {
        Some((id, form)) => (id, Some(form)),
        None => (file.as_str(), None),
    };
    let answer = match form {
        None => page(&state, id, &headers).await,
        Some("json") => json(&state.store, id, &headers).await,
        Some("pcapng") => pcapng(&state.store, id).await,
        Some(_) => Err(Refused::Missing),
    };
    match answer {
        Ok(response) => response,
        Err(refused) if form.is_some() => as_json(&refused),
        Err(Refused::Store(error @ StoreError::Newer { .. })) => {
            (StatusCode::CONFLICT, error.to_string()).into_response()
        }
        Err(refused) => as_page(&refused, &state.pages, &headers).await,
    }
}

/// The replay page; kept in memory, but only as long as its trace exists.
async fn page(state: &AppState, id: &str, headers: &HeaderMap) -> Result<Response, Refused> {
    if !store::is_id(id) || state.store.summary(id).await?.is_none() {
        return Err(Refused::Missing);
    }
    let trace = async {
        let packed = find(&state.store, id).await?;
        let trace = blocking(move || packed.trace()).await?;
        Ok::<_, Refused>(app::SavedTrace(Arc::new(trace)))
    };
    let page = state.pages.trace(&format!("/traces/{id}"), trace).await?;
    Ok(page.respond(headers))
}

/// The stored bytes as they are, if the reader takes gzip.
async fn json(store: &Store, id: &str, headers: &HeaderMap) -> Result<Response, Refused> {
    let packed = find(store, id).await?;
    let accept =
        headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut response = if compress::accepts(accept, "gzip") {
        let mut response = Response::new(Body::from(packed.body));
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        response
    } else {
        Response::new(Body::from(blocking(move || packed.json()).await?))
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    // A trace never changes.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    Ok(response)
}

/// The frames, for Wireshark.
async fn pcapng(store: &Store, id: &str) -> Result<Response, Refused> {
    let packed = find(store, id).await?;
    let name = format!("attachment; filename=\"{}-{}.pcapng\"", packed.lab, packed.id);
    let bytes = blocking(move || {
        let trace = packed.trace()?;
        let mut bytes = Vec::new();
        lan::pcapng::write(&trace, &mut bytes).map_err(|error| StoreError::Corrupt(error.into()))?;
        Ok(bytes)
    })
    .await?;
    let mut response = Response::new(Body::from(bytes));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-pcapng"));
    if let Ok(name) = HeaderValue::try_from(name) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

async fn find(store: &Store, id: &str) -> Result<Packed, Refused> {
    if !store::is_id(id) {
        return Err(Refused::Missing);
    }
    store.packed(id).await?.ok_or(Refused::Missing)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Refused> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(|error| Refused::Other(error.into()))??)
}

fn as_json(refused: &Refused) -> Response {
    match refused {
        Refused::Missing => problem(StatusCode::NOT_FOUND, GONE),
        Refused::Store(error @ StoreError::Newer { .. }) => problem(StatusCode::CONFLICT, &error.to_string()),
        other => {
            log(other);
            problem(StatusCode::INTERNAL_SERVER_ERROR, "轨迹暂时无法读取，请稍后再试")
        }
    }
}

async fn as_page(refused: &Refused, pages: &Pages, headers: &HeaderMap) -> Response {
    if !matches!(refused, Refused::Missing) {
        log(refused);
        return problem(StatusCode::INTERNAL_SERVER_ERROR, "轨迹暂时无法读取，请稍后再试");
    }
    match pages.missing().await {
        Ok(page) => page.respond(headers),
        Err(error) => {
            tracing::error!(?error, "the page for missing pages cannot be rendered");
            problem(StatusCode::NOT_FOUND, GONE)
        }
    }
}

fn log(refused: &Refused) {
    match refused {
        Refused::Missing => {}
        Refused::Store(error) => tracing::error!(?error, "a trace cannot be read"),
        Refused::Other(error) => tracing::error!(?error, "a trace cannot be shown"),
    }
}
