//! A process that appends to an embedded log and says what was acknowledged, until it is killed: this test binary
//! again, told by an environment variable to run one test only.

use ingest::env::Seeded;
use ingest::log::embedded::{EmbeddedLog, EmbeddedOptions};
use ingest::log::{Log, NewRecord, Position, conformance};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

const FOLDER: &str = "HANSARD_TEST_LOG_CHILD";
const NAME: &str = "HANSARD_TEST_LOG_NAME";

/// The process, killed with -9 at the latest when dropped.
pub(crate) struct Appender {
    process: Child,
    output: Option<ChildStdout>,
}

/// Starts one on the log in `dir`; `name` makes its records its own.
pub(crate) fn start(dir: &Path, name: &str) -> Appender {
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "log_child::log_child_appends", "--nocapture", "--test-threads=1"])
        .env(FOLDER, dir)
        .env(NAME, name)
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let output = process.stdout.take();
    Appender { process, output }
}

impl Appender {
    /// Kills it with -9 after a while.
    pub(crate) fn kill_after(&mut self, life: Duration) {
        std::thread::sleep(life);
        // `Child::kill` is SIGKILL.
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// What it said was acknowledged.
    pub(crate) fn acknowledged(&mut self) -> Vec<(Position, String)> {
        let lines = BufReader::new(self.output.take().unwrap()).split(b'\n').map_while(Result::ok);
        lines.filter_map(|line| parse(&String::from_utf8_lossy(&line))).collect()
    }
}

impl Drop for Appender {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A whole line only: the last one may be cut by the kill.
fn parse(line: &str) -> Option<(Position, String)> {
    let mut words = line.strip_prefix("ack ")?.strip_suffix(" .")?.split(' ');
    let position = Position { partition: words.next()?.parse().ok()?, offset: words.next()?.parse().ok()? };
    Some((position, words.next()?.to_owned()))
}

/// The child's work. Without the environment variable, which `start` sets, it only checks the lines' form.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_child_appends() {
    assert_eq!(parse("ack 1 23 a-b ."), Some((Position { partition: 1, offset: 23 }, "a-b".to_owned())));
    assert_eq!(parse("ack 1 23 a-"), None);
    let (Some(dir), Ok(name)) = (std::env::var_os(FOLDER), std::env::var(NAME)) else {
        return;
    };
    let options = EmbeddedOptions { partitions: Some(2), create: true };
    let seed = u64::from(std::process::id());
    let log = EmbeddedLog::open(Path::new(&dir), options, &*Seeded::env(seed).entropy).unwrap();
    let log: Arc<dyn Log> = Arc::new(log);
    // Said on a line of its own, whatever the test harness printed before.
    println!();
    let tasks: Vec<_> = (0..4).map(|task| tokio::spawn(work(Arc::clone(&log), format!("{name}-{task}")))).collect();
    for task in tasks {
        task.await.unwrap();
    }
}

async fn work(log: Arc<dyn Log>, name: String) {
    for number in 0..u64::MAX {
        let value = |n: u32| format!("{name}-{number}-{n}");
        let records = (0..3).map(|n| NewRecord { partition_key: format!("{name}-{n}"), value: value(n).into() });
        let positions = conformance::append(&*log, records.collect()).await;
        let mut lines = String::new();
        for (n, Position { partition, offset }) in (0..).zip(positions) {
            lines.push_str(&format!("ack {partition} {offset} {} .\n", value(n)));
        }
        // One write: lines of several tasks do not mix.
        let mut out = std::io::stdout().lock();
        out.write_all(lines.as_bytes()).and_then(|()| out.flush()).unwrap();
    }
}
