//! What was typed, and nothing more: [`crate::plan`] resolves it against environment, file and defaults.
//!
//! Guarantee: parsing has no effect. What clap refuses is explained by clap, with exit code 2.

mod compare;

pub use compare::{CompareArgs, CompareCommon, DiffArgs, DriftArgs, ReportFormat, ReviewArgs};

mod replay;

pub use replay::{
    AtArgs, ReplayBatchArgs, ReplayCommand, ReplayPlanArgs, ReplayRunArgs, ReplayServeArgs, RunOf, StateArgs,
    StateCommand,
};

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

const EXIT_CODES: &str = "\
Settings come from flags, then environment, then hansard.toml, then defaults; `hansard status` shows which.
Exit codes: 0 done; 1 the answer is no (problems found, damaged records with --strict, no such thing in the record);
2 it did not work. A closed pipe is success. NO_COLOR is respected.";

/// Hansard keeps the verbatim, signed record of what AI agents said and did, and answers questions about it.
#[derive(Debug, Parser)]
#[command(name = "hansard", version, after_help = EXIT_CODES, propagate_version = true, subcommand_required = true, arg_required_else_help = true)]
pub struct Args {
    /// Settings that every command takes.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Settings that every command takes.
#[derive(Debug, Clone, Default, ClapArgs)]
#[command(next_help_heading = "Settings")]
pub struct Global {
    /// Where the record lies: a folder, or s3://bucket/prefix for the store alone [HANSARD_DATA; default: ./hansard-data]
    #[arg(long, global = true, value_name = "DIR|URL")]
    pub data: Option<String>,
    /// Folder of keys, embedded log, producer state and hansard.toml [HANSARD_HOME; default: the data folder]
    #[arg(long, global = true, value_name = "DIR")]
    pub home: Option<PathBuf>,
    /// Configuration file [HANSARD_CONFIG; default: hansard.toml in the home folder]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The log: `embedded`, a folder, or kafka://HOST:PORT/TOPIC?OPTION=VALUE [HANSARD_LOG; default: embedded, in HOME/log]
    #[arg(long, global = true, value_name = "LOG")]
    pub log: Option<String>,
    /// The store: a folder, file:// or s3://bucket/prefix with AWS_* settings [HANSARD_STORE; default: DATA/store]
    #[arg(long, global = true, value_name = "DIR|URL")]
    pub store: Option<String>,
    /// Print one JSON document on stdout
    #[arg(long, global = true)]
    pub json: bool,
    /// Form of the program's own log on stderr [HANSARD_LOG_FORMAT; default: text]
    #[arg(long, global = true, value_enum)]
    pub log_format: Option<LogFormat>,
    /// What it tells: error, warn, info, debug, trace, or a tracing filter [HANSARD_LOG_LEVEL; default: info for serve, else warn]
    #[arg(long, global = true, value_name = "LEVEL")]
    pub log_level: Option<String>,
    /// Boundaries to check events against as they are committed: a YAML file, or `default` [HANSARD_POLICY; default: none]
    #[arg(long = "boundaries", global = true, value_name = "FILE")]
    pub policy: Option<String>,
    /// Answer from what is committed alone, without what a running server has verified since
    #[arg(long, global = true)]
    pub committed: bool,
    /// Memory of one query in MiB [HANSARD_QUERY_MEMORY_MIB; default: 512]
    #[arg(long, global = true, value_name = "MIB")]
    pub query_memory_mib: Option<usize>,
    /// Time of one query in seconds [HANSARD_QUERY_SECONDS; default: 300]
    #[arg(long, global = true, value_name = "SECONDS")]
    pub query_seconds: Option<u64>,
}

/// Form of the program's own log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a record: keys, log, table and hansard.toml; again, it only checks them
    Init(InitArgs),
    /// Run as a server: receive events, compact them, answer questions
    Serve(ServeArgs),
    /// Record transcripts that lie in files or folders (also .gz, .tar.gz)
    Import(ImportArgs),
    /// Record a scripted story of several agents and show the questions to ask it
    Demo(DemoArgs),
    /// Answer SQL
    Sql(SqlArgs),
    /// Show the events committed last, and with -f those that come
    Tail(TailArgs),
    /// Find events by words of their contents, by likeness to a passage, or by any column
    Search(SearchArgs),
    /// List sessions
    Sessions(SessionsArgs),
    /// Show one session as a readable transcript
    Session(SessionArgs),
    /// Explain a decision or an event: the chain back to inputs, prompts, reasoning, approvals and people
    Why(WhyArgs),
    /// Follow influence from an event, up to where it came from or down to what it touched
    Trace(TraceArgs),
    /// Compare versions, variants or models of agents over their runs, with the statistics
    Compare(CompareArgs),
    /// Show where two runs part, and what followed
    Diff(DiffArgs),
    /// The report card of an agent: now against its own past and its peers
    Review(ReviewArgs),
    /// Follow a measure over time by version: change points and shares of the traffic
    Drift(DriftArgs),
    /// Show the state at a point, what differs between two, and proofs of it
    State(StateArgs),
    /// Check a run, step through it, or serve its world to a new agent
    #[command(subcommand)]
    Replay(ReplayCommand),
    /// Check the whole record: signatures, chains, trees, footers, Delta log
    Verify(VerifyArgs),
    /// Show the boundaries in force, or what another policy would say of the past
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Merge small segments, checkpoint the Delta log, index new events and delete what is no longer needed, now
    Maintain(MaintainArgs),
    /// Write the proof that an event is in the record, for a third party to check offline
    Proof(ProofArgs),
    /// Show where the record lies, what is in it, how far it is behind the log
    Status,
    /// Say who may speak: register, list and make keys
    #[command(subcommand)]
    Keys(KeysCommand),
}

