//! An independent replay of the Delta log: live files, heads and history at one version.
//!
//! Guarantee: reads JSON commits and Parquet checkpoints with code of our own and holds each commit to the rules by which
//! the store writes ([`super::commit_rules`]). Where the first JSON commits were cleaned up it starts from a checkpoint.
//! The newest checkpoint, statistics included, and the result are compared with what the commits say and with what
//! delta-rs makes of the same log. A version that cannot be read is a problem, and the
//! replay goes on with the next. Memory: one entry per live file and one per commit and partition.

use super::actions::{AddAction, Version, parse_version};
use super::commit_rules;
use super::delta_checkpoint::{self, CheckpointState};
use super::delta_stats::{Stated, stated, within};
use super::report::{Findings, Kind, Progress, Step};
use crate::error::{Result, StoreError};
use crate::head::Head;
use crate::layout;
use crate::location::Storage;
use crate::snapshot::{DataFile, Snapshot, StoreIdentity};
use bytes::Bytes;
use futures::stream::{self, StreamExt, TryStreamExt};
use object_store::path::Path;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// Versions that are fetched at once.
const VERSIONS_IN_FLIGHT: usize = 16;

/// A live file, and what the log lets us expect of it.
#[derive(Debug, Clone)]
pub(super) struct LiveFile {
    pub(super) file: DataFile,
    /// Digest of the chain link that its footer must hold alone; `None` for merged files and where the commit is gone.
    pub(super) link: Option<[u8; 32]>,
    /// Milliseconds of the commit that wrote its rows, where it is known.
    pub(super) committed_ms: Option<i64>,
}

/// A partition's head as one version published it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Published {
    pub(super) version: u64,
    pub(super) partition: u32,
    pub(super) head: Head,
}

/// State of the table at `version`.
#[derive(Debug, Default)]
pub(super) struct Replay {
    pub(super) version: u64,
    /// First version whose JSON commit was read; later ones all were.
    pub(super) first_json: u64,
    pub(super) files: BTreeMap<String, LiveFile>,
    pub(super) heads: BTreeMap<u32, Head>,
    pub(super) identity: Option<StoreIdentity>,
    /// In the order of versions, and of partitions within one.
    pub(super) history: Vec<Published>,
    /// Partitions whose heads a checkpoint gave, because their older commits are gone.
    pub(super) based: BTreeSet<u32>,
    /// Paths that were live once.
    pub(super) removed: HashSet<String>,
    pub(super) commit_ids: HashMap<String, u64>,
}

/// The versions and checkpoints that lie in the log folder.
#[derive(Debug, Default)]
struct Listing {
    jsons: BTreeSet<u64>,
    checkpoints: BTreeSet<u64>,
}

/// Replays the log up to its newest version.
///
/// # Errors
/// `NotFound` when there is no table, `Unavailable` when the storage fails.
pub(super) async fn replay(storage: &Storage, findings: &mut Findings, progress: &dyn Progress) -> Result<Replay> {
    let listing = list(storage).await?;
    let Some(version) = listing.jsons.last().copied() else {
        let what = format!("table {}", storage.table_url());
        return Err(StoreError::NotFound { what, detail: "run `hansard init` first, or check --data".to_owned() });
    };
    let mut replay = Replay { version, ..Replay::default() };
    let start = start(storage, &listing, version, &mut replay, findings).await?;
    replay.first_json = start;
    let check_at = listing.checkpoints.range(..=version).next_back().copied().filter(|c| *c >= start);
    let commits =
        stream::iter(start..=version).map(|v| async move { storage.get(&json_path(v)).await.map(|b| (v, b)) });
    let mut commits = commits.buffered(VERSIONS_IN_FLIGHT);
    while let Some((v, bytes)) = commits.try_next().await? {
        apply(v, bytes, &mut replay, findings);
        if check_at == Some(v) {
            compare_checkpoint(storage, v, &replay, findings).await?;
        }
        if v % 256 == 0 || v == version {
            progress.step(Step { phase: "versions", done: v, total: version });
        }
    }
    Ok(replay)
}

async fn list(storage: &Storage) -> Result<Listing> {
    let prefix = Path::from(format!("{}/_delta_log", layout::TABLE));
    let mut objects = storage.root.list(Some(&prefix));
    let mut listing = Listing::default();
    while let Some(object) = objects.try_next().await.map_err(|e| StoreError::unavailable(prefix.to_string(), e))? {
        let name = object.location.filename().unwrap_or_default();
        let number =
            |suffix: &str| name.strip_suffix(suffix).filter(|n| n.len() == 20).and_then(|n| n.parse::<u64>().ok());
        listing.jsons.extend(number(".json"));
        listing.checkpoints.extend(number(".checkpoint.parquet"));
    }
    Ok(listing)
}

