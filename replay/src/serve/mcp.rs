//! The recorded tools as an MCP server: one JSON-RPC message in, at most one out.
//!
//! Guarantee: speaks 2025-11-25 and the three revisions before it (with `initialize`) and 2026-07-28 (each request
//! on its own, with its `_meta` envelope). Which one is meant is decided by the message alone, so that one server
//! serves both. Nothing is kept between messages. Errors are JSON-RPC errors with the codes of the specification.

use super::engine::Replay;
use super::engine_tools::{ToolReply, to_json};
use super::json::text;
use bytes::Bytes;
use serde_json::{Map, Value, json};

/// Newest revision with a handshake.
pub const HANDSHAKE_VERSION: &str = "2025-11-25";
/// Revisions with a handshake that are spoken.
const HANDSHAKE_VERSIONS: &[&str] = &[HANDSHAKE_VERSION, "2025-06-18", "2025-03-26", "2024-11-05"];
/// The revision without a handshake.
pub const MODERN_VERSION: &str = "2026-07-28";
/// Where a request says its revision.
pub(super) const VERSION_KEY: &str = "io.modelcontextprotocol/protocolVersion";
const CAPABILITIES_KEY: &str = "io.modelcontextprotocol/clientCapabilities";
const SERVER_KEY: &str = "io.modelcontextprotocol/serverInfo";

pub(super) const PARSE_ERROR: i64 = -32_700;
pub(super) const INVALID_REQUEST: i64 = -32_600;
pub(super) const METHOD_NOT_FOUND: i64 = -32_601;
pub(super) const INVALID_PARAMS: i64 = -32_602;
pub(super) const HEADER_MISMATCH: i64 = -32_020;
pub(super) const UNSUPPORTED_VERSION: i64 = -32_022;

/// A JSON-RPC error.
type Fault = (i64, String, Value);

/// Answers a message; `None` for a notification.
pub(super) async fn message(replay: &Replay, bytes: Bytes) -> Option<Value> {
    let value: Value = match serde_json::from_slice(&bytes) {
        Ok(value) => value,
        Err(error) => return Some(fault(&Value::Null, (PARSE_ERROR, format!("expected JSON: {error}"), Value::Null))),
    };
    answer(replay, &value, bytes).await
}

/// Answers a message that is parsed already.
pub(super) async fn answer(replay: &Replay, value: &Value, bytes: Bytes) -> Option<Value> {
    let id = match value.get("id") {
        Some(id) if id.is_string() || id.is_number() => id.clone(),
        None if value.get("method").is_some_and(Value::is_string) => return None,
        _ => {
            let why = "expected one JSON-RPC request or notification, with an id that is a text or a number";
            return Some(fault(&Value::Null, (INVALID_REQUEST, why.to_owned(), Value::Null)));
        }
    };
    let Some(method) = text(value, "method") else {
        return Some(fault(&id, (INVALID_REQUEST, "expected a member `method`".to_owned(), Value::Null)));
    };
    let none = Value::Object(Map::new());
    let params = value.get("params").unwrap_or(&none);
    let answered = if is_modern(value) {
        modern(replay, method, params, bytes).await
    } else {
        handshake(replay, method, params, bytes).await
    };
    Some(match answered {
        Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
        Err(error) => fault(&id, error),
    })
}

/// Whether a message carries the envelope of the revisions without a handshake.
pub(super) fn is_modern(message: &Value) -> bool {
    let meta = message.pointer("/params/_meta");
    meta.is_some_and(|meta| meta.get(VERSION_KEY).is_some()) || text(message, "method") == Some("server/discover")
}

/// A JSON-RPC error as a message.
pub(super) fn fault(id: &Value, (code, message, data): Fault) -> Value {
    let mut error = json!({"code": code, "message": message});
    if !data.is_null() {
        error["data"] = data;
    }
    json!({"jsonrpc": "2.0", "id": id, "error": error})
}

async fn handshake(replay: &Replay, method: &str, params: &Value, bytes: Bytes) -> Result<Value, Fault> {
    match method {
        "initialize" => {
            let asked = text(params, "protocolVersion").unwrap_or_default();
            let version = HANDSHAKE_VERSIONS.iter().find(|version| **version == asked).unwrap_or(&HANDSHAKE_VERSION);
            Ok(json!({
                "protocolVersion": version,
                "capabilities": {"tools": {"listChanged": false}},
                "serverInfo": server(),
                "instructions": INSTRUCTIONS,
            }))
        }
        "ping" => Ok(json!({})),
        "tools/list" => Ok(json!({"tools": replay.recording().tools.definitions})),
        "tools/call" => call(replay, params, bytes).await,
        _ => Err(unknown(method)),
    }
}

async fn modern(replay: &Replay, method: &str, params: &Value, bytes: Bytes) -> Result<Value, Fault> {
    envelope(params)?;
    let mut result = match method {
        "server/discover" => json!({
            "supportedVersions": [MODERN_VERSION, HANDSHAKE_VERSION],
            "capabilities": {"tools": {"listChanged": false}},
            "instructions": INSTRUCTIONS,
        }),
        "tools/list" => json!({"tools": replay.recording().tools.definitions}),
        "tools/call" => call(replay, params, bytes).await?,
        _ => return Err(unknown(method)),
    };
    if method != "tools/call" {
        result["cacheScope"] = "private".into();
        result["ttlMs"] = 0.into();
    }
    result["resultType"] = "complete".into();
    result["_meta"][SERVER_KEY] = server();
    Ok(result)
}

/// Checks what every request of 2026-07-28 carries.
fn envelope(params: &Value) -> Result<(), Fault> {
    let meta = params.get("_meta").unwrap_or(&Value::Null);
    let missing: Vec<&str> =
        [VERSION_KEY, CAPABILITIES_KEY].into_iter().filter(|key| meta.get(*key).is_none()).collect();
    if !missing.is_empty() {
        return Err((INVALID_PARAMS, format!("params._meta lacks {}", missing.join(" and ")), Value::Null));
    }
    match meta.get(VERSION_KEY).and_then(Value::as_str) {
        Some(MODERN_VERSION) => Ok(()),
        Some(other) => {
            let data = json!({"supported": [MODERN_VERSION, HANDSHAKE_VERSION], "requested": other});
            Err((UNSUPPORTED_VERSION, format!("Unsupported protocol version {other}"), data))
        }
        None => Err((INVALID_PARAMS, format!("params._meta.{VERSION_KEY} is no text"), Value::Null)),
    }
}

async fn call(replay: &Replay, params: &Value, bytes: Bytes) -> Result<Value, Fault> {
    let name = text(params, "name").ok_or((INVALID_PARAMS, "params.name is missing".to_owned(), Value::Null))?;
    let none = Value::Object(Map::new());
    let arguments = params.get("arguments").unwrap_or(&none);
    let answers_request = params.get("inputResponses").is_some() || params.get("requestState").is_some();
    match replay.tool(name, arguments, answers_request, bytes).await {
        ToolReply::Result(result, meta) => Ok(to_json(&result, &meta)),
        ToolReply::Error(code, message, data) => Err((code, message, data)),
    }
}

fn unknown(method: &str) -> Fault {
    (METHOD_NOT_FOUND, format!("method {method} is not served: a replay has tools only"), Value::Null)
}

/// What clients are told about this server.
const INSTRUCTIONS: &str = "A recorded run: tools answer what they answered then. Nothing is executed.";

fn server() -> Value {
    json!({"name": "hansard-replay", "version": env!("CARGO_PKG_VERSION")})
}
