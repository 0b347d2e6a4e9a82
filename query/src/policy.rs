//! What a policy finds in the past, and what would flip under another one.
//!
//! Guarantee: both policies observe the same events of one snapshot, each once, in the order of their commits; every
//! difference is listed up to a bound that is named. Memory: the evaluators' own bounds and [`BREACHES_MAX`] breaches
//! for each; the sort spills within the query's limits.

use crate::context::Engine;
use crate::coverage::Coverage;
use crate::error::Result;
use crate::rows::{Row, rows};
use schemas::header::Header;
use serde::Serialize;
use std::collections::BTreeMap;
use store::keys::registry_stream;
use store::policy::{Breach, Evaluator, Flip, Policy, PolicyEvent, diff};

/// Breaches of each policy that are compared.
pub const BREACHES_MAX: usize = 500_000;

/// Breaches that an answer lists.
pub const SHOWN_MAX: usize = 1_000;

/// Events, and refused ones with a header, in the order of their commits.
const EVENTS: &str = "
SELECT header, attested, signer, stream, committed_at, reason FROM log
WHERE row_class IN ('event', 'reject') AND header IS NOT NULL ORDER BY committed_at, log_partition, leaf";

/// What two policies say of the same events.
#[derive(Debug, Clone, Serialize)]
pub struct PolicyCheck {
    /// Events observed.
    pub events: u64,
    /// Version of the policy that is compared with.
    pub old_version: String,
    /// Version of the policy that is tried.
    pub new_version: String,
    /// Breaches by check under the old policy.
    pub old: BTreeMap<&'static str, u64>,
    /// Breaches by check under the new policy.
    pub new: BTreeMap<&'static str, u64>,
    /// The first breaches under the new policy, at most [`SHOWN_MAX`].
    pub found: Vec<Breach>,
    /// What flips, ordered by check and subject.
    pub flips: Vec<Flip>,
    /// Set when a policy found more than [`BREACHES_MAX`]: those beyond are counted but not compared.
    pub cut: Option<String>,
    /// What it stands on.
    pub coverage: Coverage,
}

/// One policy over the events.
struct Side {
    evaluator: Evaluator,
    counts: BTreeMap<&'static str, u64>,
    breaches: Vec<Breach>,
    cut: bool,
}

impl Side {
    fn new(policy: &Policy) -> Self {
        let evaluator = Evaluator::new(policy.clone());
        Self { evaluator, counts: BTreeMap::new(), breaches: Vec::new(), cut: false }
    }

    fn observe(&mut self, event: &PolicyEvent) {
        for breach in self.evaluator.observe(event) {
            *self.counts.entry(breach.check).or_default() += 1;
            if self.breaches.len() < BREACHES_MAX {
                self.breaches.push(breach);
            } else {
                self.cut = true;
            }
        }
    }
}

impl Engine {
    /// Runs `old` and `new` over every event of the snapshot.
    ///
    /// # Errors
    /// As [`Engine::sql`].
    pub async fn policy_check(&self, old: &Policy, new: &Policy) -> Result<PolicyCheck> {
        let registry_key = &self.snapshot().identity.registry_key;
        let registry_stream = registry_stream(registry_key);
        let (mut left, mut right, mut events) = (Side::new(old), Side::new(new), 0);
        let mut stream = self.stream_all(EVENTS).await?;
        while let Some(batch) = stream.next().await? {
            for row in rows(&[batch]) {
                let registry = row.str("signer") == Some(registry_key) && row.str("stream") == Some(&registry_stream);
                let Some(event) = view(&row, registry) else { continue };
                left.observe(&event);
                right.observe(&event);
                events += 1;
            }
        }
        let cut = (left.cut || right.cut).then(|| format!("only the first {BREACHES_MAX} breaches were compared"));
        Ok(PolicyCheck {
            events,
            old_version: old.version.clone(),
            new_version: new.version.clone(),
            flips: diff(&left.breaches, &right.breaches),
            found: right.breaches.into_iter().take(SHOWN_MAX).collect(),
            old: left.counts,
            new: right.counts,
            cut,
            coverage: self.coverage(),
        })
    }
}

fn view(row: &Row<'_>, registry: bool) -> Option<PolicyEvent> {
    let bytes = row.bytes("header")?;
    let header = Header::parse(bytes).ok()?;
    let view = PolicyEvent::from_header(&header, bytes, row.str("attested").unwrap_or_default())
        .signed_by(row.str("signer").unwrap_or_default())
        .committed_at(row.int("committed_at").unwrap_or_default());
    Some(PolicyEvent { registry, rejected: row.text("reason"), ..view })
}
