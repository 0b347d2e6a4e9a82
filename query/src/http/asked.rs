//! The engine that a request is answered by.
//!
//! Guarantee: the newest version, with what is verified and not committed yet; with the header `hansard-committed: true`
//! the committed version alone. Any other value of the header is refused.

use super::problem::Problem;
use crate::context::Engine;
use crate::error::QueryError;
use crate::service::QueryService;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;

/// The header that leaves out what is not committed.
const COMMITTED: &str = "hansard-committed";

/// See the module.
#[derive(Debug)]
pub(super) struct Asked(pub(super) Engine);

impl FromRequestParts<QueryService> for Asked {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, service: &QueryService) -> Result<Self, Problem> {
        let engine = service.engine().await?;
        match parts.headers.get(COMMITTED).map(|value| value.as_bytes()) {
            None | Some(b"false") => Ok(Self(engine)),
            Some(b"true") => Ok(Self(engine.committed())),
            Some(_) => Err(QueryError::invalid(format!("header {COMMITTED}"), "expected true or false").into()),
        }
    }
}
