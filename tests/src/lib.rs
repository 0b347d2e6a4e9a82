//! What the integration tests share: the binary, real parts, shared data, a small HTTP client.
//!
//! Guarantee: every process that is started here is killed when its guard is dropped. A part that is missing is said
//! loudly; with `CI=true` it is a failure ([`require`]).

use serde_json::Value;
use std::ffi::OsStr;
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
    program("hansard")
}

/// A program of the workspace, beside the test binary's folder.
///
/// # Panics
/// When it was not built.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    let mut path = std::env::current_exe().unwrap_or_default();
    path.pop();
    if path.ends_with("deps") {
        path.pop();
    }
    let path = path.join(name);
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
    /// Variables of every command; of two of one name the last is in force.
    pub env: Vec<(String, String)>,
}

impl Hansard {
    /// In `data`, embedded.
    #[must_use]
    pub fn new(data: &Path) -> Self {
        Self { data: data.to_path_buf(), flags: Vec::new(), env: Vec::new() }
    }

    /// A command, not started. No setting of the machine reaches it.
    #[must_use]
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(binary());
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|name| name.starts_with("HANSARD_") || name.starts_with("AWS_")) {
                command.env_remove(name);
            }
        }
        command.args(args).arg("--data").arg(&self.data).args(&self.flags).env("NO_COLOR", "1").stdin(Stdio::null());
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
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

    /// The one JSON document of a command that must succeed.
    ///
    /// # Panics
    /// When it fails or prints something else.
    #[must_use]
    pub fn json(&self, args: &[&str]) -> Value {
        let text = self.ok(&[args, &["--json"]].concat());
        serde_json::from_str(&text).expect("--json prints one document")
    }

    /// The one JSON document of a command that must succeed, and that takes another command behind `--`.
    ///
    /// # Panics
    /// When it fails or prints something else.
    #[must_use]
    pub fn json_before(&self, args: &[&str], rest: &[&str]) -> Value {
        let mut command = self.command(args);
        let output = command.arg("--json").arg("--").args(rest).output().expect("the binary starts");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "hansard {args:?}: {}\n{stderr}", output.status);
        serde_json::from_slice(&output.stdout).expect("--json prints one document")
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

    /// Asks it to end (SIGTERM) and waits for at most `limit`; whether it ended with success.
    pub fn terminate(&mut self, limit: Duration) -> bool {
        let asked = Command::new("sh").args(["-c", "kill -TERM $0", &self.0.id().to_string()]).status();
        let (asked, started) = (asked.is_ok_and(|s| s.success()), Instant::now());
        while asked && started.elapsed() < limit {
            match self.0.try_wait() {
                Ok(None) => std::thread::sleep(Duration::from_millis(50)),
                ended => return ended.is_ok_and(|status| status.is_some_and(|s| s.success())),
            }
        }
        false
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
    http_with(port, method, path, &[], content_type, body)
}

/// As [`http`], with further headers.
///
/// # Errors
/// When the connection breaks.
pub fn http_with(
    port: u16,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    content_type: &str,
    body: &[u8],
) -> std::io::Result<(u16, String)> {
    let further: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{further}Content-Type: {content_type}\r\nContent-Length: {}\r\n\r\n",
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

/// The last line that a script of ours prints, or `None`, said loudly, when what it needs is missing.
fn last_line(what: &str, script: &str, args: &[&OsStr]) -> Option<String> {
    let output = Command::new(root().join(script)).args(args).output();
    let line = match &output {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).lines().next_back().map(|line| line.trim().to_owned())
        }
        Ok(output) => {
            eprintln!("{}", String::from_utf8_lossy(&output.stderr));
            None
        }
        Err(error) => {
            eprintln!("{script}: {error}");
            None
        }
    };
    if line.is_none() {
        require(what);
    }
    line
}

/// Starts a server of `tests/parts` that lives in `dir` and ends with this process; its address.
fn start_part(what: &str, script: &str, dir: &Path) -> Option<String> {
    let pid = std::process::id().to_string();
    let args = ["start", "--port", "0", "--until", &pid, "--dir"].map(OsStr::new);
    last_line(what, &format!("tests/parts/{script}"), &[&args[..], &[dir.as_os_str()]].concat())
}

