//! `h2-frames`: what each kind of frame does.

use serde_json::json;

use crate::Tests;
use crate::http2::{
    ACK, DATA, END_STREAM, GOAWAY, HEADERS, PING, RST_STREAM, SETTINGS, WINDOW_UPDATE, frames, of,
};
use crate::once::Once;
use crate::seen::Seen as _;

pub(crate) const TESTS: Tests = &[
    ("it_opens_with_settings_on_both_sides", it_opens_with_settings_on_both_sides),
    ("headers_shrink_when_they_are_repeated", headers_shrink_when_they_are_repeated),
    ("a_slow_stream_does_not_hold_others", a_slow_stream_does_not_hold_others),
    ("a_stream_stops_at_its_window", a_stream_stops_at_its_window),
    ("cancelling_ends_one_stream", cancelling_ends_one_stream),
    ("a_farewell_lets_work_finish", a_farewell_lets_work_finish),
    ("streams_loopback", streams_loopback),
];

fn it_opens_with_settings_on_both_sides() {
    let trace = Once::new("h2-frames").params(json!({ "window": 10_000 })).run();
    trace.completed();
    let (client, server) = (frames(&trace, "client"), frames(&trace, "server"));
    for (who, sent) in [("client", &client), ("server", &server)] {
        let settings = of(sent, SETTINGS);
        assert_eq!(settings.len(), 2, "{who}: its own and the other's confirmed");
        assert_eq!((sent[0].kind, sent[0].flags & ACK, sent[0].stream), (SETTINGS, 0, 0), "{who}");
        assert_eq!((settings[1].flags & ACK, settings[1].payload.len()), (ACK, 0), "{who}");
    }
    // Identifier 4, SETTINGS_INITIAL_WINDOW_SIZE; identifier 2, SETTINGS_ENABLE_PUSH.
    let entries: Vec<&[u8]> = client[0].payload.chunks(6).collect();
    assert!(entries.contains(&&[0, 4, 0, 0, 0x27, 0x10][..]), "{entries:?}");
    assert!(entries.contains(&&[0, 2, 0, 0, 0, 0][..]), "{entries:?}");
    let (ping, pong) = (of(&client, PING)[0], of(&server, PING)[0]);
    assert_eq!((ping.flags, pong.flags & ACK), (0, ACK));
    assert_eq!(ping.payload, pong.payload);
}

fn headers_shrink_when_they_are_repeated() {
    let trace = Once::new("h2-frames").params(json!({ "repeats": 3 })).run();
    trace.completed();
    let requests: Vec<f64> =
        (1..=3).map(|round| trace.measured(&format!("第 {round} 遍的请求首部"))[0]).collect();
    assert!(requests[0] > 80.0, "{requests:?}");
    assert!(requests[1] < 20.0 && requests[1] == requests[2], "{requests:?}");
    // What the lab measured is what was on the wire.
    let client = frames(&trace, "client");
    let lengths: Vec<f64> =
        of(&client, HEADERS)[..3].iter().map(|frame| frame.payload.len() as f64).collect();
    assert_eq!(lengths, requests);
    // The second request is indices (RFC 7541 section 6.1) but for the path, which h2 does not put into the table:
    // a literal whose name is entry 4 (section 6.2.2).
    let second = &of(&client, HEADERS)[1].payload;
    let literal = second.iter().position(|byte| byte & 0x80 == 0).unwrap();
    assert_eq!(second[literal], 4);
    let after = literal + 2 + usize::from(second[literal + 1] & 0x7f);
    assert!(second[after..].iter().all(|byte| byte & 0x80 != 0), "{second:x?}");
    // A secret is written out each time, so that nobody can guess it by the length of what is sent.
    let secret = Once::new("h2-frames").params(json!({ "token": true })).run();
    let with: Vec<f64> =
        (2..=3).map(|round| secret.completed().measured(&format!("第 {round} 遍的请求首部"))[0]).collect();
    assert!(with[0] > requests[1] + 25.0 && with[0] == with[1], "{with:?}");
    let streams: Vec<u32> = of(&client, HEADERS).iter().map(|frame| frame.stream).collect();
    assert!(streams.iter().all(|stream| stream % 2 == 1));
    assert!(streams.windows(2).all(|pair| pair[0] < pair[1]));
}

