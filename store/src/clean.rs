//! Forgetting what nobody needs any more: segments that were merged away or never committed, old Delta log entries.
//!
//! Guarantee: nothing that the newest version names is deleted. A merged-away segment stays for [`Retention::files_ms`]
//! after the merge, so that a reader which pinned an older version ends in peace; which segments those are stands in
//! notes under `gc/` that are written before the merge is committed. A segment that no note and no version names is what
//! a failed commit left; it goes when it is older than the retention and [`ORPHAN_AGE_MIN_MS`]. Delta log entries go up
//! to the newest checkpoint older than [`Retention::log_ms`], never beyond what the root log has taken in.
//!
//! Failure: `Unavailable` in the middle leaves garbage and no harm; clean again.

use crate::committer;
use crate::error::{Result, StoreError};
use crate::layout;
use crate::location::Storage;
use crate::snapshot::Snapshot;
use futures::stream::{self, StreamExt, TryStreamExt};
use object_store::ObjectMeta;
use object_store::path::Path;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// A segment that nothing names is left alone for so long at least: its commit may be under way.
const ORPHAN_AGE_MIN_MS: i64 = 3_600_000;
/// Objects that are deleted in one go.
const DELETES_AT_ONCE: usize = 1_000;

/// How long what is no longer current is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Milliseconds for segments that a merge replaced.
    pub files_ms: i64,
    /// Milliseconds for entries of the Delta log that a checkpoint stands in for.
    pub log_ms: i64,
}

impl Default for Retention {
    /// 7 days for segments, 30 days for the Delta log: Delta's own defaults.
    fn default() -> Self {
        Self { files_ms: 7 * 86_400_000, log_ms: 30 * 86_400_000 }
    }
}

/// What was deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Cleaned {
    /// Segments.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Objects of the Delta log: commits and checkpoints.
    pub log_entries: usize,
}

/// The segments that a merge is about to replace.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    paths: Vec<String>,
}

/// Writes down which segments a merge replaces, before it is committed.
///
/// # Errors
/// `Unavailable`.
pub(crate) async fn note_merge(storage: &Storage, paths: Vec<String>, now_ms: i64, random: [u8; 8]) -> Result<()> {
    let bytes = serde_json::to_vec(&Note { paths }).map_err(|e| StoreError::corrupt("note of a merge", e))?;
    storage.put(&layout::gc_note(now_ms, &hex::encode(random)), bytes).await
}

/// Deletes what `retention` no longer keeps, as of `now_ms`.
///
/// # Errors
/// See the module.
pub async fn clean(storage: &Storage, now_ms: i64, retention: Retention) -> Result<Cleaned> {
    let (files, bytes) = clean_files(storage, now_ms, retention.files_ms).await?;
    let log_entries = clean_log(storage, now_ms - retention.log_ms).await?;
    Ok(Cleaned { files, bytes, log_entries })
}

async fn clean_files(storage: &Storage, now_ms: i64, keep_ms: i64) -> Result<(usize, u64)> {
    let notes = notes(storage).await?;
    let (old, young): (Vec<_>, Vec<_>) = notes.into_iter().partition(|(at_ms, ..)| *at_ms <= now_ms - keep_ms);
    let paths = |notes: &[(i64, Path, Note)]| notes.iter().flat_map(|(.., n)| n.paths.clone()).collect::<HashSet<_>>();
    let (replaced, kept) = (paths(&old), paths(&young));
    let snapshot = Snapshot::load(storage, None).await?;
    let live: HashSet<&str> = snapshot.files.iter().map(|f| f.path.as_ref()).collect();
    let orphan_before = now_ms - keep_ms.max(ORPHAN_AGE_MIN_MS);
    let doomed = |object: &ObjectMeta| {
        let path = object.location.as_ref().strip_prefix("table/").unwrap_or_default();
        let segment = path.ends_with(".parquet") && !path.starts_with("_delta_log/");
        let orphan = object.last_modified.timestamp_millis() <= orphan_before;
        segment && !live.contains(path) && !kept.contains(path) && (replaced.contains(path) || orphan)
    };
    let objects: Vec<ObjectMeta> =
        list(storage, layout::TABLE).try_filter(|o| std::future::ready(doomed(o))).try_collect().await?;
    let bytes = objects.iter().map(|o| o.size).sum();
    let count = objects.len();
    delete(storage, objects.into_iter().map(|o| o.location)).await?;
    // Last, so that an interruption leaves the note to go by.
    delete(storage, old.into_iter().map(|(_, path, _)| path)).await?;
    Ok((count, bytes))
}

