//! The recorded world from outside: runs are built as importers and gateways write them, asked as clients ask, and
//! judged by what comes back and by what the sink was told.

mod counterfactual;
mod forms;
mod http;
mod matching;
mod mcp;
mod refusals;
mod run;
mod scripted;

use super::*;
use async_trait::async_trait;
use bytes::Bytes;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

/// Keeps what was served.
#[derive(Debug, Default)]
pub(super) struct Kept(Mutex<Vec<Served>>);

#[async_trait]
impl Sink for Kept {
    async fn served(&self, served: Served) -> Result<(), String> {
        self.0.lock().map_err(|_| "poisoned".to_owned())?.push(served);
        Ok(())
    }
}

impl Kept {
    pub(super) fn all(&self) -> Vec<Served> {
        self.0.lock().unwrap().clone()
    }
}

/// A replay of events, and what it served.
pub(super) fn replay(events: &[RecordedEvent], plan: Plan, live: Option<Arc<dyn Live>>) -> (Replay, Arc<Kept>) {
    let kept = Arc::new(Kept::default());
    let recording = Recording::build(events).unwrap();
    let sink: Arc<dyn Sink> = Arc::<Kept>::clone(&kept);
    (Replay::new(recording, plan, live, sink, Limits::default()).unwrap(), kept)
}

/// Runs a future on a runtime of its own.
pub(super) fn wait<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Asks, and gives status and body.
pub(super) fn ask(replay: &Replay, dialect: Dialect, body: &Value) -> (u16, Value) {
    let reply = wait(replay.model(dialect, Bytes::from(body.to_string())));
    (reply.status, serde_json::from_slice(&reply.body).unwrap_or_default())
}

pub(super) fn chat_body(messages: &[Value]) -> Value {
    json!({"model": "m", "messages": messages})
}
