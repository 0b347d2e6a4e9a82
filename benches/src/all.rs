//! The whole suite: limits first, then each figure in a process of its own, beside them.

use crate::bed::Bed;
use crate::child::{self, Manner, Outcome};
use crate::compaction::Compaction;
use crate::error::{Doing, Error, Result};
use crate::generator::Plan;
use crate::limits::{self, Limits, Time};
use crate::machine;
use crate::report::{Bar, Figure, Report, number};
use crate::size::Size;
use crate::verification::Verification;
use crate::{idle, kafka, tessera};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Events in batches of one are at most this many: each costs a signature check.
const SINGLES_MAX: u64 = 300_000;

/// What to run.
#[derive(Debug, Clone)]
pub struct Suite {
    /// Where beds are made; what the suite made is removed again.
    pub dir: PathBuf,
    /// Seed of the events.
    pub seed: u64,
    /// Events of the main figure.
    pub events: u64,
    /// Streams.
    pub lanes: usize,
    /// Also through Kafka.
    pub kafka: bool,
    /// Also Tessera.
    pub tessera: bool,
    /// How long each limit is measured.
    pub time: Duration,
    /// How children run.
    pub manner: Manner,
    /// Keep the beds.
    pub keep: bool,
}

struct Run<'a> {
    suite: &'a Suite,
    limits: Limits,
    figures: Vec<Figure>,
    raw: Vec<Value>,
    profiles: Vec<(String, String)>,
}

/// Runs the suite; a figure that fails is reported as missing and the rest goes on.
///
/// # Errors
/// When not even the limits can be measured.
pub fn run(suite: &Suite, command: String) -> Result<Report> {
    std::fs::create_dir_all(&suite.dir).doing("making the folder of the suite")?;
    let date = jiff::Timestamp::now().to_string();
    say("limits of the machine");
    let limits = limits::measure(&suite.dir, suite.seed, Time(suite.time))?;
    let mut run = Run { suite, limits, figures: Vec::new(), raw: Vec::new(), profiles: Vec::new() };
    run.batches("embedded", None);
    run.singles();
    if suite.kafka {
        run.kafka();
    }
    run.idle();
    if suite.tessera {
        run.tessera();
    }
    Ok(Report {
        command,
        date,
        commit: commit(),
        machine: machine::look(&suite.dir),
        limits: run.limits,
        figures: run.figures,
        raw: run.raw,
        profiles: run.profiles,
    })
}

