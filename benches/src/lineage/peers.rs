//! The peers: DuckDB and ClickHouse (chdb) answer the same questions by recursive SQL over the same Parquet files.
//!
//! Fails softly: without Python or the packages of `benches/peers/requirements.txt`, the reason is given. A peer's answer is
//! held to the same size as ours; a question that takes longer than it may is told as such, never left out.

use super::spread::Spread;
use super::target::{self, Kind, Target};
use crate::bed::Bed;
use crate::corpus::Manifest;
use crate::error::{Doing, Error, Result};
use crate::machine;
use schemas::columns::RowClass;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use store::snapshot::Snapshot;

/// Questions of a kind that the peers are asked, at most.
const TARGETS_MAX: usize = 50;

/// One kind, answered by a peer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Answered {
    /// Times.
    pub spread: Spread,
    /// What was wrong with the first wrong answer, or why none came.
    pub wrong: Option<String>,
}

/// One peer.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Peer {
    /// Its version.
    #[serde(default)]
    pub version: String,
    /// Straight from the files, by kind.
    #[serde(default)]
    pub files: BTreeMap<Kind, Answered>,
    /// From links that were loaded before, by kind.
    #[serde(default)]
    pub loaded: BTreeMap<Kind, Answered>,
    /// Seconds that loading the links took.
    #[serde(default)]
    pub load_seconds: Option<f64>,
    /// Why links were not loaded.
    #[serde(default)]
    pub load_error: Option<String>,
    /// Why there is nothing else.
    #[serde(default)]
    pub error: Option<String>,
}

/// A target as the script takes it.
#[derive(Debug, Serialize)]
struct Asked {
    #[serde(flatten)]
    target: Target,
    /// Events before the page.
    skip: u64,
}

/// Peers by name.
pub type Peers = BTreeMap<String, Peer>;

/// Asks the peers about a bed, each kind for `seconds` at most. `python` has the packages; without one, a virtual
/// environment is made in `work`.
///
/// # Errors
/// See the module.
pub async fn run(dir: &Path, work: &Path, python: Option<&Path>, seconds: u64) -> Result<Peers> {
    let bed = Bed::open(dir)?;
    let manifest = Manifest::load(dir)?;
    let snapshot = Snapshot::load(&bed.storage()?, None).await.doing("reading the table")?;
    let table = std::path::absolute(bed.store_dir().join(store::layout::TABLE)).doing("finding the table")?;
    let events = snapshot.files.iter().filter(|file| file.class == RowClass::Event);
    let files: Vec<PathBuf> = events.map(|file| table.join(file.path.as_ref())).collect();
    let targets: Vec<Asked> = Kind::ALL.into_iter().flat_map(|kind| asked(&manifest, kind)).collect();
    let python = match python {
        Some(given) => given.to_owned(),
        None => environment(work)?,
    };
    let question = json!({"files": files, "targets": targets, "seconds": seconds, "threads": machine::cores()});
    let mut command = Command::new(python);
    command.arg(folder().join("lineage_peers.py")).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().doing("running the peers")?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(question.to_string().as_bytes()).doing("running the peers")?;
    }
    let output = child.wait_with_output().doing("running the peers")?;
    if !output.status.success() {
        return Err(Error::new(
            "running the peers",
            format!("it ended with {}; its reason stands above", output.status),
        ));
    }
    serde_json::from_slice(output.stdout.trim_ascii()).doing("reading what the peers answered")
}

fn asked(manifest: &Manifest, kind: Kind) -> Vec<Asked> {
    let number = |(number, target): (usize, Target)| {
        let skip = if kind == Kind::MiddlePage { target::middle(number) } else { 0.0 };
        Asked { skip: (skip * manifest.long.events as f64) as u64, target }
    };
    target::targets(manifest, kind, TARGETS_MAX).into_iter().enumerate().map(number).collect()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers")
}

/// The Python of a virtual environment with the pinned packages; made once.
fn environment(work: &Path) -> Result<PathBuf> {
    let doing = "making an environment for the peers (Python 3 with venv, and its package registry, are needed)";
    let home = std::path::absolute(work.join("peers")).doing(doing)?;
    let python = home.join("bin/python");
    let run = |command: &mut Command| match command.stdout(Stdio::null()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Error::new(doing, format!("it ended with {status}; its reason stands above"))),
        Err(e) => Err(Error::new(doing, e)),
    };
    if !python.exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&home))?;
    }
    let requirements = folder().join("requirements.txt");
    run(Command::new(&python).args(["-m", "pip", "install", "-q", "-r"]).arg(requirements))?;
    Ok(python)
}
