//! Comparisons over HTTP.
//!
//! Guarantee: as in [`super::handlers`]: no handler decides on a status code; every form of a report names what it stands on.

use super::asked::Asked;
use super::problem::Problem;
use crate::compare::report::html;
use crate::compare::{Question, RunsCompared, output};
use crate::error::QueryError;
use axum::Json;
use axum::extract::Query;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

/// Form of a report.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Form {
    /// `{report, details, values, sql, coverage}`.
    #[default]
    Json,
    /// A page that needs nothing else.
    Html,
    /// For a terminal.
    Text,
    /// One table.
    Csv,
    /// One table.
    Parquet,
}

/// How the report is written.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct CompareArgs {
    /// JSON when absent.
    #[serde(default)]
    format: Form,
    /// Which table CSV and Parquet hold; `measures` when absent.
    table: Option<String>,
}

#[utoipa::path(post, path = "/v1/compare", tag = "query", params(CompareArgs), request_body = Question, responses(
    (status = 200, description = "The comparison: `report` (measures with intervals and p, segments, ranking, provenance), `details` (all statistics), `values` (each measure of each arm), `sql`, `coverage`", content_type = "application/json"),
    (status = "default", description = "What went wrong", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn compare(
    Asked(engine): Asked,
    args: Result<Query<CompareArgs>, QueryRejection>,
    body: Result<Json<Question>, JsonRejection>,
) -> Result<Response, Problem> {
    let Query(args) = args?;
    let Json(question) = body?;
    let compared = engine.compare(&question).await?;
    let report = &compared.report;
    let table = || output::table(report, args.table.as_deref().unwrap_or("measures"));
    let (media_type, bytes) = match args.format {
        Form::Json => ("application/json", serde_json::to_vec(&compared).map_err(QueryError::bug)?),
        Form::Html => ("text/html; charset=utf-8", html(report).into_bytes()),
        Form::Text => ("text/plain; charset=utf-8", output::text(report).into_bytes()),
        Form::Csv => ("text/csv; charset=utf-8", output::csv(&table()?)?),
        Form::Parquet => ("application/vnd.apache.parquet", output::parquet(&table()?)?),
    };
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static(media_type))], bytes).into_response())
}

/// Two runs.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct DiffArgs {
    /// A run.
    a: String,
    /// Another.
    b: String,
}

#[utoipa::path(get, path = "/v1/diff", tag = "query", params(DiffArgs), responses(
    (status = 200, description = "Where two runs part by content, what followed, and the alignment: `{diff, coverage}`", content_type = "application/json"),
    (status = "default", description = "What went wrong", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn diff(
    Asked(engine): Asked,
    args: Result<Query<DiffArgs>, QueryRejection>,
) -> Result<Json<RunsCompared>, Problem> {
    let Query(args) = args?;
    Ok(Json(engine.diff_runs(&args.a, &args.b).await?))
}
