//! The search upwards, value by value.
//!
//! Guarantee: each pair of unit and value is followed once; what trusted words say is not followed; a bound that stops
//! the search is noted with the event at which it stopped.

use super::atoms::Atom;
use super::edge::{ControlEdge, How};
use super::limits::{EDITS_BACK_MAX, UP_DEPTH_MAX, UP_PAIRS_MAX};
use super::links::{Links, Looked, Place};
use super::orders::orders;
use super::store::{At, Store, Version};
use super::up::{Basis, Order, Step, order_of, value_score};
use super::view::{Role, View};
use super::want::{Want, part_feats, wanted};
use std::collections::HashSet;

/// Where a value came in, or an order.
#[derive(Debug, Clone)]
pub(super) struct Root {
    pub(super) at: At,
    pub(super) event: String,
    pub(super) order: Option<Order>,
    pub(super) how: Option<How>,
    pub(super) score: f64,
    pub(super) values: Vec<String>,
    pub(super) path: Vec<Step>,
}

pub(super) struct Climb<'a, L> {
    store: Store<'a, L>,
    seen: HashSet<(At, (u8, Option<Atom>))>,
    roots: Vec<Root>,
    /// Acts that brought a value which nothing before them had.
    made: Vec<Root>,
}

impl<'a, L: Links> Climb<'a, L> {
    pub(super) fn new(store: Store<'a, L>) -> Self {
        Self { store, seen: HashSet::new(), roots: Vec::new(), made: Vec::new() }
    }

    /// Where values came in, acts that brought values first, and what was loaded.
    pub(super) fn finish(self) -> (Vec<Root>, Vec<Root>, Store<'a, L>) {
        (self.roots, self.made, self.store)
    }

    /// Begins at an event of a unit.
    pub(super) fn start(&mut self, event: &str, at: At, want: &Want) -> Looked<()> {
        let first = Step { event: event.to_owned(), basis: Basis::Structural, via: "asked".to_owned() };
        self.unit(at, want, &[first], Some(event))
    }

    /// Follows what a unit brings. `only`: the one event of an act that was asked about.
    fn unit(&mut self, at: At, want: &Want, path: &[Step], only: Option<&str>) -> Looked<()> {
        let view = self.store.view(at.view);
        if path.len() > UP_DEPTH_MAX {
            self.store.bounds.hit("up_depth_max", UP_DEPTH_MAX, "steps", view.id(at.unit));
            return Ok(());
        }
        if self.seen.len() >= UP_PAIRS_MAX {
            self.store.bounds.hit("up_pairs_max", UP_PAIRS_MAX, "pairs of event and value", view.id(at.unit));
            return Ok(());
        }
        if !self.seen.insert((at, want.key())) {
            return Ok(());
        }
        let own =
            only.filter(|_| view.units[at.unit].role == Role::Act).and_then(|event| part_feats(&view, at.unit, event));
        let wanted = wanted(&view, at.unit, own.as_ref().unwrap_or_else(|| view.feats(at.unit)), want);
        for want in wanted {
            self.value(at, &view, &want, path)?;
        }
        if view.units[at.unit].role == Role::Act {
            self.order(at, &view, path, only)?;
        }
        Ok(())
    }

    /// Follows one value to the unit of the session that had it first.
    fn value(&mut self, at: At, view: &View, want: &Want, path: &[Step]) -> Looked<()> {
        let first = (0..at.unit).find(|n| view.units[*n].role != Role::Trusted && want.stands_in(view.feats(*n)));
        // What came in itself may be the first that has it.
        let first = first.or_else(|| (view.units[at.unit].role != Role::Act).then_some(at.unit));
        match first {
            Some(first) => self.introduced(At { unit: first, ..at }, at, view, want, path),
            None => {
                self.made_by(at, view, want, path);
                Ok(())
            }
        }
    }

    /// The act itself has the value first, if it has it.
    fn made_by(&mut self, at: At, view: &View, want: &Want, path: &[Step]) {
        if !want.stands_in(view.feats(at.unit)) {
            return;
        }
        let event = path.last().map_or_else(|| view.id(at.unit).to_owned(), |step| step.event.clone());
        let (values, path) = (vec![want.name()], path.to_vec());
        self.made.push(Root { at, event, order: None, how: None, score: 0.0, values, path });
    }

