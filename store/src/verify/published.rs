//! The published checkpoints of the trees against the table.
//!
//! Guarantee: a checkpoint is signed by the store's log key and is the root of its own size in the tree that the table
//! leads to. One that is behind its head is a warning (what was committed is published a moment later), one that is
//! ahead, or behind what the root log already holds of it, is a problem. They are read before the table, the root's
//! first, so that a running compactor cannot make them look wrong; what looks set back is read again for a while.

use super::report::{Findings, Kind};
use crate::error::{Result, StoreError};
use crate::layout;
use crate::location::Storage;
use bytes::Bytes;
use object_store::path::Path;
use schemas::tlog::{Checkpoint, NoteVerifier};
use std::collections::BTreeMap;
use std::time::Duration;

/// How often something that looks set back is read again.
const SETTLE_TRIES: u32 = 20;
/// Pause before it is read again.
const SETTLE_PAUSE: Duration = Duration::from_millis(100);

/// The notes that lie in the trees' folders.
#[derive(Debug, Default)]
pub(super) struct Notes {
    /// `position.json` of the root log.
    pub(super) position: Option<Bytes>,
    /// Notes by folder.
    pub(super) notes: BTreeMap<String, Bytes>,
}

/// Reads all notes.
///
/// # Errors
/// `Unavailable` when the storage fails.
pub(super) async fn read(storage: &Storage) -> Result<Notes> {
    let tlog = Path::from("tlog");
    let listed = storage.root.list_with_delimiter(Some(&tlog)).await.map_err(|e| StoreError::unavailable("tlog", e))?;
    let mut notes = Notes {
        position: storage.get(&layout::tree_file(layout::ROOT_LOG, "position.json")).await?,
        ..Notes::default()
    };
    let mut folders: Vec<String> = listed.common_prefixes.iter().map(ToString::to_string).collect();
    folders.sort_by_key(|f| f != layout::ROOT_LOG);
    for folder in folders {
        if let Some(note) = storage.get(&layout::checkpoint(&folder)).await? {
            notes.notes.insert(folder, note);
        }
    }
    Ok(notes)
}

/// Opens the note of a tree; `None` when there is none or it is not the store's, which is then reported.
pub(super) fn open(
    notes: &Notes,
    folder: &str,
    origin: &str,
    log_key: &[u8; 32],
    findings: &mut Findings,
) -> Option<Checkpoint> {
    let note = notes.notes.get(folder)?;
    let place = layout::checkpoint(folder).to_string();
    let verifier = NoteVerifier::new(origin, log_key).map_err(|e| e.to_string());
    let opened = verifier.and_then(|v| Checkpoint::open(note, &v, origin).map_err(|e| chain_of(&e)));
    match opened {
        Ok(checkpoint) => Some(checkpoint),
        Err(detail) => {
            findings.problem(Kind::Checkpoint, place, format!("it is not a note of the store's log key: {detail}"));
            None
        }
    }
}

/// An error with its causes in one line.
fn chain_of(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}

/// Whether the note in `folder` reaches `size` within a while, read again from the storage.
pub(super) async fn reaches(storage: &Storage, folder: &str, size: u64) -> bool {
    for _ in 0..SETTLE_TRIES {
        let note = storage.get(&layout::checkpoint(folder)).await.ok().flatten();
        let found = note.and_then(|n| size_of(&n));
        if found.is_some_and(|found| found >= size) {
            return true;
        }
        tokio::time::sleep(SETTLE_PAUSE).await;
    }
    false
}

/// The size that a note states, signed or not.
fn size_of(note: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(note).ok()?;
    text.lines().nth(1)?.parse().ok()
}
