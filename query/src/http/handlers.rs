//! The handlers: each reads its arguments, asks the engine, and answers with the types of this crate.
//!
//! Guarantee: no handler decides on a status code; see `problem.rs`.

use crate::context::Engine;
use crate::coverage::Coverage;
use crate::error::QueryError;
use crate::events::EventRecord;
use crate::http::asked::Asked;
use crate::http::problem::Problem;
use crate::limits::{HTTP_ROWS_DEFAULT, HTTP_ROWS_MAX, SEARCH_HITS_DEFAULT};
use crate::lineage::{Bounds, Direction, Trace, Why};
use crate::output::{Format, write_answer};
use crate::search::{Search, Searched, Wanted};
use crate::service::QueryService;
use crate::tables::TableDoc;
use crate::tail::Position;
use crate::transcript::{Page, Transcript};
use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use datafusion::logical_expr::{col, lit};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

type Body<T> = Result<Json<T>, JsonRejection>;
type Args<T> = Result<Query<T>, QueryRejection>;

/// A question in SQL.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SqlRequest {
    /// One SELECT, WITH, EXPLAIN, SHOW or DESCRIBE statement.
    sql: String,
    /// How the rows are written; JSON when absent.
    #[serde(default)]
    format: Format,
    /// Rows of the answer: 1,000 when absent, 100,000 at most.
    #[serde(default)]
    limit: Option<usize>,
}

#[utoipa::path(post, path = "/v1/sql", tag = "query", request_body = SqlRequest, responses(
    (status = 200, description = "Rows in the wanted format. JSON: `{columns, rows, coverage}`. Others: rows only, with the coverage as JSON in the header `hansard-coverage`"),
    (status = "default", description = "What went wrong", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn sql(Asked(engine): Asked, body: Body<SqlRequest>) -> Result<Response, Problem> {
    let Json(request) = body?;
    let limit = request.limit.unwrap_or(HTTP_ROWS_DEFAULT);
    if limit == 0 || limit > HTTP_ROWS_MAX {
        return Err(QueryError::invalid("limit", format!("expected 1 to {HTTP_ROWS_MAX}, found {limit}")).into());
    }
    let answer = engine.sql_rows(&request.sql, limit).await?;
    let mut out = Vec::new();
    write_answer(request.format, &answer, &mut out)?;
    let mut headers = coverage_headers(&answer.coverage);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(request.format.media_type()));
    Ok((headers, out).into_response())
}

fn coverage_headers(coverage: &Coverage) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let text = serde_json::to_string(coverage).unwrap_or_default();
    headers.extend(
        HeaderValue::from_str(&text).ok().map(|value| (header::HeaderName::from_static("hansard-coverage"), value)),
    );
    headers
}

/// Which sessions.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SessionsArgs {
    /// Of this agent.
    agent: Option<String>,
    /// Of this task.
    task: Option<String>,
    /// After this session, in order of name.
    after: Option<String>,
    /// Sessions: 1,000 when absent.
    limit: Option<usize>,
}

#[utoipa::path(get, path = "/v1/sessions", tag = "query", params(SessionsArgs), responses(
    (status = 200, description = "Sessions in order of name, columns as in the SQL table, as `{columns, rows, coverage}`", content_type = "application/json"),
    (status = "default", description = "What went wrong", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn sessions(Asked(engine): Asked, args: Args<SessionsArgs>) -> Result<Response, Problem> {
    let Query(args) = args?;
    let answer = list_sessions(&engine, &args).await?;
    let mut out = Vec::new();
    write_answer(Format::Json, &answer, &mut out)?;
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], out).into_response())
}

async fn list_sessions(engine: &Engine, args: &SessionsArgs) -> crate::Result<crate::Answer> {
    let limit = args.limit.unwrap_or(HTTP_ROWS_DEFAULT).clamp(1, HTTP_ROWS_MAX);
    let context = engine.context()?;
    let mut frame = context.table("sessions").await?;
    for (column, wanted) in [("agent", &args.agent), ("task", &args.task)] {
        if let Some(wanted) = wanted {
            frame = frame.filter(col(column).eq(lit(wanted.as_str())))?;
        }
    }
    if let Some(after) = &args.after {
        frame = frame.filter(col("session").gt(lit(after.as_str())))?;
    }
    let frame = frame.sort(vec![col("session").sort(true, true)])?.limit(0, Some(limit + 1))?;
    engine.frame_rows(&context, frame, limit).await
}

