//! From judged rows to one committed version and its published trees: the write half of the compactor.
//!
//! Order, each step durable before the next: blobs, segments, **the commit**, tiles, partition checkpoints, root log.
//! Guarantee: nothing before the commit is visible, everything after it is derived from it, and [`Committer::open`]
//! publishes whatever a crash left out by the same code. A fenced or failed commit leaves this committer unusable:
//! open another.

use crate::commit::{Commit, Outcome, actions_of, publish};
use crate::error::{Result, StoreError};
use crate::files::{self, NewFile, PartitionRows};
use crate::head::Head;
use crate::judge::Pending;
use crate::layout;
use crate::location::Storage;
use crate::recover;
use crate::snapshot::Snapshot;
use crate::trees::{self, Tree};
use deltalake_core::kernel::{Action, Add, DomainMetadata, Transaction};
use deltalake_core::logstore::LogStoreRef;
use ed25519_dalek::SigningKey;
use futures::stream::{self, StreamExt, TryStreamExt};
use ingest::env::Env;
use object_store::path::Path;
use schemas::chain::Link;
use schemas::tlog::{Checkpoint, NoteSigner};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

/// Objects that are put at once.
const PUTS_IN_FLIGHT: usize = 8;
/// Leaves that recovery publishes at once: bounds its memory.
const RECOVER_LEAVES: u64 = 1 << 20;

/// One partition's share of a commit.
#[derive(Debug)]
pub(crate) struct Share {
    pub(crate) partition: u32,
    pub(crate) pending: Pending,
    /// Head before, from which the share was judged.
    pub(crate) before: Head,
    /// Head after; its link is still that of `before`.
    pub(crate) after: Head,
}

/// What a commit did.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) version: u64,
    /// Links of the partitions after it.
    pub(crate) links: BTreeMap<u32, [u8; 32]>,
}

/// How far the root log follows the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RootPosition {
    /// Newest table version whose heads are in the root log.
    pub(crate) version: u64,
    /// Size of the root log then.
    size: u64,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Committer {
    storage: Storage,
    log: LogStoreRef,
    env: Env,
    log_key: SigningKey,
    origin: String,
    /// The version that the heads were read from: base of the next commit.
    pub(crate) base: u64,
    /// Heads at the base of the partitions that were taken over.
    heads: BTreeMap<u32, Head>,
    trees: BTreeMap<u32, Tree>,
    root: Tree,
    position: RootPosition,
}

impl Committer {
    /// Opens at a snapshot and publishes whatever its version has committed and the trees do not show yet.
    ///
    /// # Errors
    /// `Corrupt` when trees and table disagree, `Unavailable` when the storage fails.
    pub(crate) async fn open(snapshot: &Snapshot, log_key: SigningKey, env: Env) -> Result<Self> {
        let storage = snapshot.storage.clone();
        let origin = snapshot.identity.origin.clone();
        let signer = note_signer(&layout::root_origin(&origin), &log_key)?;
        let root = Tree::open(&storage, layout::ROOT_LOG.to_owned(), signer).await?;
        let position = read_position(&storage).await?;
        let log = storage.delta_log();
        let (trees, heads, base) = (BTreeMap::new(), BTreeMap::new(), snapshot.version);
        let mut committer = Self { storage, log, env, log_key, origin, base, heads, trees, root, position };
        committer.publish_root(snapshot.version).await?;
        Ok(committer)
    }

    /// Takes partitions over at a snapshot, with nothing in flight, and publishes what their trees do not show yet.
    ///
    /// # Errors
    /// `Fenced` when somebody else has gone on with a partition that is ours, else as [`Committer::open`].
    pub(crate) async fn take_over(&mut self, snapshot: &Snapshot, partitions: &[u32]) -> Result<()> {
        let head_of = |p: &u32| snapshot.heads.get(p).cloned().unwrap_or_else(Head::empty);
        let moved = self.heads.iter().any(|(p, head)| !partitions.contains(p) && !same_place(head, &head_of(p)));
        if moved || snapshot.version < self.base {
            return Err(StoreError::Fenced { version: snapshot.version });
        }
        self.base = snapshot.version;
        for partition in partitions {
            let head = head_of(partition);
            self.catch_up_tree(snapshot, *partition, &head).await?;
            self.heads.insert(*partition, head);
        }
        Ok(())
    }

    async fn catch_up_tree(&mut self, snapshot: &Snapshot, partition: u32, head: &Head) -> Result<()> {
        // Opened anew: another owner may have published since.
        self.trees.remove(&partition);
        self.open_tree(partition).await?;
        let Some(tree) = self.trees.get_mut(&partition) else { return Ok(()) };
        if tree.size() > head.tree.size() {
            let newest = Snapshot::load(&self.storage, None).await?;
            if newest.heads.get(&partition).is_some_and(|h| h.tree.size() >= tree.size()) {
                return Err(StoreError::Fenced { version: newest.version });
            }
            let detail = format!(
                "its checkpoint signs {} leaves, version {} of the table has {}: the table was set back",
                tree.size(),
                snapshot.version,
                head.tree.size()
            );
            return Err(StoreError::corrupt(format!("tree of partition {partition}"), detail));
        }
        while tree.size() < head.tree.size() {
            let from = tree.size();
            let to = head.tree.size().min(from + RECOVER_LEAVES);
            let leaves = recover::partition_leaves(snapshot, partition, from, to).await?;
            tree.publish_towards(&leaves, &head.tree).await?;
        }
        Ok(())
    }

