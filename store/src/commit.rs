//! The one commit point: a Delta version that carries files, log offsets, tree heads and chain links together.
//!
//! Guarantee: [`publish`] puts version base + 1 only if nobody has, where base is the version that the heads were read
//! from. Where a version was taken, it looks at what took it: our own commit whose answer was lost counts as done, one
//! that touches what we depend on (same application, head domain, removed files, metadata, protocol) fences us, any
//! other lets us try the next version. So of two compactors on one partition never both commit from the same head.
//! A base that log clean-up has removed is refused, because a put there would succeed and never be read.
//!
//! Failure: `Fenced` means nothing was written. Any other error means the outcome is unknown: reload and compare offsets.

use crate::error::{Result, StoreError};
use deltalake_core::kernel::transaction::TransactionError;
use deltalake_core::kernel::{Action, Add, DomainMetadata, Remove, Transaction};
use deltalake_core::logstore::{CommitOrBytes, LogStoreRef, get_actions};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::time::Duration;
use uuid::Uuid;

/// How many versions may be taken by others before a publish gives up.
const RIVALS_MAX: u32 = 1_000;
/// How often a put that left no trace is tried again.
const PUT_TRIES_MAX: u32 = 8;
/// Pause before a put is tried again, times the number of tries.
const PUT_PAUSE: Duration = Duration::from_millis(50);
/// Key in `commitInfo` by which a writer knows its own commit again.
const COMMIT_ID: &str = "hansard.commit";

/// What one commit publishes.
#[derive(Debug, Clone)]
pub struct Commit {
    /// Random id.
    pub id: Uuid,
    /// Word for `commitInfo.operation`.
    pub operation: &'static str,
    /// Milliseconds since 1970, by the compactor's clock.
    pub timestamp_ms: i64,
    /// Application ids with their new versions: what fences rivals.
    pub transactions: Vec<Transaction>,
    /// New segments.
    pub adds: Vec<Add>,
    /// Replaced segments.
    pub removes: Vec<Remove>,
    /// Heads.
    pub domains: Vec<DomainMetadata>,
}

/// What became of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is this version.
    Committed(u64),
    /// This version, by somebody else, made it void.
    Fenced(u64),
}

impl Commit {
    /// The lines of the Delta log entry.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when an action cannot be serialised: a bug.
    pub fn to_bytes(&self) -> Result<bytes::Bytes> {
        let info = json!({"commitInfo": {
            "timestamp": self.timestamp_ms,
            "operation": self.operation,
            "operationParameters": {},
            "isBlindAppend": self.removes.is_empty(),
            "engineInfo": concat!("hansard/", env!("CARGO_PKG_VERSION")),
            COMMIT_ID: self.id.to_string(),
        }});
        let mut lines = vec![info.to_string()];
        let actions = (self.transactions.iter().cloned().map(Action::Txn))
            .chain(self.domains.iter().cloned().map(Action::DomainMetadata))
            .chain(self.removes.iter().cloned().map(Action::Remove))
            .chain(self.adds.iter().cloned().map(Action::Add));
        for action in actions {
            lines.push(serde_json::to_string(&action).map_err(|e| StoreError::corrupt("action of a commit", e))?);
        }
        lines.push(String::new());
        Ok(lines.join("\n").into())
    }

    /// Whether `actions`, committed by somebody else, make this commit void.
    fn is_fenced_by(&self, actions: &[Action]) -> bool {
        let inputs: HashSet<&str> = self.removes.iter().map(|r| r.path.as_str()).collect();
        actions.iter().any(|action| match action {
            Action::Txn(t) => self.transactions.iter().any(|own| own.app_id == t.app_id),
            Action::DomainMetadata(d) => self.domains.iter().any(|own| own.domain == d.domain),
            Action::Remove(r) => inputs.contains(r.path.as_str()),
            Action::Metadata(_) | Action::Protocol(_) => true,
            _ => false,
        })
    }

    fn is_own(&self, actions: &[Action]) -> bool {
        let id = self.id.to_string();
        let own =
            |i: &deltalake_core::kernel::CommitInfo| i.info.get(COMMIT_ID).and_then(Value::as_str) == Some(id.as_str());
        actions.iter().any(|a| matches!(a, Action::CommitInfo(i) if own(i)))
    }
}

/// Publishes `commit` on top of version `base`, from which its heads were read.
///
/// # Errors
/// See the module.
pub async fn publish(log: &LogStoreRef, mut base: u64, commit: &Commit) -> Result<Outcome> {
    let bytes = commit.to_bytes()?;
    require_base(log, base).await?;
    for _ in 0..RIVALS_MAX {
        if put(log, base + 1, &bytes, commit.id).await? {
            // Clean-up may have passed us between the look at the base and the put: then nobody will ever read it.
            require_base(log, base).await?;
            return Ok(Outcome::Committed(base + 1));
        }
        let actions = actions_of(log, base + 1).await?;
        if commit.is_own(&actions) {
            return Ok(Outcome::Committed(base + 1));
        }
        if commit.is_fenced_by(&actions) {
            return Ok(Outcome::Fenced(base + 1));
        }
        base += 1;
    }
    Err(StoreError::unavailable(
        "commit",
        format!("{RIVALS_MAX} versions were taken by others in the meantime; try again"),
    ))
}

/// Refuses a base that is not there any more.
async fn require_base(log: &LogStoreRef, base: u64) -> Result<()> {
    let there = log.read_commit_entry(base).await.map_err(|e| StoreError::unavailable(format!("version {base}"), e))?;
    match there {
        Some(_) => Ok(()),
        // A rival has committed since, so many times that clean-up removed our base: the same as being fenced.
        None => Err(StoreError::Fenced { version: base + 1 }),
    }
}

/// Puts one version if nobody has: true when it is ours for certain, false when something stands there.
async fn put(log: &LogStoreRef, version: u64, bytes: &bytes::Bytes, id: Uuid) -> Result<bool> {
    let what = || format!("version {version}");
    let mut last = None;
    for attempt in 1..=PUT_TRIES_MAX {
        match log.write_commit_entry(version, CommitOrBytes::LogBytes(bytes.clone()), id).await {
            Ok(()) => return Ok(true),
            Err(TransactionError::VersionAlreadyExists(_)) => return Ok(false),
            Err(e) => last = Some(e),
        }
        // The put failed, but may have been done all the same: what stands there decides.
        match log.read_commit_entry(version).await {
            Ok(Some(_)) => return Ok(false),
            Ok(None) => tokio::time::sleep(PUT_PAUSE * attempt).await,
            Err(e) => return Err(StoreError::unavailable(what(), e)),
        }
    }
    let detail = last.map_or_else(String::new, |e| e.to_string());
    Err(StoreError::unavailable(what(), format!("{PUT_TRIES_MAX} puts failed: {detail}")))
}

/// The actions of a committed version.
///
/// # Errors
/// `Unavailable` when it cannot be read, `Corrupt` when it is not a Delta log entry.
pub async fn actions_of(log: &LogStoreRef, version: u64) -> Result<Vec<Action>> {
    let what = || format!("version {version} of the table");
    let entry = log.read_commit_entry(version).await.map_err(|e| StoreError::unavailable(what(), e))?;
    let entry = entry.ok_or_else(|| StoreError::unavailable(what(), "it is refused as existing and yet not there"))?;
    get_actions(version, &entry).map_err(|e| StoreError::corrupt(what(), e))
}
