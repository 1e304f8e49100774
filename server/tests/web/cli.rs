//! The command line.

use std::process::{Command, Output, Stdio};

fn wirebook(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_wirebook")).args(args).output().unwrap()
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_run_prints_its_trace() {
    let output = wirebook(&["run", "tcp-echo", "--seed", "3", "--json"]);
    assert!(output.status.success(), "{}", errors(&output));
    let trace: api::trace::Trace = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((trace.lab.as_str(), trace.seed), ("tcp-echo", 3));
    assert!(trace.events.is_sorted_by_key(|event| (event.time, event.seq)));

    let output = wirebook(&["run", "tcp-echo"]);
    assert!(output.status.success(), "{}", errors(&output));
    assert!(String::from_utf8_lossy(&output.stdout).lines().count() > 5);
}

#[test]
fn tier_loopback_can_be_asked_for() {
    let output = wirebook(&["run", "tcp-echo", "--tier", "loopback", "--json"]);
    assert!(output.status.success(), "{}", errors(&output));
    let trace: api::trace::Trace = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(trace.tier, api::run::Tier::Loopback);
}

#[test]
fn mistakes_are_one_sentence_and_exit_status_2() {
    for (args, word) in [
        (&["run", "nothing"][..], "tcp-echo"),
        (&["run", "tcp-echo", "--set", "nothing=1"], "nothing"),
        (&["run", "tcp-echo", "--set", "message"], "message"),
        (&["run", "tcp-echo", "--loss", "101"], "loss_percent"),
        (&["run", "tcp-echo", "--loss", "nobody:1"], "nobody"),
        (&["run", "tcp-echo", "--delay", "x"], "delay"),
        (&["run", "tcp-echo", "--input", "x"], "--input"),
    ] {
        let output = wirebook(args);
        let said = errors(&output);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        assert!(said.lines().count() == 1 && said.contains(word), "{args:?}: {said}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn labs_are_listed() {
    let output = wirebook(&["labs"]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("tcp-echo"));
    let output = wirebook(&["labs", "--json"]);
    let infos: Vec<api::lab::LabInfo> = serde_json::from_slice(&output.stdout).unwrap();
    assert!(infos.iter().any(|info| info.slug == "tcp-echo"));
}

/// As `wirebook … | head -1`.
#[test]
fn whoever_reads_only_the_first_line_gets_no_complaint() {
    for args in [&["labs"][..], &["labs", "--json"], &["run", "tcp-echo"], &["run", "tcp-echo", "--json"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wirebook"));
        command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        drop(process.stdout.take());
        let output = process.wait_with_output().unwrap();
        let said = errors(&output);
        assert_eq!((output.status.code(), said.contains("错误")), (Some(0), false), "{args:?}: {said}");
    }
}

#[test]
fn the_lower_tier_is_a_remark_with_its_reason_and_cure() {
    let output = wirebook(&["run", "tcp-echo", "--tier", "loopback"]);
    assert_eq!(output.status.code(), Some(0));
    let said = errors(&output);
    assert!(said.lines().count() == 1 && said.starts_with("注意：以环回层级运行，看不到帧。"), "{said}");
    assert!(said.contains("WIREBOOK_TIER=loopback") && said.contains("要看帧："), "{said}");
}

#[test]
fn mistakes_in_the_book_are_found() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("guide")).unwrap();
    let chapter = "+++\ntitle = \"章\"\nnumber = \"1\"\nsummary = \"一章。\"\n+++\n\n```lab nothing\n```\n";
    std::fs::write(folder.path().join("guide/1-x.md"), chapter).unwrap();
    let output = wirebook(&["check", folder.path().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("content/guide/1-x.md:7:"), "{said}");
}

#[test]
fn an_address_in_use_is_said_plainly() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let output = wirebook(&["serve", "--addr", &addr, "--data", folder.path().to_str().unwrap()]);
    assert!(!output.status.success());
    assert!(errors(&output).contains(&addr) && errors(&output).contains("--addr"), "{}", errors(&output));
}
