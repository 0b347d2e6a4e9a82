//! Token usage of OpenClaw's assistant records, counted once for each answer of a model.
//!
//! Guarantee: usage attributes are written at the first record that carries a `responseId` and nowhere else, so that
//! their sum over any set of sessions is what the models were paid for as far as transcripts show it. A mirror (a
//! record of `api: "cli"` without `responseId` whose usage sums a run's calls) adds nothing; such a record counts only
//! where the run left no answer of its own. An answer without id of another kind counts by itself. Cannot fail: a figure of another type counts as zero.

use super::super::json::Fields;
use serde_json::{Map, Value};

const INPUT: &str = "gen_ai.usage.input_tokens";
const CACHE_READ: &str = "gen_ai.usage.cache_read.input_tokens";
const CACHE_WRITE: &str = "gen_ai.usage.cache_creation.input_tokens";
const OUTPUT: &str = "gen_ai.usage.output_tokens";
const REASONING: &str = "gen_ai.usage.reasoning.output_tokens";

/// Writes the usage of an answer. OpenTelemetry's input tokens include the cached ones, OpenClaw's do not.
pub(super) fn write(usage: &Fields<'_>, attributes: &mut Map<String, Value>) {
    let count = |name| usage.integer(name).unwrap_or(0).clamp(0, i64::from(u32::MAX));
    let (read, write) = (count("cacheRead"), count("cacheWrite"));
    attributes.insert(INPUT.into(), (count("input") + read + write).into());
    attributes.insert(CACHE_READ.into(), read.into());
    attributes.insert(CACHE_WRITE.into(), write.into());
    attributes.insert(OUTPUT.into(), count("output").into());
    if usage.raw("reasoningTokens").is_some() {
        attributes.insert(REASONING.into(), count("reasoningTokens").into());
    }
    if let Some(cost) = usage.object("cost").and_then(|cost| cost.number("total")) {
        attributes.insert("openclaw.cost.total".into(), cost.into());
    }
}
