//! Traces on disk.

use api::run::{Outcome, Tier};
use api::trace::{LeftOut, Trace, VERSION};
use server::store::{Caps, Kind, Store, StoreError, is_id, new_id};

use super::support::event;

const ROOMY: Caps = Caps { traces: 1000, bytes: 1 << 30 };

fn trace(id: &str, started_at_ms: u64, events: u32) -> Trace {
    Trace {
        version: VERSION,
        id: id.into(),
        lab: "tcp-echo".into(),
        params: serde_json::json!({"message": "你好"}),
        lines: std::collections::BTreeMap::new(),
        seed: 1,
        tier: Tier::Isolated,
        started_at_ms,
        hosts: Vec::new(),
        outcome: Outcome::Completed,
        left_out: LeftOut::default(),
        events: (0..events).map(|seq| event(seq, 10)).collect(),
    }
}

#[tokio::test]
async fn a_trace_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let saved = trace(&new_id(), 5, 100);
    let store = Store::open(folder.path(), ROOMY).await.unwrap();
    store.save(saved.clone(), Kind::Run, "hash").await.unwrap();
    store.close().await;

    let store = Store::open(folder.path(), ROOMY).await.unwrap();
    let packed = store.packed(&saved.id).await.unwrap().unwrap();
    assert_eq!(packed.trace().unwrap(), saved);
    let summary = store.summary(&saved.id).await.unwrap().unwrap();
    assert_eq!(
        (summary.lab.as_str(), summary.events, summary.outcome),
        ("tcp-echo", 100, Outcome::Completed)
    );
    assert!(store.packed(&new_id()).await.unwrap().is_none());
}

#[tokio::test]
async fn the_oldest_go_when_there_are_too_many() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), Caps { traces: 3, bytes: 1 << 30 }).await.unwrap();
    let ids: Vec<String> = (0..5).map(|_| new_id()).collect();
    // Not saved in order of age: a long run is saved after a short one that began later.
    for age in [1, 0, 3, 2, 4] {
        store.save(trace(&ids[age], age as u64, 1), Kind::Run, "h").await.unwrap();
    }
    let mut kept = Vec::new();
    for id in &ids {
        kept.push(store.packed(id).await.unwrap().is_some());
    }
    assert_eq!(kept, [false, false, true, true, true]);
}

#[tokio::test]
async fn the_oldest_go_when_they_take_too_much_room() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), ROOMY).await.unwrap();
    store.save(trace(&new_id(), 0, 500), Kind::Run, "h").await.unwrap();
    let (_, one) = store.totals(Kind::Run).await.unwrap();
    store.close().await;

    let store = Store::open(folder.path(), Caps { traces: 1000, bytes: one * 3 + one / 2 }).await.unwrap();
    for age in 1..10 {
        store.save(trace(&new_id(), age, 500), Kind::Run, "h").await.unwrap();
    }
    let (count, bytes) = store.totals(Kind::Run).await.unwrap();
    assert!(count == 3 && bytes <= one * 3 + one / 2, "{count} traces, {bytes} bytes");
}

#[tokio::test]
async fn recordings_are_kept_and_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), Caps { traces: 1, bytes: 1 << 30 }).await.unwrap();
    let (old, new) = (trace(&new_id(), 0, 1), trace(&new_id(), 1, 2));
    store.save(old.clone(), Kind::Recording, "old source").await.unwrap();
    for age in 2..6 {
        store.save(trace(&new_id(), age, 1), Kind::Run, "h").await.unwrap();
    }
    let found = store.recording("tcp-echo", "old source").await.unwrap().unwrap();
    assert_eq!(found.id, old.id);
    assert!(store.recording("tcp-echo", "new source").await.unwrap().is_none());
    store.save(new.clone(), Kind::Recording, "new source").await.unwrap();
    assert_eq!(store.recording("tcp-echo", "new source").await.unwrap().unwrap().id, new.id);
    assert_eq!(store.totals(Kind::Recording).await.unwrap().0, 1);
}

#[tokio::test]
async fn a_trace_of_a_newer_format_is_refused_with_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path(), ROOMY).await.unwrap();
    let mut newer = trace(&new_id(), 0, 1);
    newer.version = VERSION + 1;
    store.save(newer.clone(), Kind::Run, "h").await.unwrap();
    let error = store.packed(&newer.id).await.unwrap_err();
    assert!(matches!(error, StoreError::Newer { .. }) && error.to_string().contains("升级"), "{error}");
}

#[tokio::test]
async fn a_file_of_a_newer_server_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    Store::open(folder.path(), ROOMY).await.unwrap().close().await;
    let url = format!("sqlite://{}", folder.path().join("traces.sqlite").display());
    let pool = sqlx::SqlitePool::connect(&url).await.unwrap();
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (999, 'from the future', TRUE, x'00', 0)",
    )
    .execute(&pool)
    .await
    .unwrap();
    pool.close().await;
    assert!(matches!(Store::open(folder.path(), ROOMY).await, Err(StoreError::Migration(_))));
}

#[test]
fn ids_cannot_be_guessed_or_abused() {
    let ids: std::collections::BTreeSet<String> = (0..1000).map(|_| new_id()).collect();
    assert_eq!(ids.len(), 1000);
    assert!(ids.iter().all(|id| is_id(id)));
    for id in ["", "short", "../../../etc/passwd0", "0123456789abcdef'; --", &"a".repeat(100)] {
        assert!(!is_id(id), "{id}");
    }
}