/// Which part of a session.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SessionArgs {
    /// The `next` of an earlier page.
    after: Option<String>,
    /// Events: 200 when absent.
    limit: Option<usize>,
    /// Characters of each content: 2,000 when absent.
    chars: Option<usize>,
}

#[utoipa::path(get, path = "/v1/sessions/{id}", tag = "query", params(("id" = String, Path, description = "The session, URL-encoded"), SessionArgs), responses(
    (status = 200, description = "A page of the transcript", body = Transcript),
    (status = "default", description = "What went wrong", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn session(
    Asked(engine): Asked,
    Path(id): Path<String>,
    args: Args<SessionArgs>,
) -> Result<Json<Transcript>, Problem> {
    let Query(args) = args?;
    let whole = Page::default();
    let page = Page {
        after: args.after,
        events_max: args.limit.unwrap_or(whole.events_max),
        chars_max: args.chars.unwrap_or(whole.chars_max),
    };
    Ok(Json(engine.transcript(&id, &page).await?))
}

#[utoipa::path(get, path = "/v1/events/{id}", tag = "query", params(("id" = String, Path, description = "Id, unique prefix of at least 8 characters, or native id")), responses(
    (status = 200, description = "The event, whole", body = EventRecord),
    (status = "default", description = "What went wrong", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn event(Asked(engine): Asked, Path(id): Path<String>) -> Result<Json<EventRecord>, Problem> {
    Ok(Json(engine.event(&id).await?))
}

/// What is to be explained: a subject or an event, exactly one.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct WhyArgs {
    /// A business object, e.g. `loan/4711`.
    subject: Option<String>,
    /// An event: id, unique prefix, or native id.
    event: Option<String>,
    /// Links to follow at most.
    depth: Option<u32>,
    /// Events at most.
    nodes: Option<usize>,
}

#[utoipa::path(get, path = "/v1/why", tag = "query", params(WhyArgs), responses(
    (status = 200, description = "The chain that explains it", body = Why),
    (status = "default", description = "What went wrong", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn why(Asked(engine): Asked, args: Args<WhyArgs>) -> Result<Json<Why>, Problem> {
    let Query(args) = args?;
    let bounds = bounds(Bounds::of_why(), args.depth, args.nodes);
    let why = match (&args.subject, &args.event) {
        (Some(subject), None) => engine.why_subject(subject, bounds).await?,
        (None, Some(event)) => engine.why_event(event, bounds).await?,
        _ => return Err(QueryError::invalid("query string", "expected either subject= or event=").into()),
    };
    Ok(Json(why))
}

/// How far to walk.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct TraceArgs {
    /// `up` to causes, `down` to effects.
    direction: Direction,
    /// Links to follow at most.
    depth: Option<u32>,
    /// Events at most.
    nodes: Option<usize>,
}

/// Which text.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct FlowArgs {
    /// Follow this text of the event, and not all of it.
    text: Option<String>,
}