impl Run<'_> {
    /// Batches of 256: speed, memory, size, verification.
    fn batches(&mut self, log: &str, kafka: Option<String>) {
        let name = format!("{log} log to committed segments, batches of 256");
        let embedded = kafka.is_none();
        let dir = self.suite.dir.join(format!("batches-{log}"));
        match self.compacted(&dir, self.plan(self.suite.events, 256), kafka) {
            Err(e) => self.figures.push(Figure::missing(name, "events/s", e)),
            Ok((bed, done)) => {
                self.speed(name, &bed, &done);
                let name = format!("peak memory of a compactor, {} events ({log})", number(done.events as f64));
                self.figures.push(Figure::new(name, done.usage.peak_mib, "MiB").bar(Bar::Most(1_024.0)));
                if embedded {
                    self.size(&dir);
                    self.verification(&dir);
                }
            }
        }
        self.clear(&dir);
    }

    fn speed(&mut self, name: String, bed: &Bed, done: &Compaction) {
        let made = &bed.note.made;
        let beside = format!(
            "{} B/event, {} commits, {:.1} us CPU/event; alone: headers {:.1} us, zstd {:.1} us, BLAKE3 {:.1} us, disk {:.1} us",
            number(made.event_bytes_mean()),
            done.commits,
            done.cpu_us(),
            self.core_us(1.0 / self.limits.headers),
            self.core_us(made.event_bytes_mean() / self.limits.zstd_mb / 1e6),
            self.core_us(made.event_bytes_mean() / self.limits.blake3_gb / 1e9),
            made.event_bytes_mean() / self.limits.disk_mb,
        );
        self.figures.push(Figure::new(name, done.rate(), "events/s").bar(Bar::Least(60_000.0)).beside(beside));
    }

    /// Microseconds of one core that something takes which takes `seconds` of all cores.
    fn core_us(&self, seconds: f64) -> f64 {
        seconds * 1e6 * machine::cores() as f64
    }

    fn singles(&mut self) {
        let name = "embedded log to committed segments, batches of one";
        let dir = self.suite.dir.join("singles");
        match self.compacted(&dir, self.plan(self.suite.events.min(SINGLES_MAX), 1), None) {
            Err(e) => self.figures.push(Figure::missing(name, "events/s", e)),
            Ok((_, done)) => {
                let limit = self.limits.verify_strict;
                let beside = format!(
                    "{:.0} % of verify_strict on all cores ({}/s); {:.1} us CPU/event",
                    done.rate() / limit * 100.0,
                    number(limit),
                    done.cpu_us()
                );
                self.figures
                    .push(Figure::new(name, done.rate(), "events/s").bar(Bar::Least(0.6 * limit)).beside(beside));
            }
        }
        self.clear(&dir);
    }

    fn kafka(&mut self) {
        let dir = self.suite.dir.join("kafka");
        say("starting Kafka");
        match kafka::start(&dir) {
            Err(e) => {
                self.figures.push(Figure::missing("Kafka log to committed segments, batches of 256", "events/s", e))
            }
            Ok(url) => {
                self.batches("Kafka", Some(url));
                if let Err(e) = kafka::stop(&dir) {
                    say(&e.to_string());
                }
            }
        }
        self.clear(&dir);
    }

    fn size(&mut self, dir: &Path) {
        let name = "Parquet + tiles + Delta log over zstd -3 of NDJSON";
        let step = [("size", "as committed"), ("merge-size", "after merging")];
        for (verb, when) in step {
            match self.step::<Size>(verb, dir) {
                Err(e) => self.figures.push(Figure::missing(format!("{name}, {when}"), "x", e)),
                Ok(size) => {
                    let mb = |bytes: u64| number(bytes as f64 / 1e6);
                    let beside = format!(
                        "Parquet {} MB in {} files, tiles {} MB, Delta log {} MB; NDJSON {} MB, zstd -3 {} MB",
                        mb(size.parquet),
                        size.files,
                        mb(size.tiles),
                        mb(size.delta_log),
                        mb(size.ndjson),
                        mb(size.ndjson_zstd)
                    );
                    self.figures.push(
                        Figure::new(format!("{name}, {when}"), size.ratio(), "x").bar(Bar::Most(1.25)).beside(beside),
                    );
                }
            }
        }
    }

    fn verification(&mut self, dir: &Path) {
        let name = "verification of the whole store";
        match self.step::<Verification>("verify", dir) {
            Err(e) => self.figures.push(Figure::missing(name, "events/s", e)),
            Ok(done) => {
                let beside = format!("peak {} MiB", number(done.usage.peak_mib));
                self.figures.push(Figure::new(name, done.rate(), "events/s").bar(Bar::Least(150_000.0)).beside(beside));
            }
        }
    }

    fn idle(&mut self) {
        say("memory of an idle server");
        let name = "memory of an idle `hansard serve`";
        let dir = self.suite.dir.join("server");
        let figure = match std::fs::create_dir_all(&dir).doing("making a folder").and_then(|()| idle::run(&dir)) {
            Err(e) => Figure::missing(name, "MiB", e),
            Ok(mib) => Figure::new(name, mib, "MiB").bar(Bar::Most(150.0)),
        };
        self.figures.push(figure);
        self.clear(&dir);
    }

    fn tessera(&mut self) {
        say("Tessera");
        match tessera::run(&self.suite.dir, 10) {
            Err(e) => self.figures.push(Figure::missing("Tessera, POSIX driver", "entries/s", e)),
            Ok(peers) => {
                for peer in peers {
                    let name = format!("Tessera, POSIX driver, {} appenders", peer.appenders);
                    let beside = "entries of 1 KiB, durable and integrated; it checks no signature and writes no table";
                    self.figures.push(Figure::new(name, peer.rate(), "entries/s").beside(beside));
                    self.raw.push(json!({"tessera": peer}));
                }
            }
        }
    }

    /// Fills a bed in one child and compacts it in another.
    fn compacted(&mut self, dir: &Path, plan: Plan, kafka: Option<String>) -> Result<(Bed, Compaction)> {
        // A bed that an interrupted run left behind.
        let _ = std::fs::remove_dir_all(dir);
        say(&format!("filling a log with {} events, {} to a batch", plan.events, plan.batch));
        let (seed, events) = (plan.seed.to_string(), plan.events.to_string());
        let (batch, lanes) = (plan.batch.to_string(), plan.lanes.to_string());
        let folder = dir.to_string_lossy();
        let mut arguments = vec!["gen", "--dir", &folder, "--seed", &seed, "--events", &events];
        arguments.extend(["--batch", &batch, "--lanes", &lanes]);
        if let Some(url) = &kafka {
            arguments.extend(["--log", url]);
        }
        let made: Outcome<Value> = child::call(&arguments, &self.suite.dir, Manner::default())?;
        self.raw.push(json!({"gen": made.value}));
        let done = self.step::<Compaction>("compact", dir)?;
        Ok((Bed::open(dir)?, done))
    }

    /// A step on a bed, in a child.
    fn step<T: serde::de::DeserializeOwned + serde::Serialize>(&mut self, verb: &str, dir: &Path) -> Result<T> {
        let bed = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
        say(&format!("{verb} of {bed}"));
        let folder = dir.to_string_lossy();
        let outcome: Outcome<T> = child::call(&[verb, "--dir", &folder], &self.suite.dir, self.suite.manner)?;
        if let Some(profile) = outcome.profile {
            self.profiles.push((format!("{verb} of {bed}"), profile));
        }
        let value = serde_json::to_value(&outcome.value).map_err(|e| Error::new(verb, e))?;
        let mut raw = serde_json::Map::new();
        raw.insert(format!("{verb} of {bed}"), value);
        self.raw.push(raw.into());
        Ok(outcome.value)
    }

    fn plan(&self, events: u64, batch: usize) -> Plan {
        Plan { seed: self.suite.seed, events, batch, lanes: self.suite.lanes }
    }

    fn clear(&self, dir: &Path) {
        if !self.suite.keep {
            // What stays is only litter.
            let _ = std::fs::remove_dir_all(dir);
        }
    }
}

fn say(what: &str) {
    tracing::info!("{what}");
}

/// Short id of the commit that is checked out, marked when files differ from it.
fn commit() -> String {
    let git = |words: &[&str]| {
        let mut command = std::process::Command::new("git");
        let output =
            command.current_dir(env!("CARGO_MANIFEST_DIR")).args(words).stderr(std::process::Stdio::null()).output();
        output.map(|o| String::from_utf8_lossy(&o.stdout).trim().to_owned()).unwrap_or_default()
    };
    let id = git(&["rev-parse", "--short=12", "HEAD"]);
    if id.is_empty() {
        return "unknown".to_owned();
    }
    if git(&["status", "--porcelain", "--untracked-files=no"]).is_empty() { id } else { format!("{id} and changes") }
}
