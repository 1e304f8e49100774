//! For whoever keeps the server running.

use api::run::TierReport;
use axum::Json;
use axum::extract::State as Shared;
use http::StatusCode;

use crate::runs::Load;
use crate::state::State;
use crate::store::Kind;

/// `GET /healthz`: the process answers.
pub(crate) async fn alive() -> &'static str {
    "ok\n"
}

/// Body of `/readyz`.
#[derive(serde::Serialize)]
pub(crate) struct Ready {
    #[serde(flatten)]
    tier: TierReport,
    runs: Load,
    /// WebSockets open now.
    readers: u64,
    /// Readers' traces on disk, and their bytes.
    traces: u64,
    trace_bytes: u64,
    version: &'static str,
}

/// `GET /readyz`: it can run labs and keep traces.
pub(crate) async fn ready(Shared(state): Shared<State>) -> Result<Json<Ready>, (StatusCode, &'static str)> {
    let (traces, trace_bytes) = state.store.totals(Kind::Run).await.map_err(|error| {
        tracing::error!(?error, "the trace database does not answer");
        (StatusCode::SERVICE_UNAVAILABLE, "轨迹数据库没有响应\n")
    })?;
    Ok(Json(Ready {
        tier: state.runs.tier(),
        runs: state.runs.load(),
        readers: state.sockets.open(),
        traces,
        trace_bytes,
        version: env!("CARGO_PKG_VERSION"),
    }))
}
