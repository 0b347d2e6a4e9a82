//! The live endpoint of a replay: asked where the record has no answer and the plan allows it.
//!
//! Guarantee: only the key that the user named goes out, never one of the replayed client. Answers are read up to
//! [`ANSWER_BYTES_MAX`] within [`ANSWER_MAX`].

use crate::failure::Result;
use async_trait::async_trait;
use replay::serve::{Dialect, Live, LiveAnswer, LiveRequest};
use std::time::Duration;

/// How long one answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(600);
/// The largest answer that is taken, bytes.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// See the module.
#[derive(Debug)]
pub(super) struct Endpoint {
    base: String,
    key: Option<String>,
    client: reqwest::Client,
}

impl Endpoint {
    /// The API under a base URL such as `https://host/v1`.
    pub(super) fn new(base: &str, key: Option<String>) -> Result<Self> {
        let client = reqwest::Client::builder().timeout(ANSWER_MAX).build()?;
        Ok(Self { base: base.trim_end_matches('/').to_owned(), key, client })
    }
}

#[async_trait]
impl Live for Endpoint {
    async fn model(&self, request: LiveRequest) -> std::result::Result<LiveAnswer, String> {
        let path = match request.dialect {
            Dialect::Chat => "chat/completions",
            Dialect::Responses => "responses",
            Dialect::Messages => "messages",
        };
        let mut asked = self.client.post(format!("{}/{path}", self.base)).header("content-type", "application/json");
        match (request.dialect, &self.key) {
            (Dialect::Messages, key) => {
                asked = asked.header("anthropic-version", "2023-06-01");
                asked = key.iter().fold(asked, |asked, key| asked.header("x-api-key", key));
            }
            (_, Some(key)) => asked = asked.bearer_auth(key),
            (_, None) => {}
        }
        let failed = |e: reqwest::Error| format!("the live endpoint does not answer: {}", e.without_url());
        let answer = asked.body(request.body).send().await.map_err(failed)?;
        let status = answer.status().as_u16();
        let media_type = answer.headers().get("content-type").and_then(|value| value.to_str().ok());
        let media_type = media_type.unwrap_or("application/json").to_owned();
        if answer.content_length().is_some_and(|length| length > ANSWER_BYTES_MAX as u64) {
            return Err(format!("the live endpoint's answer is larger than {ANSWER_BYTES_MAX} bytes"));
        }
        let body = answer.bytes().await.map_err(failed)?;
        Ok(LiveAnswer { status, media_type, body })
    }
}
