//! `framed`: how frames lie in segments, and what a receiver holds when it refuses.

use serde_json::json;

use crate::Tests;
use crate::bytes::sent_by;
use crate::once::Once;
use crate::seen::Seen as _;

pub(crate) const TESTS: Tests = &[
    ("frames_share_segments_as_the_sender_likes", frames_share_segments_as_the_sender_likes),
    ("a_long_frame_takes_many_segments_and_reads", a_long_frame_takes_many_segments_and_reads),
    ("a_claim_is_refused_before_memory_is_taken", a_claim_is_refused_before_memory_is_taken),
    ("half_a_frame_is_noticed", half_a_frame_is_noticed),
    ("frames_loopback", frames_loopback),
];

fn frames_share_segments_as_the_sender_likes() {
    let trace = Once::new("framed").params(json!({ "small_frames": 8 })).run();
    trace.completed();
    let sent = sent_by(&trace, "client");
    let segments: Vec<usize> = sent[..3].iter().map(|stream| stream.segments.len()).collect();
    assert_eq!(segments, [1, 2, 8], "one flush; Nagle holds all but the first; each at once");
    let frame = [&[0, "第 1 条".len() as u8][..], "第 1 条".as_bytes()].concat();
    for stream in &sent[..3] {
        assert!(stream.bytes.starts_with(&frame) && stream.bytes.len() == 8 * frame.len());
    }
    for title in ["攒齐了一起冲出", "逐个发，Nagle 合并", "逐个发，立刻上路"] {
        assert_eq!(trace.measured(&format!("{title}：取出的帧")), [8.0]);
    }
    assert_eq!(trace.measured("攒齐了一起冲出：读了几次"), [1.0]);
    assert_eq!(trace.measured("逐个发，Nagle 合并：读了几次"), [2.0]);
}

fn a_long_frame_takes_many_segments_and_reads() {
    let trace = Once::new("framed").params(json!({ "big_bytes": 6000 })).run();
    trace.completed();
    let stream = &sent_by(&trace, "client")[3];
    // Put, version 1, request 1, 5 + 6000 bytes; then two Gets.
    assert_eq!(stream.bytes[..8], [1, 1, 0, 1, 0, 0, 0x17, 0x75]);
    assert_eq!(stream.bytes.len(), (8 + 5 + 6000) + (8 + 4) + (8 + 7));
    assert_eq!(stream.segments.len(), stream.bytes.len().div_ceil(1448));
    assert_eq!(trace.measured("大帧一幕：取出的帧"), [3.0]);
    // Stored; the value; missing.
    let answers = &sent_by(&trace, "server")[3].bytes;
    assert_eq!(answers[..8], [1, 3, 0, 1, 0, 0, 0, 0]);
    assert_eq!(answers[8..16], [1, 4, 0, 2, 0, 0, 0x17, 0x70]);
    assert_eq!(answers[16 + 6000..], [1, 5, 0, 3, 0, 0, 0, 0]);
}

fn a_claim_is_refused_before_memory_is_taken() {
    for claimed in [u32::MAX, 65_537] {
        let trace = Once::new("framed").params(json!({ "claimed_bytes": claimed })).run();
        trace.completed();
        let claim = &sent_by(&trace, "client")[4].bytes;
        assert_eq!(claim[4..], claimed.to_be_bytes());
        assert_eq!(claim.len(), 8);
        assert_eq!(trace.measured("因为太长而拒绝"), [1.0]);
        assert_eq!(trace.measured("得到的回答"), [0.0]);
        // What `Framed` starts with, not what the header asked for.
        assert!(trace.measured("拒绝时接收缓冲区的容量")[0] <= 8192.0);
    }
}

fn half_a_frame_is_noticed() {
    let trace = Once::new("framed").run();
    trace.completed();
    assert_eq!(sent_by(&trace, "client")[5].bytes.len(), 18);
    assert_eq!(trace.measured("发现帧没有到齐"), [1.0]);
    assert_eq!(trace.complaints("server"), 2, "the claim and the half frame");
}

fn frames_loopback() {
    let trace = Once::new("framed").loopback().run();
    trace.completed();
    assert_eq!(trace.measured("大帧一幕：取出的帧"), [3.0]);
    assert_eq!(trace.measured("因为太长而拒绝"), [1.0]);
    assert_eq!(trace.measured("发现帧没有到齐"), [1.0]);
}
