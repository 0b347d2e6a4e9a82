//! Which recorded model call a request is: the same bytes, the same request, or the nearest one and how it differs.
//!
//! Guarantee: `Bytes` and `Same` are given only when everything that was recorded of the request is equal; of
//! several equal ones the first that was not given out yet. Settings are compared where the request's bytes were
//! recorded, the system prompt where one was. A difference always names the recorded step that the request would
//! have been.

use super::dialect::Ask;
use super::difference::Difference;
use super::item::{Canonical, Kind};
use super::recording::{Cursor, Recording};
use super::tree::{NodeId, ROOT};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

/// How well a request fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MatchKind {
    /// The recorded bytes.
    Bytes,
    /// The recorded request in its normal form.
    Same,
    /// The recorded request but for the input that was changed on purpose.
    Changed,
    /// The recorded conversation with other settings.
    Settings,
    /// Another conversation.
    None,
}

impl MatchKind {
    /// The word that stands in answers and records.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Same => "same",
            Self::Changed => "changed_input",
            Self::Settings => "settings",
            Self::None => "none",
        }
    }
}

/// What was found for a request.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) kind: MatchKind,
    /// The exchange, or the nearest one.
    pub(super) exchange: Option<usize>,
    /// Whether that exchange was given out before.
    pub(super) repeated: bool,
    pub(super) difference: Option<Difference>,
}

impl Recording {
    /// Finds the exchange of a request, which counts as given out from now on unless this is only a `look`.
    pub(super) fn find(&self, ask: &Ask, bytes: &[u8], look: bool) -> Found {
        if !self.by_bytes.is_empty()
            && let Some(exchanges) = self.by_bytes.get(blake3::hash(bytes).as_bytes())
        {
            let (exchange, repeated) = self.take(exchanges, look);
            return Found { kind: MatchKind::Bytes, exchange: Some(exchange), repeated, difference: None };
        }
        let from = match ask.previous.as_ref().map(|id| self.by_response.get(id)) {
            None => Cursor::default(),
            Some(Some(exchange)) => self.exchanges[*exchange].after.clone(),
            Some(None) => return self.unknown_previous(ask),
        };
        let items = settle(ask, &from);
        let whole = self.tree.walk(from.node, items.iter());
        if whole.1 == items.len()
            && let Some(found) = self.at(whole.0, ask, true, look)
        {
            return found;
        }
        if from.node != ROOT || !self.without_system {
            let before = self.items(from.node).into_iter().cloned();
            return self.nearest(whole.0, &before.chain(items).collect::<Vec<_>>());
        }
        let spoken: Vec<Canonical> = items.into_iter().filter(|item| item.kind != Kind::System).collect();
        let part = self.tree.walk(ROOT, spoken.iter());
        if part.1 == spoken.len()
            && let Some(found) = self.at(part.0, ask, false, look)
        {
            return found;
        }
        self.nearest(part.0, &spoken)
    }

    /// The exchanges of a conversation that fit the request; `system` is whether its system prompt was compared.
    fn at(&self, node: NodeId, ask: &Ask, system: bool, look: bool) -> Option<Found> {
        let node = self.tree.node(node);
        let fits = |index: &&usize| {
            let exchange = &self.exchanges[**index];
            match &exchange.settings {
                None => system || !exchange.system,
                Some((dialect, settings)) => system && *dialect == ask.dialect && *settings == ask.settings,
            }
        };
        let found = |kind, exchanges: Vec<usize>| {
            let (exchange, repeated) = self.take(&exchanges, look);
            Some(Found { kind, exchange: Some(exchange), repeated, difference: None })
        };
        let same: Vec<usize> = node.exchanges.iter().filter(fits).copied().collect();
        if !same.is_empty() {
            return found(MatchKind::Same, same);
        }
        let changed: Vec<usize> = node.changed.iter().filter(fits).copied().collect();
        if !changed.is_empty() {
            return found(MatchKind::Changed, changed);
        }
        let own = |index: &&usize| self.exchanges[**index].settings.as_ref().is_some_and(|own| own.0 == ask.dialect);
        let other = *node.exchanges.iter().find(own).or(node.exchanges.first()).filter(|_| system)?;
        let difference = self.settings_difference(other, ask);
        Some(Found { kind: MatchKind::Settings, exchange: Some(other), repeated: false, difference: Some(difference) })
    }