/// `hansard init`.
#[derive(Debug, Clone, Default, ClapArgs)]
pub struct InitArgs {
    /// Partitions of a new log; fixed for ever [default: 4]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub partitions: Option<u32>,
    /// Tenant whose record this is [default: default]
    #[arg(long)]
    pub tenant: Option<String>,
    /// Name of the record, the prefix of its trees' origins [default: hansard/<part of the log's public key>]
    #[arg(long)]
    pub origin: Option<String>,
    /// Replicas of a new Kafka topic; fewer than 3 is named as weak in every answer [default: 3]
    #[arg(long)]
    pub replication: Option<u32>,
}

/// A role of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, ValueEnum, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Receive events over HTTP and put them into the log.
    Ingest,
    /// Pull from the log, verify, commit to the table.
    Compact,
    /// Answer questions over HTTP.
    Query,
}

/// `hansard serve`.
#[derive(Debug, Clone, Default, ClapArgs)]
pub struct ServeArgs {
    /// Roles, separated by commas [HANSARD_ROLES; default: ingest,compact,query]
    #[arg(long, value_enum, value_delimiter = ',')]
    pub roles: Vec<Role>,
    /// Address to listen on [HANSARD_LISTEN; default: 127.0.0.1:4727]
    #[arg(long, value_name = "ADDR:PORT")]
    pub listen: Option<String>,
    /// Names under which it is asked, separated by commas, besides localhost and the address that it listens on; on a
    /// loopback address requests for other names are refused [HANSARD_HOSTS; default: none]
    #[arg(long, value_delimiter = ',', value_name = "HOST")]
    pub allowed_hosts: Vec<String>,
}

/// `hansard import`.
#[derive(Debug, Clone, ClapArgs)]
pub struct ImportArgs {
    /// Format: claude-code, openclaw, agentdojo, tau-bench, who-and-when, agentrx, swe-agent or hansard
    pub format: String,
    /// Files and folders
    #[arg(required = true)]
    pub paths: Vec<PathBuf>,
    /// Stop when the log has everything; a compactor commits it later
    #[arg(long)]
    pub no_compact: bool,
    /// Follow the files: look every so many seconds and import what is new, until Ctrl-C
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true, default_missing_value = "5", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub watch: Option<u64>,
    /// Exit with 1 when a record was damaged or refused (it is kept as a reject either way)
    #[arg(long)]
    pub strict: bool,
}

/// `hansard demo`.
#[derive(Debug, Clone, Default, ClapArgs)]
pub struct DemoArgs {
    /// Folder to record into [default: --data where it is given, else ./hansard-demo]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// Form of an SQL answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SqlFormat {
    /// For people.
    Table,
    /// One JSON document: columns, rows, coverage.
    Json,
    /// One JSON object a row.
    Ndjson,
    /// Comma-separated values with a head line.
    Csv,
    /// A Parquet file.
    Parquet,
}

