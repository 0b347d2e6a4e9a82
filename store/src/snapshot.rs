//! An immutable view of the table at one version: its files, its partition heads. The entry point of all readers.
//!
//! Guarantee: everything in a snapshot comes from one Delta version. Files of it stay readable until clean-up deletes
//! them, which happens later than any query may last. Fails with `NotFound` when there is no table, `Corrupt` when the Delta
//! log or a head cannot be read.

use crate::error::{Result, StoreError};
use crate::head::Head;
use crate::layout;
use crate::location::Storage;
use deltalake_core::DeltaTable;
use deltalake_core::kernel::Snapshot as DeltaSnapshot;
use futures::StreamExt;
use object_store::ObjectStore;
use object_store::path::Path;
use schemas::columns::{LOG_PARTITION, ROW_CLASS, RowClass};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Context of a store's fingerprint.
const FINGERPRINT_CONTEXT: &str = "hansard 2026-11 store fingerprint v1";

/// Identity of a store, pinned in its table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreIdentity {
    /// Version of the table format, 1.
    pub format: u32,
    /// Origin: prefix of the origins of all its trees.
    pub origin: String,
    /// Identity of the log that feeds it.
    pub log_id: String,
    /// Number of log partitions.
    pub partitions: u32,
    /// Public half of the registry key, hex.
    pub registry_key: String,
    /// Public half of the key that signs the trees' checkpoints, hex.
    pub log_key: String,
    /// The tenant.
    pub tenant: String,
}

impl StoreIdentity {
    /// Tells this store from every other: BLAKE3 of its pins, hex.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let pins =
            [&self.origin, &self.log_id, &self.registry_key, &self.log_key, &self.tenant].map(|pin| pin.as_bytes());
        hex::encode(schemas::digest::fields_digest(FINGERPRINT_CONTEXT, &pins))
    }
}

/// A live file of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFile {
    /// Path relative to the table's root.
    pub path: Path,
    /// Bytes.
    pub size: u64,
    /// Milliseconds since 1970.
    pub modified_ms: i64,
    /// Log partition.
    pub partition: u32,
    /// Row class.
    pub class: RowClass,
    /// Rows.
    pub rows: u64,
    /// Delta statistics (`numRecords`, `minValues`, `maxValues`, `nullCount`) as JSON.
    pub stats: Option<String>,
    /// Tags of the add action: `hansard.digest` (BLAKE3 of the file, hex), `hansard.leaf_from`, `hansard.leaf_to`.
    pub tags: BTreeMap<String, String>,
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Delta version.
    pub version: u64,
    /// The store's identity.
    pub identity: StoreIdentity,
    /// Heads by log partition; a partition without a commit is absent.
    pub heads: BTreeMap<u32, Head>,
    /// Live files, in path order.
    pub files: Vec<DataFile>,
    /// Where they lie.
    pub storage: Storage,
}

impl Snapshot {
    /// The newest version, or `version`.
    ///
    /// # Errors
    /// See the module.
    pub async fn load(storage: &Storage, version: Option<u64>) -> Result<Self> {
        let log = storage.delta_log();
        let mut table = DeltaTable::new(log);
        let loaded = match version {
            Some(v) => table.load_version(v).await,
            None => table.load().await,
        };
        if let Err(e) = loaded {
            return Err(load_error(storage, &e).await);
        }
        let state = table.snapshot().map_err(|e| table_error(storage, &e))?;
        let lazy = DeltaSnapshot::try_new(&*table.log_store(), Some(state.version()))
            .await
            .map_err(|e| table_error(storage, &e))?;
        let identity = read_identity(storage, &lazy).await?;
        let heads = read_heads(storage, &lazy, identity.partitions).await?;
        let mut files = state.log_data().iter().map(|f| data_file(&f)).collect::<Result<Vec<_>>>()?;
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self { version: state.version(), identity, heads, files, storage: storage.clone() })
    }

    /// Events and other leaves in all partition trees together.
    #[must_use]
    pub fn tree_size(&self) -> u64 {
        self.heads.values().map(|h| h.tree.size()).sum()
    }
}