    async fn open_tree(&mut self, partition: u32) -> Result<()> {
        if !self.trees.contains_key(&partition) {
            let signer = note_signer(&layout::tree_origin(&self.origin, partition), &self.log_key)?;
            let tree = Tree::open(&self.storage, layout::tree(partition), signer).await?;
            self.trees.insert(partition, tree);
        }
        Ok(())
    }

    /// Commits the shares of all partitions together, at the time `now_us`, then publishes what follows from it.
    ///
    /// # Errors
    /// `Fenced` when another compactor committed one of them first; see the module.
    pub(crate) async fn commit(&mut self, shares: Vec<Share>, now_us: i64) -> Result<Done> {
        // What the shares were judged from must be what the base says: else somebody went on without us.
        let at_base = |s: &Share| self.heads.get(&s.partition).is_some_and(|head| same_place(head, &s.before));
        if !shares.iter().all(at_base) {
            return Err(StoreError::Fenced { version: self.base });
        }
        self.put_blobs(&shares).await?;
        let links: Vec<Link> = shares.iter().map(|s| link_of(s, now_us)).collect();
        let adds = self.put_segments(&shares, &links, now_us).await?;
        let mut done = Done { version: 0, links: BTreeMap::new() };
        let mut heads = Vec::new();
        for (share, link) in shares.iter().zip(&links) {
            // A share without rows moves the offset only: no file would carry its link.
            let digest = if share.pending.rows.is_empty() { share.before.link } else { link.digest() };
            done.links.insert(share.partition, digest);
            heads.push((share.partition, Head { link: digest, ..share.after.clone() }));
        }
        let commit = self.action(&heads, adds, now_us);
        match publish(&self.log, self.base, &commit).await? {
            Outcome::Fenced(version) => return Err(StoreError::Fenced { version }),
            Outcome::Committed(version) => self.base = version,
        }
        done.version = self.base;
        self.heads.extend(heads);
        self.publish_trees(&shares).await?;
        self.publish_root(self.base).await?;
        Ok(done)
    }

    /// Takes versions without heads, such as merges, into the root log's position, so that clean-up may pass them.
    ///
    /// # Errors
    /// When the storage fails.
    pub(crate) async fn follow(&mut self, version: u64) -> Result<()> {
        self.publish_root(version).await
    }

    fn action(&self, heads: &[(u32, Head)], adds: Vec<Add>, now_us: i64) -> Commit {
        let now_ms = now_us / 1_000;
        let txn = |p: &u32, h: &Head| Transaction {
            app_id: layout::append_app(*p),
            version: i64::try_from(h.offset).unwrap_or(i64::MAX),
            last_updated: Some(now_ms),
        };
        let domain = |p: &u32, h: &Head| DomainMetadata {
            domain: layout::head_domain(*p),
            configuration: h.to_json(),
            removed: false,
        };
        Commit {
            id: Uuid::from_bytes(self.env.random()),
            operation: "WRITE",
            timestamp_ms: now_ms,
            transactions: heads.iter().map(|(p, h)| txn(p, h)).collect(),
            adds,
            removes: Vec::new(),
            domains: heads.iter().map(|(p, h)| domain(p, h)).collect(),
        }
    }

    async fn put_blobs(&self, shares: &[Share]) -> Result<()> {
        let blobs = shares.iter().flat_map(|s| &s.pending.blobs);
        let puts = blobs.map(|(name, bytes)| async move { self.storage.put(&layout::blob(name), bytes.clone()).await });
        stream::iter(puts.collect::<Vec<_>>())
            .buffer_unordered(PUTS_IN_FLIGHT)
            .try_collect::<Vec<()>>()
            .await
            .map(|_| ())
    }

    async fn put_segments(&self, shares: &[Share], links: &[Link], now_us: i64) -> Result<Vec<Add>> {
        let files = self.encode(shares, links, now_us)?;
        let puts = files.into_iter().map(|f| files::put(&self.storage, f, now_us / 1_000, true));
        stream::iter(puts.collect::<Vec<_>>()).buffered(PUTS_IN_FLIGHT).try_collect().await
    }

    fn encode(&self, shares: &[Share], links: &[Link], now_us: i64) -> Result<Vec<NewFile>> {
        let parts: Vec<PartitionRows<'_>> = shares
            .iter()
            .zip(links)
            .filter(|(s, _)| !s.pending.rows.is_empty())
            .map(|(s, link)| PartitionRows {
                partition: s.partition,
                rows: &s.pending.rows,
                link,
                suffix: hex::encode(self.env.random::<8>()),
            })
            .collect();
        tokio::task::block_in_place(|| files::encode_all(&parts, now_us))
    }

