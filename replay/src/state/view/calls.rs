//! Calls without a result.
//!
//! Guarantee: a call is closed by the result that names it; by a result of its session and call id that names no
//! event and is not before it; by one that names an event which is no call (each closes one, the oldest first); and
//! by one that names it and leaves the call id out. The rest is open.

use super::View;
use crate::state::cells::{Call, CallBalance, Cell};
use crate::state::key::{Class, Key};
use serde::Serialize;
use std::collections::BTreeMap;

/// A call without a result.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct OpenCall {
    /// Session; empty where the call has none.
    pub session: String,
    /// Id of the call as the producer gave it; empty where it has none.
    pub call_id: String,
    /// The call.
    #[serde(flatten)]
    pub call: Call,
}

/// Calls and results of one session and call id.
#[derive(Default)]
struct Group<'a> {
    calls: Vec<(&'a Key, &'a Call)>,
    results: u64,
    loose: Option<&'a crate::state::stamp::Stamp>,
}

impl View<'_> {
    /// Open calls of a session, or of all; the oldest first within a session and call id.
    #[must_use]
    pub fn open_calls(&self, session: Option<&str>) -> Vec<OpenCall> {
        let mut groups: BTreeMap<(String, String), Group<'_>> = BTreeMap::new();
        let parts: Vec<&str> = session.into_iter().collect();
        for (key, cell) in self.under(Class::Call, &parts) {
            let (Cell::Call(balance), Some(parts)) = (cell, key.parts()) else { continue };
            let mut parts = parts.into_iter().skip(1);
            let id = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            groups.entry(id).or_default().add(key, balance);
        }
        let open = |(id, group): ((String, String), Group<'_>)| self.open_in(id.0, id.1, group);
        groups.into_iter().flat_map(open).collect()
    }

    fn open_in(&self, session: String, call_id: String, mut group: Group<'_>) -> Vec<OpenCall> {
        group.calls.retain(|(_, call)| group.loose.is_none_or(|result| call.stamp > *result));
        group.calls.retain(|(_, call)| call_id.is_empty() || !self.named_without_id(&session, call));
        group.calls.sort_unstable_by_key(|(_, call)| *call);
        let closed = if call_id.is_empty() { 0 } else { usize::try_from(group.results).unwrap_or(usize::MAX) };
        let open = group.calls.into_iter().skip(closed).map(|(_, call)| call.clone());
        open.map(|call| OpenCall { session: session.clone(), call_id: call_id.clone(), call }).collect()
    }

    /// Whether a result without a call id names the call.
    fn named_without_id(&self, session: &str, call: &Call) -> bool {
        let cell = self.cell(Class::Call, &[session, "", &call.stamp.id.to_string()]);
        matches!(cell, Some(Cell::Call(balance)) if balance.results > 0)
    }
}

impl<'a> Group<'a> {
    fn add(&mut self, key: &'a Key, balance: &'a CallBalance) {
        self.calls.extend(balance.call.as_ref().map(|call| (key, call)));
        self.results = self.results.saturating_add(balance.results);
        self.loose = self.loose.max(balance.loose.as_ref());
    }
}