fn a_slow_stream_does_not_hold_others() {
    let trace = Once::new("h2-frames").params(json!({ "work_ms": 200 })).run();
    trace.completed();
    let (slow, others) = (trace.measured("先问的慢请求")[0], trace.measured("后问的三个全部完成")[0]);
    assert!(slow >= 200.0 && others < slow, "{slow} {others}");
    assert!(trace.measured("相邻的 DATA 帧不属于同一条流")[0] >= 3.0);
}

fn a_stream_stops_at_its_window() {
    let trace = Once::new("h2-frames").params(json!({ "window": 10_000, "pause_ms": 200 })).run();
    trace.completed();
    assert_eq!(trace.measured("停下之前收到"), [10_000.0]);
    assert_eq!(trace.measured("归还额度之后又收到"), [50_000.0]);
    // Another stream is not held up: a round trip of 10 ms, not the pause.
    assert!(trace.measured("停下期间另一条流的往返")[0] < 150.0);

    let (client, server) = (frames(&trace, "client"), frames(&trace, "server"));
    let sizes = |stream| -> Vec<usize> {
        of(&server, DATA).iter().filter(|f| f.stream == stream).map(|f| f.payload.len()).collect()
    };
    let stream = of(&server, DATA)
        .iter()
        .map(|frame| frame.stream)
        .find(|stream| sizes(*stream).iter().sum::<usize>() == 60_000)
        .unwrap();
    let granted: u32 = of(&client, WINDOW_UPDATE)
        .iter()
        .filter(|frame| frame.stream == stream)
        .map(|frame| frame.number())
        .sum();
    assert!(granted >= 50_000, "{granted} bytes were granted after the first 10000");
    assert!(trace.measured("发出的 WINDOW_UPDATE")[0] >= 5.0);
}

fn cancelling_ends_one_stream() {
    let trace = Once::new("h2-frames").run();
    trace.completed();
    assert_eq!(trace.measured("被取消的请求"), [1.0]);
    assert!(trace.measured("服务器停手用了")[0] < 1000.0, "the work would have taken two seconds");
    let (client, server) = (frames(&trace, "client"), frames(&trace, "server"));
    let resets = of(&client, RST_STREAM);
    assert_eq!(resets.len(), 1);
    assert_eq!(resets[0].number(), 8, "CANCEL");
    // The connection lives on: a later stream was answered.
    let later = of(&client, HEADERS).last().unwrap().stream;
    assert!(later > resets[0].stream);
    let answered = |stream| of(&server, DATA).iter().any(|f| f.stream == stream && f.flags & END_STREAM != 0);
    assert!(answered(later) && !answered(resets[0].stream));
    assert_eq!(trace.count(&[("tcp.flags.syn", 1), ("tcp.flags.ack", 0)]), 1, "one connection for all");
}

fn a_farewell_lets_work_finish() {
    let trace = Once::new("h2-frames").run();
    trace.completed();
    assert_eq!(trace.measured("告别时还在办的请求得到回答"), [1.0]);
    assert_eq!(trace.measured("告别之后的新请求被拒绝"), [1.0]);
    let (client, server) = (frames(&trace, "client"), frames(&trace, "server"));
    let goodbyes = of(&server, GOAWAY);
    // First a warning that names no stream, then, a round trip later, the last one that is answered.
    let last = of(&client, HEADERS).last().unwrap().stream;
    let named: Vec<u32> = goodbyes.iter().map(|frame| frame.number()).collect();
    assert_eq!(named, [0x7fff_ffff, last]);
}

fn streams_loopback() {
    let trace = Once::new("h2-frames").loopback().run();
    trace.completed();
    assert_eq!(trace.measured("停下之前收到"), [16_384.0]);
    assert_eq!(trace.measured("被取消的请求"), [1.0]);
    assert_eq!(trace.measured("告别时还在办的请求得到回答"), [1.0]);
    assert_eq!(trace.measured("收到的 GOAWAY"), [2.0]);
}
