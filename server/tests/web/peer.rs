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
    let response = server::router::Site::new(stage.state.clone(), Duration::from_secs(30))
        .oneshot(request)
        .await
        .unwrap();
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

/// Calls a method of the greeter as gRPC-Web; `message` is protobuf.
async fn call(stage: &Stage, method: &str, kind: &str, message: &[u8]) -> http::Response<bytes::Bytes> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    let request = Request::post(format!("/peer/grpc/wirebook.greeter.v1.Greeter/{method}"))
        .header("content-type", kind)
        .body(Body::from([&[0][..], &length, message].concat()))
        .unwrap();
    let router = server::router::Site::new(stage.state.clone(), Duration::from_secs(30));
    let (head, body) = router.oneshot(request).await.unwrap().into_parts();
    http::Response::from_parts(head, axum::body::to_bytes(body, 1 << 20).await.unwrap())
}

#[tokio::test]
async fn the_greeter_of_the_lab_answers_in_grpc_web() {
    const WEB: &str = "application/grpc-web+proto";
    let stage = Stage::with(&[], Times::default(), Tier::Loopback).await;
    let ada = [0x0a, 3, b'a', b'd', b'a'];
    let greeted = call(&stage, "Greet", WEB, &ada).await;
    assert_eq!(greeted.status(), StatusCode::OK);
    assert_eq!(greeted.headers()["content-type"], WEB);
    assert_eq!(greeted.headers()["cache-control"], "no-store");
    let body = greeted.body();
    let (message, trailers) = body.split_at(5 + usize::from(body[4]));
    assert!(message.starts_with(&[0, 0, 0, 0]) && message.ends_with(&[0x10, 1]), "{message:x?}");
    assert!(trailers[0] == 0x80 && trailers[5..].starts_with(b"grpc-status:0\r\n"), "{trailers:x?}");

    let often = [&ada[..], &[0x10, 3]].concat();
    let three = call(&stage, "GreetOften", WEB, &often).await;
    assert_eq!(three.body().windows(3).filter(|bytes| bytes == b"ada").count(), 3);
    // 20 greetings with a second between them would keep a connection for longer than the site allows.
    let long = [&ada[..], &[0x10, 20, 0x18, 0xe8, 0x07]].concat();
    assert_eq!(call(&stage, "GreetOften", WEB, &long).await.headers()["grpc-status"], "3");
    assert_eq!(call(&stage, "Greet", WEB, &[]).await.headers()["grpc-status"], "3");
    assert_eq!(call(&stage, "Nothing", WEB, &ada).await.headers()["grpc-status"], "12");
    assert_eq!(call(&stage, "Greet", "text/plain", &ada).await.status(), StatusCode::BAD_REQUEST);
    // What the greeter does with unknown paths is its own affair, not the site's.
    let router = server::router::Site::new(stage.state.clone(), Duration::from_secs(30));
    let nowhere = router.oneshot(Request::get("/peer/nowhere").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(nowhere.status(), StatusCode::NOT_FOUND);
    assert!(!nowhere.headers().contains_key("grpc-status"));
}