const SQL_NOTES: &str = "\
Functions whose result is as large as a number in the query says (repeat, lpad, rpad, array_repeat, array_resize, and range
and generate_series as values) are not available; range(...) and generate_series(...) as tables are.";

/// `hansard sql`.
#[derive(Debug, Clone, ClapArgs)]
#[command(after_help = SQL_NOTES)]
pub struct SqlArgs {
    /// The query, or - to read it from stdin
    #[arg(required_unless_present = "describe")]
    pub query: Option<String>,
    /// Form of the answer [default: table]
    #[arg(long, value_enum, conflicts_with = "json")]
    pub format: Option<SqlFormat>,
    /// Write the answer to a file
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Most rows
    #[arg(long, value_name = "ROWS")]
    pub rows: Option<usize>,
    /// List the tables, or one table's columns with their meaning
    #[arg(long, value_name = "TABLE", num_args = 0..=1, default_missing_value = "", conflicts_with = "query")]
    pub describe: Option<String>,
}

/// `hansard tail`.
#[derive(Debug, Clone, ClapArgs)]
pub struct TailArgs {
    /// Go on with the events that are committed from now on
    #[arg(short, long)]
    pub follow: bool,
    /// Only events for which this SQL condition holds, e.g. "kind = 'tool.call'"
    #[arg(long = "where", value_name = "CONDITION")]
    pub filter: Option<String>,
    /// Newest events to begin with
    #[arg(short = 'n', long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(..=100_000), value_name = "EVENTS")]
    pub lines: u64,
}

/// `hansard search`.
#[derive(Debug, Clone, ClapArgs)]
pub struct SearchArgs {
    /// Words that a content holds, all of them; also "phrases", prefix*, AND, OR, NOT and parentheses
    #[arg(required_unless_present_any = ["like", "filter"], conflicts_with = "like")]
    pub words: Option<String>,
    /// Find altered copies of this passage
    #[arg(long, value_name = "PASSAGE")]
    pub like: Option<String>,
    /// Only events for which this SQL condition holds, e.g. "tool = 'web_search' AND agent = 'a'"
    #[arg(long = "where", value_name = "CONDITION")]
    pub filter: Option<String>,
    /// Hits
    #[arg(short = 'n', long, default_value_t = 20, value_name = "HITS")]
    pub limit: usize,
}

/// `hansard sessions`.
#[derive(Debug, Clone, ClapArgs)]
pub struct SessionsArgs {
    /// Only those whose id begins so
    pub prefix: Option<String>,
    /// Most sessions
    #[arg(long, default_value_t = 100)]
    pub limit: usize,
}

/// `hansard session`.
#[derive(Debug, Clone, ClapArgs)]
pub struct SessionArgs {
    /// Session id, or its beginning where that is unique
    pub id: String,
    /// Show contents whole
    #[arg(long)]
    pub full: bool,
    /// Characters of a content that are shown; 0: all
    #[arg(long, value_name = "CHARS", conflicts_with = "full")]
    pub chars: Option<usize>,
    /// Most events
    #[arg(long, value_name = "EVENTS")]
    pub limit: Option<usize>,
    /// Where to go on, as the end of the last page says
    #[arg(long, value_name = "CURSOR")]
    pub after: Option<String>,
}

/// Form of a chain of causes or effects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LineageFormat {
    /// For people.
    Text,
    /// A Mermaid flowchart.
    Mermaid,
    /// Graphviz.
    Dot,
    /// W3C PROV-JSON.
    ProvJson,
    /// OpenLineage run events, one a line.
    Openlineage,
}

/// `hansard why`.
#[derive(Debug, Clone, ClapArgs)]
pub struct WhyArgs {
    /// A subject (loan/4711), an event id, or the beginning of one
    #[arg(value_name = "SUBJECT|EVENT")]
    pub what: String,
    /// Most links from the decision
    #[arg(long)]
    pub depth: Option<u32>,
    /// Most events
    #[arg(long)]
    pub nodes: Option<usize>,
    /// Form of the answer [default: text]
    #[arg(long, value_enum, conflicts_with = "json")]
    pub format: Option<LineageFormat>,
}

