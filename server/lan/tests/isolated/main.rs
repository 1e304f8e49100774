//! Tests that need namespaces. Each runs in a process of its own that is still single-threaded when it
//! enters them, which libtest cannot give; so this is a test harness too, a small one.
//!
//! `cargo test -p lan --test isolated [-- FILTER]`

mod bench;
mod tcp;

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

const TESTS: &[(&str, fn())] = &[("tcp::echo_shows_the_handshake", tcp::echo_shows_the_handshake)];

fn main() {
    let filters: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let report = lan::probe();
    if report.tier == api::run::Tier::Loopback {
        println!("SKIPPED: every test of tier isolated. {} {}", report.reason, report.cure);
        return;
    }
    let chosen = TESTS.iter().filter(|(name, _)| {
        filters.is_empty() || filters.iter().any(|filter| name.contains(filter.as_str()))
    });
    let (mut passed, mut failed) = (0, 0);
    for (name, test) in chosen {
        let began = std::time::Instant::now();
        let ok = in_own_process(*test);
        println!(
            "test {name} ... {} ({:.2} s)",
            if ok { "ok" } else { "FAILED" },
            began.elapsed().as_secs_f64()
        );
        if ok { passed += 1 } else { failed += 1 }
    }
    println!("{passed} passed, {failed} failed");
    std::process::exit(i32::from(failed > 0));
}

/// Forks, enters the namespaces and runs the test there.
fn in_own_process(test: fn()) -> bool {
    std::io::stdout().flush().expect("stdout");
    // SAFETY: this process has only this one thread.
    match unsafe { nix::unistd::fork() }.expect("fork") {
        nix::unistd::ForkResult::Parent { child } => {
            let status = nix::sys::wait::waitpid(child, None).expect("waitpid");
            status == nix::sys::wait::WaitStatus::Exited(child, 0)
        }
        nix::unistd::ForkResult::Child => {
            let result = catch_unwind(AssertUnwindSafe(|| {
                lan::isolate().expect("isolate");
                test();
            }));
            std::process::exit(i32::from(result.is_err()));
        }
    }
}
