//! The recorded world over HTTP: model APIs under `/v1`, the MCP server under `/mcp`.
//!
//! Guarantee: a request is read whole within the limits or refused with a typed error (413 too large, 408 too slow,
//! 503 too many at once). Headers are never recorded: keys of clients are neither checked nor kept. Requests of
//! pages from elsewhere (`Origin`) are refused. Every answer says how it came about in `x-hansard-*`, and errors
//! ask SDKs not to repeat.

use super::dialect::Dialect;
use super::engine::{Replay, Reply};
use super::mcp_http;
use super::plan::How;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// State of the server.
#[derive(Debug, Clone)]
pub(super) struct Server {
    pub(super) replay: Arc<Replay>,
    open: Arc<Semaphore>,
}

/// The routes of a replay.
pub fn router(replay: Arc<Replay>) -> Router {
    let open = Arc::new(Semaphore::new(replay.limits.concurrent_requests_max));
    let server = Server { replay, open };
    Router::new()
        .route("/v1/chat/completions", post(|state, request| model(state, request, Dialect::Chat)))
        .route("/v1/responses", post(|state, request| model(state, request, Dialect::Responses)))
        .route("/v1/messages", post(|state, request| model(state, request, Dialect::Messages)))
        .route("/v1/messages/count_tokens", post(count_tokens))
        .route("/v1/models", get(models))
        .route("/v1/models/{*name}", get(one_model))
        .route("/mcp", post(mcp_http::post).fallback(mcp_http::other))
        .fallback(unknown)
        .with_state(server)
}

async fn model(State(server): State<Server>, request: Request, dialect: Dialect) -> Response {
    match server.body(request).await {
        Ok((body, _permit)) => answered(server.replay.model(dialect, body).await),
        Err((status, why)) => problem(dialect, status, &why),
    }
}

async fn count_tokens(State(server): State<Server>, request: Request) -> Response {
    match server.body(request).await {
        Ok((body, _permit)) => answered(server.replay.count_tokens(body).await),
        Err((status, why)) => problem(Dialect::Messages, status, &why),
    }
}

async fn models(State(server): State<Server>, headers: HeaderMap) -> Response {
    json_response(StatusCode::OK, &server.replay.models(asked_by(&headers)))
}

async fn one_model(State(server): State<Server>, Path(name): Path<String>, headers: HeaderMap) -> Response {
    let dialect = asked_by(&headers);
    match server.replay.model_named(dialect, &name) {
        Some(model) => json_response(StatusCode::OK, &model),
        None => problem(dialect, StatusCode::NOT_FOUND, &format!("model {name} did not answer in the recorded run")),
    }
}

async fn unknown(request: Request) -> Response {
    let why = format!("{} is not served by a replay", request.uri().path());
    problem(asked_by(request.headers()), StatusCode::NOT_FOUND, &why)
}

/// Which API a client speaks, for paths that both have.
fn asked_by(headers: &HeaderMap) -> Dialect {
    if headers.contains_key("anthropic-version") { Dialect::Messages } else { Dialect::Chat }
}

impl Server {
    /// Reads a body within the limits; the permit is held until the answer is made.
    pub(super) async fn body(
        &self,
        request: Request,
    ) -> Result<(Bytes, tokio::sync::OwnedSemaphorePermit), (StatusCode, String)> {
        let limits = self.replay.limits;
        if !is_local(request.headers()) {
            return Err((StatusCode::FORBIDDEN, "requests of web pages from elsewhere are not answered".to_owned()));
        }
        let permit = Arc::clone(&self.open).try_acquire_owned().map_err(|_| {
            let why = format!("{} requests are being answered already", limits.concurrent_requests_max);
            (StatusCode::SERVICE_UNAVAILABLE, why)
        })?;
        let read = to_bytes(request.into_body(), limits.request_bytes_max);
        match tokio::time::timeout(limits.body_wait, read).await {
            Ok(Ok(body)) => Ok((body, permit)),
            Ok(Err(_)) => {
                let why = format!("the request has more than {} bytes, or broke off", limits.request_bytes_max);
                Err((StatusCode::PAYLOAD_TOO_LARGE, why))
            }
            Err(_) => {
                let why = format!("the request did not arrive within {} s", limits.body_wait.as_secs());
                Err((StatusCode::REQUEST_TIMEOUT, why))
            }
        }
    }
}

/// Whether a request comes from no web page, or from one of this machine.
fn is_local(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let host = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map_or("", |(_, host)| host);
    ["localhost", "127.0.0.1", "[::1]"]
        .iter()
        .any(|own| host.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with(':')))
}

fn answered(reply: Reply) -> Response {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut response = (status, Body::from(reply.body)).into_response();
    let headers = response.headers_mut();
    let mut put = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    put("content-type", &reply.media_type);
    put("x-hansard-how", reply.how.word());
    if let How::Recorded(kind) = reply.how {
        put("x-hansard-match", kind.word());
    }
    if let Some(step) = reply.step {
        put("x-hansard-step", &step.to_string());
    }
    if let Some(event) = &reply.event {
        put("x-hansard-event", event);
    }
    if reply.how != How::Live && !status.is_success() {
        put("x-should-retry", "false");
    }
    response
}

fn problem(dialect: Dialect, status: StatusCode, why: &str) -> Response {
    let kind = if status == StatusCode::NOT_FOUND { "not_found_error" } else { "invalid_request_error" };
    let body = dialect.error(kind, why, &json!({}));
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

pub(super) fn json_response(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
