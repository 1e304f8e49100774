//! `grpc-web`: the same messages as gRPC, in the body of HTTP/1.1.

use serde_json::json;

use crate::Tests;
use crate::bytes::sent_by;
use crate::once::Once;
use crate::seen::Seen as _;

pub(crate) const TESTS: Tests = &[
    ("the_same_message_without_http2", the_same_message_without_http2),
    ("answers_arrive_one_by_one", answers_arrive_one_by_one),
    ("a_mistake_is_http_200", a_mistake_is_http_200),
    ("calls_loopback", calls_loopback),
];

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

fn the_same_message_without_http2() {
    let trace = Once::new("grpc-web").params(json!({ "name": "ada" })).run();
    trace.completed();
    let client = sent_by(&trace, "client");
    let message = [&[0, 0, 0, 0, 5, 0x0a, 3][..], b"ada"].concat();
    assert!(client[0].bytes.starts_with(b"PRI * HTTP/2.0") && contains(&client[0].bytes, &message));
    assert!(client[1].bytes.starts_with(b"POST /wirebook.greeter.v1.Greeter/Greet HTTP/1.1\r\n"));
    assert!(contains(&client[1].bytes, &message), "the same ten bytes");
    // The trailers are the last frame of the body.
    let server = &sent_by(&trace, "server")[1].bytes;
    assert!(contains(server, b"grpc-status:0\r\n"));
    assert_eq!(client.len(), 2, "all calls by HTTP/1.1 share one connection");
}

fn answers_arrive_one_by_one() {
    let trace = Once::new("grpc-web").params(json!({ "times": 4, "pause_ms": 60 })).run();
    trace.completed();
    assert_eq!(trace.measured("一问多答：消息"), [4.0]);
    assert!(trace.measured("第一条与最后一条相隔")[0] >= 150.0);
    assert_eq!(trace.measured("一问多答：gRPC 状态码"), [0.0]);
    // The body is taken apart as tshark does it: four messages and the trailers, in the frame that ends it.
    let bodies: Vec<_> = trace
        .wires()
        .iter()
        .filter(|wire| wire.number("http.response.code").is_some())
        .map(|wire| wire.fields.layers.iter().filter(|layer| layer.protocol == "grpc").count())
        .collect();
    assert_eq!(bodies, [2, 5, 0, 0], "one answer, four, a mistake (told by headers alone), Base64");
}

fn a_mistake_is_http_200() {
    let trace = Once::new("grpc-web").run();
    trace.completed();
    assert_eq!(trace.measured("名字为空：HTTP 状态码"), [200.0]);
    assert_eq!(trace.measured("名字为空：gRPC 状态码"), [3.0]);
    assert_eq!(trace.measured("名字为空：消息"), [0.0]);
    let (binary, text) = (trace.measured("一问一答：正文")[0], trace.measured("同一个回答的正文，Base64")[0]);
    assert!(text > binary * 1.3 && text < binary * 1.5, "{binary} {text}");
}

fn calls_loopback() {
    let trace = Once::new("grpc-web").loopback().run();
    trace.completed();
    assert_eq!(trace.measured("一问多答：消息"), [4.0]);
    assert_eq!(trace.measured("名字为空：gRPC 状态码"), [3.0]);
}
