//! Runs that misbehave, each in a real process, in every tier and as every kind of user.
//!
//! The test binary is its own runner: called with `be-runner`, it serves the labs in `mischief.rs`. That is why it has
//! no standard harness. Tests run in two rounds: those that only look at their own run side by side, then, one at a
//! time, those that count processes, namespaces and descriptors.

// Clippy knows tests by `cfg(test)`, which a target without the standard harness does not have.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod book;
mod files;
mod isolation;
mod key_log;
mod leftovers;
mod limits;
mod load;
mod locked;
mod messages;
mod mischief;
mod processes;
mod restart;
mod setup;

use labs::Entry;
use libtest_mimic::{Arguments, Trial};
use setup::{Mode, User};
use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("be-runner") => serve(mischief::LABS),
        Some("be-book-runner") => serve(labs::all()),
        Some("be-client") => restart::client(),
        Some("be-locked") => locked::become_program(),
        _ => test(),
    }
}

fn serve(labs: &'static [Entry]) -> ExitCode {
    match runner::serve(labs) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn test() -> ExitCode {
    let mut arguments = Arguments::from_args();
    let side_by_side = [
        limits::trials(),
        messages::trials(),
        isolation::trials(),
        files::trials(),
        key_log::trials(),
        book::trials(),
    ]
    .concat_trials();
    let alone = [leftovers::trials(), restart::trials(), load::trials()].concat_trials();

    let first = libtest_mimic::run(&arguments, side_by_side);
    if arguments.list {
        return libtest_mimic::run(&arguments, alone).exit_code();
    }
    setup::end_shared();
    arguments.test_threads = Some(1);
    let second = libtest_mimic::run(&arguments, alone);
    setup::remove_program();
    if first.has_failed() || second.has_failed() { ExitCode::from(101) } else { ExitCode::SUCCESS }
}

trait ConcatTrials {
    fn concat_trials(self) -> Vec<Trial>;
}

impl<const N: usize> ConcatTrials for [Vec<Trial>; N] {
    fn concat_trials(self) -> Vec<Trial> {
        self.into_iter().flatten().collect()
    }
}

/// One trial for each mode that this user can test.
fn in_modes(name: &str, modes: &[Mode], test: fn(Mode)) -> Vec<Trial> {
    modes
        .iter()
        .filter(|mode| mode.user == User::Own || setup::is_root())
        .map(|&mode| {
            Trial::test(format!("{name}::{mode}"), move || {
                test(mode);
                Ok(())
            })
        })
        .collect()
}
