//! The runner killed with -9 in mid-run.

use api::run::{Outcome, ToRun};
use libtest_mimic::Trial;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use runner::{Runner, collect};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use crate::in_modes;
use crate::processes::{children, eventually, is_alive};
use crate::setup::{ALL, ISOLATED, LOOPBACK, Mode, RUNTIME, limits, run, start};

pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = in_modes("killed_runner", &ALL, killed_runner);
    trials.extend(in_modes("polite_signals", &[ISOLATED], polite_signals));
    trials.extend(in_modes("killed_client", &[ISOLATED, LOOPBACK], killed_client));
    trials.extend(in_modes("killed_10_times_under_load", &[ISOLATED], |mode| killed_under_load(mode, 10)));
    let hundred =
        in_modes("killed_100_times_under_load", &[ISOLATED, LOOPBACK], |mode| killed_under_load(mode, 100));
    trials.extend(hundred.into_iter().map(|trial| trial.with_ignored_flag(true)));
    trials
}

fn kill_now(process: u32) {
    kill(Pid::from_raw(process.try_into().unwrap()), Signal::SIGKILL).unwrap();
}

/// Every run reports it within a second, the next one works, and nothing survives.
fn killed_runner(mode: Mode) {
    RUNTIME.block_on(async {
        let runner = start(mode).await;
        let process = runner.process().unwrap();
        let mut runs = Vec::new();
        for deed in ["spin", "accept", "freeze", "echo_input"] {
            let mut run = run(&runner, deed, 0, limits()).await;
            run.next().await.unwrap();
            runs.push(run);
        }
        let processes = children(process);
        assert_eq!(processes.len(), 4);

        kill_now(process);
        let killed = Instant::now();
        for run in runs {
            let (.., outcome, _) = collect(run).await;
            assert!(matches!(outcome, Outcome::Broken { .. }), "{outcome:?}");
        }
        assert!(killed.elapsed() < Duration::from_secs(1), "{:?}", killed.elapsed());
        assert_eq!(collect(run(&runner, "talk", 3, limits()).await).await.2, Outcome::Completed);
        assert_ne!(runner.process(), Some(process));
        eventually("runner and runs are gone", Duration::from_secs(3), || {
            !is_alive(process) && !processes.iter().any(|&process| is_alive(process))
        });
    });
}

/// Ctrl-C, or a service manager that signals all processes: the server ends runs in good order, not the signal.
fn polite_signals(mode: Mode) {
    RUNTIME.block_on(async {
        let runner = start(mode).await;
        let process = runner.process().unwrap();
        let mut running = run(&runner, "echo_input", 0, limits()).await;
        running.next().await.unwrap();
        for process in children(process).into_iter().chain([process]) {
            for polite in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
                kill(Pid::from_raw(process.try_into().unwrap()), polite).unwrap();
            }
        }
        running.send(ToRun::Stop).await.unwrap();
        assert!(matches!(collect(running).await.2, Outcome::Stopped { .. }));
        assert_eq!(runner.process(), Some(process));
    });
}

/// Runs come and go all the time while the runner is killed again and again.
fn killed_under_load(mode: Mode, times: u32) {
    RUNTIME.block_on(async {
        let runner = start(mode).await;
        let mut completed = 0;
        let mut broken = 0;
        let mut slowest = Duration::ZERO;
        for _ in 0..times {
            let mut runs = Vec::new();
            for deed in ["talk", "talk", "spin", "accept", "events", "spin"] {
                runs.push(tokio::spawn(collect(run(&runner, deed, 2_000, limits()).await)));
            }
            // Until all six have been forked; some then are in the middle of their work.
            let process = loop {
                match runner.process() {
                    Some(process) => break process,
                    None => tokio::time::sleep(Duration::from_millis(1)).await,
                }
            };
            tokio::time::sleep(Duration::from_millis(30)).await;
            kill_now(process);
            let killed = Instant::now();
            for run in runs {
                match run.await.unwrap().2 {
                    Outcome::Completed => completed += 1,
                    Outcome::Broken { .. } => broken += 1,
                    other => panic!("{other:?}"),
                }
            }
            slowest = slowest.max(killed.elapsed());
        }
        assert!(slowest < Duration::from_secs(1), "{slowest:?}");
        assert!(broken >= 3 * times, "the loops cannot complete: {broken}");
        let after = collect(run(&runner, "talk", 3, limits()).await).await.2;
        assert_eq!(after, Outcome::Completed);
        let process = runner.process().unwrap();
        eventually("only the last runner is left", Duration::from_secs(3), || {
            children(std::process::id()).into_iter().eq([process]) && children(process).is_empty()
        });
        println!(
            "{times} × kill -9 ({mode}): {completed} runs completed, {broken} reported, the slowest after {slowest:?}"
        );
    });
}

/// The server killed: no runner and no run stays behind.
fn killed_client(mode: Mode) {
    let mut client = Command::new(std::env::current_exe().unwrap())
        .arg("be-client")
        .arg(mode.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(client.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let runner: u32 = line.trim().parse().unwrap();
    let runs = children(runner);
    assert_eq!(runs.len(), 2);
    client.kill().unwrap();
    client.wait().unwrap();
    eventually("all are gone", Duration::from_secs(3), || {
        !is_alive(runner) && !runs.iter().any(|&process| is_alive(process))
    });
}

/// The process that [`killed_client`] kills.
pub(crate) fn client() -> ExitCode {
    let mode = std::env::args().nth(2).unwrap();
    let mode = ALL.into_iter().find(|known| known.to_string() == mode).unwrap();
    RUNTIME.block_on(async {
        let runner: Runner = start(mode).await;
        let mut runs = Vec::new();
        for deed in ["spin", "freeze"] {
            let mut run = run(&runner, deed, 0, limits()).await;
            run.next().await.unwrap();
            runs.push(run);
        }
        println!("{}", runner.process().unwrap());
        std::io::stdout().flush().unwrap();
        std::future::pending().await
    })
}
