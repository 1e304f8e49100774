//! With real run processes.

use api::live::ServerMessage;
use api::run::Outcome;
use server::catalog;

use super::support::Stage;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lab_really_runs_behind_the_socket() {
    let stage = Stage::real(&[]).await;
    let mut client = stage.connect().await;
    let run = client.start("tcp-echo").await;
    let (seqs, last) = client.until_finished().await;
    assert!(matches!(last, ServerMessage::Finished { outcome: Outcome::Completed, .. }), "{last:?}");
    assert!(seqs.len() > 5 && seqs.iter().zip(0..).all(|(seq, place)| *seq == place), "{seqs:?}");
    let json = stage.get(&format!("/traces/{run}.json"), &[]).await;
    let trace: api::trace::Trace = serde_json::from_slice(json.body()).unwrap();
    assert_eq!(trace.events.len(), seqs.len());
    assert_eq!(stage.get(&format!("/traces/{run}"), &[]).await.status(), 200);
    if trace.tier == api::run::Tier::Isolated {
        let pcapng = stage.get(&format!("/traces/{run}.pcapng"), &[]).await;
        // Section Header Block and byte-order magic.
        assert_eq!(pcapng.body()[..4], [0x0a, 0x0d, 0x0d, 0x0a]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recording_is_made_once_and_found_again() {
    let stage = Stage::real(&[]).await;
    let state = &stage.state;
    let tier = state.runs.tier().tier;
    let missing = state.recordings.load(&state.store, tier).await;
    assert!(missing.iter().any(|lab| lab.info.slug == "tcp-echo"));
    let lab = catalog::find("tcp-echo").unwrap();
    state.recordings.make(lab, &state.runs, &state.store).await.unwrap();
    let recording = stage.get("/labs/tcp-echo/recording.json", &[]).await;
    let trace: api::trace::Trace = serde_json::from_slice(recording.body()).unwrap();
    assert_eq!((trace.lab.as_str(), trace.outcome), ("tcp-echo", Outcome::Completed));

    // After a restart it is read from disk.
    let again = server::recordings::Recordings::default();
    assert!(again.load(&state.store, tier).await.iter().all(|lab| lab.info.slug != "tcp-echo"));
    assert!(again.json("tcp-echo").is_some());
}
