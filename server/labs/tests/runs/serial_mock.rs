//! `serial-mock`: waveforms that decode to what the driver wrote, and damage that is noticed.

use api::trace::{Body, Signal, Trace};
use serde_json::json;

use crate::Tests;
use crate::once::Once;
use crate::seen::Seen as _;

pub(crate) const TESTS: Tests = &[
    ("the_waveform_carries_the_bytes_loopback", the_waveform_carries_the_bytes_loopback),
    ("wrong_expectations_fail_loopback", wrong_expectations_fail_loopback),
    ("every_damaged_byte_is_noticed_loopback", every_damaged_byte_is_noticed_loopback),
    ("cobs_does_not_grow_as_slip_does_loopback", cobs_does_not_grow_as_slip_does_loopback),
];

fn run(params: serde_json::Value) -> Trace {
    let trace = Once::new("serial-mock").params(params).loopback().run();
    trace.completed();
    trace
}

fn signals<'a>(trace: &'a Trace, wire: &str) -> Vec<&'a Signal> {
    let all = trace.events.iter().filter_map(|event| match &event.body {
        Body::Signal(signal) => Some(signal),
        _ => None,
    });
    all.filter(|signal| signal.wire == wire).collect()
}

/// What a UART would read: 8 bits, least significant first, after the start bit.
fn sampled(signal: &Signal) -> u8 {
    signal.levels[1..9].iter().rev().fold(0, |byte, (level, _)| byte << 1 | u8::from(*level))
}

fn the_waveform_carries_the_bytes_loopback() {
    for (parity, bits) in [("none", 10), ("even", 11), ("odd", 11)] {
        let trace = run(json!({ "command": "ATZ", "baud": 9600, "parity": parity }));
        let transmitted = signals(&trace, "TX");
        for signal in &transmitted {
            let levels: Vec<bool> = signal.levels.iter().map(|(level, _)| *level).collect();
            assert_eq!((levels.len(), signal.labels.len()), (bits, bits));
            assert_eq!((levels[0], levels[bits - 1]), (false, true), "start and stop");
            assert!(signal.levels.iter().all(|(_, ns)| *ns == 104_166));
            assert_eq!(signal.byte, Some(sampled(signal)));
            let ones = levels[1..bits - 1].iter().filter(|level| **level).count();
            match parity {
                "even" => assert_eq!(ones % 2, 0),
                "odd" => assert_eq!(ones % 2, 1),
                _ => {}
            }
        }
        // The first conversation; the others begin the same way.
        let bytes: Vec<u8> = transmitted.iter().map(|signal| sampled(signal)).collect();
        assert!(bytes.starts_with(b"ATZ\rATZ\r"));
        let received: Vec<u8> = signals(&trace, "RX").iter().map(|signal| sampled(signal)).collect();
        assert!(received.starts_with(b"OK\n"));
    }
}

fn wrong_expectations_fail_loopback() {
    let trace = run(json!({}));
    assert_eq!(trace.measured("失败的测试"), [1.0, 1.0]);
    assert_eq!(trace.sections().len(), 5);
}

fn every_damaged_byte_is_noticed_loopback() {
    for payload in ["reading", "delimiters", "zeros"] {
        for damaged_byte in [0, 1, 5, 9, 11, 12] {
            let trace = run(json!({ "payload": payload, "damaged_byte": damaged_byte }));
            for name in ["SLIP", "COBS"] {
                let intact = trace.measured_at("board", &format!("{name} 完好的帧"));
                let damaged = trace.measured_at("board", &format!("{name} 被识破的坏帧"));
                // A damaged delimiter takes the next frame with it.
                assert!((1.0..=2.0).contains(&intact), "{name} {payload} {damaged_byte}: {intact} intact");
                assert!(damaged >= 1.0, "{name} {payload} {damaged_byte}");
            }
        }
    }
}

fn cobs_does_not_grow_as_slip_does_loopback() {
    let trace = run(json!({ "payload": "delimiters" }));
    let (slip, cobs) = (trace.measured("SLIP 一帧的长度")[0], trace.measured("COBS 一帧的长度")[0]);
    // 16 bytes and 2 of CRC: SLIP escapes each of the 16, COBS adds one code byte; both add a delimiter.
    assert!(slip >= 16.0 * 2.0 + 2.0 + 1.0, "{slip}");
    assert!(cobs <= 18.0 + 2.0, "{cobs}");
}
