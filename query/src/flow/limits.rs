//! Bounds of the lineage algorithm, each with its unit, and the record of a bound that was hit.
//!
//! Guarantee: no input makes the algorithm keep more than these say; what is left out is named by a [`Bound`].

use serde::{Deserialize, Serialize};

/// Characters of one text that are looked at.
pub const TEXT_CHARS_MAX: usize = 262_144;
/// Characters of one window of orders.
pub const WINDOW_CHARS_MAX: usize = 1_500;
/// Windows kept of one text, the strongest first.
pub const WINDOWS_OF_TEXT_MAX: usize = 64;
/// Atoms of plain data kept for one session.
pub const PLAIN_ATOMS_MAX: usize = 4_096;
/// Stems of plain data kept for one session.
pub const PLAIN_STEMS_MAX: usize = 16_384;
/// Bytes of trusted words (system, people) kept for one session.
pub const TRUSTED_BYTES_MAX: usize = 4 << 20;
/// Windows kept of one session, and how many of them may be weak; the first ones. A window takes some 16 KiB.
pub const WINDOWS_OF_SESSION_MAX: usize = 4_096;
/// The weak ones among [`WINDOWS_OF_SESSION_MAX`].
pub const WEAK_WINDOWS_OF_SESSION_MAX: usize = 2_048;
/// Acts kept of one session.
pub const ACTS_OF_SESSION_MAX: usize = 8_192;
/// Bytes of a call's result that are kept for the second pass.
pub const RESULT_BYTES_KEPT: usize = 65_536;
/// Unattributed calls of one session that the second pass looks at, the last ones.
pub const PENDING_CALLS_MAX: usize = 1_024;
/// Characters of an argument that counts as one value.
pub const VALUE_CHARS_MAX: usize = 80;
/// Values of one call that are compared as wholes, the first ones.
pub const VALUES_OF_CALL_MAX: usize = 1_024;
/// Depth to which arguments are unfolded, in levels of arrays and objects.
pub const ARGUMENT_DEPTH_MAX: usize = 64;
/// Sessions that one question loads.
pub const SESSIONS_MAX: usize = 256;
/// Events that one question loads.
pub const EVENTS_MAX: usize = 262_144;
/// Bytes of text after which one question loads no more sessions.
pub const TEXT_BYTES_MAX: usize = 256 << 20;
/// Edits of a key behind which the version that they changed is looked for.
pub const EDITS_BACK_MAX: usize = 64;
/// Steps from an act back to a root.
pub const UP_DEPTH_MAX: usize = 32;
/// Pairs of event and value that one question upwards follows.
pub const UP_PAIRS_MAX: usize = 4_096;
/// Marks kept for one session of a question downwards, of each kind (tainted, known before).
pub const SESSION_MARKS_MAX: usize = 65_536;
/// Hashes of four tokens kept for one session of a question downwards, of each kind (tainted, known before).
pub const SESSION_GRAMS_MAX: usize = 1_048_576;
/// Events named where a bound was hit.
pub const FRONTIER_MAX: usize = 64;
/// Values named as evidence of one edge or effect.
pub const EVIDENCE_MAX: usize = 8;

/// A limit that was reached, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bound {
    /// Name of the limit, as in this module, in lower case.
    pub limit: String,
    /// Its value.
    pub value: usize,
    /// Unit of the value.
    pub unit: String,
    /// Events, sessions or keys at which the search stopped, at most [`FRONTIER_MAX`].
    pub frontier: Vec<String>,
}

/// The bounds that were hit by one question, each named once.
#[derive(Debug, Clone, Default)]
pub struct Bounds {
    hit: Vec<Bound>,
}

impl Bounds {
    /// Notes that `limit` was reached at `at`.
    pub fn hit(&mut self, limit: &str, value: usize, unit: &str, at: &str) {
        let place = self.hit.iter().position(|bound| bound.limit == limit);
        let place = place.unwrap_or_else(|| {
            self.hit.push(Bound { limit: limit.into(), value, unit: unit.into(), frontier: Vec::new() });
            self.hit.len() - 1
        });
        let Some(bound) = self.hit.get_mut(place) else { return };
        if bound.frontier.len() < FRONTIER_MAX && !bound.frontier.iter().any(|known| known == at) {
            bound.frontier.push(at.to_owned());
        }
    }

    /// Takes over what another part hit.
    pub fn add(&mut self, other: &[Bound]) {
        for bound in other {
            for at in &bound.frontier {
                self.hit(&bound.limit, bound.value, &bound.unit, at);
            }
        }
    }

    /// The bounds, in the order in which they were hit.
    pub fn list(&self) -> &[Bound] {
        &self.hit
    }

    /// The bounds by value.
    pub fn into_list(self) -> Vec<Bound> {
        self.hit
    }
}