fn stop_part(script: &str, dir: &Path) {
    let _ = Command::new(root().join("tests/parts").join(script)).args(["stop", "--kill9", "--dir"]).arg(dir).output();
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
    ///
    /// # Panics
    /// When there is no place for temporary files.
    #[must_use]
    pub fn start() -> Option<Self> {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let bootstrap = start_part("Kafka broker", "kafka.sh", dir.path())?;
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
        stop_part("kafka.sh", self.dir.path());
    }
}

/// An S3 server of `tests/parts/s3.sh`, stopped when dropped.
#[derive(Debug)]
pub struct S3 {
    /// The `AWS_*` variables by which a client finds it.
    pub env: Vec<(String, String)>,
    dir: tempfile::TempDir,
}

impl S3 {
    /// Starts one, or `None` when Go is missing.
    ///
    /// # Panics
    /// When it started and does not say its settings.
    #[must_use]
    pub fn start() -> Option<Self> {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let _ = start_part("S3 server", "s3.sh", dir.path())?;
        let text = std::fs::read_to_string(dir.path().join("env")).expect("s3.sh writes its settings");
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        let env = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Some(Self { env, dir })
    }

    /// URL of a store.
    #[must_use]
    pub fn url(&self, prefix: &str) -> String {
        format!("s3://hansard/{prefix}")
    }

    /// The folder in which the server keeps the objects of a store.
    #[must_use]
    pub fn folder(&self, prefix: &str) -> PathBuf {
        self.dir.path().join("data/hansard").join(prefix)
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        stop_part("s3.sh", self.dir.path());
    }
}

/// The Python of the oracles, with the libraries that they need; `None` when it cannot be had.
#[must_use]
pub fn python() -> Option<String> {
    last_line("Python oracles", "tests/oracles/python/setup.sh", &[])
}

/// The Python with the SDKs that a replay must satisfy; `None` when it cannot be had.
#[must_use]
pub fn replay_python() -> Option<String> {
    last_line("Python SDKs", "tests/oracles/python/setup.sh", &[OsStr::new("replay")])
}

/// The Go oracle, built into `dir`; `None` when there is no Go.
///
/// # Panics
/// When it does not build.
#[must_use]
pub fn go_oracle(dir: &Path) -> Option<PathBuf> {
    if Command::new("go").arg("version").output().is_err() {
        require("Go");
        return None;
    }
    let program = dir.join("go-oracle");
    let source = root().join("tests/oracles/go");
    let built = Command::new("go").arg("build").arg("-o").arg(&program).arg(".").current_dir(source).output();
    let built = built.expect("go runs");
    assert!(built.status.success(), "go build: {}", String::from_utf8_lossy(&built.stderr));
    Some(program)
}

/// The BLAKE3 digest of a file with a context, by the `b3sum` program where it is installed, else by the Python binding
/// of the reference implementation.
///
/// # Panics
/// When neither answers.
#[must_use]
pub fn b3sum(python: &str, context: &str, file: &Path) -> String {
    if let Ok(output) = Command::new("b3sum").args(["--no-names", "--derive-key", context]).arg(file).output() {
        return String::from_utf8_lossy(&output.stdout).trim().to_owned();
    }
    let code = "import blake3,sys; print(blake3.blake3(open(sys.argv[2],'rb').read(), derive_key_context=sys.argv[1]).hexdigest())";
    let output = Command::new(python).args(["-c", code, context]).arg(file).output().expect("python runs");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// The bytes of a cell that holds hex.
///
/// # Panics
/// When it does not.
#[must_use]
pub fn unhex(value: &Value) -> Vec<u8> {
    let text = value.as_str().expect("hex text");
    let digit = |i: usize| u8::from_str_radix(&text[i..i + 2], 16).expect("hex digits");
    (0..text.len()).step_by(2).map(digit).collect()
}
