//! Every object key and name below a store's root. Nothing else in the project spells one out.
//!
//! ```text
//! table/_delta_log/...                                   the Delta log
//! table/log_partition=<p>/row_class=<c>/<name>.parquet    segments
//! tlog/p<p>/checkpoint, tlog/p<p>/tile/...                the tree of partition p
//! tlog/root/checkpoint, tlog/root/tile/...                the root log, with its entry bundles
//! blobs/<2 hex>/<64 hex>                                  contents above 1 MiB
//! gc/<milliseconds>-<random>.json                         segments that a merge replaced then
//! policy/<64 hex>.json                                    state of the fold of the policy with this digest
//! index/manifest/<number>.json                            which index objects there are
//! index/<24 hex>.{postings,nodes,text}                    indexes, derived from the table
//! state/manifest.json                                     which snapshots of the state there are
//! state/<size of the root log>-<16 hex>.state             a snapshot of the state, derived from the table
//! ```

use object_store::path::Path;
use schemas::columns::{LOG_PARTITION, ROW_CLASS, RowClass};

/// Folder of the Delta table.
pub const TABLE: &str = "table";

/// Key of the state of a policy, by the policy's digest in hex.
#[must_use]
pub fn policy_state(digest_hex: &str) -> Path {
    Path::from(format!("policy/{digest_hex}.json"))
}

/// Folder of the indexes.
pub const INDEX: &str = "index";

/// Folder of their manifests.
pub const INDEX_MANIFESTS: &str = "index/manifest";

/// Key of the manifest with a number.
#[must_use]
pub fn index_manifest(number: u64) -> Path {
    Path::from(format!("{INDEX_MANIFESTS}/{number:020}.json"))
}

/// Key of an index object of a kind.
#[must_use]
pub fn index_object(random: &str, kind: &str) -> Path {
    Path::from(format!("{INDEX}/{random}.{kind}"))
}

/// Folder of the snapshots of the state.
pub const STATE: &str = "state";

/// Key of the list of snapshots of the state.
#[must_use]
pub fn state_manifest() -> Path {
    Path::from(format!("{STATE}/manifest.json"))
}

/// The key that a list of objects names.
#[must_use]
pub fn object(name: &str) -> Path {
    Path::from(name)
}

/// Key of the snapshot of the state at a size of the root log, with the beginning of its root in hex.
#[must_use]
pub fn state_snapshot(root_log_size: u64, root_hex: &str) -> Path {
    let beginning = root_hex.get(..16).unwrap_or(root_hex);
    Path::from(format!("{STATE}/{root_log_size:020}-{beginning}.state"))
}

/// Folder of the notes on what merges replaced.
pub const GC: &str = "gc";

/// Key of such a note.
#[must_use]
pub fn gc_note(at_ms: i64, random: &str) -> Path {
    Path::from(format!("{GC}/{at_ms:014}-{random}.json"))
}

/// Path of a segment within the table.
#[must_use]
pub fn segment(partition: u32, class: RowClass, name: &str) -> String {
    format!("{LOG_PARTITION}={partition}/{ROW_CLASS}={}/{name}.parquet", class.as_str())
}

/// Folder of a partition's tree.
#[must_use]
pub fn tree(partition: u32) -> String {
    format!("tlog/p{partition}")
}

/// Folder of the root log.
pub const ROOT_LOG: &str = "tlog/root";

/// Key of a checkpoint in a tree's folder.
#[must_use]
pub fn checkpoint(folder: &str) -> Path {
    Path::from(format!("{folder}/checkpoint"))
}

/// Key of a file of a tree, given its C2SP path.
#[must_use]
pub fn tree_file(folder: &str, path: &str) -> Path {
    Path::from(format!("{folder}/{path}"))
}

/// Key of a blob by its digest in hex.
#[must_use]
pub fn blob(digest_hex: &str) -> Path {
    let fan = digest_hex.get(..2).unwrap_or("xx");
    Path::from(format!("blobs/{fan}/{digest_hex}"))
}

/// Domain of a partition's head in the Delta log.
#[must_use]
pub fn head_domain(partition: u32) -> String {
    format!("hansard.partition.{partition}")
}

/// Domain of the store's identity in the Delta log.
pub const STORE_DOMAIN: &str = "hansard.store";

/// Application id of a partition's appends.
#[must_use]
pub fn append_app(partition: u32) -> String {
    format!("hansard/append/{partition}")
}

/// Application id of a partition's merges.
#[must_use]
pub fn merge_app(partition: u32) -> String {
    format!("hansard/merge/{partition}")
}

/// Origin of a partition's tree, for a store of this origin.
#[must_use]
pub fn tree_origin(origin: &str, partition: u32) -> String {
    format!("{origin}/p{partition}")
}

/// Origin of the root log.
#[must_use]
pub fn root_origin(origin: &str) -> String {
    format!("{origin}/root")
}
