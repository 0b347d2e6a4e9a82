//! Arguments of `hansard state` and `hansard replay`.
//!
//! Guarantee: parsing has no effect.

use clap::{Args as ClapArgs, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;

/// A point in the past.
#[derive(Debug, Clone, Default, ClapArgs)]
pub struct AtArgs {
    /// An event and what was before it, a time (RFC 3339), or a size of the root log [default: everything committed]
    #[arg(long, value_name = "EVENT|TIME|TREE-SIZE")]
    pub at: Option<String>,
    /// Nothing that was committed after this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub known_at: Option<String>,
}

/// `hansard state`.
#[derive(Debug, Clone, ClapArgs)]
#[command(args_conflicts_with_subcommands = true)]
pub struct StateArgs {
    /// Something else than showing it.
    #[command(subcommand)]
    pub command: Option<StateCommand>,
    /// The point.
    #[command(flatten)]
    pub at: AtArgs,
    /// Only what is of this agent
    #[arg(long)]
    pub agent: Option<String>,
    /// Only what is of this session
    #[arg(long)]
    pub session: Option<String>,
    /// Only these: totals, session, agent, stop, budget, memory, file, grant, call, credential, config, policy, approval,
    /// breaker, flag
    #[arg(long, value_delimiter = ',', value_name = "CLASS")]
    pub class: Vec<String>,
    /// Also what is over: decided approvals, dead credentials, deleted values, closed calls
    #[arg(long)]
    pub all: bool,
    /// Most rows
    #[arg(long, default_value_t = 1_000, value_name = "ROWS")]
    pub limit: usize,
    /// Prove what the state holds under this key of memory
    #[arg(long, num_args = 2, value_names = ["STORE", "KEY"], conflicts_with_all = ["agent", "session", "class", "all"])]
    pub proof: Option<Vec<String>>,
    /// File for the proof [default: stdout]
    #[arg(long, value_name = "FILE", requires = "proof")]
    pub out: Option<PathBuf>,
}

/// What to do with states.
#[derive(Debug, Clone, Subcommand)]
pub enum StateCommand {
    /// Show what differs between two points, and which events did it
    Diff {
        /// An event, a time or a size of the root log
        from: String,
        /// The same
        to: String,
        /// Nothing that was committed after this time
        #[arg(long, value_name = "TIME")]
        known_at: Option<String>,
    },
    /// Check a proof: against a root that you trust, else against the root that the events of this record lead to
    Verify {
        /// The proof's file
        proof: PathBuf,
        /// The root that you trust
        #[arg(long, value_name = "CELLS:HASH", conflicts_with_all = ["at", "known_at"])]
        root: Option<String>,
        /// The point
        #[command(flatten)]
        at: AtArgs,
    },
    /// Make the snapshots that are due, and one of everything committed
    Snapshot {
        /// Make all of them again from the first event
        #[arg(long)]
        rebuild: bool,
    },
}

/// `hansard replay`.
#[derive(Debug, Clone, Subcommand)]
pub enum ReplayCommand {
    /// Derive again what follows from the events before it, and report where a run contradicts it
    Check(RunOf),
    /// Step through a run: n next, p previous, j jump, s state, q quit
    Step(RunOf),
    /// Answer a new agent as the world answered a recorded run
    Serve(ReplayServeArgs),
    /// Run an agent against a recorded run, several times, and say whether the outcome changed
    Run(ReplayRunArgs),
    /// Run an agent against each of many recorded runs; again, it goes on where it was stopped
    Batch(ReplayBatchArgs),
}

/// A run at a point.
#[derive(Debug, Clone, ClapArgs)]
pub struct RunOf {
    /// Session id, or its beginning where that is unique
    #[arg(long, value_name = "SESSION")]
    pub run: String,
    /// The point.
    #[command(flatten)]
    pub at: AtArgs,
}

/// How a run is replayed.
#[derive(Debug, Clone, ClapArgs)]
pub struct ReplayPlanArgs {
    /// The run.
    #[command(flatten)]
    pub of: RunOf,
    /// A request that was not recorded: `stop`, `stub` (or stub=TEXT), `live`
    #[arg(long, default_value = "stop", value_name = "stop|stub|live")]
    pub miss: String,
    /// Where live answers come from: the base URL of an API, such as https://host/v1
    #[arg(long, value_name = "URL")]
    pub live: Option<String>,
    /// File that holds the key of the live endpoint
    #[arg(long, value_name = "FILE", requires = "live")]
    pub live_key: Option<PathBuf>,
    /// Recorded answers before this step, the live endpoint from it on
    #[arg(long, value_name = "STEP", requires = "live")]
    pub fork_at: Option<usize>,
    /// Withhold an input
    #[arg(long, value_name = "EVENT", conflicts_with = "set")]
    pub without: Option<String>,
    /// Put an input right: the bytes of the file stand for the content
    #[arg(long, value_name = "EVENT:CONTENT=FILE")]
    pub set: Option<String>,
    /// Give the recorded answer although model, temperature or tools differ
    #[arg(long)]
    pub accept_settings: bool,
    /// Give the answer of the nearest recorded request, whatever differs
    #[arg(long)]
    pub accept_nearest: bool,
}

/// `hansard replay serve`.
#[derive(Debug, Clone, ClapArgs)]
pub struct ReplayServeArgs {
    /// How.
    #[command(flatten)]
    pub plan: ReplayPlanArgs,
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1:4728", value_name = "ADDR:PORT")]
    pub listen: SocketAddr,
    /// Speak MCP on stdin and stdout instead of listening
    #[arg(long, conflicts_with = "listen")]
    pub stdio: bool,
    /// Do not record what is served
    #[arg(long)]
    pub no_record: bool,
}

/// `hansard replay run`.
#[derive(Debug, Clone, ClapArgs)]
pub struct ReplayRunArgs {
    /// How.
    #[command(flatten)]
    pub plan: ReplayPlanArgs,
    /// Runs with the change; as many run without it beside them
    #[arg(short, long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub n: u32,
    /// Seconds that one run may take
    #[arg(long, default_value_t = 600, value_name = "SECONDS")]
    pub seconds: u64,
    /// The agent's command; it finds the recorded world in OPENAI_BASE_URL, ANTHROPIC_BASE_URL and HANSARD_REPLAY_MCP
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

/// `hansard replay batch`.
#[derive(Debug, Clone, ClapArgs)]
pub struct ReplayBatchArgs {
    /// Name of the batch: what it has done stands under it in the home folder
    #[arg(long)]
    pub name: String,
    /// The runs: an SQL condition on `sessions`, e.g. "starts_with(session, 'bank/')"
    #[arg(long = "where", value_name = "CONDITION")]
    pub filter: String,
    /// Runs at the same time
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub jobs: u16,
    /// A request that was not recorded: `stop`, `stub` (or stub=TEXT), `live`
    #[arg(long, default_value = "stop", value_name = "stop|stub|live")]
    pub miss: String,
    /// Where live answers come from: the base URL of an API
    #[arg(long, value_name = "URL")]
    pub live: Option<String>,
    /// File that holds the key of the live endpoint
    #[arg(long, value_name = "FILE", requires = "live")]
    pub live_key: Option<PathBuf>,
    /// Recorded answers before this step, the live endpoint from it on
    #[arg(long, value_name = "STEP", requires = "live")]
    pub fork_at: Option<usize>,
    /// Give the recorded answer although model, temperature or tools differ
    #[arg(long)]
    pub accept_settings: bool,
    /// Seconds that one run may take
    #[arg(long, default_value_t = 600, value_name = "SECONDS")]
    pub seconds: u64,
    /// The agent's command; it finds the run's session in HANSARD_REPLAY_RUN, the rest as for `replay run`
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}
