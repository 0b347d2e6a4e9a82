//! `hansard verify`: everything that a store says about itself, checked against everything else.
//!
//! Guarantee: looks at one version of the table, with all that is derived from it, and (when it is given) at the log
//! below it; never stops at a problem, never writes, and gives each problem its place. What it believes without proof is
//! the store's identity in version 0: the registry key and the log key that are pinned there are what the caller compares
//! with what is known from elsewhere. A compactor may commit meanwhile.
//!
//! Order: published notes, Delta log, files (each header parsed once, each signature verified once, on all cores), then
//! chain, roots, registry, streams and ids from what the files left in memory, then tiles, blobs and the log.
//! Memory: about 60 bytes per event, 24 per id, 16 per content, and a few files at a time.
//!
//! Failure: only when there is no table or the storage cannot be listed. What cannot be read is a problem, or is named in
//! [`Report::unseen`], and the report is then not complete.

mod actions;
mod chain;
mod collected;
mod columns;
mod commit_rules;
mod contents;
mod delta;
mod delta_checkpoint;
mod delta_stats;
mod file;
mod files;
mod identity;
mod join;
mod links;
mod log;
mod part;
mod published;
mod registry;
mod report;
mod root_log;
mod rows;
mod streams;
mod tiles;
mod trees;

use crate::error::{Result, StoreError};
use crate::location::Storage;
use collected::Collected;
use delta::Replay;
use ingest::log::Log;
use report::Findings;
pub use report::{Kind, PROBLEMS_MAX, Problem, Progress, Report, Silent, Step, WARNINGS_MAX};
pub(crate) use root_log::read_bundle;
use std::sync::Arc;

/// Verifies the newest version of the store.
///
/// # Errors
/// When there is no store to verify, or its storage cannot be listed.
pub async fn verify(storage: &Storage, log: Option<&dyn Log>, progress: &dyn Progress) -> Result<Report> {
    let mut findings = Findings::whole();
    let notes = published::read(storage).await?;
    let replay = delta::replay(storage, &mut findings, progress).await?;
    let Some(identity) = replay.identity.clone() else {
        let what = format!("table {}", storage.table_url());
        return Err(StoreError::corrupt(what, "it is not a Hansard table, or its domain hansard.store is gone"));
    };
    delta::compare_snapshot(storage, &replay, &mut findings).await;
    let keys = trees::Keys::of(&identity, &mut findings);
    let store = Arc::new(rows::Store {
        tenant: identity.tenant.clone(),
        registry_key: keys.registry,
        registry_stream: crate::keys::registry_stream(&identity.registry_key),
    });
    let mut collected = files::check_all(storage, &replay, &store, &mut findings, progress).await;
    files::check_strays(storage, &replay, &mut findings).await;
    let blobs = std::mem::take(&mut collected.blobs);
    let checkpoints = trees::open_all(&notes, &identity, &keys, &mut findings);
    let joined = join::run(collected, keys.registry, checkpoints.sizes(), &mut findings).await?;
    contents::check_blobs(storage, blobs, &mut findings, progress).await;
    let published =
        trees::Published { storage, notes: &notes, checkpoints: &checkpoints, identity: &identity, replay: &replay };
    published.check(&joined, &mut findings, progress).await;
    let log_records = match log {
        Some(log) => log::check(log, &identity, &joined.collected, &mut findings, progress).await,
        None => 0,
    };
    Ok(report(&replay, &joined.collected, joined.absent, log_records, findings))
}

fn report(
    replay: &Replay,
    collected: &Collected,
    contents_absent: u64,
    log_records: u64,
    findings: Findings,
) -> Report {
    Report {
        version: replay.version,
        tree_size: replay.heads.values().map(|h| h.tree.size()).sum(),
        events: collected.events,
        rows: collected.rows,
        files: replay.files.len() as u64,
        streams: collected.partitions.values().map(|p| p.streams.len() as u64).sum(),
        signatures: collected.signatures,
        contents: collected.contents,
        contents_absent,
        log_records,
        bytes: replay.files.values().map(|f| f.file.size).sum(),
        complete: findings.unseen.is_empty(),
        problems: findings.problems,
        problems_left_out: findings.problems_left_out,
        warnings: findings.warnings,
        warnings_left_out: findings.warnings_left_out,
        unseen: findings.unseen,
    }
}
