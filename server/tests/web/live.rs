//! Runs over the live socket: from start to finish, together, again after a break.

use api::live::{ClientMessage, ServerMessage};
use api::run::{Outcome, Tier, ToRun};
use server::config::Times;

use super::support::{Stage, soon, start};

#[tokio::test]
async fn a_run_from_start_to_its_saved_trace() {
    let stage = Stage::new().await;
    let mut client = stage.connect().await;
    client.send(&start(42, "tcp-echo")).await;
    let ServerMessage::Started { request: Some(42), run, lab, seed: 7, params, .. } = client.next().await
    else {
        panic!("not started")
    };
    assert_eq!(lab, "tcp-echo");
    assert!(params.as_object().is_some_and(|params| !params.is_empty()), "defaults are filled in: {params}");
    let puppet = stage.puppet().await;
    assert_eq!(puppet.spec.params, params);
    puppet.host("client").await;
    assert!(matches!(client.next().await, ServerMessage::Host { info, .. } if info.name == "client"));
    puppet.events(0, 3, 10).await;
    puppet.events(3, 700, 10).await;
    puppet.finish().await;
    let (seqs, last) = client.until_finished().await;
    assert_eq!(seqs, (0..700).collect::<Vec<_>>());
    assert!(
        matches!(last, ServerMessage::Finished { outcome: Outcome::Completed, trace: Some(ref trace), .. } if *trace == run)
    );
    let json = stage.get(&format!("/traces/{run}.json"), &[]).await;
    let trace: api::trace::Trace = serde_json::from_slice(json.body()).unwrap();
    assert_eq!((trace.events.len(), trace.seed, trace.hosts.len()), (700, 7, 1));
}

#[tokio::test]
async fn a_page_that_was_reloaded_goes_on_where_it_was() {
    let stage = Stage::new().await;
    let mut first = stage.connect().await;
    let run = first.start("tcp-echo").await;
    let puppet = stage.puppet().await;
    puppet.host("client").await;
    puppet.events(0, 10, 1).await;
    while !matches!(first.next().await, ServerMessage::Events { .. }) {}
    drop(first);

    // The run goes on with nobody watching.
    puppet.events(10, 20, 1).await;
    let mut second = stage.connect().await;
    second.send(&ClientMessage::Watch { run: run.clone(), after_seq: Some(4) }).await;
    assert!(matches!(second.next().await, ServerMessage::Started { request: None, .. }));
    puppet.events(20, 30, 1).await;
    puppet.finish().await;
    let (seqs, _) = second.until_finished().await;
    assert_eq!(seqs, (5..30).collect::<Vec<_>>());

    // Also when it is over: from memory …
    second.send(&ClientMessage::Watch { run: run.clone(), after_seq: Some(27) }).await;
    assert_eq!(second.until_finished().await.0, [28, 29]);
}

