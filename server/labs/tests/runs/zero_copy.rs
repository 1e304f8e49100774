//! `zero-copy`: how often each byte is moved, and what the kernel says about it.

use api::trace::{Body, Lifecycle, Trace};
use serde_json::json;

use crate::Tests;
use crate::bytes::sent_by;
use crate::once::Once;
use crate::seen::Seen as _;

pub(crate) const TESTS: Tests = &[
    ("counts_the_copies", counts_the_copies),
    ("the_kernel_says_when_it_copied", the_kernel_says_when_it_copied),
    ("big_transfers_leave_no_frames", big_transfers_leave_no_frames),
    ("small_pieces_and_odd_sizes", small_pieces_and_odd_sizes),
    ("the_same_without_namespaces_loopback", the_same_without_namespaces_loopback),
];

/// Measurements with this label, by the section in which they were reported.
fn by_section(trace: &Trace, wanted: &str) -> Vec<(String, f64)> {
    let (mut section, mut found) = (String::new(), Vec::new());
    for event in &trace.events {
        match &event.body {
            Body::Lifecycle(Lifecycle::Section { title }) => section.clone_from(title),
            Body::Lifecycle(Lifecycle::Measured { label, value, .. }) if label == wanted => {
                found.push((section.clone(), *value));
            }
            _ => {}
        }
    }
    found
}

const COPIES: [(&str, f64); 8] = [
    ("文件到套接字：拷贝循环", 2.0),
    ("文件到套接字：sendfile", 0.0),
    ("文件到套接字：从内存写", 1.0),
    ("文件到套接字：MSG_ZEROCOPY", 1.0),
    ("套接字到套接字：拷贝循环", 2.0),
    ("套接字到套接字：splice", 0.0),
    ("套接字到套接字：两个任务，复制一份", 3.0),
    ("套接字到套接字：两个任务，split + freeze", 2.0),
];

fn has_the_copies(trace: &Trace) {
    trace.completed();
    let found = by_section(trace, "每个字节被搬了");
    let found: Vec<(&str, f64)> = found.iter().map(|(section, value)| (section.as_str(), *value)).collect();
    assert_eq!(found, COPIES);
}

fn counts_the_copies() {
    let trace = Once::new("zero-copy").run();
    has_the_copies(&trace);
    // What does not pass through the program costs its thread clearly less: about half is usual, but what the
    // kernel does for the receiver is booked on whoever happens to run.
    let ratios = by_section(&trace, "搬运的线程的 CPU，是拷贝循环的");
    for way in ["文件到套接字：sendfile", "套接字到套接字：splice"] {
        let (_, ratio) = ratios.iter().find(|(section, _)| section == way).unwrap();
        assert!(*ratio < 1.0, "{way}: {ratio}");
    }
    assert!(
        ratios.iter().filter(|(section, _)| section.ends_with("拷贝循环")).all(|(_, ratio)| *ratio == 1.0)
    );
}

/// On loopback and between virtual interfaces there is no hardware that could fetch the pages.
fn the_kernel_says_when_it_copied() {
    let trace = Once::new("zero-copy").params(json!({ "mebibytes": 4, "rounds": 3, "lan_kib": 128 })).run();
    trace.completed();
    let [copied, spared] = ["通知说：还是拷贝了", "通知说：没有拷贝"].map(|label| by_section(&trace, label));
    assert_eq!((copied.len(), spared.len()), (2, 2));
    assert!(spared.iter().all(|(_, bytes)| *bytes == 0.0), "{spared:?}");
    assert!(copied[0].1 >= f64::from(4 << 20), "{copied:?}");
    assert_eq!(copied[1].1, f64::from(128 << 10));
    assert_eq!(trace.measured("收到"), [f64::from(128 << 10)]);
}

fn big_transfers_leave_no_frames() {
    let trace = Once::new("zero-copy").params(json!({ "mebibytes": 8, "rounds": 3 })).run();
    trace.completed();
    let wires = trace.wires();
    assert!(wires.len() < 200, "{}", wires.len());
    // Those that there are carry the bytes that went to the other host, all of them.
    let carried: usize = sent_by(&trace, "sender").iter().map(|stream| stream.bytes.len()).sum();
    assert_eq!(carried, 64 << 10);
}

fn small_pieces_and_odd_sizes() {
    let trace = Once::new("zero-copy")
        .params(json!({ "mebibytes": 5, "chunk_kib": 4, "rounds": 3, "lan_kib": 17 }))
        .run();
    has_the_copies(&trace);
    assert_eq!(trace.measured("收到"), [17.0 * 1024.0]);
}

fn the_same_without_namespaces_loopback() {
    let trace = Once::new("zero-copy").params(json!({ "mebibytes": 4, "rounds": 3 })).loopback().run();
    has_the_copies(&trace);
    assert!(by_section(&trace, "通知说：没有拷贝").iter().all(|(_, bytes)| *bytes == 0.0));
}
