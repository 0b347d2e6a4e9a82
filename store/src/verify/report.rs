//! What verification found, bounded and in a fixed order, and how it tells of its progress.
//!
//! Guarantee: a problem always names its place (file and row, partition and leaf, stream and index, log offset, tile,
//! version) and what was expected and found. Lists are bounded; what did not fit is counted. Nothing here can fail.

use serde::Serialize;

/// Most problems that a report lists; the rest is counted.
pub const PROBLEMS_MAX: usize = 1_000;
/// Most warnings that a report lists; the rest is counted.
pub const WARNINGS_MAX: usize = 1_000;
/// Most problems that one file, stream or tree may list, so that one damaged place does not hide the others.
pub(super) const PLACE_PROBLEMS_MAX: usize = 50;

/// What a problem is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A version of the Delta log, or what the log says as a whole.
    DeltaLog,
    /// A file of the table: missing, of another size or digest, not readable, unlike its `add` action.
    File,
    /// A row that is not where or what it must be.
    Row,
    /// A typed column that differs from the signed header.
    Column,
    /// A content that does not open its commitment.
    Content,
    /// A content of which neither salt nor bytes are there: erased, or never sent.
    ContentAbsent,
    /// A leaf that is missing, there twice, or above the head.
    Leaf,
    /// The tree of a partition, or the root log, against the head.
    Tree,
    /// A tile or an entry bundle.
    Tile,
    /// A published checkpoint.
    Checkpoint,
    /// An entry of the root log.
    RootLog,
    /// A link of the provenance chain.
    Chain,
    /// The order of a producer's stream.
    Stream,
    /// A signature of a producer.
    Signature,
    /// A key that may not speak for its source.
    Registry,
    /// An event that stands twice in `events`, or a duplicate of nothing.
    Identity,
    /// A record of the log.
    Log,
}

impl Kind {
    /// The word for people and programs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DeltaLog => "delta_log",
            Self::File => "file",
            Self::Row => "row",
            Self::Column => "column",
            Self::Content => "content",
            Self::ContentAbsent => "content_absent",
            Self::Leaf => "leaf",
            Self::Tree => "tree",
            Self::Tile => "tile",
            Self::Checkpoint => "checkpoint",
            Self::RootLog => "root_log",
            Self::Chain => "chain",
            Self::Stream => "stream",
            Self::Signature => "signature",
            Self::Registry => "registry",
            Self::Identity => "identity",
            Self::Log => "log",
        }
    }
}

/// Something that is not as it must be, or that is worth knowing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// What it is about.
    pub kind: Kind,
    /// Where it is.
    pub place: String,
    /// What was expected and found.
    pub detail: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}: {}", self.kind.as_str(), self.place, self.detail)
    }
}

/// The outcome of [`super::verify`].
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// Table version that was verified.
    pub version: u64,
    /// Leaves in all partition trees together, as the heads say.
    pub tree_size: u64,
    /// Rows that hold an event (of class event, duplicate or reject) and were checked.
    pub events: u64,
    /// All rows that were read.
    pub rows: u64,
    /// Live files of the table.
    pub files: u64,
    /// Streams (name and key).
    pub streams: u64,
    /// Producers' signatures that were checked, one for each batch.
    pub signatures: u64,
    /// Contents that opened their commitment.
    pub contents: u64,
    /// Contents of which neither salt nor bytes are there and to which nothing in the stream opens.
    pub contents_absent: u64,
    /// Log records that were compared with the table.
    pub log_records: u64,
    /// Bytes of the live files.
    pub bytes: u64,
    /// What is not as it must be, at most [`PROBLEMS_MAX`].
    pub problems: Vec<Problem>,
    /// Problems that did not fit.
    pub problems_left_out: u64,
    /// What is worth knowing but proves nothing wrong, at most [`WARNINGS_MAX`].
    pub warnings: Vec<Problem>,
    /// Warnings that did not fit.
    pub warnings_left_out: u64,
    /// What could not be looked at, and why.
    pub unseen: Vec<String>,
    /// Whether everything in the store (and in the log, if one was given) was looked at.
    pub complete: bool,
}

impl Report {
    /// Whether everything was looked at and nothing is wrong.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.complete && self.problems.is_empty()
    }
}

/// How far verification has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// What is being looked at: `versions`, `files`, `trees`, `streams`, `blobs`, `log`.
    pub phase: &'static str,
    /// Units done of it.
    pub done: u64,
    /// Units of it in all, 0 when that is not known.
    pub total: u64,
}

/// Told of progress, from any thread, a few hundred times in all or once for each file. Must not block.
pub trait Progress: Send + Sync {
    /// One more step is done.
    fn step(&self, step: Step);
}

impl<F: Fn(Step) + Send + Sync> Progress for F {
    fn step(&self, step: Step) {
        self(step);
    }
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn step(&self, _: Step) {}
}

/// Collects problems up to a limit and counts the rest.
#[derive(Debug, Clone)]
pub(super) struct Findings {
    limit: usize,
    pub(super) problems: Vec<Problem>,
    pub(super) problems_left_out: u64,
    pub(super) warnings: Vec<Problem>,
    pub(super) warnings_left_out: u64,
    pub(super) unseen: Vec<String>,
}

impl Findings {
    /// For the whole report.
    pub(super) fn whole() -> Self {
        Self::with_limit(PROBLEMS_MAX)
    }

    /// For one file, stream or tree.
    pub(super) fn of_place() -> Self {
        Self::with_limit(PLACE_PROBLEMS_MAX)
    }

    fn with_limit(limit: usize) -> Self {
        Self {
            limit,
            problems: Vec::new(),
            problems_left_out: 0,
            warnings: Vec::new(),
            warnings_left_out: 0,
            unseen: Vec::new(),
        }
    }

    pub(super) fn problem(&mut self, kind: Kind, place: impl Into<String>, detail: impl std::fmt::Display) {
        if self.problems.len() >= self.limit {
            self.problems_left_out += 1;
            return;
        }
        self.problems.push(Problem { kind, place: place.into(), detail: detail.to_string() });
    }

    pub(super) fn warning(&mut self, kind: Kind, place: impl Into<String>, detail: impl std::fmt::Display) {
        if self.warnings.len() >= self.limit.min(WARNINGS_MAX) {
            self.warnings_left_out += 1;
            return;
        }
        self.warnings.push(Problem { kind, place: place.into(), detail: detail.to_string() });
    }

    pub(super) fn unseen(&mut self, what: impl Into<String>) {
        if self.unseen.len() < self.limit {
            self.unseen.push(what.into());
        }
    }

    /// Takes over what another collector holds.
    pub(super) fn absorb(&mut self, other: Self) {
        self.problems_left_out += other.problems_left_out;
        self.warnings_left_out += other.warnings_left_out;
        other.problems.into_iter().for_each(|p| self.problem(p.kind, p.place, p.detail));
        other.warnings.into_iter().for_each(|p| self.warning(p.kind, p.place, p.detail));
        other.unseen.into_iter().for_each(|u| self.unseen(u));
    }
}
