//! Creation of the table: version 0 is written by us, so that its protocol is exactly what we mean.
//!
//! Guarantee: a store is created once; a second creation with another identity is refused with both identities named,
//! with the same identity it changes nothing.

use crate::error::{Result, StoreError};
use crate::layout;
use crate::location::Storage;
use crate::snapshot::{StoreIdentity, read_identity, table_error};
use deltalake_core::kernel::engine::arrow_conversion::TryFromArrow;
use deltalake_core::kernel::transaction::TransactionError;
use deltalake_core::kernel::{DomainMetadata, Snapshot as DeltaSnapshot, StructType};
use deltalake_core::logstore::CommitOrBytes;
use schemas::columns::{LOG_PARTITION, ROW_CLASS, table_schema};
use serde_json::json;
use uuid::Uuid;

/// Versions between two Delta checkpoints.
pub const CHECKPOINT_INTERVAL: u64 = 100;

/// Creates the table of a new store, or checks that the one there is it.
///
/// # Errors
/// [`StoreError::Invalid`] when another store lies there.
pub async fn create(storage: &Storage, identity: &StoreIdentity, id: Uuid, now_ms: i64) -> Result<()> {
    let log = storage.delta_log();
    let bytes = version_zero(identity, id, now_ms)?;
    match log.write_commit_entry(0, CommitOrBytes::LogBytes(bytes), id).await {
        Ok(()) => Ok(()),
        Err(TransactionError::VersionAlreadyExists(_)) => same_identity(storage, identity).await,
        Err(e) => Err(StoreError::unavailable(format!("table {}", storage.table_url()), e)),
    }
}

async fn same_identity(storage: &Storage, wanted: &StoreIdentity) -> Result<()> {
    let snapshot = DeltaSnapshot::try_new(&*storage.delta_log(), None).await.map_err(|e| table_error(storage, &e))?;
    let found = read_identity(storage, &snapshot).await?;
    if found == *wanted {
        return Ok(());
    }
    let what = format!("store {}", storage.url);
    Err(StoreError::invalid(what, format!("another store lies there: expected {wanted:?}, found {found:?}")))
}

fn version_zero(identity: &StoreIdentity, id: Uuid, now_ms: i64) -> Result<bytes::Bytes> {
    let bug = |e: &dyn std::fmt::Display| StoreError::corrupt("version 0 of the table", e);
    let schema = StructType::try_from_arrow(&table_schema()).map_err(|e| bug(&e))?;
    let schema = serde_json::to_string(&schema).map_err(|e| bug(&e))?;
    let identity = serde_json::to_string(identity).map_err(|e| bug(&e))?;
    let domain = DomainMetadata { domain: layout::STORE_DOMAIN.to_owned(), configuration: identity, removed: false };
    let lines = [
        json!({"commitInfo": {"timestamp": now_ms, "operation": "CREATE TABLE", "operationParameters": {},
            "engineInfo": concat!("hansard/", env!("CARGO_PKG_VERSION")), "hansard.commit": id.to_string()}}),
        json!({"protocol": {"minReaderVersion": 1, "minWriterVersion": 7,
            "writerFeatures": ["domainMetadata", "appendOnly", "invariants"]}}),
        json!({"metaData": {"id": id.to_string(), "name": "hansard", "description": null,
            "format": {"provider": "parquet", "options": {}}, "schemaString": schema,
            "partitionColumns": [LOG_PARTITION, ROW_CLASS],
            "configuration": {"delta.checkpointInterval": CHECKPOINT_INTERVAL.to_string()}, "createdTime": now_ms}}),
        json!({"domainMetadata": domain}),
    ];
    Ok(lines.iter().map(|l| format!("{l}\n")).collect::<String>().into())
}
