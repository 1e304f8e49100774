//! Tests that need namespaces. Each runs in a process of its own that is still single-threaded when it
//! enters them, which libtest cannot give; so this is a test harness too, a small one.
//!
//! `cargo test -p lan --test isolated [-- FILTER]`; with `LAN_TEST_PRINT=1` runs are printed.

#![allow(clippy::expect_used, clippy::print_stdout, reason = "all of this is a test")]

mod bench;
mod ethernet;
mod hosts;
mod line;
mod tcp;

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

const LONGEST_SECONDS: u32 = 60;

type Test = (&'static str, fn());

/// Names the functions of a module as tests.
macro_rules! tests {
    ($($module:ident::$name:ident),* $(,)?) => {
        const TESTS: &[Test] = &[$((concat!(stringify!($module), "::", stringify!($name)), $module::$name)),*];
    };
}

tests! {
    ethernet::a_broadcast_reaches_everybody,
    ethernet::multicast_reaches_members_and_igmp_is_seen,
    ethernet::a_router_forwards_with_one_hop_less,
    ethernet::an_idle_network_is_silent,
    ethernet::nothing_outside_the_lan_can_be_reached,
    hosts::panics_become_errors_and_tasks_can_be_aborted,
    hosts::every_thread_of_a_host_is_known_as_its_own,
    hosts::a_second_address_is_as_good_as_the_first,
    hosts::setting_up_is_fast,
    hosts::fifty_lans_in_sequence_leave_nothing,
    line::delay_is_accurate,
    line::lost_datagrams_are_those_that_do_not_arrive,
    line::duplicates_and_reordering_are_marked,
    line::a_damaged_datagram_is_dropped_by_its_checksum,
    line::a_slow_line_serialises_and_its_queue_overflows,
    line::a_line_changes_during_the_run,
    line::a_smaller_mtu_during_the_run_is_a_black_hole,
    line::an_mtu_from_the_start_makes_fragments,
    line::a_full_receive_buffer_shows_as_drops,
    line::what_is_still_travelling_at_the_end_is_told,
    tcp::echo_shows_the_handshake,
    tcp::ipv6_works_after_neighbour_discovery,
    tcp::checksums_are_real_and_frames_have_their_size,
    tcp::same_seed_loses_the_same_frames,
    tcp::recorded_retransmissions_are_the_kernels,
    tcp::congestion_control_is_pinned,
}

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
            // A test that hangs is killed by SIGALRM.
            nix::unistd::alarm::set(LONGEST_SECONDS);
            let result = catch_unwind(AssertUnwindSafe(|| {
                lan::isolate().expect("isolate");
                test();
            }));
            std::process::exit(i32::from(result.is_err()));
        }
    }
}
