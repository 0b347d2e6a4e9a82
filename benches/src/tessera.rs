//! The peer: Tessera (a transparency log in Go) with its POSIX driver, appending entries durably, on the same machine.
//!
//! `benches/tessera` is a small Go program of ours over the published module. Fails softly: without Go, the reason is
//! given. What it does less: it checks no signature, parses nothing and writes no table.

use crate::error::{Doing, Error, Result};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Numbers of appenders that are tried.
pub const APPENDERS: [usize; 3] = [256, 1_024, 4_096];

/// What it prints.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Peer {
    /// Goroutines that append, each one entry at a time.
    pub appenders: usize,
    /// Bytes of an entry.
    pub entry_bytes: usize,
    /// Entries that were durable and integrated.
    pub entries: u64,
    /// Seconds.
    pub seconds: f64,
}

impl Peer {
    /// Entries per second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.entries as f64 / self.seconds
    }
}

/// Builds the program and runs it once per number of appenders, `seconds` each.
///
/// # Errors
/// See the module.
pub fn run(dir: &Path, seconds: u64) -> Result<Vec<Peer>> {
    let program = build(dir)?;
    APPENDERS.iter().map(|appenders| append(&program, dir, *appenders, seconds)).collect()
}

fn build(dir: &Path) -> Result<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tessera");
    let program = std::path::absolute(dir.join("tessera-bench")).doing("building the Tessera program")?;
    let mut command = Command::new("go");
    command.current_dir(source).args(["build", "-o"]).arg(&program).arg(".").stdout(Stdio::null());
    let built = command.status().doing("building the Tessera program (Go 1.24 or newer is needed)")?;
    if built.success() {
        Ok(program)
    } else {
        Err(Error::new("building the Tessera program", format!("go ended with {built}")))
    }
}

fn append(program: &Path, dir: &Path, appenders: usize, seconds: u64) -> Result<Peer> {
    let data = dir.join(format!("tessera-{appenders}"));
    let mut command = Command::new(program);
    command.args(["-appenders", &appenders.to_string(), "-seconds", &seconds.to_string(), "-dir"]).arg(&data);
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().doing("running Tessera")?;
    // Tens of thousands of small files: removed at once.
    let _ = std::fs::remove_dir_all(&data);
    serde_json::from_slice(&output.stdout).doing("reading what the Tessera program printed")
}
