//! `load-balancer`: who gets how much, how long the unlucky wait, and what becomes of a dead backend.

use api::trace::{Body, Lifecycle, Trace};
use serde_json::json;

use crate::Tests;
use crate::once::Once;
use crate::seen::Seen as _;

pub(crate) const TESTS: Tests = &[
    ("fair_is_not_fast", fair_is_not_fast),
    ("a_dead_backend_is_removed_and_comes_back", a_dead_backend_is_removed_and_comes_back),
    ("without_passive_checks_it_takes_longer", without_passive_checks_it_takes_longer),
    ("a_budget_stops_the_storm", a_budget_stops_the_storm),
    ("the_distribution_is_live", the_distribution_is_live),
    ("the_same_without_namespaces_loopback", the_same_without_namespaces_loopback),
];

/// What `host` got in each act, in order: three policies, then the failure.
fn shares(trace: &Trace, host: &str) -> Vec<f64> {
    let host = trace.host(host);
    trace
        .events
        .iter()
        .filter_map(|event| match &event.body {
            Body::Lifecycle(Lifecycle::Measured { host: Some(at), label, value, .. })
                if label == "分到的请求" && *at == host =>
            {
                Some(*value)
            }
            _ => None,
        })
        .collect()
}

fn distributes(trace: &Trace, requests: f64) {
    trace.completed();
    let [a, b, c] = ["a", "b", "c"].map(|host| shares(trace, host));
    assert_eq!((a.len(), b.len(), c.len()), (4, 4, 4));
    for act in 0..3 {
        assert_eq!(a[act] + b[act] + c[act], requests, "{a:?} {b:?} {c:?}");
    }
    assert_eq!([a[0], b[0], c[0]], [requests / 3.0; 3]);
    // Those who look at what is in flight give the slow one less than its equal share: less than half where the
    // others keep pace, more where the machine is so busy that all are slow.
    assert!(c[1] < requests / 3.0 && c[2] < requests / 3.0, "{c:?}");
    let fairness = trace.measured("公平指数");
    assert_eq!(fairness[0], 1.0);
    assert!(fairness[1] < 0.995, "{fairness:?}");
}

/// Retries save all requests, or as many as the budget has retries for: 2 and 0.2 for each that came by then.
fn saves_the_requests(trace: &Trace) {
    let (failed, retries) = (trace.measured("失败的请求")[0], trace.measured("重试")[0]);
    assert!(failed == 0.0 || retries >= 5.0, "{failed} {retries}");
}

fn fair_is_not_fast() {
    let trace = Once::new("load-balancer").run();
    distributes(&trace, 60.0);
    let p99 = trace.measured("延迟 p99");
    assert!(p99[1] * 1.2 < p99[0] && p99[2] * 1.2 < p99[0], "{p99:?}");
    // Alone: two threads contend only where two processors are free for them.
    let alone = ["RwLock，一个线程：挑一次", "原子变量，一个线程：挑一次"];
    let [locked, atomic] = alone.map(|label| trace.measured(label)[0]);
    assert!(atomic * 2.0 < locked, "{atomic} {locked}");
}

fn a_dead_backend_is_removed_and_comes_back() {
    let trace = Once::new("load-balancer").run();
    trace.completed();
    saves_the_requests(&trace);
    let (retries, vain) = (trace.measured("重试")[0], trace.measured("停掉以后还派给它的请求")[0]);
    // Requests that were on their way when it died are tried again, too.
    assert!(retries >= 1.0 && retries <= vain + 12.0, "{retries} {vain}");
    assert!(trace.measured("从停掉到被摘除")[0] < 400.0);
    assert!(trace.measured("从复活到重新启用")[0] < 800.0);
    // The kernel of the dead host refuses: the port is closed.
    let b = trace.host("b");
    let refused = |wire: &crate::seen::Wire<'_>| wire.frame.from == b && wire.is(&[("tcp.flags.reset", 1)]);
    assert!(trace.wires().iter().any(refused));
}

fn without_passive_checks_it_takes_longer() {
    let removed = |passive: bool| {
        let trace = Once::new("load-balancer").params(json!({ "passive": passive })).run();
        trace.completed();
        trace.measured("从停掉到被摘除")[0]
    };
    let (with, without) = (removed(true), removed(false));
    // Three probes in a row must fail, one every 20 ms.
    assert!(without > 35.0 && with < without, "{with} {without}");
}

fn a_budget_stops_the_storm() {
    let trace = Once::new("load-balancer").run();
    trace.completed();
    assert_eq!(trace.measured("请求"), [20.0, 20.0]);
    // Three attempts each; or one each, two retries to begin with and one more for every five requests.
    assert_eq!(trace.measured("后端收到的请求"), [60.0, 26.0]);
}

fn the_distribution_is_live() {
    let trace = Once::new("load-balancer").run();
    trace.completed();
    for name in ["a", "b", "c"] {
        let host = trace.host(name);
        let points = |wanted: &str| -> Vec<f64> {
            trace
                .events
                .iter()
                .filter_map(|event| match &event.body {
                    Body::Lifecycle(Lifecycle::Sampled { host: Some(at), series, value, .. })
                        if *at == host && series == wanted =>
                    {
                        Some(*value)
                    }
                    _ => None,
                })
                .collect()
        };
        assert!(points("分到的请求").len() > 30);
        assert!(points("在途的请求").iter().any(|value| *value > 0.0));
    }
}

fn the_same_without_namespaces_loopback() {
    let trace = Once::new("load-balancer").loopback().run();
    distributes(&trace, 60.0);
    saves_the_requests(&trace);
    assert_eq!(trace.measured("后端收到的请求"), [60.0, 26.0]);
}
