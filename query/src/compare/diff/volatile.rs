//! The parts of texts and JSON documents that no two runs share.
//!
//! Guarantee: places come in order and do not overlap, and always lie on the borders of characters. A pattern is never
//! guessed from context: what is not spelled like one of those below counts.

use regex::Regex;
use std::ops::Range;
use std::sync::LazyLock;

/// How much of a step is volatile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Volatile {
    /// Arguments that the agent chose: opaque ids only.
    Arguments,
    /// What a model or a person says: opaque ids, and ids of the protocol.
    Words,
    /// What the world answers: times, durations and addresses too.
    Answers,
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// An opaque id, which counts by its place in the run.
    Identifier,
    /// What does not count at all, and what is written in its place.
    Other(&'static str),
}

/// Members that carry ids of the protocol.
const PROTOCOL_MEMBERS: &[&str] = &[
    "tool_call_id",
    "tool_use_id",
    "call_id",
    "request_id",
    "response_id",
    "message_id",
    "trace_id",
    "span_id",
    "signature",
    "encrypted_content",
    "system_fingerprint",
];

/// Members that say when, how long or where in the machine.
const CLOCK_MEMBERS: &[&str] = &[
    "timestamp",
    "timestamp_ms",
    "ts",
    "created",
    "created_at",
    "updated_at",
    "started_at",
    "finished_at",
    "completed_at",
    "ended_at",
    "duration_ms",
    "duration_seconds",
    "durationMs",
    "elapsed",
    "elapsed_ms",
    "elapsed_seconds",
    "latency_ms",
    "wall_time",
    "wall_time_seconds",
    "pid",
];

/// An opaque id: a UUID, or an id of a model's API; the second is taken only with a digit in it.
const IDENTIFIER: &str = r"(?x)
    \b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\b
  | \b(?:call|toolu|chatcmpl|msg|resp|fc|req|run|thread|item|rs)[_-][A-Za-z0-9]{16,}\b";

/// What answers hold of clocks and machines, in the order of [`ANSWER_PARTS`].
const ANSWER: &str = r"(?x)
    (\b[0-9]{4}-[0-9]{2}-[0-9]{2}[T\ ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)
  | (\b[0-9]+\.[0-9]+\ ?(?:s|ms|us|µs|ns|sec|secs|seconds)\b)
  | (\b0x[0-9a-fA-F]{6,16}\b)
  | (/tmp/(?:tmp|pytest-)[A-Za-z0-9_-]+)
  | (\b(?:pid|PID)[\ =:]+[0-9]+\b)";

/// What stands in the place of each group of [`ANSWER`].
const ANSWER_PARTS: [&str; 5] = ["⟨time⟩", "⟨duration⟩", "⟨address⟩", "⟨path⟩", "⟨pid⟩"];

static IDENTIFIERS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(IDENTIFIER).ok());
static ANSWERS: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(ANSWER).ok());

impl Volatile {
    /// The rules for a kind of step.
    pub(super) fn of_kind(kind: &str) -> Self {
        match kind {
            "tool.call" | "memory.read" | "memory.write" | "memory.delete" | "memory.grant" | "handoff"
            | "approval.requested" | "credential.used" => Self::Arguments,
            "model.call" | "message" | "plan" | "decision" | "approval.granted" | "approval.denied" => Self::Words,
            _ => Self::Answers,
        }
    }

    /// Whether a JSON member of this name does not count.
    pub(super) fn leaves_out_member(self, name: &str) -> bool {
        match self {
            Self::Arguments => false,
            Self::Words => PROTOCOL_MEMBERS.contains(&name),
            Self::Answers => PROTOCOL_MEMBERS.contains(&name) || CLOCK_MEMBERS.contains(&name),
        }
    }
}

/// The volatile places of `text`, in order.
pub(super) fn find(rules: Volatile, text: &str) -> Vec<(Range<usize>, Found)> {
    // Everything below holds a digit; most short texts do not.
    if !text.bytes().any(|b| b.is_ascii_digit()) {
        return Vec::new();
    }
    let ids = IDENTIFIERS.iter().flat_map(|pattern| pattern.find_iter(text));
    let ids = ids.filter(|found| found.as_str().bytes().any(|b| b.is_ascii_digit()));
    let mut places: Vec<_> = ids.map(|found| (found.range(), Found::Identifier)).collect();
    if rules == Volatile::Answers {
        for groups in ANSWERS.iter().flat_map(|pattern| pattern.captures_iter(text)) {
            let parts = ANSWER_PARTS.iter().enumerate();
            let found = parts.filter_map(|(group, part)| Some((groups.get(group + 1)?.range(), Found::Other(part))));
            places.extend(found);
        }
        places.sort_by_key(|(at, _)| at.start);
        let mut end = 0;
        places.retain(|(at, _)| {
            let apart = at.start >= end;
            if apart {
                end = at.end;
            }
            apart
        });
    }
    places
}