#[tokio::test]
async fn a_run_that_is_only_on_disk_is_said_to_be_over() {
    let times = Times { keep_finished: std::time::Duration::ZERO, ..Times::default() };
    let stage = Stage::with(&[], times, Tier::Isolated).await;
    let mut client = stage.connect().await;
    let run = client.start("tcp-echo").await;
    let puppet = stage.puppet().await;
    puppet.events(0, 10, 1).await;
    puppet.finish().await;
    client.until_finished().await;
    soon("forgotten run", async {
        while stage.state.runs.find(&run).is_some() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    client.send(&ClientMessage::Watch { run: run.clone(), after_seq: Some(3) }).await;
    assert!(matches!(client.next().await, ServerMessage::Thinned { events: 6, .. }));
    assert!(
        matches!(client.next().await, ServerMessage::Finished { trace: Some(trace), .. } if trace == run)
    );
    client.send(&ClientMessage::Watch { run: "x".repeat(22), after_seq: None }).await;
    assert_eq!(client.error().await.0, "run");
}

#[tokio::test]
async fn inputs_and_lines_reach_the_run_and_stop_ends_it() {
    let stage = Stage::new().await;
    let mut client = stage.connect().await;
    let run = client.start("tcp-echo").await;
    let mut puppet = stage.puppet().await;
    let mut line = api::line::Line::default();
    line.up.loss_percent = 50.0;
    client.send(&ClientMessage::Line { run: run.clone(), host: "client".into(), line: line.clone() }).await;
    let command = soon("command", puppet.commands.recv()).await;
    assert_eq!(command, Some(ToRun::Line { host: "client".into(), line: line.clone() }));

    line.up.loss_percent = 101.0;
    client.send(&ClientMessage::Line { run: run.clone(), host: "client".into(), line }).await;
    assert_eq!(client.error().await.0, "line.up.loss_percent");
    client.send(&ClientMessage::Input { run: run.clone(), text: "x".into() }).await;
    assert_eq!(client.error().await.0, "text", "tcp-echo takes no input");

    client.send(&ClientMessage::Stop { run }).await;
    assert_eq!(soon("command", puppet.commands.recv()).await, Some(ToRun::Stop));
    puppet.events(0, 1, 1).await;
    puppet.finish().await;
    assert_eq!(client.until_finished().await.0, [0], "what a stopped run still reports is kept");
}

#[tokio::test]
async fn only_the_owner_directs_a_run() {
    let stage = Stage::new().await;
    let mut owner = stage.connect().await;
    let run = owner.start("tcp-echo").await;
    let puppet = stage.puppet().await;
    let mut guest = stage.connect().await;
    guest.send(&ClientMessage::Watch { run: run.clone(), after_seq: None }).await;
    assert!(matches!(guest.next().await, ServerMessage::Started { .. }));
    guest.send(&ClientMessage::Stop { run: run.clone() }).await;
    assert_eq!(guest.error().await.0, "run");

    // Both see the same.
    puppet.events(0, 5, 1).await;
    puppet.finish().await;
    assert_eq!(owner.until_finished().await, guest.until_finished().await);
}

#[tokio::test]
async fn a_reloaded_page_owns_its_run_again() {
    let stage = Stage::new().await;
    let mut first = stage.connect().await;
    let run = first.start("tcp-echo").await;
    let mut puppet = stage.puppet().await;
    first.socket.close(None).await.unwrap();
    while first.frame().await.is_some() {}
    soon("closed socket", async {
        while stage.state.sockets.open() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let mut second = stage.connect().await;
    second.send(&ClientMessage::Watch { run: run.clone(), after_seq: None }).await;
    second.send(&ClientMessage::Stop { run }).await;
    assert_eq!(soon("command", puppet.commands.recv()).await, Some(ToRun::Stop));
}

#[tokio::test]
async fn the_queue_has_positions() {
    let flags = ["--max-runs", "1", "--queue", "2", "--runs-per-reader", "5"];
    let stage = Stage::with(&flags, Times::default(), Tier::Isolated).await;
    let mut first = stage.connect().await;
    first.start("tcp-echo").await;
    let running = stage.puppet().await;
    let mut second = stage.connect().await;
    second.send(&start(2, "tcp-echo")).await;
    let ServerMessage::Queued { request: 2, position: 1, run: waiting } = second.next().await else {
        panic!("not queued")
    };
    let mut third = stage.connect().await;
    third.send(&start(3, "tcp-echo")).await;
    assert!(matches!(third.next().await, ServerMessage::Queued { position: 2, .. }));
    let mut fourth = stage.connect().await;
    fourth.send(&start(4, "tcp-echo")).await;
    assert_eq!(fourth.error().await.0, "lab", "the queue is full");

    // The second gives up, the third moves up and is served when the first has finished.
    second.send(&ClientMessage::Stop { run: waiting }).await;
    assert!(matches!(
        second.next().await,
        ServerMessage::Finished { outcome: Outcome::Stopped { .. }, trace: None, .. }
    ));
    assert!(matches!(third.next().await, ServerMessage::Queued { position: 1, .. }));
    running.finish().await;
    assert!(matches!(third.next().await, ServerMessage::Started { request: Some(3), .. }));
    stage.puppet().await.finish().await;
    third.until_finished().await;
}
