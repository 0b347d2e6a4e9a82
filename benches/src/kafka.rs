//! A real Kafka broker for a benchmark, by the project's own script, which ends with this process.

use crate::error::{Doing, Error, Result};
use std::path::Path;
use std::process::{Command, Stdio};

/// Starts a broker with its data in `dir`; gives the URL of a topic on it.
///
/// # Errors
/// When the script fails; it says why on standard error.
pub fn start(dir: &Path) -> Result<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/parts/kafka.sh");
    let mut command = Command::new("bash");
    command.arg(script).args(["start", "--port", "0", "--until", &std::process::id().to_string(), "--dir"]).arg(dir);
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().doing("starting Kafka")?;
    let text = String::from_utf8_lossy(&output.stdout);
    match text.lines().last() {
        Some(address) if output.status.success() => Ok(format!("kafka://{address}/bench")),
        _ => Err(Error::new("starting Kafka", "tests/parts/kafka.sh failed; its reason stands above")),
    }
}

/// Stops the broker of `dir`.
///
/// # Errors
/// When the script fails.
pub fn stop(dir: &Path) -> Result<()> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/parts/kafka.sh");
    let status = Command::new("bash").arg(script).args(["stop", "--dir"]).arg(dir).stdout(Stdio::null()).status();
    status.map(|_| ()).doing("stopping Kafka")
}
