//! Every lab really runs, and its trace shows what the lab promises.
//!
//! The binary has no standard harness because it is four programs: the tests, the process in which a test
//! runs a lab (`once`, still single-threaded when it enters its namespaces), the one in which it opens a lab's
//! server (`open`), and `show` for authors.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "clippy does not see that this is a test")]

mod bytes;
mod http2;
mod once;
mod seen;
mod show;

mod all;
mod axum_basic;
mod axum_middleware;
mod axum_routing;
mod bind_addr;
mod blocking_vs_async;
mod conn_pool;
mod framed;
mod grpc_greeter;
mod grpc_web;
mod h2_frames;
mod head_of_line;
mod http3;
mod http_client;
mod icmp_ping;
mod load_balancer;
mod peers;
mod pitfalls;
mod practices;
mod quic_streams;
mod serial_mock;
mod tcp_chat_threads;
mod tcp_echo;
mod tcp_vs_udp;
mod tokio_tcp;
mod tokio_udp;
mod udp_broadcast;
mod udp_echo;
mod udp_multicast;
mod web_sockets;
mod ws_chat;
mod ws_echo;
mod zero_copy;

use std::panic;
use std::sync::{PoisonError, RwLock};

use api::run::Tier;
use libtest_mimic::{Arguments, Trial};

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("once") => {
            let once: once::Once = serde_json::from_reader(std::io::stdin())?;
            serde_json::to_writer(std::io::stdout(), &once.here()?)?;
            // Threads that still wait in `accept` end with the process.
            std::process::exit(0)
        }
        Some("open") => peers::serve(&arguments[1]),
        Some("show") => show::show(&arguments[1..]),
        _ => {
            let report = lan::probe();
            if report.tier == Tier::Loopback {
                println!("without namespaces: {} {}", report.reason, report.cure);
            }
            libtest_mimic::run(&Arguments::from_args(), trials(report.tier)).exit()
        }
    }
}

fn trials(tier: Tier) -> Vec<Trial> {
    let tests: &[(&str, Tests)] = &[
        ("all", all::TESTS),
        ("bind-addr", bind_addr::TESTS),
        ("blocking-vs-async", blocking_vs_async::TESTS),
        ("axum-basic", axum_basic::TESTS),
        ("axum-middleware", axum_middleware::TESTS),
        ("axum-routing", axum_routing::TESTS),
        ("conn-pool", conn_pool::TESTS),
        ("framed", framed::TESTS),
        ("grpc-greeter", grpc_greeter::TESTS),
        ("grpc-web", grpc_web::TESTS),
        ("h2-frames", h2_frames::TESTS),
        ("head-of-line", head_of_line::TESTS),
        ("http-client", http_client::TESTS),
        ("http3", http3::TESTS),
        ("icmp-ping", icmp_ping::TESTS),
        ("load-balancer", load_balancer::TESTS),
        ("peers", peers::TESTS),
        ("pitfalls", pitfalls::TESTS),
        ("practices", practices::TESTS),
        ("quic-streams", quic_streams::TESTS),
        ("serial-mock", serial_mock::TESTS),
        ("tcp-chat-threads", tcp_chat_threads::TESTS),
        ("tcp-echo", tcp_echo::TESTS),
        ("tcp-vs-udp", tcp_vs_udp::TESTS),
        ("tokio-tcp", tokio_tcp::TESTS),
        ("tokio-udp", tokio_udp::TESTS),
        ("udp-broadcast", udp_broadcast::TESTS),
        ("udp-echo", udp_echo::TESTS),
        ("udp-multicast", udp_multicast::TESTS),
        ("ws-chat", ws_chat::TESTS),
        ("ws-echo", ws_echo::TESTS),
        ("zero-copy", zero_copy::TESTS),
    ];
    let aioquic = peers::present();
    tests
        .iter()
        .flat_map(|(group, tests)| tests.iter().map(move |(name, test)| (group, name, *test)))
        .map(|(group, name, test)| {
            let needs_isolated = !name.ends_with("loopback");
            Trial::test(format!("{group}::{name}"), move || {
                if MEASURES_TIME.contains(group) || !beside_others(test) {
                    alone(test);
                }
                Ok(())
            })
            .with_ignored_flag(
                needs_isolated && tier == Tier::Loopback || name.starts_with("aioquic") && !aioquic,
            )
        })
        .collect()
}

/// Groups whose tests compare durations, which a neighbour on the same processors would stretch.
const MEASURES_TIME: &[&str] = &[
    "blocking-vs-async",
    "conn-pool",
    "head-of-line",
    "load-balancer",
    "pitfalls",
    "practices",
    "tokio-tcp",
    "tokio-udp",
    "zero-copy",
];

static PROCESSORS: RwLock<()> = RwLock::new(());

/// False if the test failed.
fn beside_others(test: fn()) -> bool {
    let _shared = PROCESSORS.read().unwrap_or_else(PoisonError::into_inner);
    panic::catch_unwind(test).is_ok()
}

/// Runs a test while no other runs. Nothing that hangs on when a thread gets a processor is certain on a machine that does
/// other work as well, so what came out wrong is run again; a claim that does not hold fails every time.
fn alone(test: fn()) {
    let _all = PROCESSORS.write().unwrap_or_else(PoisonError::into_inner);
    for _ in 1..MEASUREMENTS {
        if panic::catch_unwind(test).is_ok() {
            return;
        }
    }
    test();
}

const MEASUREMENTS: usize = 3;

/// Tests whose names end in `loopback` also run where there are no namespaces.
type Tests = &'static [(&'static str, fn())];
