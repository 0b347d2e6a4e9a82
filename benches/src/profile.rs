//! A sampling profile of a child by `perf`, as text, so that a missed bar can be explained.
//!
//! Fails softly: where `perf` is missing or not allowed, there is no profile, and threads and spans still say something.

use std::path::Path;
use std::process::{Command, Stdio};

/// Samples per second and core: odd, so that it does not beat with timers.
const HERTZ: &str = "397";
/// Lines of the report that are kept.
const LINES_MAX: usize = 45;

/// Whether `perf` can record here.
#[must_use]
pub fn perf_works(dir: &Path) -> bool {
    let probe = dir.join("perf.probe");
    let mut command = Command::new("perf");
    command.args(["record", "-q", "-o"]).arg(&probe).args(["--", "true"]);
    let works = command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|s| s.success());
    // Only litter.
    let _ = std::fs::remove_file(probe);
    works
}

/// What stands before a command to record it.
#[must_use]
pub fn record_command(into: &Path) -> Vec<String> {
    let words = ["perf", "record", "-q", "-F", HERTZ, "-e", "cpu-clock", "-o"];
    words.into_iter().map(str::to_owned).chain([into.to_string_lossy().into_owned(), "--".to_owned()]).collect()
}

/// The functions that took most, as text; the recording is removed.
#[must_use]
pub fn report(recording: &Path) -> String {
    let mut command = Command::new("perf");
    command.args(["report", "--stdio", "-q", "--percent-limit", "0.4", "--sort", "symbol", "-i"]).arg(recording);
    let output = command.stderr(Stdio::null()).output();
    let _ = std::fs::remove_file(recording);
    let text = output.map(|o| String::from_utf8_lossy(&o.stdout).into_owned()).unwrap_or_default();
    let lines = text.lines().map(str::trim_end).filter(|l| !l.is_empty() && !l.starts_with('#'));
    lines.take(LINES_MAX).map(|l| format!("{}\n", l.chars().take(150).collect::<String>())).collect()
}
