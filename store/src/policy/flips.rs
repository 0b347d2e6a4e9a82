//! What another policy would have said: breaches that appear, disappear or change.
//!
//! Guarantee: every breach of either side is counted once: it is the same on both sides, or part of one flip. Breaches
//! of one check about one subject are matched; a limit that is reached earlier or later is a change, not two flips.

use super::breach::Breach;
use serde::Serialize;
use std::collections::BTreeMap;

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "flip", rename_all = "snake_case")]
pub enum Flip {
    /// Only the new policy finds it.
    Appears {
        /// What it finds.
        breach: Breach,
    },
    /// Only the old policy found it.
    Disappears {
        /// What it found.
        breach: Breach,
    },
    /// Both find it, at another event or of another severity.
    Changes {
        /// What the old policy found.
        from: Breach,
        /// What the new policy finds.
        to: Breach,
    },
}

type Sides<'a> = (Vec<&'a Breach>, Vec<&'a Breach>);

/// What flips from `old` to `new`, both of the same events, ordered by check and subject.
#[must_use]
pub fn diff(old: &[Breach], new: &[Breach]) -> Vec<Flip> {
    let mut subjects: BTreeMap<(&str, &str), Sides<'_>> = BTreeMap::new();
    for breach in old {
        subjects.entry((breach.check, &breach.subject)).or_default().0.push(breach);
    }
    for breach in new {
        subjects.entry((breach.check, &breach.subject)).or_default().1.push(breach);
    }
    subjects.into_values().flat_map(|(old, new)| flips(old, new)).collect()
}

/// Flips of one subject: what stands on both sides is taken out, the rest is matched in order.
fn flips(old: Vec<&Breach>, mut new: Vec<&Breach>) -> Vec<Flip> {
    let mut left = Vec::new();
    for breach in old {
        let same = |b: &&Breach| b.event_id == breach.event_id && b.severity == breach.severity;
        match new.iter().position(same) {
            Some(at) => {
                new.remove(at);
            }
            None => left.push(breach),
        }
    }
    let changed = left.len().min(new.len());
    let mut flips: Vec<Flip> =
        left.iter().zip(&new).map(|(from, to)| Flip::Changes { from: (*from).clone(), to: (*to).clone() }).collect();
    flips.extend(left.iter().skip(changed).map(|b| Flip::Disappears { breach: (*b).clone() }));
    flips.extend(new.iter().skip(changed).map(|b| Flip::Appears { breach: (*b).clone() }));
    flips
}
