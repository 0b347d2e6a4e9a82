//! The same events as NDJSON, the yardstick of the size figure: everything that the store must keep, and nothing else.
//!
//! One line per event: `{"header":<the header's JSON, verbatim>,"contents":["text",{"base64":"…"}],"salts":["base64",…]}`;
//! after each batch one line `{"checkpoint":"<signed note>","signer":"hex"}`. Frontiers are left out: they follow from
//! the events.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use schemas::record::{Event, SignedBatch};
use serde_json::{Value, json};

/// Appends the lines of a batch.
pub fn lines(batch: &SignedBatch, out: &mut Vec<u8>) {
    for event in &batch.events {
        line(event, out);
    }
    let note = String::from_utf8_lossy(&batch.checkpoint);
    let line = json!({"checkpoint": note, "signer": hex::encode(&batch.signer)});
    out.extend_from_slice(line.to_string().as_bytes());
    out.push(b'\n');
}

fn line(event: &Event, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"header\":");
    out.extend_from_slice(&event.header);
    let contents: Vec<Value> = event.contents.iter().map(|c| content(&c.data)).collect();
    let salts: Vec<String> = event.contents.iter().map(|c| BASE64_STANDARD.encode(&c.salt)).collect();
    out.extend_from_slice(
        format!(",\"contents\":{},\"salts\":{}}}\n", Value::Array(contents), json!(salts)).as_bytes(),
    );
}

fn content(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => json!({"base64": BASE64_STANDARD.encode(bytes)}),
    }
}