/// `hansard trace`.
#[derive(Debug, Clone, ClapArgs)]
#[command(group(clap::ArgGroup::new("direction").required(true).args(["up", "down"])))]
pub struct TraceArgs {
    /// An event id, or the beginning of one
    pub event: String,
    /// To what it came from
    #[arg(long)]
    pub up: bool,
    /// To what came from it
    #[arg(long)]
    pub down: bool,
    /// Follow this text of the event, and not all of it
    #[arg(long, value_name = "TEXT")]
    pub text: Option<String>,
    /// Most links from the event
    #[arg(long)]
    pub depth: Option<u32>,
    /// Most events
    #[arg(long)]
    pub nodes: Option<usize>,
    /// Form of the answer [default: text]
    #[arg(long, value_enum, conflicts_with = "json")]
    pub format: Option<LineageFormat>,
}

/// `hansard verify`.
#[derive(Debug, Clone, Default, ClapArgs)]
pub struct VerifyArgs {
    /// Most problems that are listed
    #[arg(long, default_value_t = 100)]
    pub problems: usize,
}

/// `hansard maintain`.
#[derive(Debug, Clone, ClapArgs)]
pub struct MaintainArgs {
    /// Days for which segments that a merge replaced are kept for readers of older versions
    #[arg(long, default_value_t = 7, value_name = "DAYS")]
    pub file_days: u32,
    /// Days for which Delta log entries are kept that a checkpoint stands in for
    #[arg(long, default_value_t = 30, value_name = "DAYS")]
    pub log_days: u32,
    /// Delete the indexes beside the table and build them again
    #[arg(long)]
    pub reindex: bool,
}

/// `hansard policy`.
#[derive(Debug, Clone, Subcommand)]
pub enum PolicyCommand {
    /// Run another policy over past events and list what would flip
    Check(PolicyCheckArgs),
    /// Show the policy in force, every setting with its value
    Show,
}

/// `hansard policy check`.
#[derive(Debug, Clone, ClapArgs)]
pub struct PolicyCheckArgs {
    /// The policy to try: a YAML file, or `default`
    #[arg(long = "policy", id = "tried_policy", value_name = "NEW")]
    pub new: String,
    /// The policy to compare with [default: the one in force, else the default policy]
    #[arg(long, value_name = "OLD")]
    pub against: Option<String>,
}

/// `hansard proof`.
#[derive(Debug, Clone, ClapArgs)]
pub struct ProofArgs {
    /// An event id, or the beginning of one
    pub event: String,
    /// File to write
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// Role of a registered key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum KeyRole {
    /// An agent's own key.
    #[value(name = "self")]
    Own,
    /// A gateway that signs what it saw.
    Gateway,
    /// An importer that signs what it read.
    Import,
}

/// `hansard keys`.
#[derive(Debug, Clone, Subcommand)]
pub enum KeysCommand {
    /// Make a key in a new file that only its owner can read
    New {
        /// File to write
        file: PathBuf,
    },
    /// Register a key for sources
    Register(RegisterArgs),
    /// List who may speak for what
    List,
}

/// `hansard keys register`.
#[derive(Debug, Clone, ClapArgs)]
#[command(group(clap::ArgGroup::new("key").required(true).args(["public", "pem"])))]
pub struct RegisterArgs {
    /// Name for people
    #[arg(long)]
    pub name: String,
    /// How the key knows what it signs
    #[arg(long, value_enum, default_value = "self")]
    pub role: KeyRole,
    /// Sources that it may speak for: exact, or a beginning with * at its end
    #[arg(long, required = true, value_delimiter = ',', num_args = 1..)]
    pub sources: Vec<String>,
    /// Public key, 64 hex digits
    #[arg(long, value_name = "HEX")]
    pub public: Option<String>,
    /// File with the private key (only its public half is used)
    #[arg(long, value_name = "FILE")]
    pub pem: Option<PathBuf>,
    /// Return when the log has it; do not wait until it is in force
    #[arg(long)]
    pub no_wait: bool,
}

#[cfg(test)]
mod tests {
    use super::Args;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_consistent() {
        Args::command().debug_assert();
    }
}