    /// The first exchange that was not given out, else the last; marks it as given out unless `look`.
    fn take(&self, exchanges: &[usize], look: bool) -> (usize, bool) {
        let taken = |index: &&usize| {
            let served = &self.exchanges[**index].served;
            let before = if look { served.load(Ordering::Relaxed) } else { served.fetch_max(1, Ordering::Relaxed) };
            before == 0
        };
        match exchanges.iter().find(taken) {
            Some(index) => (*index, false),
            None => (exchanges.last().copied().unwrap_or_default(), true),
        }
    }

    fn settings_difference(&self, exchange: usize, ask: &Ask) -> Difference {
        let recorded = &self.exchanges[exchange];
        let Some((dialect, settings)) = &recorded.settings else { return Difference::default() };
        let mut names: Vec<&String> = settings.keys().chain(ask.settings.keys()).collect();
        names.sort_unstable();
        names.dedup();
        let absent = "nothing".to_owned();
        let mut differing = names.into_iter().filter(|name| settings.get(*name) != ask.settings.get(*name));
        let difference = if *dialect == ask.dialect {
            differing.next().map(|name| {
                let of = |from: &BTreeMap<String, String>| from.get(name).unwrap_or(&absent).clone();
                Difference::texts(name, &of(settings), &of(&ask.settings))
            })
        } else {
            Some(Difference::texts("path", dialect.path(), ask.dialect.path()))
        };
        Difference { step: Some(recorded.step), event: Some(recorded.event.clone()), ..difference.unwrap_or_default() }
    }

    fn unknown_previous(&self, ask: &Ask) -> Found {
        let id = ask.previous.as_deref().unwrap_or_default();
        let difference = Difference::texts("previous_response_id", "a response of this run", id);
        Found { kind: MatchKind::None, exchange: None, repeated: false, difference: Some(difference) }
    }

    /// Where a conversation leaves the recorded ones.
    fn nearest(&self, node: NodeId, items: &[Canonical]) -> Found {
        let depth = items.len().max(self.tree.node(node).depth);
        let mut at = node;
        let exchange = loop {
            match self.tree.nearest_below(at, depth) {
                Some(exchange) => break Some(exchange),
                None if at == ROOT => break None,
                None => at = self.tree.node(at).parent,
            }
        };
        let difference = exchange.map(|exchange| self.items_difference(exchange, items));
        Found { kind: MatchKind::None, exchange, repeated: false, difference }
    }

    fn items_difference(&self, exchange: usize, items: &[Canonical]) -> Difference {
        let recorded = &self.exchanges[exchange];
        let path = self.items(recorded.node);
        let differs = |at: usize| path.get(at).map(|item| item.digest) != items.get(at).map(|item| item.digest);
        let differing: Vec<usize> = (0..path.len().max(items.len())).filter(|at| differs(*at)).collect();
        let at = differing.first().copied().unwrap_or(path.len());
        let end = items.last().map_or_else(|| "the conversation".to_owned(), |item| format!("after {}", item.place));
        let there = path.get(at).copied();
        let difference = Difference::items(there, items.get(at), &end);
        let difference = self.masked(difference, there.map_or("", |item| &item.text));
        Difference {
            step: Some(recorded.step),
            event: Some(recorded.event.clone()),
            items: differing.len(),
            ..difference
        }
    }
}

/// The items of a request in their final form.
fn settle(ask: &Ask, from: &Cursor) -> Vec<Canonical> {
    let mut settler = from.settler.clone();
    let mut items = Vec::with_capacity(ask.items.len());
    ask.items.iter().for_each(|placed| settler.push(placed.clone(), &mut items));
    settler.finish(&mut items);
    items
}
