//! Reading a request body within bounds.
//!
//! Guarantee: one body takes at most [`super::Limits::body_bytes_max`], all together at most `bodies_bytes_max` (but one
//! is always let in), and none waits longer than `body_wait`. Fails with 408, 413, 415 or 429.

use super::{Problem, Receiver};
use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// The media type of a request, without parameters, in lower case; a coded body is refused.
pub(super) fn media_type(headers: &HeaderMap, expected: &str) -> Result<String, Problem> {
    let text = |name| headers.get(name).map(|v| String::from_utf8_lossy(v.as_bytes()).into_owned());
    if let Some(coding) = text(header::CONTENT_ENCODING).filter(|c| !c.eq_ignore_ascii_case("identity")) {
        return Err(Problem::media_type("no Content-Encoding", &coding));
    }
    let Some(found) = text(header::CONTENT_TYPE) else {
        return Err(Problem::media_type(expected, "no Content-Type"));
    };
    let essence = found.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if expected.split(", ").any(|e| e == essence) { Ok(essence) } else { Err(Problem::media_type(expected, &found)) }
}

/// Reads the body.
pub(super) async fn read(receiver: &Receiver, headers: &HeaderMap, body: Body) -> Result<Bytes, Problem> {
    let limit = receiver.limits.body_bytes_max;
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|bytes| bytes > limit) {
        return Err(Problem::too_large("bytes", limit));
    }
    let wait = receiver.limits.body_wait;
    tokio::time::timeout(wait, read_all(receiver, body)).await.unwrap_or_else(|_| Err(Problem::timeout(wait)))
}

async fn read_all(receiver: &Receiver, body: Body) -> Result<Bytes, Problem> {
    let limits = receiver.limits;
    let mut held = Held { total: &receiver.bodies_bytes, own: 0 };
    let mut bytes = BytesMut::new();
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|e| Problem::invalid(format!("the body broke off: {e}")))?;
        if bytes.len() + chunk.len() > limits.body_bytes_max {
            return Err(Problem::too_large("bytes", limits.body_bytes_max));
        }
        if !held.grow(chunk.len(), limits.bodies_bytes_max) {
            let detail = format!("{} bytes of requests are being read", limits.bodies_bytes_max);
            return Err(Problem::busy(detail, Duration::from_secs(1)));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

/// Bytes held by one body, given back when it has been read: from there the queue's own bound counts them.
struct Held<'a> {
    total: &'a AtomicUsize,
    own: usize,
}

impl Held<'_> {
    fn grow(&mut self, bytes: usize, max: usize) -> bool {
        let before = self.total.fetch_add(bytes, Ordering::SeqCst);
        self.own += bytes;
        let others = before + bytes - self.own;
        others == 0 || before + bytes <= max
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.total.fetch_sub(self.own, Ordering::SeqCst);
    }
}
