//! What a session knows of the text that is followed.
//!
//! Guarantee: a mark or run of words is either tainted or known from elsewhere, first come; both sets are bounded, and
//! a full set takes nothing more and says so.

use super::atoms::Atom;
use super::feats::Feats;
use super::limits::{Bounds, SESSION_GRAMS_MAX, SESSION_MARKS_MAX};
use std::collections::{BTreeSet, HashSet};

/// Marks and grams of the text in one session.
#[derive(Debug, Default)]
pub(super) struct Taint {
    pub(super) marks: BTreeSet<Atom>,
    pub(super) grams: HashSet<u64>,
    /// Marks that the session knows from elsewhere.
    pub(super) seen: BTreeSet<Atom>,
    pub(super) seen_grams: HashSet<u64>,
    /// Marks that were corrected, and those that took their place.
    pub(super) corrected: BTreeSet<Atom>,
    pub(super) replaced_by: BTreeSet<Atom>,
    /// Whether the text, or a link to it, reached the session.
    pub(super) reached: bool,
    /// The last event by which it did.
    pub(super) via: Option<String>,
}

impl Taint {
    /// Taints what is not known from elsewhere.
    pub(super) fn taint(&mut self, marks: impl IntoIterator<Item = Atom>, grams: impl IntoIterator<Item = u64>) {
        for mark in marks {
            if self.marks.len() < SESSION_MARKS_MAX && !self.seen.contains(&mark) {
                self.marks.insert(mark);
            }
        }
        for gram in grams {
            if self.grams.len() < SESSION_GRAMS_MAX && !self.seen_grams.contains(&gram) {
                self.grams.insert(gram);
            }
        }
    }

    /// The marks of a text that are neither tainted here already nor known from elsewhere.
    pub(super) fn unseen(&self, feats: &Feats) -> (Vec<Atom>, Vec<u64>) {
        let marks = feats.marks.iter().filter(|m| !self.seen.contains(*m)).cloned().collect();
        let grams = feats.grams.iter().filter(|g| !self.seen_grams.contains(*g)).copied().collect();
        (marks, grams)
    }

    /// Notes what the session knows from elsewhere. Grams of an act that are tainted stay so.
    pub(super) fn see(&mut self, feats: &Feats, is_act: bool, at: &str, bounds: &mut Bounds) {
        let marks = feats.marks.iter().filter(|m| !self.marks.contains(*m));
        for mark in marks {
            if self.seen.len() >= SESSION_MARKS_MAX {
                bounds.hit("session_marks_max", SESSION_MARKS_MAX, "marks", at);
                break;
            }
            self.seen.insert(mark.clone());
        }
        for gram in feats.grams.iter().filter(|g| !is_act || !self.grams.contains(*g)) {
            if self.seen_grams.len() >= SESSION_GRAMS_MAX {
                bounds.hit("session_grams_max", SESSION_GRAMS_MAX, "runs of four tokens", at);
                break;
            }
            self.seen_grams.insert(*gram);
        }
    }

    /// The tainted marks of a text.
    pub(super) fn hit(&self, marks: &BTreeSet<Atom>) -> BTreeSet<Atom> {
        marks.intersection(&self.marks).cloned().collect()
    }

    /// The tainted grams of a text.
    pub(super) fn hit_grams(&self, grams: &HashSet<u64>) -> HashSet<u64> {
        let (small, large) = if grams.len() < self.grams.len() { (grams, &self.grams) } else { (&self.grams, grams) };
        small.iter().filter(|g| large.contains(*g)).copied().collect()
    }
}
