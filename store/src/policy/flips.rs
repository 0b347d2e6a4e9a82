//! What another policy would have said: breaches that appear, disappear or change.
//!
//! Guarantee: every breach of either side is counted once: it is the same on both sides, or part of one flip. Breaches
//! of one check about one subject are matched; a limit that is reached earlier or later is a change, not two flips.

use super::breach::{Breach, Severity};
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
    subjects.into_values().flat_map(|(old, new)| flips(&old, &new)).collect()
}

/// Flips of one subject: what stands on both sides is taken out, the rest is matched in order.
fn flips(old: &[&Breach], new: &[&Breach]) -> Vec<Flip> {
    let (gone, come) = (without(old, new), without(new, old));
    let both = gone.len().min(come.len());
    let pairs = gone.iter().zip(&come);
    let changes = pairs.map(|(from, to)| Flip::Changes { from: (*from).clone(), to: (*to).clone() });
    let disappear = gone.iter().skip(both).map(|b| Flip::Disappears { breach: (*b).clone() });
    let appear = come.iter().skip(both).map(|b| Flip::Appears { breach: (*b).clone() });
    changes.chain(disappear).chain(appear).collect()
}

/// Breaches that are not among `others` with the same event and severity, each of `others` used once.
fn without<'a>(these: &[&'a Breach], others: &[&Breach]) -> Vec<&'a Breach> {
    let mut left: BTreeMap<(&str, Severity), usize> = BTreeMap::new();
    for other in others {
        *left.entry((&other.event_id, other.severity)).or_default() += 1;
    }
    let mut missing = Vec::new();
    for breach in these {
        match left.get_mut(&(breach.event_id.as_str(), breach.severity)) {
            Some(count) if *count > 0 => *count -= 1,
            _ => missing.push(*breach),
        }
    }
    missing
}
