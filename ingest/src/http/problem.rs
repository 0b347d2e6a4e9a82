//! Errors as RFC 9457 problem details, and the one mapping from errors to statuses.
//!
//! Guarantee: every refusal of the receiver is an `application/problem+json` with type, title, status and detail; 429
//! and 503 carry `Retry-After`. What an error says about this machine (paths) goes to the log, not to the client.

use crate::import::json_event::EventError;
use crate::log::LogError;
use crate::producer::{DraftError, ProducerError};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemas::header::HeaderError;
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;

/// `Retry-After` where the cause names no time, in seconds.
const RETRY_AFTER_S: u64 = 5;

/// A problem on its way to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem(Box<ProblemDetails>);

/// A problem (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDetails {
    /// URI of the kind of problem.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The kind in words.
    pub title: &'static str,
    /// HTTP status.
    pub status: u16,
    /// What was expected and found, and what to do.
    pub detail: String,
    /// Which event or record of the request, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<usize>,
    /// Which field of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// One word for the reason, as the `rejects` table has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// Ids of the request's events, where they may be signed already: send them again with these ids.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<String>,
    /// Value of `Retry-After` in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
}

impl Problem {
    fn new(status: StatusCode, kind: &'static str, title: &'static str, detail: String) -> Self {
        let status = status.as_u16();
        Self(Box::new(ProblemDetails {
            kind,
            title,
            status,
            detail,
            index: None,
            field: None,
            reason: None,
            ids: Vec::new(),
            retry_after: None,
        }))
    }

    /// 400: the request is not what the route takes.
    pub(super) fn invalid(detail: String) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "urn:hansard:problem:invalid", "The request is not valid", detail)
    }

    /// 403: the key may not append here.
    pub(super) fn forbidden(detail: String) -> Self {
        Self::new(StatusCode::FORBIDDEN, "urn:hansard:problem:unknown-key", "The key is not known here", detail)
    }

    /// 408: the body did not arrive in time.
    pub(super) fn timeout(wait: Duration) -> Self {
        let detail = format!("the body did not arrive within {wait:?}: send smaller requests");
        Self::new(StatusCode::REQUEST_TIMEOUT, "urn:hansard:problem:slow-body", "The body came too slowly", detail)
    }

    /// 409: the id is taken.
    pub(super) fn conflict(id: &str) -> Self {
        let detail = format!(
            "event id {id:?} was used a moment ago for an event that says something else: give this one its own id"
        );
        Self::new(StatusCode::CONFLICT, "urn:hansard:problem:id-conflict", "The event id is taken", detail)
    }

    /// 413: too large.
    pub(super) fn too_large(what: &str, limit: usize) -> Self {
        let detail = format!("the request has more than {limit} {what}: send it in several");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "urn:hansard:problem:too-large", "The request is too large", detail)
    }

    /// 415: another content type or coding.
    pub(super) fn media_type(expected: &str, found: &str) -> Self {
        let detail = format!("expected {expected}, found {found:?}");
        let title = "The media type is not taken here";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "urn:hansard:problem:media-type", title, detail)
    }

    /// 429: full.
    pub(super) fn busy(detail: String, after: Duration) -> Self {
        let title = "The server is full";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "urn:hansard:problem:busy", title, detail).after(after)
    }

    /// 503: not now.
    pub(super) fn unavailable(detail: &str) -> Self {
        let title = "The server cannot take events now";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "urn:hansard:problem:unavailable", title, detail.to_owned())
            .after(Duration::from_secs(RETRY_AFTER_S))
    }

    /// The event or record that is meant.
    pub(super) fn at(mut self, index: usize) -> Self {
        self.0.index = Some(index);
        self
    }

    pub(super) fn reason(mut self, reason: &'static str) -> Self {
        self.0.reason = Some(reason);
        self
    }

    pub(super) fn ids(mut self, ids: Vec<String>) -> Self {
        self.0.ids = ids;
        self
    }

    fn after(mut self, after: Duration) -> Self {
        // Rounded up: at least 1, as the header has no fractions.
        self.0.retry_after = Some(after.as_millis().div_ceil(1_000).max(1) as u64);
        self
    }

    /// An event that could not be read.
    pub(super) fn event(error: &EventError) -> Self {
        let mut problem = Self::invalid(error.to_string());
        if let EventError::Field { field, .. } = error {
            problem.0.field = Some(field.clone());
        }
        problem
    }

    /// An event that breaks a limit.
    pub(super) fn draft(error: &DraftError) -> Self {
        let mut problem = Self::invalid(error.to_string());
        problem.0.field = match error {
            DraftError::Header(HeaderError::Field { field, .. }) => Some((*field).to_owned()),
            DraftError::ContentTooLarge { name, .. } => Some(format!("data.contents: {name}")),
            DraftError::TooMany { what, .. } => Some(format!("data.{what}")),
            DraftError::Header(_) => None,
        };
        if matches!(error, DraftError::ContentTooLarge { .. } | DraftError::Header(HeaderError::TooLarge { .. })) {
            problem.0.status = StatusCode::PAYLOAD_TOO_LARGE.as_u16();
            problem.0.kind = "urn:hansard:problem:too-large";
            problem.0.title = "The event is too large";
        }
        problem
    }

    /// A failure of the producer. `log_error` is the log's last one: a queue that is full because the log does not
    /// answer is a 503.
    pub(super) fn producer(error: &ProducerError, log_error: Option<&str>) -> Self {
        match error {
            ProducerError::Busy { after, .. } => match log_error {
                Some(cause) => Self::unavailable(&format!("{error}; the log does not answer: {cause}")),
                None => Self::busy(error.to_string(), *after),
            },
            ProducerError::Unconfirmed { .. } | ProducerError::Closed => {
                Self::unavailable(&format!("{error}; send it again with the same ids"))
            }
            _ => {
                tracing::error!(error = error as &dyn std::error::Error, "the gateway cannot sign");
                Self::unavailable("the gateway cannot sign events now; its operator finds the cause in its log")
            }
        }
    }

    /// A failure of the log.
    pub(super) fn log(error: &LogError) -> Self {
        match error {
            LogError::Busy { detail, after } => Self::busy(format!("the log is overloaded: {detail}"), *after),
            LogError::Refused { detail } => Self::invalid(format!("the log refuses the record: {detail}")),
            _ => {
                tracing::error!(error = error as &dyn std::error::Error, "append failed");
                Self::unavailable("the log does not answer; sending the same records again is safe")
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = self.0.retry_after;
        // A struct of strings and numbers always serialises.
        let body = serde_json::to_vec(&self.0).unwrap_or_default();
        let mut response = (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response();
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