/// The version to start from; loads the checkpoint below it when the log does not reach back to version 0.
async fn start(
    storage: &Storage,
    listing: &Listing,
    version: u64,
    replay: &mut Replay,
    findings: &mut Findings,
) -> Result<u64> {
    let mut first = version;
    while first > 0 && listing.jsons.contains(&(first - 1)) {
        first -= 1;
    }
    if first == 0 {
        return Ok(0);
    }
    let holed = listing.jsons.first().is_some_and(|f| *f < first);
    let base = listing.checkpoints.range(first - 1..=version).next().copied();
    let Some(base) = base else {
        let detail = "its commit is gone and no checkpoint stands in for it; what it added is taken from the versions that are there";
        findings.problem(Kind::DeltaLog, format!("version {}", first - 1), detail);
        return Ok(listing.jsons.first().copied().unwrap_or(first));
    };
    if holed {
        findings.problem(Kind::DeltaLog, format!("version {}", first - 1), "its commit is gone, older ones are there");
    }
    load_checkpoint(storage, base, replay, findings).await?;
    Ok(base + 1)
}

async fn load_checkpoint(storage: &Storage, base: u64, replay: &mut Replay, findings: &mut Findings) -> Result<()> {
    let place = format!("checkpoint of version {base}");
    let Some(state) = read_checkpoint(storage, base, &place, findings).await? else { return Ok(()) };
    for (path, add) in state.files {
        replay.files.insert(path, LiveFile { file: add.file, link: None, committed_ms: None });
    }
    for (domain, configuration) in state.domains {
        replay.set_domain(&domain, &configuration, &place, findings);
    }
    replay.based = replay.heads.keys().copied().collect();
    Ok(())
}

/// Reads the checkpoint of a version, and holds each of its files to what is asked of every file. `None` when there is
/// none, or it cannot be read, which is then reported.
async fn read_checkpoint(
    storage: &Storage,
    version: u64,
    place: &str,
    findings: &mut Findings,
) -> Result<Option<CheckpointState>> {
    let Some(bytes) = storage.get(&checkpoint_path(version)).await? else { return Ok(None) };
    match delta_checkpoint::read(bytes) {
        Ok(state) => {
            state.files.values().for_each(|add| commit_rules::check_listed_file(place, &add.file, findings));
            Ok(Some(state))
        }
        Err(detail) => {
            findings.problem(Kind::DeltaLog, place, detail);
            Ok(None)
        }
    }
}

fn apply(v: u64, bytes: Option<Bytes>, replay: &mut Replay, findings: &mut Findings) {
    let place = format!("version {v}");
    let Some(bytes) = bytes else {
        return findings.problem(Kind::DeltaLog, place, "its commit file is gone");
    };
    let mut lines = Findings::of_place();
    let parsed =
        parse_version(&bytes, |line, detail| lines.problem(Kind::DeltaLog, format!("version {v} line {line}"), detail));
    commit_rules::check(v, &parsed, replay, &mut lines);
    replay.apply(v, parsed, &mut lines);
    findings.absorb(lines);
}

impl Replay {
    /// Versions that are known to have published leaves of the partition; what a checkpoint stands in for counts as one.
    pub(super) fn versions_of(&self, partition: u32) -> usize {
        let told = self.history.iter().filter(|h| h.partition == partition && h.head.tree.size() > 0).count();
        told + usize::from(self.based.contains(&partition))
    }

    /// Versions that are known to have published any head, counted in the same way.
    pub(super) fn versions_with_heads(&self) -> usize {
        let told: BTreeSet<u64> = self.history.iter().map(|h| h.version).collect();
        told.len() + usize::from(!self.based.is_empty())
    }

    fn apply(&mut self, v: u64, version: Version, findings: &mut Findings) {
        let place = format!("version {v}");
        for remove in &version.removes {
            self.files.remove(&remove.path);
            self.removed.insert(remove.path.clone());
        }
        let mut published = BTreeMap::new();
        for (domain, configuration, removed) in &version.domains {
            if *removed {
                findings.problem(
                    Kind::DeltaLog,
                    place.as_str(),
                    format!("domain {domain} is removed, which no writer does"),
                );
            } else if let Some(partition) = self.set_domain(domain, configuration, &place, findings)
                && let Some(head) = self.heads.get(&partition)
            {
                published.insert(partition, head.clone());
            }
        }
        for AddAction { file, data_change } in version.adds {
            let link = data_change.then(|| published.get(&file.partition).map(|h| h.link)).flatten();
            let committed_ms = if data_change { version.timestamp_ms } else { None };
            self.files.insert(file.path.to_string(), LiveFile { file, link, committed_ms });
        }
        self.history.extend(published.into_iter().map(|(partition, head)| Published { version: v, partition, head }));
    }

