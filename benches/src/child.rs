//! Steps of a benchmark as processes of their own: this program, called again.
//!
//! Guarantee: a child prints one JSON document on its last line of standard output; one that fails says why on standard
//! error, which is passed through. Where a machine has more cores than are asked for, `taskset` keeps the child on the
//! first of them.

use crate::error::{Doing, Error, Result};
use crate::profile;
use serde::de::DeserializeOwned;
use std::path::Path;
use std::process::{Command, Stdio};

/// How children are run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Manner {
    /// Cores that a child may use; all of them when `None`.
    pub cores: Option<usize>,
    /// Record a profile.
    pub profile: bool,
}

/// What a child printed, and its profile.
#[derive(Debug)]
pub struct Outcome<T> {
    /// The document.
    pub value: T,
    /// The profile as text, when one was asked for and could be taken.
    pub profile: Option<String>,
}

/// Calls this program with `arguments`; `dir` is where a profile may lie for a while.
///
/// # Errors
/// When it cannot be started, fails, or prints something else.
pub fn call<T: DeserializeOwned>(arguments: &[&str], dir: &Path, manner: Manner) -> Result<Outcome<T>> {
    let step = format!("running `spine {}`", arguments.first().unwrap_or(&""));
    let program = std::env::current_exe().doing(&step)?;
    let recording = manner.profile.then(|| dir.join("perf.data")).filter(|_| profile::perf_works(dir));
    let mut words: Vec<String> = Vec::new();
    if let Some(cores) = manner.cores.filter(|n| *n < crate::machine::cores()) {
        words.extend(["taskset".to_owned(), "-c".to_owned(), format!("0-{}", cores.max(1) - 1)]);
    }
    if let Some(path) = &recording {
        words.extend(profile::record_command(path));
    }
    words.push(program.to_string_lossy().into_owned());
    words.extend(arguments.iter().map(|a| (*a).to_owned()));
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = command.output().doing(&step)?;
    if !output.status.success() {
        return Err(Error::new(step, format!("it ended with {}; its reason stands above", output.status)));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().rev().find(|l| l.starts_with('{')).unwrap_or_default();
    let value = serde_json::from_str(line).doing(step)?;
    let profile = recording.map(|path| profile::report(&path));
    Ok(Outcome { value, profile })
}
