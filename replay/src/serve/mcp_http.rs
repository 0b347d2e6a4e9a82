//! MCP over streamable HTTP: a POST for each message, the answer as JSON.
//!
//! Guarantee: a request of 2026-07-28 is only answered when its routing headers say the same as its body, each at
//! most once; statuses are those of the specification (400, 404, 202 for notifications). There are no sessions and
//! no streams of the server's own: GET and DELETE get 405.

use super::http::{Server, json_response};
use super::json::text;
use super::mcp::{
    self, HEADER_MISMATCH, INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND, PARSE_ERROR, UNSUPPORTED_VERSION,
    VERSION_KEY,
};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

pub(super) async fn post(State(server): State<Server>, request: Request) -> Response {
    let headers = request.headers().clone();
    let (bytes, _permit) = match server.body(request).await {
        Ok(read) => read,
        Err((status, why)) => {
            return json_response(status, &mcp::fault(&Value::Null, (INVALID_REQUEST, why, Value::Null)));
        }
    };
    let message: Value = match serde_json::from_slice(&bytes) {
        Ok(message) => message,
        Err(error) => {
            let why = format!("expected JSON: {error}");
            return json_response(StatusCode::BAD_REQUEST, &mcp::fault(&Value::Null, (PARSE_ERROR, why, Value::Null)));
        }
    };
    if mcp::is_modern(&message)
        && let Some(why) = mismatch(&headers, &message)
    {
        let id = message.get("id").cloned().unwrap_or_default();
        return json_response(StatusCode::BAD_REQUEST, &mcp::fault(&id, (HEADER_MISMATCH, why, Value::Null)));
    }
    match mcp::answer(&server.replay, &message, bytes).await {
        Some(answer) => json_response(status_of(&answer, mcp::is_modern(&message)), &answer),
        None => StatusCode::ACCEPTED.into_response(),
    }
}

/// GET and DELETE: there is nothing to listen to and nothing to end.
pub(super) async fn other() -> Response {
    (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "POST")]).into_response()
}

fn status_of(answer: &Value, modern: bool) -> StatusCode {
    match answer.pointer("/error/code").and_then(Value::as_i64) {
        Some(PARSE_ERROR | INVALID_REQUEST) => StatusCode::BAD_REQUEST,
        Some(INVALID_PARAMS | HEADER_MISMATCH | UNSUPPORTED_VERSION) if modern => StatusCode::BAD_REQUEST,
        Some(METHOD_NOT_FOUND) if modern => StatusCode::NOT_FOUND,
        _ => StatusCode::OK,
    }
}

/// The first routing header that does not say what the body says.
fn mismatch(headers: &HeaderMap, message: &Value) -> Option<String> {
    let version = message.pointer("/params/_meta").and_then(|meta| text(meta, VERSION_KEY));
    let method = text(message, "method");
    let name = match method {
        Some("tools/call" | "prompts/get") => message.pointer("/params/name").and_then(Value::as_str),
        Some("resources/read") => message.pointer("/params/uri").and_then(Value::as_str),
        _ => None,
    };
    [("mcp-protocol-version", version), ("mcp-method", method), ("mcp-name", name)].into_iter().find_map(
        |(header, expected)| {
            let expected = expected?;
            let mut values = headers.get_all(header).iter();
            let found = values.next().and_then(|value| value.to_str().ok()).and_then(decoded);
            if values.next().is_some() {
                return Some(format!("header {header} stands there more than once"));
            }
            let shown = found.as_deref().unwrap_or("nothing");
            (found.as_deref() != Some(expected))
                .then(|| format!("header {header} is {shown:?}, the body says {expected:?}"))
        },
    )
}

/// A header's value; what no header can carry is sent in base64.
fn decoded(value: &str) -> Option<String> {
    match value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) {
        Some(payload) => STANDARD.decode(payload).ok().and_then(|bytes| String::from_utf8(bytes).ok()),
        None => Some(value.to_owned()),
    }
}
