//! The OpenAPI 3.1 document of the query role.
//!
//! Guarantee: generated from the handlers and their types; [`openapi_routes`] serves it, merged with the fragments of
//! other roles.

use crate::http::{Problem, compare, handlers, live};
use axum::Router;
use axum::routing::get;
use std::sync::Arc;
use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Hansard",
        description = "The verbatim, signed record of what AI agents said and did. Every answer names the table version and tree size it stands on, and what it could not see.",
    ),
    paths(
        handlers::sql,
        handlers::sessions,
        handlers::session,
        handlers::event,
        handlers::why,
        handlers::trace,
        handlers::origin,
        handlers::influence,
        handlers::search,
        handlers::tail_rows,
        handlers::tables,
        compare::compare,
        compare::diff,
        live::tail,
    ),
    components(schemas(Problem)),
    tags((name = "query", description = "Questions to the record; read-only"))
)]
struct QueryApi;

/// The document of the query role.
#[must_use]
pub fn openapi() -> Document {
    QueryApi::openapi()
}

/// Serves `/openapi.json`: the query role's document merged with `others`.
pub fn openapi_routes(others: Vec<Document>) -> Router {
    let mut document = openapi();
    others.into_iter().for_each(|other| document.merge(other));
    let document = Arc::new(serde_json::to_value(document).unwrap_or_default());
    let serve = move || {
        let document = Arc::clone(&document);
        async move { axum::Json(document.as_ref().clone()) }
    };
    Router::new().route("/openapi.json", get(serve))
}
