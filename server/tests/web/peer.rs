//! The labs' servers for the reader's own browser.

use std::time::Duration;

use api::run::Tier;
use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::Value;
use server::config::Times;
use tower::ServiceExt as _;

use super::support::Stage;

/// Status, headers and body.
async fn ask(
    stage: &Stage,
    method: &str,
    path: &str,
    kind: &str,
    body: &str,
) -> http::Response<bytes::Bytes> {
    let mut request = Request::builder().method(method).uri(format!("/peer/axum{path}"));
    request = request.header("content-length", body.len());
    if !kind.is_empty() {
        request = request.header("content-type", kind);
    }
    let request = request.body(Body::from(body.to_owned())).unwrap();
    let response =
        server::router::router(stage.state.clone(), Duration::from_secs(30)).oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    http::Response::from_parts(head, body)
}

#[tokio::test]
async fn the_router_of_the_lab_answers_on_the_site() {
    let stage = Stage::with(&[], Times::default(), Tier::Loopback).await;
    const JSON: &str = "application/json";
    let long = " ".repeat(1025);
    for (method, path, kind, body, status) in [
        ("GET", "/books/1", "", "", 200),
        ("POST", "/orders", JSON, r#"{"book":2,"copies":3}"#, 201),
        ("GET", "/books/abc", "", "", 400),
        ("GET", "/me", "", "", 401),
        ("GET", "/books/99", "", "", 404),
        ("GET", "/", "", "", 404),
        ("GET", "/nowhere/at/all", "", "", 404),
        ("DELETE", "/books/1", "", "", 405),
        ("POST", "/orders", JSON, &long, 413),
        ("POST", "/orders", "text/plain", "{}", 415),
        ("POST", "/orders", JSON, "{}", 422),
    ] {
        let response = ask(&stage, method, path, kind, body).await;
        assert_eq!(response.status().as_u16(), status, "{method} {path}");
        assert_eq!(response.headers()["cache-control"], "no-store", "{method} {path}");
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        assert!(
            response.headers()["content-security-policy"].to_str().unwrap().contains("default-src 'none'")
        );
        if status >= 400 {
            let answer: Value = serde_json::from_slice(response.body()).unwrap();
            assert!(answer["refused_by"].is_string(), "{method} {path}: {answer}");
        }
    }
    // The site's own limit stands before the router's.
    let huge = ask(&stage, "POST", "/orders", JSON, &" ".repeat(20 * 1024)).await;
    assert_eq!(huge.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert!(serde_json::from_slice::<Value>(huge.body()).is_err());
}
