//! What a replay says of models and of tokens, beside their answers.
//!
//! Guarantee: only models that answered in the run are listed; a count of tokens is the recorded usage of the model
//! call that the request is, and a request that is none stops. Counting gives no answer out.

use super::dialect::Dialect;
use super::engine::{Draft, JSON, Replay, Reply};
use super::matching::{Found, MatchKind};
use super::plan::{How, Surface};
use bytes::Bytes;
use serde_json::{Value, json};

impl Replay {
    /// Answers how many tokens a request has, from the usage of the recorded call that it is.
    pub async fn count_tokens(&self, body: Bytes) -> Reply {
        let value = serde_json::from_slice::<Value>(&body).unwrap_or_default();
        let ask = Dialect::Messages.ask(&value);
        let mut found = ask.as_ref().map_or_else(
            |_| Found { kind: MatchKind::None, exchange: None, repeated: false, difference: None },
            |ask| self.recording.find(ask, &body, true),
        );
        let usage = found.exchange.filter(|_| found.kind != MatchKind::None);
        let usage = usage.and_then(|index| self.recording.exchanges[index].answer.usage.clone());
        if usage.is_some() && found.kind == MatchKind::Settings {
            found.difference = None;
        }
        let draft = Draft { surface: Surface::CountTokens, request: body, found };
        match usage {
            Some(usage) => {
                let tokens = usage.input + usage.cache_read + usage.cache_write;
                let body = json!({"input_tokens": tokens}).to_string().into();
                let how = How::Recorded(draft.found.kind);
                self.reply(draft, how, None, None, (200, JSON.to_owned(), body)).await
            }
            None => self.stopped(Dialect::Messages, draft).await,
        }
    }

    /// The models of the run as an API lists them.
    #[must_use]
    pub fn models(&self, dialect: Dialect) -> Value {
        let names = self.recording.models.iter();
        if dialect == Dialect::Messages {
            let listed: Vec<Value> = names.map(|name| model(dialect, name)).collect();
            let (first, last) = (self.recording.models.first(), self.recording.models.last());
            return json!({"data": listed, "has_more": false, "first_id": first, "last_id": last});
        }
        json!({"object": "list", "data": names.map(|name| model(dialect, name)).collect::<Vec<_>>()})
    }

    /// One model of the run, where it is one.
    #[must_use]
    pub fn model_named(&self, dialect: Dialect, name: &str) -> Option<Value> {
        self.recording.models.contains(name).then(|| model(dialect, name))
    }
}

fn model(dialect: Dialect, name: &str) -> Value {
    if dialect == Dialect::Messages {
        return json!({"type": "model", "id": name, "display_name": name, "created_at": "1970-01-01T00:00:00Z"});
    }
    json!({"id": name, "object": "model", "created": 0, "owned_by": "recorded"})
}