/// Why the table cannot be loaded. What delta-rs says does not tell a damaged table from none, or from a storage that
/// refuses us, so its log's folder is asked.
pub(crate) async fn load_error(storage: &Storage, error: &deltalake_core::DeltaTableError) -> StoreError {
    let log = Path::from("_delta_log");
    match storage.table_store().list(Some(&log)).next().await {
        None => no_table(storage),
        Some(Err(e)) => StoreError::unavailable(format!("table {}", storage.table_url()), e),
        Some(Ok(_)) => table_error(storage, error),
    }
}

fn no_table(storage: &Storage) -> StoreError {
    let what = format!("table {}", storage.table_url());
    StoreError::NotFound { what, detail: "run `hansard init` first, or check --data".to_owned() }
}

pub(crate) fn table_error(storage: &Storage, error: &deltalake_core::DeltaTableError) -> StoreError {
    match error {
        deltalake_core::DeltaTableError::NotATable(_) => no_table(storage),
        other => StoreError::corrupt(format!("table {}", storage.table_url()), other),
    }
}

pub(crate) async fn read_identity(storage: &Storage, snapshot: &DeltaSnapshot) -> Result<StoreIdentity> {
    let log = storage.delta_log();
    let text =
        snapshot.domain_metadata(&*log, layout::STORE_DOMAIN).await.map_err(|e| table_error(storage, &e))?.ok_or_else(
            || {
                StoreError::corrupt(
                    format!("table {}", storage.table_url()),
                    "it is not a Hansard table: domain hansard.store is missing",
                )
            },
        )?;
    let identity: StoreIdentity =
        serde_json::from_str(&text).map_err(|e| StoreError::corrupt("domain hansard.store", e))?;
    if identity.format != 1 {
        let detail = format!("table format {}, this program knows 1: update it", identity.format);
        return Err(StoreError::corrupt(format!("table {}", storage.table_url()), detail));
    }
    Ok(identity)
}

pub(crate) async fn read_heads(
    storage: &Storage,
    snapshot: &DeltaSnapshot,
    partitions: u32,
) -> Result<BTreeMap<u32, Head>> {
    let log = storage.delta_log();
    let mut heads = BTreeMap::new();
    for partition in 0..partitions {
        let text = snapshot
            .domain_metadata(&*log, layout::head_domain(partition))
            .await
            .map_err(|e| table_error(storage, &e))?;
        if let Some(text) = text {
            heads.insert(partition, Head::from_json(partition, &text)?);
        }
    }
    Ok(heads)
}

#[expect(deprecated, reason = "the tags of an add are not to be had from a file view in any other way")]
fn data_file(file: &deltalake_core::kernel::LogicalFileView) -> Result<DataFile> {
    let add = file.add_action();
    let value = |name: &str| add.partition_values.get(name).cloned().flatten();
    let bad = |detail: String| StoreError::corrupt(format!("file {}", add.path), detail);
    let partition = value(LOG_PARTITION).and_then(|v| v.parse().ok());
    let class = value(ROW_CLASS).and_then(|v| RowClass::ALL.into_iter().find(|c| c.as_str() == v));
    let (Some(partition), Some(class)) = (partition, class) else {
        return Err(bad(format!("unexpected partition values {:?}", add.partition_values)));
    };
    let tags = add.tags.clone().unwrap_or_default();
    Ok(DataFile {
        path: file.object_store_path(),
        size: u64::try_from(add.size).map_err(|_| bad(format!("size {}", add.size)))?,
        modified_ms: add.modification_time,
        partition,
        class,
        rows: file.num_records().unwrap_or_default() as u64,
        stats: add.stats.clone(),
        tags: tags.into_iter().filter_map(|(k, v)| v.map(|v| (k, v))).collect(),
    })
}
