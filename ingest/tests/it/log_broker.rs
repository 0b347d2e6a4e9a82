//! The real Apache Kafka broker of this test binary: started once by `tests/parts/kafka.sh`, gone with the process.
//!
//! Without Java or Maven the Kafka tests say SKIPPED and pass, but fail where the environment says `CI=true`.

use ingest::log::kafka::{KafkaLog, KafkaOptions, TopicSpec};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::sync::RwLock;

/// A running broker. It ends with this process; its folder is removed by the next run of the tests.
pub(crate) struct Broker {
    address: String,
    dir: PathBuf,
}

/// Tests that need the broker up hold it for reading, the one that kills it for writing.
static BROKER: LazyLock<RwLock<Option<Broker>>> = LazyLock::new(|| RwLock::new(start()));

/// The broker, or `None` when this machine cannot have one (said loudly).
pub(crate) fn broker() -> &'static RwLock<Option<Broker>> {
    &BROKER
}

fn start() -> Option<Broker> {
    start_with(&[])
}

/// A broker of its own with more arguments for kafka.sh, or `None` as above.
pub(crate) fn start_with(arguments: &[&str]) -> Option<Broker> {
    let missing: Vec<_> = ["java", "mvn"].into_iter().filter(|tool| !has(tool)).collect();
    if !missing.is_empty() {
        let text = format!("SKIPPED: the Kafka tests need {} and this machine has none", missing.join(" and "));
        eprintln!("\n*** {text} ***\n");
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{text}");
        return None;
    }
    let dir = folder();
    let pid = std::process::id().to_string();
    let address = script(&dir, &[&["start", "--port", "0", "--until", &pid], arguments].concat());
    Some(Broker { address, dir })
}

/// A new folder named after this process, after removing those of processes that are gone.
fn folder() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let brokers = Path::new(env!("CARGO_TARGET_TMPDIR")).join("log-brokers");
    std::fs::create_dir_all(&brokers).unwrap();
    for entry in std::fs::read_dir(&brokers).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let process = name.split('-').next().unwrap_or_default();
        if !Path::new("/proc").join(process).exists() {
            // Another test binary may be removing it at the same time.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
    let dir = brokers.join(format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
    std::fs::create_dir(&dir).unwrap();
    dir
}

fn has(tool: &str) -> bool {
    let found = Command::new("sh").args(["-c", &format!("command -v {tool}")]).stdout(Stdio::null()).status();
    found.is_ok_and(|status| status.success())
}

/// Runs kafka.sh; gives the last line that it prints.
fn script(dir: &Path, arguments: &[&str]) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/parts/kafka.sh");
    let output = Command::new(path).args(arguments).arg("--dir").arg(dir).stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "kafka.sh {arguments:?} failed");
    String::from_utf8(output.stdout).unwrap().lines().last().unwrap_or_default().to_owned()
}

impl Broker {
    /// The URL of a topic that nobody used before; it is not made yet.
    pub(crate) fn url(&self) -> String {
        static TOPICS: AtomicU32 = AtomicU32::new(0);
        format!("kafka://{}/topic-{}", self.address, TOPICS.fetch_add(1, Ordering::Relaxed))
    }

    /// host:port.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// A new topic of `partitions` partitions; gives its URL.
    pub(crate) async fn topic(&self, partitions: u32) -> String {
        let url = self.url();
        let spec = TopicSpec { partitions, replication: 1 };
        assert!(KafkaLog::create_topic(&KafkaOptions::parse(&url).unwrap(), spec).await.unwrap(), "{url} is new");
        url
    }

    /// Ends the broker.
    pub(crate) fn stop(self) {
        script(&self.dir, &["stop", "--kill9"]);
    }

    /// Kills the broker with -9 and starts it again on the same data.
    pub(crate) fn crash(&self) {
        let pid = std::process::id().to_string();
        script(&self.dir, &["restart", "--kill9", "--until", &pid]);
    }
}

/// Connects.
pub(crate) async fn connect(url: &str) -> KafkaLog {
    KafkaLog::connect(KafkaOptions::parse(url).unwrap()).await.unwrap()
}
