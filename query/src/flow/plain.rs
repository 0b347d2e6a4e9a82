//! Plain data of a session: what untrusted texts hold outside of orders.
//!
//! Guarantee: bounded by [`PLAIN_ATOMS_MAX`] and [`PLAIN_STEMS_MAX`], first come; each item knows the first source that
//! it stood before or in. Cannot fail.

use super::atoms::Atom;
use super::limits::{Bounds, PLAIN_ATOMS_MAX, PLAIN_STEMS_MAX};
use super::matching::Plain;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::Hash;

/// Plain data, each item with the number of the source.
#[derive(Debug, Default)]
pub(super) struct PlainData {
    atoms: HashMap<Atom, usize>,
    stems: HashMap<String, usize>,
}

/// Plain data of the sources up to one of them.
pub(super) struct UpTo<'a>(pub(super) &'a PlainData, pub(super) usize);

impl Plain for UpTo<'_> {
    fn has_atom(&self, atom: &Atom) -> bool {
        self.0.atoms.get(atom).is_some_and(|first| *first <= self.1)
    }

    fn has_stem(&self, stem: &str) -> bool {
        self.0.stems.get(stem).is_some_and(|first| *first <= self.1)
    }
}

impl PlainData {
    /// Takes in the data of a text that stands before or in a source.
    pub(super) fn keep(
        &mut self,
        atoms: BTreeSet<Atom>,
        stems: HashSet<String>,
        source: usize,
        at: &str,
        bounds: &mut Bounds,
    ) {
        let mut stems: Vec<String> = stems.into_iter().collect();
        stems.sort_unstable();
        if !keep(&mut self.atoms, atoms, source, PLAIN_ATOMS_MAX) {
            bounds.hit("plain_atoms_max", PLAIN_ATOMS_MAX, "atoms", at);
        }
        if !keep(&mut self.stems, stems, source, PLAIN_STEMS_MAX) {
            bounds.hit("plain_stems_max", PLAIN_STEMS_MAX, "stems", at);
        }
    }
}

fn keep<T: Hash + Eq>(map: &mut HashMap<T, usize>, new: impl IntoIterator<Item = T>, place: usize, max: usize) -> bool {
    for item in new {
        if map.len() >= max {
            if !map.contains_key(&item) {
                return false;
            }
        } else {
            map.entry(item).or_insert(place);
        }
    }
    true
}
