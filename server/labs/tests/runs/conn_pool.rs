//! `conn-pool`: how many handshakes, who waits how long, and which connections a careless pool hands out.

use api::trace::Trace;
use serde_json::json;

use crate::Tests;
use crate::once::Once;
use crate::seen::Seen as _;

pub(crate) const TESTS: Tests = &[
    ("a_pool_saves_handshakes", a_pool_saves_handshakes),
    ("an_exhausted_pool_gives_up_in_time", an_exhausted_pool_gives_up_in_time),
    ("only_a_real_check_finds_them_all", only_a_real_check_finds_them_all),
    ("the_wire_tells_the_same_story", the_wire_tells_the_same_story),
    ("the_same_without_namespaces_loopback", the_same_without_namespaces_loopback),
];

const HANDSHAKES: &str = "握手与登录";
const CLOSED: &str = "服务器关了闲置的连接：查询成功";
const STUCK: &str = "服务器卡住了旧的连接：查询成功";
const GAVE_UP: &str = "上一个查询超时：答的是自己的问题";

/// Without a pool, with one; then with each of the three checks: one connection for each kind of harm, and one
/// more for each that was found out in time.
fn has_the_handshakes(trace: &Trace, queries: f64, pool: f64) {
    trace.completed();
    assert_eq!(trace.measured(HANDSHAKES), [queries, pool, 3.0, 5.0, 6.0]);
}

fn a_pool_saves_handshakes() {
    let trace = Once::new("conn-pool").run();
    has_the_handshakes(&trace, 8.0, 2.0);
    let trace = Once::new("conn-pool").params(json!({ "queries": 20, "workers": 4, "pool_size": 8 })).run();
    // Four at once need four, however much room there is.
    has_the_handshakes(&trace, 20.0, 4.0);
    // A connection and its login take three round trips of 10 ms more than a query: five in a row, with and without.
    let times = trace.measured("用时");
    assert!(times[0] > times[1] + 4.0 * 30.0 - 60.0, "{times:?}");
}

fn an_exhausted_pool_gives_up_in_time() {
    let trace = Once::new("conn-pool").params(json!({ "wait_ms": 200 })).run();
    trace.completed();
    // The TCP pool, then sqlx's.
    let [tcp, sql] = trace.measured("没有人归还，等了")[..] else { panic!("two pools") };
    assert!((200.0..400.0).contains(&tcp), "{tcp}");
    assert!((200.0..500.0).contains(&sql), "{sql}");
    let handed_over = trace.measured("有人归还，等了")[0];
    assert!((50.0..200.0).contains(&handed_over), "{handed_over}");
}

fn only_a_real_check_finds_them_all() {
    let trace = Once::new("conn-pool").run();
    trace.completed();
    // Nothing, a look at the socket, a look and a question.
    assert_eq!(trace.measured(CLOSED), [0.0, 1.0, 1.0]);
    assert_eq!(trace.measured(STUCK), [0.0, 0.0, 1.0]);
    assert_eq!(trace.measured(GAVE_UP), [0.0, 1.0, 1.0]);
}

fn the_wire_tells_the_same_story() {
    let trace = Once::new("conn-pool").run();
    trace.completed();
    let handshakes: f64 = trace.measured(HANDSHAKES).iter().sum();
    assert_eq!(trace.count(&[("tcp.flags.syn", 1), ("tcp.flags.ack", 0)]) as f64, handshakes);
    assert!(trace.wires().len() < 450, "{}", trace.wires().len());
    assert_eq!(trace.measured("池打开的连接"), [3.0]);
}

fn the_same_without_namespaces_loopback() {
    let trace = Once::new("conn-pool").loopback().run();
    has_the_handshakes(&trace, 8.0, 2.0);
    assert_eq!(trace.measured(STUCK), [0.0, 0.0, 1.0]);
    assert_eq!(trace.measured(GAVE_UP), [0.0, 1.0, 1.0]);
}
