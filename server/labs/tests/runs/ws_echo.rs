//! `ws-echo`: the upgrade, every form of frame, and what mistakes are answered with.

use serde_json::json;

use crate::Tests;
use crate::once::Once;
use crate::seen::Seen as _;
use crate::web_sockets::{Half, halves};

pub(crate) const TESTS: Tests = &[
    ("the_upgrade_proves_that_the_key_was_read", the_upgrade_proves_that_the_key_was_read),
    ("lengths_take_three_forms_and_only_clients_mask", lengths_take_three_forms_and_only_clients_mask),
    ("a_ping_may_come_between_fragments", a_ping_may_come_between_fragments),
    ("every_ending_has_its_code", every_ending_has_its_code),
    ("every_mistake_has_its_code", every_mistake_has_its_code),
    ("mistakes_are_answered_loopback", mistakes_are_answered_loopback),
];

const ANSWERED: &str = "对方回应的关闭码";
const BLAMED: &str = "犯错得到的关闭码";

fn conversation(params: serde_json::Value) -> (Half, Half) {
    let trace = Once::new("ws-echo").params(params).perfect().run();
    trace.completed();
    (halves(&trace, "client").remove(0), halves(&trace, "server").remove(0))
}

fn the_upgrade_proves_that_the_key_was_read() {
    let (client, server) = conversation(json!({ "mistake": "nothing", "big_bytes": 0 }));
    assert!(client.head.starts_with("GET /echo HTTP/1.1\r\n"), "{}", client.head);
    assert_eq!(client.header("Upgrade"), Some("websocket"));
    assert_eq!(client.header("Sec-WebSocket-Version"), Some("13"));
    assert!(server.head.starts_with("HTTP/1.1 101 "), "{}", server.head);
    let key = client.header("Sec-WebSocket-Key").unwrap();
    let accept = tokio_tungstenite::tungstenite::handshake::derive_accept_key(key.as_bytes());
    assert_eq!(server.header("Sec-WebSocket-Accept"), Some(accept.as_str()));
    // The library's own function against the example of RFC 6455, section 1.3.
    let example = tokio_tungstenite::tungstenite::handshake::derive_accept_key(b"dGhlIHNhbXBsZSBub25jZQ==");
    assert_eq!(example, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

fn lengths_take_three_forms_and_only_clients_mask() {
    let (client, server) = conversation(json!({ "mistake": "nothing" }));
    for (half, masked) in [(&client, true), (&server, false)] {
        assert!(half.frames.iter().all(|frame| frame.masked == masked));
        let forms: Vec<_> = half.frames[..4].iter().map(|frame| (frame.form, frame.payload.len())).collect();
        assert_eq!(forms, [(21, 21), (125, 125), (126, 126), (127, 65_536)]);
    }
    assert_eq!(client.frames[0].payload, "你好，WebSocket！".as_bytes());
    assert_eq!((client.frames[0].opcode, client.frames[1].opcode), (1, 2));
    assert_eq!(server.frames[3].payload, vec![0x5a; 65_536]);
}

fn a_ping_may_come_between_fragments() {
    let (client, server) =
        conversation(json!({ "mistake": "nothing", "message": "一二三四", "fragments": 4 }));
    let sent = &client.shapes()[4..];
    assert_eq!(sent, [(false, 1), (true, 9), (false, 0), (false, 0), (true, 0), (true, 8)]);
    let answered = &server.shapes()[4..];
    assert_eq!(answered, [(true, 10), (true, 1), (true, 8)], "Pong, the whole message, Close");
    assert_eq!(server.frames[4].payload, client.frames[5].payload, "a Pong carries what its Ping carried");
    assert_eq!(server.frames[5].payload, "一二三四".as_bytes());
}

fn every_ending_has_its_code() {
    for (ending, codes, measured) in [
        ("normal", vec![1000], vec![1000.0]),
        ("application", vec![4000], vec![4000.0]),
        ("empty", vec![], vec![]),
        ("abrupt", vec![], vec![]),
    ] {
        let params = json!({ "mistake": "nothing", "big_bytes": 0, "ending": ending });
        let trace = Once::new("ws-echo").params(params).perfect().run();
        trace.completed();
        for host in ["client", "server"] {
            let half = halves(&trace, host).remove(0);
            assert_eq!(half.close_codes(), codes, "{ending} {host}");
            assert_eq!(
                half.frames.iter().any(|frame| frame.opcode == 8),
                ending != "abrupt",
                "{ending} {host}"
            );
        }
        assert_eq!(trace.measured(ANSWERED), measured, "{ending}");
        assert_eq!(trace.complaints("server"), usize::from(ending == "abrupt"), "{ending}");
    }
}

const MISTAKES: [(&str, u16); 5] = [
    ("unmasked", 1002),
    ("bad_text", 1007),
    ("lone_continuation", 1002),
    ("reserved_opcode", 1002),
    ("too_long", 1009),
];

fn every_mistake_has_its_code() {
    for (mistake, code) in MISTAKES {
        let params = json!({ "mistake": mistake, "big_bytes": 0 });
        let trace = Once::new("ws-echo").params(params).perfect().run();
        trace.completed();
        assert_eq!(trace.measured(BLAMED), [f64::from(code)], "{mistake}");
        let answers = halves(&trace, "server");
        assert_eq!(answers[1].close_codes(), [code], "{mistake}");
        assert_eq!(trace.count(&[("tcp.flags.reset", 1)]), 0, "{mistake}: the end is orderly");
    }
}

fn mistakes_are_answered_loopback() {
    for (mistake, code) in MISTAKES {
        let trace = Once::new("ws-echo").params(json!({ "mistake": mistake })).loopback().run();
        trace.completed();
        assert_eq!(trace.measured(BLAMED), [f64::from(code)], "{mistake}");
        assert_eq!(trace.measured(ANSWERED), [1000.0]);
    }
}
