//! `hansard maintain`: merge small segments, write a Delta checkpoint, bring the indexes up to date, keep snapshots
//! of the state, delete what is no longer needed; now, not in time.
//!
//! Guarantee: changes no row, leaf position, chain link or proof; what readers of older versions need stays for the time
//! that the flags say. A running compactor does the same by itself. Fails when another process compacts this home.

use super::Context;
use super::indexing;
use super::init;
use super::settle::own_compactor;
use crate::args::MaintainArgs;
use crate::console::counted;
use crate::failure::{Failure, Result};
use crate::opened;
use replay::source::{Making, Source};
use serde_json::json;
use std::sync::Arc;
use store::clean::Retention;
use store::compactor::Options;
use store::index::Indexer;

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// Runs the command.
///
/// # Errors
/// When another process compacts, or table or log cannot be used.
pub async fn run(context: Context<'_>, args: &MaintainArgs) -> Result<()> {
    let _ = opened::snapshot(context.settings).await?;
    let record = init::open_or_make(context).await?;
    let Some(mut own) = own_compactor(context, &record, Options::default()).await? else {
        let hint = "`hansard serve` maintains the table by itself; stop it to do it now";
        return Err(Failure::new("another process compacts this record").hint(hint));
    };
    let days = |days: u32| i64::from(days) * DAY_MS;
    let retention = Retention { files_ms: days(args.file_days), log_ms: days(args.log_days) };
    let (merges, cleaned) = own.maintain(retention).await?;
    if args.reindex {
        let now_ms = context.env.clock.now_us() / 1_000;
        store::index::rebuild(&record.storage, &record.identity, now_ms).await?;
    }
    let indexed = indexing::catch_up(&record.storage, context.env, 1, |_| true).await?;
    let snapshot = opened::snapshot(context.settings).await?;
    Indexer::new(record.storage.clone(), context.env.clone()).settle(&snapshot).await?;
    let states = Source::new(Arc::new(snapshot.clone())).keep_snapshots(Making::default()).await?.len();
    let document = json!({"states": states, "merges": merges, "files": snapshot.files.len(), "version": snapshot.version, "deleted": cleaned, "indexed": indexed});
    context.console.answer(&document, || {
        format!(
            "{}; {} in version {}; {indexed} events indexed; deleted {} ({} bytes) and {} of the Delta log",
            counted(merges as u64, "merge", "merges"),
            counted(snapshot.files.len() as u64, "segment", "segments"),
            snapshot.version,
            counted(cleaned.files as u64, "replaced segment", "replaced segments"),
            cleaned.bytes,
            counted(cleaned.log_entries as u64, "entry", "entries"),
        )
    })
}
