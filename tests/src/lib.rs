//! What the integration tests share: the binary, real parts, shared data, a small HTTP client.
//!
//! Guarantee: every process that is started here is killed when its guard is dropped. A part that is missing is said
//! loudly; with `CI=true` it is a failure ([`require`]).

use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The workspace's root.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// The binary under test, beside the test binary's folder.
///
/// # Panics
/// When it was not built.
#[must_use]
pub fn binary() -> PathBuf {
    let mut path = std::env::current_exe().unwrap_or_default();
    path.pop();
    if path.ends_with("deps") {
        path.pop();
    }
    let path = path.join("hansard");
    assert!(path.is_file(), "{} is missing: build the workspace first", path.display());
    path
}

/// The folder of real transcripts, when it lies beside the project or where `HANSARD_SHARED_DATA` says.
#[must_use]
pub fn shared_data() -> Option<PathBuf> {
    let path = std::env::var_os("HANSARD_SHARED_DATA").map_or_else(|| root().join("../shared/data"), PathBuf::from);
    if path.is_dir() {
        return Some(path);
    }
    eprintln!("SKIPPED: shared data not found at {}; set HANSARD_SHARED_DATA", path.display());
    None
}

/// Says that a part is missing; fails where the gate runs.
///
/// # Panics
/// With `CI=true`.
pub fn require(what: &str) {
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{what} is missing, and CI must not skip");
    eprintln!("SKIPPED: {what} is missing");
}

/// A record under test.
#[derive(Debug, Clone)]
pub struct Hansard {
    /// Data folder.
    pub data: PathBuf,
    /// Further flags of every command.
    pub flags: Vec<String>,
}

impl Hansard {
    /// In `data`, embedded.
    #[must_use]
    pub fn new(data: &Path) -> Self {
        Self { data: data.to_path_buf(), flags: Vec::new() }
    }

    /// A command, not started.
    #[must_use]
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command.args(args).arg("--data").arg(&self.data).args(&self.flags).env("NO_COLOR", "1").stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("the binary starts")
    }

    /// Runs a command that must succeed; its stdout.
    ///
    /// # Panics
    /// When it does not.
    #[must_use]
    pub fn ok(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "hansard {args:?}: {}\n{stderr}", output.status);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// The rows of a query.
    ///
    /// # Panics
    /// When the query fails or its answer is not NDJSON.
    #[must_use]
    pub fn rows(&self, sql: &str) -> Vec<Value> {
        let text = self.ok(&["sql", sql, "--format", "ndjson"]);
        text.lines().map(|l| serde_json::from_str(l).expect("each line is JSON")).collect()
    }

    /// The one number that a query gives.
    ///
    /// # Panics
    /// When it gives something else.
    #[must_use]
    pub fn number(&self, sql: &str) -> i64 {
        let rows = self.rows(sql);
        assert_eq!(rows.len(), 1, "{sql}: {rows:?}");
        let value = rows[0].as_object().and_then(|o| o.values().next()).cloned().unwrap_or_default();
        value.as_i64().unwrap_or_else(|| panic_number(sql, &value))
    }
}

#[expect(clippy::panic, reason = "a test helper that fails the test")]
fn panic_number(sql: &str, value: &Value) -> i64 {
    panic!("{sql}: {value} is not an integer")
}

/// A process that is killed when dropped.
#[derive(Debug)]
pub struct Guard(pub Child);

impl Guard {
    /// Kills it as `kill -9` does, and waits.
    pub fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A TCP port of the loopback that was free a moment ago.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a loopback port is free");
    listener.local_addr().expect("a bound socket has an address").port()
}

/// One HTTP exchange on loopback: (status, body).
///
/// # Errors
/// When the connection breaks.
pub fn http(port: u16, method: &str, path: &str, content_type: &str, body: &[u8]) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )?;
    stream.write_all(body)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let status = answer.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
    let body = answer.split_once("\r\n\r\n").map(|(_, b)| b.to_owned()).unwrap_or_default();
    Ok((status, body))
}

/// Waits until `check` holds.
///
/// # Panics
/// When it does not within `limit`.
pub fn wait_for(what: &str, limit: Duration, mut check: impl FnMut() -> bool) {
    let started = Instant::now();
    while !check() {
        assert!(started.elapsed() < limit, "{what}: not within {limit:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A Kafka broker of `tests/parts/kafka.sh`, stopped when dropped.
#[derive(Debug)]
pub struct Broker {
    /// `host:port`.
    pub bootstrap: String,
    dir: tempfile::TempDir,
}

impl Broker {
    /// Starts one, or `None` when Java or Maven are missing.
    #[must_use]
    pub fn start() -> Option<Self> {
        let dir = tempfile::tempdir().ok()?;
        let output = Command::new(root().join("tests/parts/kafka.sh"))
            .args(["start", "--port", "0", "--until", &std::process::id().to_string(), "--dir"])
            .arg(dir.path())
            .output()
            .ok()?;
        if !output.status.success() {
            eprintln!("{}", String::from_utf8_lossy(&output.stderr));
            require("Kafka broker");
            return None;
        }
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let bootstrap = text.lines().last()?.trim().to_owned();
        Some(Self { bootstrap, dir })
    }

    /// URL of a topic.
    #[must_use]
    pub fn url(&self, topic: &str) -> String {
        format!("kafka://{}/{topic}", self.bootstrap)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = Command::new(root().join("tests/parts/kafka.sh"))
            .args(["stop", "--kill9", "--dir"])
            .arg(self.dir.path())
            .output();
    }
}
