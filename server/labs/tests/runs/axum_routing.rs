//! `axum-routing`: what the reader composes is what is sent, every answer can be had, and curl gets the same.

use std::net::SocketAddr;
use std::process::Command;

use api::trace::Trace;
use serde_json::{Value, json};

use crate::Tests;
use crate::once::Once;
use crate::seen::Seen as _;

pub(crate) const TESTS: Tests = &[
    ("the_gallery_shows_every_answer", the_gallery_shows_every_answer),
    ("the_gallery_shows_every_answer_loopback", the_gallery_shows_every_answer_loopback),
    ("the_request_is_sent_as_composed", the_request_is_sent_as_composed),
    ("curl_gets_the_same_answers", curl_gets_the_same_answers),
    ("what_is_no_request_is_refused_loopback", what_is_no_request_is_refused_loopback),
];

const STATUS: &str = "你的请求的状态码";

fn all_answers(trace: &Trace) {
    trace.completed();
    assert_eq!(trace.measured_at("client", STATUS), 201.0);
    for (label, status) in [
        ("取一本书", 200.0),
        ("没有这本书", 404.0),
        ("路径参数不是数", 400.0),
        ("查询参数不是数", 400.0),
        ("没有带令牌", 401.0),
        ("方法不对", 405.0),
        ("正文太大", 413.0),
        ("没有说正文是 JSON", 415.0),
        ("JSON 有语法错误", 400.0),
        ("JSON 的类型不对", 422.0),
    ] {
        assert_eq!(trace.measured_at("client", label), status, "{label}");
    }
}

fn the_gallery_shows_every_answer() {
    let trace = Once::new("axum-routing").run();
    all_answers(&trace);
    assert!(trace.wires().len() < 200, "{} frames", trace.wires().len());
    assert_eq!(trace.count(&[("tcp.flags.syn", 1), ("tcp.flags.ack", 0)]), 11);
}

fn the_gallery_shows_every_answer_loopback() {
    all_answers(&Once::new("axum-routing").loopback().run());
}

/// One request of a reader, without the gallery.
fn composed(method: &str, path: &str, query: &str, headers: &str, body: &str) -> Once {
    Once::new("axum-routing").params(json!({
        "method": method, "path": path, "query": query, "headers": headers, "body": body, "gallery": false,
    }))
}

/// What a host sent over TCP, in order of its first transmission.
fn sent(trace: &Trace, host: &str) -> Vec<u8> {
    let from = trace.host(host);
    let payload = |wire: &crate::seen::Wire<'_>| {
        // Segments without payload are padded by nobody: these frames have no FCS and no trailer.
        let length = wire.number("ip.len")? - wire.number("ip.hdr_len")? - wire.number("tcp.hdr_len")?;
        let length = usize::try_from(length).ok()?;
        wire.frame.bytes.get(wire.frame.bytes.len() - length..).map(<[u8]>::to_vec)
    };
    trace.wires().iter().filter(|wire| wire.frame.from == from).filter_map(payload).flatten().collect()
}

fn the_request_is_sent_as_composed() {
    let trace =
        composed("PATCH", "/a/../books/%E4%B9%A6", "x=1&x=%26&&", "X-Twice: a\nx-twice:  b ", "你好").run();
    trace.completed();
    let request = String::from_utf8(sent(&trace, "client")).unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    assert_eq!(lines.next(), Some("PATCH /a/../books/%E4%B9%A6?x=1&x=%26&& HTTP/1.1"));
    let mut headers: Vec<_> = lines.filter(|line| !line.starts_with("host: ")).collect();
    headers.sort_unstable();
    assert_eq!(headers, ["content-length: 6", "x-twice: a", "x-twice: b"]);
    assert_eq!(body, "你好");
}

