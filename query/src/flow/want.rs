//! What a search upwards follows: one value, some words, or all that a unit brings.
//!
//! Guarantee: what trusted words before the unit say is never followed. Cannot fail.

use super::atoms::Atom;
use super::feats::Feats;
use super::orders::Window;
use super::text::{grams, tokens};
use super::view::{Role, View};
use std::collections::{BTreeSet, HashSet};
use std::rc::Rc;

/// What is followed.
#[derive(Debug, Clone)]
pub(super) enum Want {
    /// Every value that the unit brings, and its order.
    All,
    /// One value.
    Mark(Atom),
    /// Words, as hashes of four tokens.
    Words(Rc<HashSet<u64>>),
    /// Values and words that were given.
    Given(Rc<Feats>),
}

impl Want {
    pub(super) fn given(feats: Feats) -> Self {
        Self::Given(Rc::new(feats))
    }

    pub(super) fn stands_in(&self, feats: &Feats) -> bool {
        match self {
            Self::Mark(mark) => feats.marks.contains(mark),
            Self::Words(words) => !words.is_disjoint(&feats.grams),
            Self::All | Self::Given(_) => false,
        }
    }

    pub(super) fn stands_in_window(&self, window: &Window) -> bool {
        match self {
            Self::Mark(mark) => Feats::of(&window.text).marks.contains(mark),
            Self::Words(words) => !words.is_disjoint(&grams(&tokens(&window.text))),
            Self::All | Self::Given(_) => true,
        }
    }

    pub(super) fn mark(&self) -> Option<&Atom> {
        if let Self::Mark(mark) = self { Some(mark) } else { None }
    }

    pub(super) fn name(&self) -> String {
        self.mark().map_or_else(|| "the same words".to_owned(), |mark| mark.value.clone())
    }

    pub(super) fn key(&self) -> (u8, Option<Atom>) {
        match self {
            Self::All => (0, None),
            Self::Mark(mark) => (1, Some(mark.clone())),
            Self::Words(_) => (2, None),
            Self::Given(_) => (3, None),
        }
    }
}

/// What one call of an act brings; none where the event is no call of it.
pub(super) fn part_feats(view: &View, unit: usize, event: &str) -> Option<Feats> {
    let part = view.part_of(unit, event)?;
    Some(Feats::of(&view.part_new(part)))
}

/// The values to follow, one by one, without those of trusted words before.
pub(super) fn wanted(view: &View, unit: usize, own: &Feats, want: &Want) -> Vec<Want> {
    let trusted = || (0..unit).filter(|n| view.units[*n].role == Role::Trusted).map(|n| view.feats(n));
    let said = |mark: &Atom| trusted().any(|feats| feats.marks.contains(mark));
    let each =
        |marks: &BTreeSet<Atom>| -> Vec<Want> { marks.iter().filter(|m| !said(m)).cloned().map(Want::Mark).collect() };
    match want {
        Want::All => each(&own.marks),
        Want::Mark(mark) => {
            if own.marks.contains(mark) && !said(mark) {
                vec![want.clone()]
            } else {
                Vec::new()
            }
        }
        Want::Words(_) => vec![want.clone()],
        Want::Given(given) => {
            let mut wanted = each(&given.marks);
            let new = |g: &&u64| !trusted().any(|feats| feats.grams.contains(*g));
            let words: HashSet<u64> = given.grams.iter().filter(new).copied().collect();
            wanted.extend((!words.is_empty()).then(|| Want::Words(Rc::new(words))));
            wanted
        }
    }
}
