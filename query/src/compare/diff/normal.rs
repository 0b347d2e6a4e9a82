//! What a step says, without what no two runs share.
//!
//! Two runs of the same behaviour differ in call ids, clock times and durations. This module says what of a content
//! counts when steps are compared, and gives digests of it:
//!
//! | kind of step | left out |
//! |---|---|
//! | what the agent does with arguments (`tool.call`, `memory.*`, `approval.requested`, `handoff`, ...) | nothing but opaque ids |
//! | what a model or person says (`model.call`, `message`, `plan`, `decision`) | opaque ids; JSON members that carry ids of the protocol |
//! | what the world answers (everything else) | the same, and points in time, durations, addresses, process ids, names of temporary files, JSON members that carry any of these |
//!
//! A point in time among the arguments of a call is a decision of the agent, so it counts there. JSON is compared by
//! value: white space and the order of members do not count. An opaque id is a UUID or an id of a model's API.
//!
//! Opaque ids are not just dropped, for a call with another account's UUID is another call. Each step has two digests:
//! in `content` every id reads the same; in `bound` it reads as its number in the order in which the run first showed
//! it. Two runs that use their own ids in the same way have the same `bound`.
//!
//! Guarantee: [`digest`] depends on its arguments alone; [`Normaliser`] on its arguments and the steps before. A content
//! longer than `NORMALISED_BYTES_MAX`, or that is no UTF-8, counts byte by byte. Nothing fails.

use super::limits::{IDENTIFIERS_MAX, NORMALISED_BYTES_MAX};
use super::volatile::{self, Found, Volatile};
use serde_json::Value;
use std::collections::HashMap;
use std::fmt::Write;

/// BLAKE3 context of the digests. They are not stored, so it may change with the rules.
const CONTEXT: &str = "hansard 2026-11 compared step v1";

/// What a step says, as digests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digests {
    /// All opaque ids read the same.
    pub content: [u8; 32],
    /// Opaque ids read as their numbers in the run.
    pub bound: [u8; 32],
}

impl Digests {
    /// Both the same: for what holds no ids.
    #[must_use]
    pub fn plain(content: [u8; 32]) -> Self {
        Self { content, bound: content }
    }
}

/// Whether a content of an event takes part in comparisons. The native record repeats the others with its own ids and
/// times; what a model was given repeats the whole run before it, so that one divergence would never end.
#[must_use]
pub fn counts(kind: &str, content: &str, contents_of_event: usize) -> bool {
    match content {
        "record" | "run" => contents_of_event == 1,
        "input" | "messages" | "prompt" | "system_prompt" | "tools" => kind != "model.call",
        "reasoning" | "thinking" => false,
        _ => true,
    }
}

/// The digest of one step by itself: `contents` are (name, bytes) in their order.
#[must_use]
pub fn digest(kind: &str, name: &str, contents: &[(&str, &[u8])]) -> [u8; 32] {
    Normaliser::default().step(kind, name, contents).content
}

/// The text of one content as it is compared, ids unnumbered.
#[must_use]
pub fn normal_text(kind: &str, bytes: &[u8]) -> String {
    let mut texts = Texts::default();
    Normaliser::default().write(Volatile::of_kind(kind), bytes, &mut texts);
    texts.content
}

/// Gives the steps of one run their digests, in order.
#[derive(Debug, Default)]
pub struct Normaliser {
    numbers: HashMap<Box<str>, u32>,
}

#[derive(Default)]
struct Texts {
    content: String,
    bound: String,
}

impl Texts {
    fn push(&mut self, text: &str) {
        self.content.push_str(text);
        self.bound.push_str(text);
    }
}

impl Normaliser {
    /// The digests of the next step of the run: `contents` are (name, bytes) in their order.
    pub fn step(&mut self, kind: &str, name: &str, contents: &[(&str, &[u8])]) -> Digests {
        let mut hashers = [blake3::Hasher::new_derive_key(CONTEXT), blake3::Hasher::new_derive_key(CONTEXT)];
        let mut add = |content: &[u8], bound: &[u8]| {
            for (hasher, bytes) in hashers.iter_mut().zip([content, bound]) {
                hasher.update(&(bytes.len() as u64).to_le_bytes());
                hasher.update(bytes);
            }
        };
        add(kind.as_bytes(), kind.as_bytes());
        add(name.as_bytes(), name.as_bytes());
        for (content, bytes) in contents {
            add(content.as_bytes(), content.as_bytes());
            if bytes.len() > NORMALISED_BYTES_MAX || std::str::from_utf8(bytes).is_err() {
                add(bytes, bytes);
                continue;
            }
            let mut texts = Texts::default();
            self.write(Volatile::of_kind(kind), bytes, &mut texts);
            add(texts.content.as_bytes(), texts.bound.as_bytes());
        }
        let [content, bound] = hashers.map(|hasher| *hasher.finalize().as_bytes());
        Digests { content, bound }
    }

    fn write(&mut self, rules: Volatile, bytes: &[u8], texts: &mut Texts) {
        let text = String::from_utf8_lossy(bytes);
        let json = text.trim_start().starts_with(['{', '[']).then(|| serde_json::from_str::<Value>(&text).ok());
        match json.flatten() {
            Some(value) => self.value(rules, &value, texts),
            None => self.text(rules, text.trim_end(), texts),
        }
    }

    /// Recursion is as deep as the JSON parser lets a document be: 128 levels.
    fn value(&mut self, rules: Volatile, value: &Value, texts: &mut Texts) {
        match value {
            Value::String(text) => {
                texts.push("\"");
                self.text(rules, text, texts);
                texts.push("\"");
            }
            Value::Array(items) => {
                texts.push("[");
                for item in items {
                    self.value(rules, item, texts);
                    texts.push(",");
                }
                texts.push("]");
            }
            Value::Object(members) => {
                let mut names: Vec<_> = members.iter().filter(|(name, _)| !rules.leaves_out_member(name)).collect();
                names.sort_unstable_by_key(|(name, _)| *name);
                texts.push("{");
                for (name, member) in names {
                    texts.push(&Value::String(name.clone()).to_string());
                    texts.push(":");
                    self.value(rules, member, texts);
                    texts.push(",");
                }
                texts.push("}");
            }
            plain => texts.push(&plain.to_string()),
        }
    }

    fn text(&mut self, rules: Volatile, text: &str, texts: &mut Texts) {
        let mut from = 0;
        for (at, found) in volatile::find(rules, text) {
            texts.push(&text[from..at.start]);
            match found {
                Found::Identifier => {
                    let number = self.number(&text[at.clone()]);
                    texts.content.push_str("⟨id⟩");
                    let _ = write!(texts.bound, "⟨id {number}⟩");
                }
                Found::Other(what) => texts.push(what),
            }
            from = at.end;
        }
        texts.push(&text[from..]);
    }

    /// The number of an id, by its first appearance; 0 when there are too many.
    fn number(&mut self, id: &str) -> u32 {
        if let Some(number) = self.numbers.get(id) {
            return *number;
        }
        if self.numbers.len() >= IDENTIFIERS_MAX {
            return 0;
        }
        let number = u32::try_from(self.numbers.len() + 1).unwrap_or(0);
        self.numbers.insert(id.into(), number);
        number
    }
}