/// The notes: when, where, what.
async fn notes(storage: &Storage) -> Result<Vec<(i64, Path, Note)>> {
    let objects: Vec<ObjectMeta> = list(storage, layout::GC).try_collect().await?;
    let mut notes = Vec::with_capacity(objects.len());
    for object in objects {
        let Some(bytes) = storage.get(&object.location).await? else { continue };
        let note = serde_json::from_slice(&bytes).map_err(|e| StoreError::corrupt(object.location.to_string(), e))?;
        notes.push((object.last_modified.timestamp_millis(), object.location, note));
    }
    Ok(notes)
}

async fn clean_log(storage: &Storage, before_ms: i64) -> Result<usize> {
    let root_has = committer::read_position(storage).await?.version;
    let folder = format!("{}/_delta_log", layout::TABLE);
    let entries: Vec<(u64, bool, ObjectMeta)> =
        list(storage, &folder).try_filter_map(|o| std::future::ready(Ok(log_entry(o)))).try_collect().await?;
    let stands_in = |(version, is_checkpoint, object): &&(u64, bool, ObjectMeta)| {
        *is_checkpoint && *version <= root_has && object.last_modified.timestamp_millis() <= before_ms
    };
    let Some(newest) = entries.iter().filter(stands_in).map(|(version, ..)| *version).max() else { return Ok(0) };
    // What is about to stand in alone must be readable: nothing is deleted for a checkpoint that is not.
    let _ = Snapshot::load(storage, Some(newest)).await?;
    let mut doomed: Vec<(u64, Path)> =
        entries.into_iter().filter(|(v, ..)| *v < newest).map(|(v, _, o)| (v, o.location)).collect();
    // Oldest first: what an interruption leaves is a log that begins later, not one with a hole.
    doomed.sort();
    let count = doomed.len();
    delete(storage, doomed.into_iter().map(|(_, path)| path)).await?;
    Ok(count)
}

/// Version of a commit or checkpoint, and whether it is a checkpoint; other files are left alone.
fn log_entry(object: ObjectMeta) -> Option<(u64, bool, ObjectMeta)> {
    let name = object.location.filename()?;
    let (digits, rest) = name.split_at_checked(20)?;
    let version = digits.parse().ok()?;
    let is_checkpoint = match rest {
        ".json" => false,
        ".checkpoint.parquet" => true,
        _ => return None,
    };
    Some((version, is_checkpoint, object))
}

fn list(storage: &Storage, folder: &str) -> impl futures::Stream<Item = Result<ObjectMeta>> + use<> {
    let folder = Path::from(folder);
    let what = folder.to_string();
    storage.root.list(Some(&folder)).map_err(move |e| StoreError::unavailable(what.clone(), e))
}

async fn delete(storage: &Storage, paths: impl Iterator<Item = Path>) -> Result<()> {
    let paths: Vec<Path> = paths.collect();
    for some in paths.chunks(DELETES_AT_ONCE) {
        let wanted = stream::iter(some.to_vec()).map(Ok).boxed();
        let mut deleted = storage.root.delete_stream(wanted);
        while let Some(outcome) = deleted.next().await {
            match outcome {
                Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
                Err(e) => return Err(StoreError::unavailable("deleting what is no longer needed", e)),
            }
        }
    }
    Ok(())
}