    /// Takes a domain over; gives the partition when it is a head.
    fn set_domain(&mut self, domain: &str, configuration: &str, place: &str, findings: &mut Findings) -> Option<u32> {
        if domain == layout::STORE_DOMAIN {
            match serde_json::from_str(configuration) {
                Ok(identity) if self.identity.is_none() => self.identity = Some(identity),
                Ok(identity) if self.identity.as_ref() == Some(&identity) => {}
                Ok(_) => findings.problem(Kind::DeltaLog, place, "the store's identity is changed"),
                Err(e) => findings.problem(Kind::DeltaLog, place, format!("the store's identity cannot be read: {e}")),
            }
            return None;
        }
        let Some(partition) = partition_of_domain(domain) else {
            findings.problem(Kind::DeltaLog, place, format!("domain {domain} is not one that a writer sets"));
            return None;
        };
        match Head::from_json(partition, configuration) {
            Ok(head) => {
                self.heads.insert(partition, head);
                Some(partition)
            }
            Err(e) => {
                findings.problem(Kind::DeltaLog, place, e);
                None
            }
        }
    }
}

/// The partition whose head a domain holds.
pub(super) fn partition_of_domain(domain: &str) -> Option<u32> {
    let partition = domain.strip_prefix("hansard.partition.")?.parse().ok()?;
    (layout::head_domain(partition) == domain).then_some(partition)
}

/// The newest checkpoint is what readers start from: it must say what the commits say.
async fn compare_checkpoint(storage: &Storage, v: u64, replay: &Replay, findings: &mut Findings) -> Result<()> {
    let place = format!("checkpoint of version {v}");
    let Some(state) = read_checkpoint(storage, v, &place, findings).await? else { return Ok(()) };
    let files = state.files.iter().map(|(path, add)| (path, &add.file)).collect();
    compare_files(&place, "the commits", replay, &files, |own, found| own == found, findings);
    for (partition, head) in &replay.heads {
        let domain = layout::head_domain(*partition);
        let found = state.domains.get(&domain).and_then(|c| Head::from_json(*partition, c).ok());
        if found.as_ref() != Some(head) {
            findings.problem(
                Kind::DeltaLog,
                place.as_str(),
                format!("its head of partition {partition} is not that of the commits"),
            );
        }
    }
    Ok(())
}

fn compare_files(
    place: &str,
    by: &str,
    replay: &Replay,
    found: &BTreeMap<&String, &DataFile>,
    stats_agree: impl Fn(&Stated, &Stated) -> bool,
    findings: &mut Findings,
) {
    for (path, file) in found {
        match replay.files.get(*path) {
            None => findings.problem(Kind::DeltaLog, place, format!("file {path} is live there, but not by {by}")),
            Some(own) if !same(&own.file, file, &stats_agree) => {
                findings.problem(
                    Kind::DeltaLog,
                    place,
                    format!("file {path}: size, rows, statistics or tags differ from those of {by}"),
                );
            }
            Some(_) => {}
        }
    }
    for path in replay.files.keys().filter(|p| !found.contains_key(p)) {
        findings.problem(Kind::DeltaLog, place, format!("file {path} is not live there, but is by {by}"));
    }
}

/// Whether two sources say the same of a file. Queries leave files out by their statistics, so these count as the rest.
fn same(own: &DataFile, found: &DataFile, stats_agree: &impl Fn(&Stated, &Stated) -> bool) -> bool {
    let told = |f: &DataFile| (f.size, f.rows, f.partition, f.class);
    told(own) == told(found)
        && own.tags == found.tags
        && stats_agree(&stated(own.stats.as_deref()), &stated(found.stats.as_deref()))
}

/// Compares with what delta-rs, which all readers use, makes of the log.
pub(super) async fn compare_snapshot(storage: &Storage, replay: &Replay, findings: &mut Findings) {
    let place = format!("version {}", replay.version);
    let snapshot = match Snapshot::load(storage, Some(replay.version)).await {
        Ok(snapshot) => snapshot,
        Err(e) => return findings.problem(Kind::DeltaLog, place, format!("readers cannot load the table: {e}")),
    };
    let paths: Vec<String> = snapshot.files.iter().map(|f| f.path.to_string()).collect();
    let files = paths.iter().zip(&snapshot.files).collect();
    let seen = format!("{place}, as readers see it,");
    compare_files(&seen, "our replay of the log", replay, &files, |own, found| within(found, own), findings);
    if snapshot.heads != replay.heads {
        findings.problem(Kind::DeltaLog, place.as_str(), "readers see other heads than our replay of the log");
    }
    if Some(&snapshot.identity) != replay.identity.as_ref() {
        findings.problem(Kind::DeltaLog, place, "readers see another identity than our replay of the log");
    }
}

fn json_path(version: u64) -> Path {
    Path::from(format!("{}/_delta_log/{version:020}.json", layout::TABLE))
}

fn checkpoint_path(version: u64) -> Path {
    Path::from(format!("{}/_delta_log/{version:020}.checkpoint.parquet", layout::TABLE))
}
