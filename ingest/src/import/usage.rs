//! Token usage of Claude Code: counted once per response, although one response is written as several lines that repeat
//! it, and although longer copies of a file come later.
//!
//! Guarantee: over any prefix of a file, the usage attributes of its events add up to the usage of the line with the
//! most output tokens of each `message.id` (the first such line where several tie). So a line carries only what it
//! adds to the lines before it: the first of a response all four figures, a later one what has grown. That keeps events
//! immutable: a longer copy repeats the same lines with the same figures and adds its own. What the line itself says
//! stands in its record. Cannot fail.

use super::json::Fields;
use serde_json::{Map, Value};
use std::collections::HashMap;

const INPUT: &str = "gen_ai.usage.input_tokens";
const CACHE_READ: &str = "gen_ai.usage.cache_read.input_tokens";
const CACHE_WRITE: &str = "gen_ai.usage.cache_creation.input_tokens";
const OUTPUT: &str = "gen_ai.usage.output_tokens";

/// Tokens as Anthropic counts them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Tokens {
    input: i64,
    cache_read: i64,
    cache_write: i64,
    output: i64,
}

impl Tokens {
    fn read(usage: &Fields<'_>) -> Self {
        let count = |name| usage.integer(name).unwrap_or(0).clamp(0, i64::from(u32::MAX));
        Self {
            input: count("input_tokens"),
            cache_read: count("cache_read_input_tokens"),
            cache_write: count("cache_creation_input_tokens"),
            output: count("output_tokens"),
        }
    }

    /// OpenTelemetry's `input_tokens` includes the cached ones, Anthropic's does not.
    fn all_input(self) -> i64 {
        self.input + self.cache_read + self.cache_write
    }
}

/// The best usage seen so far of each response.
#[derive(Debug, Default)]
pub(super) struct Ledger(HashMap<String, Tokens>);

impl Ledger {
    /// Writes into `attributes` what this line adds to its response's usage.
    pub(super) fn add(&mut self, message_id: &str, usage: &Fields<'_>, attributes: &mut Map<String, Value>) {
        let found = Tokens::read(usage);
        let Some(best) = self.0.get_mut(message_id) else {
            self.0.insert(message_id.to_owned(), found);
            attributes.insert(INPUT.into(), found.all_input().into());
            attributes.insert(CACHE_READ.into(), found.cache_read.into());
            attributes.insert(CACHE_WRITE.into(), found.cache_write.into());
            attributes.insert(OUTPUT.into(), found.output.into());
            return;
        };
        if found.output <= best.output {
            return;
        }
        let mut grown = |name: &str, by: i64| {
            if by != 0 {
                attributes.insert(name.into(), by.into());
            }
        };
        grown(INPUT, found.all_input() - best.all_input());
        grown(CACHE_READ, found.cache_read - best.cache_read);
        grown(CACHE_WRITE, found.cache_write - best.cache_write);
        grown(OUTPUT, found.output - best.output);
        *best = found;
    }
}
