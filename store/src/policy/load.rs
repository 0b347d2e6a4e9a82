//! Reads a policy file.
//!
//! Guarantee: never panics and never guesses. A file is refused with line and column, the name that is wrong, and what
//! is known in its place; at most [`POLICY_FILE_BYTES_MAX`] bytes are read.

use super::glob::any_matches;
use super::limits::POLICY_FILE_BYTES_MAX;
use super::rules::Policy;
use schemas::kind::KINDS;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use thiserror::Error;

/// Most seconds that a setting may name: ten years.
const SECONDS_MAX: u64 = 315_360_000;
/// Longest version in bytes.
const VERSION_BYTES_MAX: usize = 128;
/// Most entries of a list in a policy.
const LIST_ENTRIES_MAX: usize = 1_024;
/// Characters of a wrong line that an error repeats.
const LINE_SHOWN_MAX: usize = 80;
/// Roles of keys.
const ROLES: &[&str] = &["self", "gateway", "import"];

/// Why a policy file was refused.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum PolicyError {
    /// More bytes than [`POLICY_FILE_BYTES_MAX`].
    #[error("policy file has {found} bytes, at most {POLICY_FILE_BYTES_MAX} are allowed")]
    TooLarge {
        /// Bytes found.
        found: usize,
    },
    /// Not the policy that the format describes.
    #[error("policy file, line {line}, column {column}: {detail}")]
    Malformed {
        /// Line, from 1; 0 where it is not known.
        line: u64,
        /// Column, from 1; 0 where it is not known.
        column: u64,
        /// Which name or value is wrong, and what is known there.
        detail: String,
    },
}

impl Policy {
    /// Reads a policy from YAML.
    ///
    /// # Errors
    /// [`PolicyError`] says where, what is wrong, and what is known there.
    pub fn from_yaml(text: &str) -> Result<Self, PolicyError> {
        if text.len() > POLICY_FILE_BYTES_MAX {
            return Err(PolicyError::TooLarge { found: text.len() });
        }
        serde_saphyr::from_str(text).map_err(|error| malformed(text, &error))
    }
}

/// The parser's words in one line, with the line of the file that they are about.
fn malformed(text: &str, error: &serde_saphyr::Error) -> PolicyError {
    let (line, column) = error.location().map_or((0, 0), |at| (at.line(), at.column()));
    let words = error.without_snippet().to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    let words = words.trim_end_matches(&format!(" at line {line}, column {column}"));
    // What follows is advice to programmers.
    let words = words.split_once(", set DuplicateKeyPolicy").map_or(words, |(before, _)| before);
    let found = usize::try_from(line).ok().and_then(|line| text.lines().nth(line.checked_sub(1)?));
    let found: String = found.unwrap_or_default().trim().chars().take(LINE_SHOWN_MAX).collect();
    let detail = if found.is_empty() { words.to_owned() } else { format!("{words} (in `{found}`)") };
    PolicyError::Malformed { line, column, detail }
}

/// A whole number within a range.
pub(super) fn count<'de, const LOW: u64, const HIGH: u64, D: Deserializer<'de>>(d: D) -> Result<u64, D::Error> {
    let found =
        u64::deserialize(d).map_err(|_| D::Error::custom(format!("expected a whole number from {LOW} to {HIGH}")))?;
    if (LOW..=HIGH).contains(&found) {
        return Ok(found);
    }
    Err(D::Error::custom(format!("expected a whole number from {LOW} to {HIGH}, found {found}")))
}

/// A length of time in seconds.
pub(super) fn seconds<'de, D: Deserializer<'de>>(d: D) -> Result<u64, D::Error> {
    count::<0, SECONDS_MAX, D>(d)
}

/// The version: a text that is not empty.
pub(super) fn version<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    let found = String::deserialize(d)?;
    if found.trim().is_empty() || found.len() > VERSION_BYTES_MAX {
        return Err(D::Error::custom(format!(
            "version: expected 1 to {VERSION_BYTES_MAX} bytes of text, found {found:?}"
        )));
    }
    Ok(found)
}

/// A list of names or globs.
pub(super) fn names<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<String>, D::Error> {
    let found = Vec::<String>::deserialize(d)?;
    if found.len() > LIST_ENTRIES_MAX {
        return Err(D::Error::custom(format!("expected at most {LIST_ENTRIES_MAX} entries, found {}", found.len())));
    }
    if found.iter().any(String::is_empty) {
        return Err(D::Error::custom("expected names, found an empty text"));
    }
    Ok(found)
}

/// A list of kinds: those of the format, or types of others, which never share the first word with one of ours.
pub(super) fn kinds<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<String>, D::Error> {
    let found = names(d)?;
    match found.iter().find(|name| mistaken(name)) {
        Some(wrong) => Err(D::Error::custom(format!("unknown kind `{wrong}`, known are {}", KINDS.join(", ")))),
        None => Ok(found),
    }
}

fn mistaken(name: &str) -> bool {
    let first = |name: &str| name.split_once('.').map_or(name.to_owned(), |(first, _)| first.to_owned());
    let ours = KINDS.iter().any(|known| first(known) == first(name));
    !KINDS.contains(&name) && (ours || !name.contains('.'))
}

/// A list of roles of keys.
pub(super) fn roles<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<String>, D::Error> {
    let found = names(d)?;
    match found.iter().find(|role| !any_matches(ROLES, role)) {
        Some(wrong) => Err(D::Error::custom(format!("unknown role `{wrong}`, known are {}", ROLES.join(", ")))),
        None => Ok(found),
    }
}
