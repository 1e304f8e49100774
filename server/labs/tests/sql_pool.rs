//! The functions of chapter 8.2 about sqlx, against the databases that are there.
//!
//! SQLite in memory always; Postgres where `DATABASE_URL` leads to one (`.ci/postgres` starts one of its own).

#![allow(clippy::unwrap_used, reason = "clippy does not see that this is a test")]

use std::sync::Arc;

use labs::conn_pool::{IN_MEMORY, MOST, Report, compare, survives};
use sqlx::postgres::{PgConnectOptions, Postgres};
use sqlx::sqlite::{Sqlite, SqliteConnectOptions};

const QUERIES: u32 = 20;

fn is_sound(report: Report) {
    assert_eq!(report.opened, MOST, "{report:?}");
    assert!((200..2000).contains(&report.gave_up.as_millis()), "{report:?}");
}

#[tokio::test]
async fn sqlite() {
    let connect: SqliteConnectOptions = IN_MEMORY.parse().unwrap();
    is_sound(compare::<Sqlite>(connect, QUERIES, Arc::default()).await.unwrap());
}

#[tokio::test]
#[ignore = "needs DATABASE_URL; see .ci/postgres"]
async fn postgres() {
    let connect: PgConnectOptions = std::env::var("DATABASE_URL").unwrap().parse().unwrap();
    let report = compare::<Postgres>(connect.clone(), QUERIES, Arc::default()).await.unwrap();
    is_sound(report);
    // A login costs far more than a query.
    assert!(report.pooled * 3 < report.alone, "{report:?}");
    assert!(survives(connect.clone(), true).await.unwrap());
    assert!(!survives(connect, false).await.unwrap());
}
