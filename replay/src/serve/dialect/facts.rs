//! What the record says beside the answer, and what the request wants of its form.
//!
//! Guarantee: whatever an API must have and the record does not hold (ids, times) is made from the event's id
//! alone, so that serving twice gives the same bytes.

/// What a written answer needs beside the answer itself.
#[derive(Debug, Clone, Copy)]
pub(in crate::serve) struct Facts<'a> {
    /// The event that recorded the answer.
    pub(in crate::serve) event: &'a str,
    /// Its time in seconds, 0 where there is none.
    pub(in crate::serve) created_s: i64,
    /// The model that the request named.
    pub(in crate::serve) model: &'a str,
    /// Whether a stream of chat completions ends with usage.
    pub(in crate::serve) include_usage: bool,
}

impl<'a> Facts<'a> {
    /// What an event alone says.
    pub(in crate::serve) fn of(event: &'a str) -> Self {
        Self { event, created_s: 0, model: "", include_usage: false }
    }

    /// An id for something that the record gives none.
    pub(in crate::serve) fn id(&self, prefix: &str, index: Option<usize>) -> String {
        let event: String = self.event.chars().filter(char::is_ascii_alphanumeric).collect();
        index.map_or_else(|| format!("{prefix}{event}"), |index| format!("{prefix}{event}{index}"))
    }

    /// The id of a call: the recorded one, or one made from its place.
    pub(super) fn call_id(&self, recorded: &str, index: usize) -> String {
        if recorded.is_empty() { self.id("call_", Some(index)) } else { recorded.to_owned() }
    }
}
