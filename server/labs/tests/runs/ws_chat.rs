//! `ws-chat`: a guest who lags is cut off by the wrong server and told by the right one; nobody else notices.

use api::trace::Trace;
use serde_json::{Value, json};

use crate::Tests;
use crate::once::Once;
use crate::seen::Seen as _;
use crate::web_sockets::{Half, halves};

pub(crate) const TESTS: Tests = &[
    ("a_guest_who_lags_is_told_how_much", a_guest_who_lags_is_told_how_much),
    ("the_wrong_server_hangs_up_on_him", the_wrong_server_hangs_up_on_him),
    ("without_a_slow_guest_both_work", without_a_slow_guest_both_work),
    ("the_difference_shows_too_loopback", the_difference_shows_too_loopback),
];

const HEARD: &str = "听到 alice 的话";
const MISSED: &str = "被告知错过";
const CODE: &str = "关闭码";

/// What the server sent to each guest, in the order in which they came: bob, carol, alice.
fn told(trace: &Trace) -> Vec<Half> {
    halves(trace, "server")
}

fn news(half: &Half) -> Vec<Value> {
    let texts = half.frames.iter().filter(|frame| frame.opcode == 1);
    texts.map(|frame| serde_json::from_slice(&frame.payload).unwrap()).collect()
}

fn a_guest_who_lags_is_told_how_much() {
    let trace = Once::new("ws-chat").params(json!({ "version": "right" })).perfect().run();
    trace.completed();
    let [bob, carol, alice] = &told(&trace)[..] else { panic!("three guests") };
    // Three arrivals, twenty lines, one departure: bob has all of them from his own arrival on, in order.
    let said: Vec<Value> = news(bob).into_iter().filter(|news| news["type"] == "said").collect();
    assert_eq!((news(bob).len(), said.len()), (24, 20));
    for (number, news) in (1..).zip(&said) {
        assert!(news["text"].as_str().unwrap().starts_with(&format!("第 {number} 条")));
    }
    // Carol: what she got and what she was told she missed add up to what there was since she came.
    let missed: u64 = news(carol).iter().filter_map(|news| news["count"].as_u64()).sum();
    let got = news(carol).iter().filter(|news| news["type"] != "missed").count() as u64;
    assert!(missed > 0);
    assert_eq!(got + missed, 23);
    assert_eq!(trace.measured_at("carol", MISSED), missed as f64);
    assert_eq!(trace.measured_at("bob", HEARD), 20.0);
    // The server's end: everybody still there is told why.
    assert_eq!((bob.close_codes(), carol.close_codes()), (vec![1001], vec![1001]));
    assert!(alice.close_codes().is_empty(), "she left by herself, without a code");
    assert_eq!(trace.measured(CODE), [1001.0, 1001.0]);
}

fn the_wrong_server_hangs_up_on_him() {
    let trace = Once::new("ws-chat").params(json!({ "version": "wrong" })).perfect().run();
    trace.completed();
    let carol = &told(&trace)[1];
    assert!(carol.frames.iter().all(|frame| frame.opcode == 1), "not even a Close frame");
    assert!(news(carol).iter().all(|news| news["type"] != "missed"));
    assert!(trace.measured_at("carol", HEARD) < 20.0);
    assert_eq!(trace.measured_at("carol", MISSED), 0.0);
    assert_eq!(trace.measured_at("bob", HEARD), 20.0);
    assert_eq!(trace.measured(CODE), [0.0; 0]);
    // The cause is in the kernel: what was written for her stays where it is.
    let stuck = |kernel: &&&api::trace::Kernel| {
        kernel.host == trace.host("server")
            && kernel.remote.starts_with("10.0.0.4:")
            && kernel.send_queue > 1_000
    };
    assert!(trace.kernel().iter().any(|kernel| stuck(&kernel)));
}

fn without_a_slow_guest_both_work() {
    let trace = Once::new("ws-chat").params(json!({ "slow_reader": false })).perfect().run();
    trace.completed();
    assert_eq!(trace.measured(HEARD), [20.0; 4]);
    assert_eq!(trace.measured(MISSED), [0.0; 4]);
}

fn the_difference_shows_too_loopback() {
    let trace = Once::new("ws-chat").loopback().run();
    trace.completed();
    let (heard, missed) = (trace.measured(HEARD), trace.measured(MISSED));
    let ([bob, carol, bob_again, carol_again], [0.0, 0.0, 0.0, told]) = (&heard[..], &missed[..]) else {
        panic!("{heard:?} {missed:?}")
    };
    assert_eq!((*bob, *bob_again), (20.0, 20.0));
    assert!(
        *carol < 20.0 && *told > 0.0 && (20.0..=21.0).contains(&(carol_again + told)),
        "{heard:?} {missed:?}"
    );
}
