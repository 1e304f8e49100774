//! Pages, files and headers, without a socket.

use api::run::Tier;
use base64::Engine as _;
use http::{HeaderMap, StatusCode};
use server::config::Times;
use sha2::Digest as _;
use std::io::Read as _;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

use super::support::{Stage, soon};

#[tokio::test]
async fn every_page_answers_and_unknown_ones_do_not() {
    let stage = Stage::new().await;
    let paths = stage.state.library.now().paths();
    assert!(
        paths.iter().any(|path| path.starts_with("/guide/")) && paths.contains(&"/labs/tcp-echo".to_owned())
    );
    for path in paths {
        let response = stage.get(&path, &[]).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
    }
    for path in
        ["/nothing", "/labs/nothing", "/guide/nothing", "/traces/nothing", "/traces/0123456789abcdefghijkl"]
    {
        let response = stage.get(path, &[]).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8", "{path}");
    }
    let long = format!("/{}", "x".repeat(5000));
    assert_eq!(stage.get(&long, &[]).await.status(), StatusCode::NOT_FOUND);
    for path in
        ["/pkg/nothing.js", "/images/nothing.svg", "/traces/x.json", "/traces/x.pcapng", "/traces/x.exe"]
    {
        assert_eq!(stage.get(path, &[]).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    let moved = stage.get("/labs/", &[]).await;
    assert_eq!(
        (moved.status(), moved.headers()["location"].as_bytes()),
        (StatusCode::PERMANENT_REDIRECT, &b"/labs"[..])
    );
    let moved = stage.get("//evil.example/", &[]).await;
    assert!(moved.headers().get("location").is_none_or(|to| !to.as_bytes().starts_with(b"//")));
}

#[tokio::test]
async fn pages_are_kept_compressed_and_need_not_be_sent_twice() {
    let stage = Stage::new().await;
    let plain = stage.get("/", &[]).await;
    assert_eq!(plain.headers()["vary"], "Accept-Encoding");
    let mut gzip = Vec::new();
    let packed = stage.get("/", &[("accept-encoding", "gzip")]).await;
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    flate2::read::GzDecoder::new(&packed.body()[..]).read_to_end(&mut gzip).unwrap();
    assert_eq!(gzip, plain.body()[..]);
    let mut br = Vec::new();
    let packed = stage.get("/", &[("accept-encoding", "gzip, deflate, br, zstd")]).await;
    assert_eq!(packed.headers()["content-encoding"], "br");
    brotli::BrotliDecompress(&mut &packed.body()[..], &mut br).unwrap();
    assert_eq!(br, plain.body()[..]);

    let etag = packed.headers()["etag"].to_str().unwrap();
    let known = stage.get("/", &[("if-none-match", etag)]).await;
    assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
    assert!(known.body().is_empty() && known.headers()["etag"] == etag);
    assert_eq!(stage.get("/", &[("if-none-match", "\"other\"")]).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_policy_permits_exactly_the_scripts_of_the_page() {
    let stage = Stage::new().await;
    for path in stage.state.library.now().paths() {
        let response = stage.get(&path, &[]).await;
        let policy = response.headers()["content-security-policy"].to_str().unwrap();
        for forbidden in ["'unsafe-inline'", "'unsafe-eval'", "*", "http:", "https:"] {
            assert!(!policy.contains(forbidden), "{path}: {policy}");
        }
        for needed in
            ["default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "form-action 'self'"]
        {
            assert!(policy.contains(needed), "{path}: {policy}");
        }
        let html = String::from_utf8(response.body().to_vec()).unwrap();
        let inline = inline_scripts(&html);
        assert_eq!(policy.matches("'sha256-").count(), inline.len(), "{path}");
        for script in inline {
            let hash = base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(&script));
            assert!(policy.contains(&format!("'sha256-{hash}'")), "{path}: {script}");
        }
        assert!(!html.contains(" style=\"") && !html.contains("<style"), "{path} has inline styles");
        assert!(!html.contains(" nonce=\""), "{path} has a nonce that means nothing");
    }
}

/// Independent of the server's own scanner: splits on tags.
fn inline_scripts(html: &str) -> std::collections::BTreeSet<String> {
    let scripts = html.split("<script").skip(1).map(|script| script.split("</script>").next().unwrap());
    scripts
        .filter_map(|script| {
            let (head, body) = script.split_once('>').unwrap();
            (!head.contains("src=")).then(|| body.to_owned())
        })
        .collect()
}

#[tokio::test]
async fn everything_carries_the_security_headers() {
    let stage = Stage::new().await;
    for path in [
        "/",
        "/nothing",
        "/healthz",
        "/readyz",
        "/notes.json",
        "/labs/tcp-echo/source.json",
        "/traces/x.json",
    ] {
        let response = stage.get(path, &[]).await;
        secure(path, response.headers());
    }
}

fn secure(path: &str, headers: &HeaderMap) {
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
    ] {
        assert_eq!(headers[name], value, "{path}");
    }
    for name in ["permissions-policy", "content-security-policy"] {
        assert!(headers.contains_key(name), "{path}: {name}");
    }
}

#[tokio::test]
async fn other_methods_are_refused() {
    use tower::ServiceExt as _;
    let stage = Stage::new().await;
    for path in ["/", "/labs/tcp-echo", "/traces/x.json", "/healthz"] {
        for (method, status) in [("POST", 405), ("DELETE", 405), ("HEAD", 200)] {
            let router = server::router::Site::new(stage.state.clone(), std::time::Duration::from_secs(5));
            let request =
                http::Request::builder().method(method).uri(path).body(axum::body::Body::empty()).unwrap();
            let found = router.oneshot(request).await.unwrap().status().as_u16();
            let expected = if path == "/traces/x.json" && method == "HEAD" { 404 } else { status };
            assert_eq!(found, expected, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn the_house_tells_how_it_is() {
    let stage = Stage::with(&["--max-runs", "3"], Times::default(), Tier::Loopback).await;
    assert_eq!(stage.get("/healthz", &[]).await.status(), StatusCode::OK);
    let mut client = stage.connect().await;
    client.start("tcp-echo").await;
    let puppet = stage.puppet().await;
    let ready: serde_json::Value = serde_json::from_slice(stage.get("/readyz", &[]).await.body()).unwrap();
    assert_eq!(ready["tier"], "loopback");
    assert_eq!(
        (&ready["runs"]["running"], &ready["runs"]["limit"], &ready["readers"]),
        (&1.into(), &3.into(), &1.into())
    );
    puppet.finish().await;
}

#[tokio::test]
async fn labs_have_sources_and_recordings() {
    let stage = Stage::new().await;
    let source = stage.get("/labs/tcp-echo/source.json", &[]).await;
    let listing: book::Listing = serde_json::from_slice(source.body()).unwrap();
    assert_eq!(listing.file, "server/labs/src/tcp_echo.rs");
    assert!(listing.lines.len() > 20);
    let missing = stage.get("/labs/tcp-echo/recording.json", &[]).await;
    assert_eq!(
        (missing.status(), missing.headers().contains_key("retry-after")),
        (StatusCode::ACCEPTED, true)
    );
    assert!(!stage.get("/labs/nothing/recording.json", &[]).await.headers().contains_key("retry-after"));
}

#[tokio::test]
async fn a_saved_chapter_shows_without_a_restart() {
    let stage = Stage::new().await;
    let path =
        stage.state.library.now().paths().into_iter().find(|path| path.starts_with("/guide/")).unwrap();
    let mut open = BufReader::new(tokio::net::TcpStream::connect(stage.addr).await.unwrap());
    open.write_all(b"GET /dev/reload HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    let mut told = String::new();
    soon("head of the event stream", async { while open.read_line(&mut told).await.unwrap() > 2 {} }).await;
    let text = |response: http::Response<bytes::Bytes>| String::from_utf8(response.body().to_vec()).unwrap();
    assert!(text(stage.get(&path, &[]).await).contains("第一版正文"));
    let file = stage.folder.path().join("content/guide/1-first.md");
    let chapter = std::fs::read_to_string(&file).unwrap().replace("第一版正文", "第二版正文");
    std::fs::write(&file, chapter).unwrap();
    soon("second edition", async {
        while !text(stage.get(&path, &[]).await).contains("第二版正文") {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    })
    .await;
    soon("event for open pages", async {
        while !told.contains("event: changed") {
            open.read_line(&mut told).await.unwrap();
        }
    })
    .await;
    assert!(text(stage.get(&path, &[]).await).contains("/dev/reload.js"));
}