/// The same requests to the lab and, with curl, to its router on a port of this machine.
fn curl_gets_the_same_answers() {
    const JSON: &str = "Content-Type: application/json";
    let long = " ".repeat(1025);
    let cases: &[(&str, &str, &str, &str, &str, u16)] = &[
        ("GET", "/books/1", "", "", "", 200),
        ("GET", "/books", "page=2&per_page=2", "", "", 200),
        ("GET", "/me", "", "Authorization: Bearer sesame", "", 200),
        ("POST", "/orders", "", JSON, r#"{"book":2,"copies":3}"#, 201),
        ("GET", "/books/abc", "", "", "", 400),
        ("GET", "/books", "page=x", "", "", 400),
        ("POST", "/orders", "", JSON, r#"{"book":2,"#, 400),
        ("GET", "/me", "", "", "", 401),
        ("GET", "/me", "", "Authorization: Bearer wrong", "", 401),
        ("GET", "/books/99", "", "", "", 404),
        ("GET", "/nowhere", "", "", "", 404),
        ("DELETE", "/books/1", "", "", "", 405),
        ("OPTIONS", "/orders", "", "", "", 405),
        ("POST", "/orders", "", JSON, &long, 413),
        ("POST", "/orders", "", "Content-Type: text/plain", r#"{"book":2,"copies":3}"#, 415),
        ("POST", "/orders", "", JSON, r#"{"book":2,"copies":"three"}"#, 422),
        ("POST", "/orders", "", JSON, r#"{"book":9,"copies":1}"#, 422),
    ];
    for (method, path, query, headers, body, status) in cases {
        let what = format!("{method} {path}?{query}");
        let trace = composed(method, path, query, headers, body).run();
        trace.completed();
        assert_eq!(trace.measured_at("client", STATUS), f64::from(*status), "{what}");

        // A router of its own for each request: order numbers begin at 1 on both sides.
        let (answered, text) = curl(served(), method, path, query, headers, body);
        assert_eq!(answered, *status, "{what}");
        let response = String::from_utf8(sent(&trace, "server")).unwrap();
        let (head, lab_text) = response.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{what}: {head}");
        assert_eq!(lab_text, text, "{what}");
        if *status >= 400 {
            let answer: Value = serde_json::from_str(&text).unwrap();
            assert!(answer["refused_by"].is_string() && answer["why"].is_string(), "{what}: {text}");
        }
    }
}

/// The lab's router, listening on 127.0.0.1 until this process ends.
fn served() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, labs::axum_routing::router()).await.unwrap();
        });
    });
    address
}

/// Status and body.
fn curl(
    address: SocketAddr,
    method: &str,
    path: &str,
    query: &str,
    headers: &str,
    body: &str,
) -> (u16, String) {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--max-time", "5", "--noproxy", "*", "--path-as-is"]);
    command.args(["--request", method, "--write-out", "\n%{http_code}"]);
    for line in headers.lines() {
        command.args(["--header", line]);
    }
    if !body.is_empty() {
        // curl would say that it is a form.
        if !headers.to_lowercase().contains("content-type") {
            command.args(["--header", "Content-Type:"]);
        }
        command.args(["--data-raw", body]);
    }
    let query = if query.is_empty() { String::new() } else { format!("?{query}") };
    let output = command.arg(format!("http://{address}{path}{query}")).output();
    let output = output.unwrap_or_else(|error| panic!("this test needs curl: {error}"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let (body, status) = text.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), body.to_owned())
}

fn what_is_no_request_is_refused_loopback() {
    let entry = labs::find("axum-routing").unwrap();
    for (field, value, says) in [
        ("path", "/书", "%E4%B9%A6"),
        ("path", "/books 1", "%20"),
        ("path", "/books?page=1", "查询串"),
        ("query", "a b", "%20"),
        ("query", "a#b", "%23"),
        ("headers", "x-a: 1\nno colon", "第 2 行"),
        ("headers", "x a: 1", "x a"),
        ("headers", "x-a: 中", "ASCII"),
        ("headers", "Content-Length: 3", "content-length"),
        ("headers", "Host: example.org", "host"),
    ] {
        let refused = entry.check(&json!({ field: value })).unwrap_err();
        assert_eq!(refused.field, field, "{value}");
        assert!(refused.message.contains(says), "{value}: {}", refused.message);
    }
    let many: String = (0..21).map(|n| format!("x-{n}: 1\n")).collect();
    assert_eq!(entry.check(&json!({ "headers": many })).unwrap_err().field, "headers");
    let fine = composed("HEAD", "books/1", "", "", "").loopback().run();
    fine.completed();
    assert_eq!(fine.measured_at("client", STATUS), 200.0);
}