#[utoipa::path(get, path = "/v1/origin/{event}", tag = "query", params(("event" = String, Path, description = "Id, unique prefix, or native id"), FlowArgs), responses(
    (status = 200, description = "The first untrusted text that reads like an order and that the event follows (`origin`, null when there is none), and where its data came from (`sources`); inferred"),
    (status = "default", description = "What went wrong", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn origin(
    Asked(engine): Asked,
    Path(event): Path<String>,
    args: Args<FlowArgs>,
) -> Result<Json<crate::flow::Up>, Problem> {
    let Query(args) = args?;
    Ok(Json(engine.origin(&event, args.text.as_deref()).await?))
}

#[utoipa::path(get, path = "/v1/influence/{event}", tag = "query", params(("event" = String, Path, description = "Id, unique prefix, or native id"), FlowArgs), responses(
    (status = 200, description = "What the text reached, each with its grade (carried, received, reachable), corrections, and what to hold back; inferred"),
    (status = "default", description = "What went wrong", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn influence(
    Asked(engine): Asked,
    Path(event): Path<String>,
    args: Args<FlowArgs>,
) -> Result<Json<crate::flow::Down>, Problem> {
    let Query(args) = args?;
    Ok(Json(engine.influence(&event, args.text.as_deref()).await?))
}

#[utoipa::path(get, path = "/v1/trace/{event}", tag = "query", params(("event" = String, Path, description = "Id, unique prefix, or native id"), TraceArgs), responses(
    (status = 200, description = "Everything upstream or downstream, with every bound that was hit", body = Trace),
    (status = "default", description = "What went wrong", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn trace(
    Asked(engine): Asked,
    Path(event): Path<String>,
    args: Args<TraceArgs>,
) -> Result<Json<Trace>, Problem> {
    let Query(args) = args?;
    let bounds = bounds(Bounds::of_trace(), args.depth, args.nodes);
    Ok(Json(engine.trace(&event, args.direction, bounds).await?))
}

fn bounds(default: Bounds, depth: Option<u32>, nodes: Option<usize>) -> Bounds {
    Bounds { depth_max: depth.unwrap_or(default.depth_max), nodes_max: nodes.unwrap_or(default.nodes_max), ..default }
}

/// From where on.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct RowsArgs {
    /// Log offsets, by partition: `0:17,3:4`. Partitions that are not named begin at 0.
    after: String,
}

#[utoipa::path(get, path = "/v1/tail/rows", tag = "query", params(RowsArgs), responses(
    (status = 200, description = "Rows that are verified and not committed yet, for query processes: lengths, JSON heads and Arrow IPC streams", content_type = "application/octet-stream"),
    (status = "default", description = "What went wrong, e.g. that no compactor runs here", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn tail_rows(State(service): State<QueryService>, args: Args<RowsArgs>) -> Result<Response, Problem> {
    let Query(args) = args?;
    let after: Position = args.after.parse()?;
    let none = || QueryError::not_found("tail", "no compactor runs in this process; ask the one that does");
    let rows = service.rows().ok_or_else(none)?;
    let store = service.engine().await?.snapshot().identity.fingerprint();
    let stretches = rows.from(|partition| after.at(partition));
    let encode = tokio::task::spawn_blocking(move || store::tail_wire::encode(&stretches));
    let bytes = encode.await.map_err(QueryError::bug)?.map_err(QueryError::from)?;
    let head = [("content-type", "application/octet-stream".to_owned()), (store::tail_wire::STORE_HEADER, store)];
    Ok((axum::response::AppendHeaders(head), bytes).into_response())
}

/// The SQL tables.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Tables {
    /// Tables with their columns.
    tables: Vec<TableDoc>,
    /// What they stand on.
    coverage: Coverage,
}

#[utoipa::path(get, path = "/v1/tables", tag = "query", responses(
    (status = 200, description = "The SQL tables with their documented columns", body = Tables),
    (status = "default", description = "What went wrong", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn tables(Asked(engine): Asked) -> Result<Json<Tables>, Problem> {
    Ok(Json(Tables { tables: engine.tables().to_vec(), coverage: engine.coverage() }))
}

/// What to look for: `q` or `like`, each narrowed by `where`, or `where` alone.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SearchArgs {
    /// Words, "phrases", prefix*, AND, OR, NOT, parentheses.
    q: Option<String>,
    /// A passage whose altered copies are looked for.
    like: Option<String>,
    /// A condition on `events` in SQL.
    #[serde(rename = "where")]
    filter: Option<String>,
    /// Hits: 20 when absent, 1,000 at most.
    limit: Option<usize>,
}

#[utoipa::path(get, path = "/v1/search", tag = "query", params(SearchArgs), responses(
    (status = 200, description = "Contents that hold the words or resemble the passage, best first", body = Searched),
    (status = "default", description = "What went wrong", body = Problem, content_type = "application/problem+json"),
))]
pub(super) async fn search(Asked(engine): Asked, args: Args<SearchArgs>) -> Result<Json<Searched>, Problem> {
    let Query(args) = args?;
    let wanted = match (args.q, args.like) {
        (Some(_), Some(_)) => return Err(QueryError::invalid("query string", "expected either q= or like=").into()),
        (Some(words), None) => Some(Wanted::Words(words)),
        (None, Some(passage)) => Some(Wanted::LikePassage(passage)),
        (None, None) => None,
    };
    let hits_max = args.limit.unwrap_or(SEARCH_HITS_DEFAULT);
    Ok(Json(engine.search(&Search { wanted, filter: args.filter, hits_max }).await?))
}
