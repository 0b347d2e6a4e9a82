//! All live files: fetched a few at a time, each checked on a thread of its own, taken over in path order.
//!
//! Guarantee: a file that is gone, unreadable or too much for the decoder is a problem at its path and the others are
//! checked all the same.

use super::collected::Collected;
use super::delta::{LiveFile, Replay};
use super::file;
use super::part::FilePart;
use super::report::{Findings, Kind, Progress, Step};
use super::rows::Store;
use crate::error::StoreError;
use crate::layout;
use crate::location::Storage;
use crate::scan;
use futures::stream::{self, StreamExt, TryStreamExt};
use object_store::path::Path;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Files that are fetched while others are being checked.
const FILES_AHEAD: usize = 2;
/// Stray files that are named; the others are counted.
const STRAYS_NAMED: usize = 3;

/// Checks the live files of a version.
pub(super) async fn check_all(
    storage: &Storage,
    replay: &Replay,
    store: &Arc<Store>,
    findings: &mut Findings,
    progress: &dyn Progress,
) -> Collected {
    let mut bytes: BTreeMap<u32, u64> = BTreeMap::new();
    for live in replay.files.values() {
        *bytes.entry(live.file.partition).or_default() += live.file.size;
    }
    let mut collected = Collected::new(&replay.heads, &bytes);
    let mut done = 0;
    let checks = replay.files.values().map(|live| check_one(storage, live.clone(), Arc::clone(store)));
    let mut checks = stream::iter(checks.collect::<Vec<_>>()).buffered(rayon::current_num_threads() + FILES_AHEAD);
    while let Some((live, checked)) = checks.next().await {
        match checked {
            Ok(part) => collected.absorb(part, findings),
            Err(StoreError::Unavailable { what, detail }) => findings.unseen(format!("{what}: {detail}")),
            Err(e) => findings.problem(Kind::File, live.file.path.to_string(), e),
        }
        done += 1;
        progress.step(Step { phase: "files", done, total: replay.files.len() as u64 });
    }
    collected
}

async fn check_one(storage: &Storage, live: LiveFile, store: Arc<Store>) -> (LiveFile, Result<FilePart, StoreError>) {
    let open = match scan::fetch(storage, &live.file).await {
        Ok(open) => open,
        Err(e) => return (live, Err(e)),
    };
    let of = live.clone();
    let task = tokio::task::spawn_blocking(move || file::check(&store, &of, open.bytes));
    let checked = task.await.map_err(|e| StoreError::corrupt(live.file.path.to_string(), e));
    (live, checked)
}

/// Files in the table's folder that no version of the log names.
pub(super) async fn check_strays(storage: &Storage, replay: &Replay, findings: &mut Findings) {
    let folder = Path::from(layout::TABLE);
    let mut objects = storage.root.list(Some(&folder));
    let mut strays = Vec::new();
    loop {
        match objects.try_next().await {
            Ok(Some(object)) => {
                let Some(path) = object.location.as_ref().strip_prefix("table/") else { continue };
                let known = replay.files.contains_key(path) || replay.removed.contains(path);
                if !known && !path.starts_with("_delta_log/") {
                    strays.push(path.to_owned());
                }
            }
            Ok(None) => break,
            Err(e) => return findings.unseen(format!("folder of the table: {e}")),
        }
    }
    // Where old commits were cleaned up, the files that they removed cannot be told from strays.
    if !strays.is_empty() && replay.first_json == 0 {
        strays.sort();
        let named: Vec<&str> = strays.iter().take(STRAYS_NAMED).map(String::as_str).collect();
        let detail = format!(
            "{} files that no version up to {} names, such as {}: left by commits that failed, or not committed yet",
            strays.len(),
            replay.version,
            named.join(", ")
        );
        findings.warning(Kind::File, "folder of the table", detail);
    }
}
