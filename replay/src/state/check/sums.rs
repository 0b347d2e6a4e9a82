//! Sums that events state.
//!
//! Guarantee: of a model call, cached tokens are among its input and reasoning among its output; the tokens that a
//! `session.end` states are the sums over the session's model calls before it.

use super::Cx;
use crate::state::cells::{Cell, Tally};
use crate::state::key::Class;
use crate::state::names;
use schemas::kind;

const PARTS: &str = "tokens.parts";
const TOTAL: &str = "tokens.total";

/// Attribute, what it is called, and where its sum stands.
type Sum = (&'static str, &'static str, fn(&Tally) -> u64);

const SUMS: &[Sum] = &[
    (names::INPUT_TOKENS, "input tokens", |sums| sums.input_tokens),
    (names::OUTPUT_TOKENS, "output tokens", |sums| sums.output_tokens),
    (names::CACHED_TOKENS, "cached input tokens", |sums| sums.cached_tokens),
    (names::CACHE_WRITE_TOKENS, "input tokens written to a cache", |sums| sums.cache_write_tokens),
    (names::REASONING_TOKENS, "reasoning tokens", |sums| sums.reasoning_tokens),
];

pub(super) fn check(cx: &mut Cx<'_>) {
    match &*cx.event.kind {
        kind::MODEL_CALL => {
            part(cx, names::CACHED_TOKENS, names::INPUT_TOKENS, "cached input tokens among");
            part(cx, names::REASONING_TOKENS, names::OUTPUT_TOKENS, "reasoning tokens among");
        }
        kind::SESSION_END => total(cx),
        _ => {}
    }
}

fn part(cx: &mut Cx<'_>, part: &str, whole: &str, words: &str) {
    if let (Some(part), Some(whole)) = (cx.event.number(part), cx.event.number(whole)) {
        cx.compare(PARTS, part <= whole, || (format!("{words} {whole} tokens, at most as many"), part.to_string()));
    }
}

fn total(cx: &mut Cx<'_>) {
    let session = cx.event.session.as_deref().unwrap_or_default();
    let Some(Cell::Session(cell)) = cx.view.cell(Class::Session, &[session]) else { return };
    for (attribute, words, sum) in SUMS {
        if let Some(stated) = cx.event.number(attribute) {
            let derived = sum(&cell.sums);
            cx.compare(TOTAL, stated == derived, || (format!("{derived} {words} in the session"), stated.to_string()));
        }
    }
}
