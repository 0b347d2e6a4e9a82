//! Control edges: which order an act follows.
//!
//! Guarantee: an edge of this kind is inferred, never stated, and is never merged with other kinds of causes.

use serde::{Deserialize, Serialize};

/// How an act hangs on an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// The act does what the order says.
    Instructs,
    /// The act shares something with an order that another act of the session does.
    Follows,
    /// The result of the act supplied a value to an act that does what the order says.
    Prepares,
}

/// A place in an event's text as it was given, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Where it starts.
    pub offset: usize,
    /// How long it is.
    pub len: usize,
}

/// An inferred edge from an act to the untrusted event whose order it follows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ControlEdge {
    /// The act.
    pub act: String,
    /// The event that held the order.
    pub source: String,
    /// How the act hangs on it.
    pub how: How,
    /// Between 0 and 1: strength and evidence together.
    pub score: f64,
    /// Strength of the order.
    pub strength: u32,
    /// What makes it an order.
    pub features: Vec<String>,
    /// Evidence that act and order share.
    pub m: f64,
    /// What they share.
    pub evidence: Vec<String>,
    /// Where the order stands in the source's text.
    pub span: Span,
}

/// Half-way point of the score.
const SCORE_HALF: f64 = 6.0;

/// The score of strength times evidence.
pub(super) fn score(product: f64) -> f64 {
    product / (product + SCORE_HALF)
}
