//! Traces on disk: one SQLite file in the data folder, capped by count and by bytes.

use std::io::Read as _;
use std::path::Path;

use api::run::Outcome;
use api::trace::{LeftOut, Trace, VERSION};
use rand::distr::{Alphanumeric, SampleString as _};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

use crate::compress;

/// Characters of an id: 22 of 62 are 131 random bits, so a link cannot be guessed.
const ID_LENGTH: usize = 22;
/// No trace unpacks to more: see [`api::run::Limits`].
const MAX_UNPACKED: u64 = 512 << 20;

/// How much is kept. Recordings do not count.
#[derive(Clone, Copy, Debug)]
pub struct Caps {
    pub traces: u32,
    pub bytes: u64,
}

/// What a trace is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A reader's run.
    Run,
    /// The default run of a lab, shown before a reader runs anything.
    Recording,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Recording => "recording",
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("轨迹数据库出错")]
    Database(#[from] sqlx::Error),
    #[error("轨迹数据库无法升级")]
    Migration(#[from] sqlx::migrate::MigrateError),
    #[error("轨迹已损坏，无法读取")]
    Corrupt(#[source] anyhow::Error),
    /// Saved by a newer Wirebook.
    #[error("这条轨迹由更新版本的线上保存（格式 {found}，本站只认识到 {VERSION}），请升级本站后再打开")]
    Newer { found: i64 },
}

/// A stored trace, still packed.
#[derive(Clone, Debug)]
pub struct Packed {
    pub id: String,
    pub lab: String,
    /// gzip of the JSON of [`Trace`].
    pub body: Vec<u8>,
}

/// What is known of a trace without unpacking it.
#[derive(Clone, Debug)]
pub struct Summary {
    pub lab: String,
    pub events: u32,
    pub outcome: Outcome,
    pub left_out: LeftOut,
}

/// The traces on disk. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pool: SqlitePool,
    caps: Caps,
}

/// A new random id.
#[must_use]
pub fn new_id() -> String {
    Alphanumeric.sample_string(&mut rand::rng(), ID_LENGTH)
}

/// True if `id` could have come from [`new_id`].
#[must_use]
pub fn is_id(id: &str) -> bool {
    (16..=32).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

impl Store {
    /// Opens the file `traces.sqlite` in `folder`, makes it if need be, and brings it up to date.
    ///
    /// # Errors
    /// The file cannot be opened, or a migration fails (it was made by a newer version).
    pub async fn open(folder: &Path, caps: Caps) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(folder.join("traces.sqlite"))
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // With WAL a power cut may cost the last traces, never the file.
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(std::time::Duration::from_secs(5));
        let pool = SqlitePoolOptions::new().max_connections(4).connect_with(options).await?;
        sqlx::migrate!().run(&pool).await?;
        Ok(Self { pool, caps })
    }

    /// Saves a trace and deletes what is beyond the caps. A recording takes the place of the lab's previous one.
    ///
    /// # Errors
    /// The database refuses.
    pub async fn save(&self, trace: Trace, kind: Kind, source_hash: &str) -> Result<(), StoreError> {
        let (trace, body) = tokio::task::spawn_blocking(move || {
            let body = serde_json::to_vec(&trace).map(|json| compress::gzip(&json));
            (trace, body)
        })
        .await
        .map_err(|error| StoreError::Corrupt(error.into()))?;
        let body = body
            .map_err(|error| StoreError::Corrupt(error.into()))?
            .ok_or_else(|| StoreError::Corrupt(anyhow::anyhow!("gzip failed")))?;
        let json = |value: Result<String, serde_json::Error>| {
            value.map_err(|error| StoreError::Corrupt(error.into()))
        };
        let outcome = json(serde_json::to_string(&trace.outcome))?;
        let left_out = json(serde_json::to_string(&trace.left_out))?;

        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        if kind == Kind::Recording {
            sqlx::query("DELETE FROM traces WHERE kind = 'recording' AND lab = ?")
                .bind(&trace.lab)
                .execute(&mut *transaction)
                .await?;
        }
        sqlx::query(
            "INSERT INTO traces (id, kind, lab, source_hash, format, created_ms, events, outcome, left_out, bytes, body)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(&trace.id)
        .bind(kind.name())
        .bind(&trace.lab)
        .bind(source_hash)
        .bind(i64::from(trace.version))
        .bind(i64::try_from(trace.started_at_ms).unwrap_or(i64::MAX))
        .bind(i64::try_from(trace.events.len()).unwrap_or(i64::MAX))
        .bind(outcome)
        .bind(left_out)
        .bind(i64::try_from(body.len()).unwrap_or(i64::MAX))
        .bind(body)
        .execute(&mut *transaction)
        .await?;
        self.enforce_caps(&mut transaction).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Deletes readers' traces, oldest first, until both caps hold.
    async fn enforce_caps(
        &self,
        transaction: &mut sqlx::Transaction<'_, sqlx::Sqlite>,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "DELETE FROM traces WHERE rowid IN (
                SELECT rowid FROM (
                    SELECT rowid, ROW_NUMBER() OVER newest_first AS place, SUM(bytes) OVER newest_first AS total
                    FROM traces WHERE kind = 'run'
                    WINDOW newest_first AS (ORDER BY created_ms DESC, rowid DESC)
                ) WHERE place > ? OR total > ?
            )",
        )
        .bind(i64::from(self.caps.traces))
        .bind(i64::try_from(self.caps.bytes).unwrap_or(i64::MAX))
        .execute(&mut **transaction)
        .await?;
        Ok(())
    }

    /// A trace, still packed; `None` if there is none of this id (any more).
    ///
    /// # Errors
    /// The database fails, or the trace was saved by a newer version.
    pub async fn packed(&self, id: &str) -> Result<Option<Packed>, StoreError> {
        let row: Option<(String, String, i64, Vec<u8>)> =
            sqlx::query_as("SELECT id, lab, format, body FROM traces WHERE id = ?")
                .bind(id)
                .fetch_optional(&self.pool)
                .await?;
        row.map(readable).transpose()
    }

    /// The recording of a lab, if it was made from the source with this hash.
    ///
    /// # Errors
    /// As [`Store::packed`].
    pub async fn recording(&self, lab: &str, source_hash: &str) -> Result<Option<Packed>, StoreError> {
        let row: Option<(String, String, i64, Vec<u8>)> = sqlx::query_as(
            "SELECT id, lab, format, body FROM traces WHERE kind = 'recording' AND lab = ? AND source_hash = ?",
        )
        .bind(lab)
        .bind(source_hash)
        .fetch_optional(&self.pool)
        .await?;
        row.map(readable).transpose()
    }

    /// What is known of a trace without unpacking it.
    ///
    /// # Errors
    /// The database fails or holds nonsense.
    pub async fn summary(&self, id: &str) -> Result<Option<Summary>, StoreError> {
        let row: Option<(String, i64, String, String)> =
            sqlx::query_as("SELECT lab, events, outcome, left_out FROM traces WHERE id = ?")
                .bind(id)
                .fetch_optional(&self.pool)
                .await?;
        let Some((lab, events, outcome, left_out)) = row else { return Ok(None) };
        Ok(Some(Summary {
            lab,
            events: u32::try_from(events).unwrap_or(u32::MAX),
            outcome: serde_json::from_str(&outcome).map_err(|error| StoreError::Corrupt(error.into()))?,
            left_out: serde_json::from_str(&left_out).map_err(|error| StoreError::Corrupt(error.into()))?,
        }))
    }

    /// How many traces of this kind there are, and their bytes.
    ///
    /// # Errors
    /// The database fails.
    pub async fn totals(&self, kind: Kind) -> Result<(u64, u64), StoreError> {
        let (count, bytes): (i64, i64) =
            sqlx::query_as("SELECT COUNT(*), COALESCE(SUM(bytes), 0) FROM traces WHERE kind = ?")
                .bind(kind.name())
                .fetch_one(&self.pool)
                .await?;
        Ok((count.unsigned_abs(), bytes.unsigned_abs()))
    }

    /// Writes everything out and lets go of the file.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

impl Packed {
    /// The JSON of the trace. CPU-bound.
    ///
    /// # Errors
    /// The bytes are not what was saved.
    pub fn json(&self) -> Result<Vec<u8>, StoreError> {
        let mut json = Vec::new();
        flate2::read::GzDecoder::new(&self.body[..])
            .take(MAX_UNPACKED)
            .read_to_end(&mut json)
            .map_err(|error| StoreError::Corrupt(error.into()))?;
        Ok(json)
    }

    /// The trace itself. CPU-bound.
    ///
    /// # Errors
    /// As [`Packed::json`].
    pub fn trace(&self) -> Result<Trace, StoreError> {
        serde_json::from_slice(&self.json()?).map_err(|error| StoreError::Corrupt(error.into()))
    }
}

fn readable((id, lab, format, body): (String, String, i64, Vec<u8>)) -> Result<Packed, StoreError> {
    if format > i64::from(VERSION) {
        return Err(StoreError::Newer { found: format });
    }
    Ok(Packed { id, lab, body })
}