    async fn publish_trees(&mut self, shares: &[Share]) -> Result<()> {
        for share in shares.iter().filter(|s| !s.pending.leaves.is_empty()) {
            self.open_tree(share.partition).await?;
            if let Some(tree) = self.trees.get_mut(&share.partition) {
                tree.publish(&share.pending.leaves, share.after.tree.root()).await?;
            }
        }
        Ok(())
    }

    /// Extends the root log by the heads of all versions up to `version`.
    async fn publish_root(&mut self, version: u64) -> Result<()> {
        // Another process may have published since: go on from what lies there.
        let stored = read_position(&self.storage).await?;
        if stored != self.position {
            let signer = note_signer(&layout::root_origin(&self.origin), &self.log_key)?;
            self.root = Tree::open(&self.storage, layout::ROOT_LOG.to_owned(), signer).await?;
            self.position = stored;
        }
        if version <= self.position.version {
            return Ok(());
        }
        let mut texts = Vec::new();
        for v in self.position.version + 1..=version {
            texts.extend(self.root_entries(v).await?);
        }
        // Two compactors that publish at once may leave a checkpoint that is behind the position: its entries are there.
        if self.root.size() < self.position.size {
            trees::extend_root(&mut self.root, self.position.size).await?;
        }
        // A crash between the root's checkpoint and the position file leaves entries that are there already.
        let published = (self.root.size() - self.position.size) as usize;
        if texts.len() < published {
            let detail = format!(
                "it has {} entries, the table's versions make {}",
                self.root.size(),
                self.position.size + texts.len() as u64
            );
            return Err(StoreError::corrupt("root log", detail));
        }
        trees::publish_root(&mut self.root, &texts[published..]).await?;
        self.position = RootPosition { version, size: self.root.size() };
        // One that somebody else has taken further is left alone.
        match read_position(&self.storage).await? {
            stored if stored.version >= version => Ok(()),
            _ => write_position(&self.storage, self.position).await,
        }
    }

    async fn root_entries(&self, version: u64) -> Result<Vec<String>> {
        let mut heads = BTreeMap::new();
        for action in actions_of(&self.log, version).await? {
            let Action::DomainMetadata(d) = action else { continue };
            let partition = d.domain.strip_prefix("hansard.partition.").and_then(|p| p.parse::<u32>().ok());
            if let Some(partition) = partition {
                heads.insert(partition, Head::from_json(partition, &d.configuration)?);
            }
        }
        heads.into_iter().map(|(p, h)| root_entry(&self.origin, p, &h)).collect()
    }
}

/// Whether two heads stand at the same place of log and tree.
fn same_place(a: &Head, b: &Head) -> bool {
    (a.offset, a.tree.size()) == (b.offset, b.tree.size())
}

/// The entry of the root log for a head: the unsigned checkpoint text of its partition.
///
/// # Errors
/// `Corrupt` when the store's origin makes no valid checkpoint.
pub(crate) fn root_entry(origin: &str, partition: u32, head: &Head) -> Result<String> {
    Checkpoint::new(&layout::tree_origin(origin, partition), head.tree.size(), head.tree.root())
        .map(|c| c.to_text())
        .map_err(|e| StoreError::corrupt(format!("checkpoint of partition {partition}"), e))
}

fn note_signer(origin: &str, key: &SigningKey) -> Result<Arc<NoteSigner>> {
    NoteSigner::new(origin, key.clone()).map(Arc::new).map_err(|e| StoreError::invalid(format!("origin {origin}"), e))
}

fn link_of(share: &Share, now_us: i64) -> Link {
    Link {
        partition: share.partition,
        leaf_from: share.before.tree.size(),
        leaf_to: share.after.tree.size(),
        offset_from: share.before.offset,
        offset_to: share.after.offset,
        root: *share.after.tree.root().as_bytes(),
        registry: share.after.registry,
        previous: share.before.link,
        rows: files::rows_digest(now_us, &share.pending.rows),
    }
}

fn position_path() -> Path {
    layout::tree_file(layout::ROOT_LOG, "position.json")
}

/// How far the root log follows the table.
///
/// # Errors
/// `Unavailable`, or `Corrupt` when the position cannot be read.
pub(crate) async fn read_position(storage: &Storage) -> Result<RootPosition> {
    match storage.get(&position_path()).await? {
        None => Ok(RootPosition { version: 0, size: 0 }),
        Some(bytes) => serde_json::from_slice(&bytes).map_err(|e| StoreError::corrupt(position_path().to_string(), e)),
    }
}

async fn write_position(storage: &Storage, position: RootPosition) -> Result<()> {
    let bytes = serde_json::to_vec(&position).map_err(|e| StoreError::corrupt("position of the root log", e))?;
    storage.put(&position_path(), bytes).await
}
