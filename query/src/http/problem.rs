//! Errors of the HTTP side: RFC 9457 problem documents, the one mapping from errors to status codes.
//!
//! Guarantee: what the client sees tells what to change; causes within the store are logged, not sent. `type` is
//! `urn:hansard:problem:<name>`, stable for programs.

use crate::error::QueryError;
use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use store::error::StoreError;
use utoipa::ToSchema;

/// Seconds after which a refused request may try again.
const RETRY_AFTER_SECONDS: &str = "1";

/// A problem document.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem {
    /// Stable name of the problem: `urn:hansard:problem:<name>`.
    #[serde(rename = "type")]
    pub problem_type: String,
    /// What kind of problem it is.
    pub title: &'static str,
    /// HTTP status.
    pub status: u16,
    /// What is wrong here, what was expected, and the next step.
    pub detail: String,
}

impl Problem {
    /// A problem of this name.
    #[must_use]
    pub fn new(status: StatusCode, name: &str, title: &'static str, detail: impl Into<String>) -> Self {
        Self {
            problem_type: format!("urn:hansard:problem:{name}"),
            title,
            status: status.as_u16(),
            detail: detail.into(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_SECONDS));
        }
        response
    }
}

impl From<QueryError> for Problem {
    fn from(error: QueryError) -> Self {
        let detail = error.to_string();
        match error {
            QueryError::Invalid { .. } => {
                Self::new(StatusCode::BAD_REQUEST, "invalid", "the question cannot be answered as it is put", detail)
            }
            QueryError::NotFound { .. } => {
                Self::new(StatusCode::NOT_FOUND, "not-found", "there is no such thing", detail)
            }
            QueryError::Limit { .. } => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "limit",
                "the answer needs more than the limits allow",
                detail,
            ),
            QueryError::Unavailable { .. } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "storage cannot be reached", detail)
            }
            QueryError::Store(StoreError::NotFound { .. }) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "no-table", "there is no table yet", detail)
            }
            QueryError::Store(StoreError::Unavailable { .. }) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "storage cannot be reached", detail)
            }
            QueryError::Corrupt { .. } | QueryError::Store(_) | QueryError::Bug { .. } => {
                tracing::error!(error = %detail, "a question failed");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the store or this program failed", detail)
            }
        }
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        Self::new(rejection.status(), "invalid", "the request body cannot be read", rejection.body_text())
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Self::new(rejection.status(), "invalid", "the query string cannot be read", rejection.body_text())
    }
}
