//! Tests of comparisons of runs: what a caller sees, and properties over generated runs.

mod cohorts;
mod normal;
mod planted;
mod properties;
mod rendered;

use super::{Digests, Step, digest};

/// A step that says `text`.
pub(super) fn step(kind: &str, name: &str, text: &str) -> Step {
    let content = digest(kind, name, &[("text", text.as_bytes())]);
    Step::new(format!("{kind}/{name}/{text}"), kind, name, Digests::plain(content), text)
}

/// A run of tool calls, each letter one of its own kind of content.
pub(super) fn run(letters: &str) -> Vec<Step> {
    letters.chars().map(|c| step("tool.call", "bash", &format!("say {c}"))).collect()
}
