//! `/healthz` and `/readyz`: is the process alive, and can it do its work?
//!
//! Guarantee: `/healthz` answers as long as the process can answer. `/readyz` is 200 only when every role of this process
//! can work now, and says what an acknowledgement means, how far the table is behind, and what failed last. Looking
//! changes nothing.

use super::roles::Watched;
use crate::opened;
use axum::extract::{OriginalUri, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use query::http::Problem;
use serde::Serialize;
use std::sync::atomic::Ordering;
use std::time::Duration;
use utoipa::{OpenApi, ToSchema};

/// How long readiness waits for log and table.
const LOOK_MAX: Duration = Duration::from_secs(2);

/// What `/readyz` says.
#[derive(Debug, Serialize, ToSchema)]
struct Readiness {
    /// Whether every role can work.
    ready: bool,
    /// Version of the program.
    version: &'static str,
    /// Roles of this process.
    roles: Vec<String>,
    /// What an acknowledgement means; `null` when the log does not answer.
    durability: Option<String>,
    /// Whether that is as strong as it should be.
    durability_strong: Option<bool>,
    /// Log records that the table does not have yet; `null` when that is not known.
    lag_records: Option<u64>,
    /// Newest table version that this process knows.
    table_version: Option<u64>,
    /// Records that are signed here and wait for the log.
    outbox_records: Option<usize>,
    /// What keeps a role from working.
    problems: Vec<String>,
    /// Seconds since the start.
    uptime_seconds: u64,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Hansard",
        description = "The verbatim, signed record of what AI agents said and did. Every answer names the table version and tree size it stands on, and what it could not see.",
    ),
    paths(healthz, readyz),
    components(schemas(Readiness)),
    tags((name = "operations", description = "For those who run it"))
)]
struct OperationsApi;

pub(super) fn openapi() -> utoipa::openapi::OpenApi {
    OperationsApi::openapi()
}

pub(super) fn router(watched: Watched) -> Router {
    Router::new().route("/healthz", get(healthz)).route("/readyz", get(readyz)).with_state(watched)
}

/// Whatever has no route.
pub(super) async fn not_found(OriginalUri(uri): OriginalUri) -> Problem {
    let detail = format!(
        "there is nothing at {}; this process may not have the role for it: /readyz lists its roles, /openapi.json its routes",
        uri.path()
    );
    Problem::new(StatusCode::NOT_FOUND, "no-route", "there is no such route", detail)
}

#[utoipa::path(get, path = "/healthz", tag = "operations", responses((status = 200, description = "The process is alive")))]
async fn healthz() -> &'static str {
    "ok\n"
}

#[utoipa::path(get, path = "/readyz", tag = "operations", responses(
    (status = 200, description = "Every role can work", body = Readiness),
    (status = 503, description = "A role cannot work; `problems` says why", body = Readiness),
))]
async fn readyz(State(watched): State<Watched>) -> Response {
    let readiness = look(&watched).await;
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(readiness)).into_response()
}

async fn look(watched: &Watched) -> Readiness {
    let mut problems = Vec::new();
    let durability = watched.log.as_ref().map(|log| log.durability());
    let producer = watched.producer.as_ref().map(ingest::producer::Producer::status);
    if let Some(error) = producer.as_ref().and_then(|p| p.last_error.as_ref()) {
        problems.push(format!("ingest: the log does not take records: {error}"));
    }
    if let Some(reason) = producer.as_ref().and_then(|p| p.broken.as_ref()) {
        problems.push(format!("ingest: nothing is signed until a restart: {reason}"));
    }
    if let Some(error) = watched.compactor.as_ref().and_then(|status| status.last_error()) {
        problems.push(format!("compact: {error}"));
    }
    let coverage = coverage(watched, &mut problems).await;
    let compacted = watched.compactor.as_ref();
    let next = coverage.as_ref().and_then(|c| c.uncommitted);
    Readiness {
        ready: problems.is_empty(),
        version: env!("CARGO_PKG_VERSION"),
        roles: watched.roles.iter().map(|role| role.name().to_owned()).collect(),
        durability_strong: durability.as_ref().map(|d| d.strong),
        durability: durability.map(|d| d.text),
        lag_records: next.or_else(|| compacted.map(|s| s.lag.load(Ordering::Relaxed))),
        table_version: coverage
            .map(|c| c.table_version)
            .or_else(|| compacted.map(|s| s.version.load(Ordering::Relaxed))),
        outbox_records: producer.map(|p| p.records),
        problems,
        uptime_seconds: watched.started.elapsed().as_secs(),
    }
}

/// What the query role would answer from; for a process without it, whether the log answers.
async fn coverage(watched: &Watched, problems: &mut Vec<String>) -> Option<query::Coverage> {
    let Some(service) = &watched.service else {
        if let Some(log) = &watched.log
            && !matches!(tokio::time::timeout(LOOK_MAX, opened::next_of(&**log)).await, Ok(Ok(_)))
        {
            problems.push("the log does not answer".to_owned());
        }
        return None;
    };
    match tokio::time::timeout(LOOK_MAX, service.engine()).await {
        Ok(Ok(engine)) => Some(engine.coverage()),
        Ok(Err(error)) => {
            problems.push(format!("query: {error}"));
            None
        }
        Err(_) => {
            problems.push(format!("query: the store did not answer within {LOOK_MAX:?}"));
            None
        }
    }
}