    fn introduced(&mut self, intro: At, from: At, view: &View, want: &Want, path: &[Step]) -> Looked<()> {
        let original = At { unit: view.original(intro.unit), ..intro };
        let mut way = path.to_vec();
        if original.unit != from.unit {
            way.push(Step { event: view.id(original.unit).to_owned(), basis: Basis::Content, via: want.name() });
        }
        match view.units[intro.unit].role {
            Role::Trusted => Ok(()),
            Role::Act if intro == from => Ok(()),
            Role::Act => self.unit(intro, want, &way, None),
            Role::Message => match self.store.sender(intro)? {
                Some(sender) => self.go(&sender, want, way, "the act that sent it"),
                None => self.root(original, view, want, way),
            },
            Role::Result => self.result(intro, original, view, want, way),
        }
    }

    fn result(&mut self, intro: At, original: At, view: &View, want: &Want, way: Vec<Step>) -> Looked<()> {
        let versions = self.store.versions(intro)?;
        let mut followed = false;
        for version in versions.iter() {
            if let Some(writer) = self.writer(version, want)? {
                followed = true;
                self.go(&writer, want, way.clone(), &format!("wrote {}", version.key))?;
            }
        }
        if followed {
            return Ok(());
        }
        match view.units[intro.unit].call.filter(|_| !view.reads(intro.unit)) {
            // A derived value: everything that the call was given.
            Some((act, _)) => {
                let event = view.call_event(intro.unit).map(|e| e.id.clone()).unwrap_or_default();
                let mut way = way;
                way.push(Step { event, basis: Basis::Structural, via: "the call of this result".to_owned() });
                self.unit(At { unit: act, ..intro }, &Want::All, &way, None)
            }
            None => self.root(original, view, want, way),
        }
    }

    /// The write that brought the value to a version: the last one, or one that later edits left in place.
    fn writer(&mut self, version: &Version, want: &Want) -> Looked<Option<Place>> {
        let mut version = version.clone();
        for _ in 0..EDITS_BACK_MAX {
            let Some(at) = self.store.find_in(&version.writer.event, &version.writer.session)? else { return Ok(None) };
            if want.stands_in(self.store.view(at.view).feats(at.unit)) {
                return Ok(Some(version.writer));
            }
            let Some(earlier) = self.store.before_edit(&version)? else { return Ok(None) };
            version = earlier;
        }
        self.store.bounds.hit("edits_back_max", EDITS_BACK_MAX, "edits", &version.key);
        Ok(None)
    }

    fn go(&mut self, to: &Place, want: &Want, mut way: Vec<Step>, via: &str) -> Looked<()> {
        let Some(at) = self.store.find_in(&to.event, &to.session)? else { return Ok(()) };
        way.push(Step { event: to.event.clone(), basis: Basis::Structural, via: via.to_owned() });
        self.unit(at, want, &way, None)
    }

    fn root(&mut self, at: At, view: &View, want: &Want, path: Vec<Step>) -> Looked<()> {
        let found = orders(&view.input(at.unit));
        let window = found.windows.iter().find(|w| w.is_strong() && want.stands_in_window(w));
        self.roots.push(Root {
            at,
            event: view.id(at.unit).to_owned(),
            order: window.map(order_of),
            how: None,
            score: window.map_or(0.0, |w| value_score(w, want.mark())),
            values: vec![want.name()],
            path,
        });
        Ok(())
    }

    /// The order that the act follows by itself.
    fn order(&mut self, at: At, view: &View, path: &[Step], only: Option<&str>) -> Looked<()> {
        let edges = self.store.control(at.view)?;
        // A write has the order of its call; an answer has those of all its calls.
        let only = only.and_then(|event| view.part_of(at.unit, event)).map(|part| view.events[part.event].id.as_str());
        let own = |edge: &&ControlEdge| match only {
            Some(event) => edge.act == event,
            None => view.unit_of(&edge.act) == Some(at.unit),
        };
        for edge in edges.iter().filter(own) {
            let Some(unit) = view.unit_of(&edge.source) else { continue };
            let mut way = path.to_vec();
            way.push(Step {
                event: edge.source.clone(),
                basis: Basis::Inferred,
                via: "an order that it follows".into(),
            });
            let order = Order { span: edge.span, strength: edge.strength, features: edge.features.clone() };
            self.roots.push(Root {
                at: At { unit, ..at },
                event: edge.source.clone(),
                order: Some(order),
                how: Some(edge.how),
                score: edge.score,
                values: edge.evidence.clone(),
                path: way,
            });
        }
        Ok(())
    }
}
