//! The same questions over HTTP.
//!
//! Guarantee: every answer carries its coverage (in the body, or in `hansard-*` headers where the body is rows only);
//! errors are RFC 9457 problem documents, mapped in `problem.rs` and nowhere else. Bodies, concurrency and time are
//! limited; what is over the limit is told to come back, never queued without bound. The OpenAPI document is generated
//! from the handlers.

mod asked;
mod compare;
mod handlers;
mod live;
mod openapi;
mod problem;

use crate::limits::{HTTP_BODY_BYTES_MAX, HTTP_CONCURRENT_MAX};
use crate::service::QueryService;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use std::sync::Arc;
use tokio::sync::Semaphore;

pub use openapi::{openapi, openapi_routes};
pub use problem::Problem;

/// The routes under `/v1/` of the query role. `/openapi.json` is apart ([`openapi_routes`]), so that a process with
/// several roles serves one merged document.
pub fn router(service: QueryService) -> Router {
    let slots = Arc::new(Semaphore::new(HTTP_CONCURRENT_MAX));
    Router::new()
        .route("/v1/sql", post(handlers::sql))
        .route("/v1/compare", post(compare::compare))
        .route("/v1/diff", get(compare::diff))
        .route("/v1/sessions", get(handlers::sessions))
        .route("/v1/sessions/{id}", get(handlers::session))
        .route("/v1/events/{id}", get(handlers::event))
        .route("/v1/why", get(handlers::why))
        .route("/v1/trace/{event}", get(handlers::trace))
        .route("/v1/origin/{event}", get(handlers::origin))
        .route("/v1/influence/{event}", get(handlers::influence))
        .route("/v1/tail/rows", get(handlers::tail_rows))
        .route("/v1/search", get(handlers::search))
        .route("/v1/tables", get(handlers::tables))
        .layer(from_fn_with_state(slots, bounded))
        .layer(DefaultBodyLimit::max(HTTP_BODY_BYTES_MAX))
        .with_state(service.clone())
        .merge(live_router(service))
}

/// Listeners stay for long, so they have slots of their own.
fn live_router(service: QueryService) -> Router {
    let slots = Arc::new(Semaphore::new(live::TAILS_MAX));
    Router::new().route("/v1/tail", get(live::tail)).with_state((service, slots))
}

/// Answers at most `HTTP_CONCURRENT_MAX` requests at a time.
async fn bounded(State(slots): State<Arc<Semaphore>>, request: Request, next: Next) -> Response {
    match slots.try_acquire() {
        Ok(_slot) => next.run(request).await,
        Err(_) => Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "busy",
            "too many questions at once",
            format!("{HTTP_CONCURRENT_MAX} are being answered; try again in a second"),
        )
        .into_response(),
    }
}
