//! The MCP server's messages, of both eras, over HTTP's rules and over a pipe.

use super::run::{calling, chat, result, said};
use super::*;
use tokio::io::BufReader;

fn world() -> Replay {
    let messages = [
        said("user", "go"),
        calling("c1", "read", &json!({"page": 1})),
        result("c1", "first"),
        calling("c2", "read", &json!({"page": 1})),
        result("c2", "second"),
        said("assistant", "done"),
    ];
    replay(&chat(&messages), Plan::default(), None).0
}

fn send(replay: &Replay, message: &Value) -> Value {
    wait(crate::serve::mcp::message(replay, Bytes::from(message.to_string()))).unwrap_or_default()
}

fn request(method: &str, params: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": 7, "method": method, "params": params})
}

fn modern(mut params: Value) -> Value {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": MODERN_VERSION,
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    params
}

#[test]
fn both_eras_list_and_call_the_recorded_tools() {
    let replay = world();
    let begun = send(&replay, &request("initialize", &json!({"protocolVersion": "2025-11-25", "capabilities": {}})));
    assert_eq!(begun["result"]["protocolVersion"], HANDSHAKE_VERSION);
    let listed = send(&replay, &request("tools/list", &json!({})));
    assert_eq!(listed["result"]["tools"][0]["name"], "read");
    let call = json!({"name": "read", "arguments": {"page": 1.0}});
    let first = send(&replay, &request("tools/call", &call));
    assert_eq!(first["result"]["content"], json!([{"type": "text", "text": "first"}]));
    let second = send(&replay, &request("tools/call", &modern(call.clone())));
    assert_eq!(second["result"]["content"][0]["text"], "second");
    assert_eq!(second["result"]["resultType"], "complete");
    let third = send(&replay, &request("tools/call", &call));
    assert_eq!(third["result"]["_meta"]["dev.hansard/replay"]["repeated"], true);
    let found = send(&replay, &request("server/discover", &modern(json!({}))));
    assert_eq!(found["result"]["supportedVersions"][0], MODERN_VERSION);
    assert_eq!(found["result"]["ttlMs"], 0);
}

#[test]
fn what_was_not_recorded_is_a_typed_error() {
    let replay = world();
    let other = send(&replay, &request("tools/call", &json!({"name": "read", "arguments": {"page": 2}})));
    assert_eq!(other["error"]["code"], STOPPED);
    assert_eq!(other["error"]["data"]["hansard"]["difference"]["path"], "arguments");
    let unknown = send(&replay, &request("tools/call", &json!({"name": "write"})));
    assert_eq!(unknown["error"]["data"]["hansard"]["difference"]["recorded"], "read");
    let codes = [
        (json!({"jsonrpc": "2.0", "id": 1, "method": "resources/list"}), -32_601),
        (request("server/discover", &json!({"_meta": {}})), -32_602),
        (json!([]), -32_600),
    ];
    for (message, code) in codes {
        assert_eq!(send(&replay, &message)["error"]["code"], code, "{message}");
    }
    let mut old = modern(json!({}));
    old["_meta"]["io.modelcontextprotocol/protocolVersion"] = "2030-01-01".into();
    let refused = send(&replay, &request("tools/list", &old));
    assert_eq!(refused["error"]["code"], -32_022);
    assert_eq!(refused["error"]["data"]["supported"][0], MODERN_VERSION);
    assert_eq!(send(&replay, &json!({"jsonrpc": "2.0", "method": "notifications/initialized"})), Value::Null);
}

#[test]
fn a_pipe_carries_a_message_a_line() {
    let replay = world();
    let lines = [
        request("initialize", &json!({"protocolVersion": "2024-11-05"})).to_string(),
        json!({"jsonrpc": "2.0", "method": "notifications/initialized"}).to_string(),
        String::new(),
        request("tools/call", &json!({"name": "read", "arguments": {"page": 1}})).to_string(),
        "{".to_owned(),
    ];
    let input = lines.join("\n");
    let mut output = Vec::new();
    wait(serve_stdio(&replay, BufReader::new(input.as_bytes()), &mut output)).unwrap();
    let answers: Vec<Value> =
        String::from_utf8(output).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), 3);
    assert_eq!(answers[0]["result"]["protocolVersion"], "2024-11-05");
    assert_eq!(answers[1]["result"]["content"][0]["text"], "first");
    assert_eq!(answers[2]["error"]["code"], -32_700);
}
