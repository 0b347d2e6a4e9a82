//! Carries a plan out.
//!
//! Guarantee: one match, one command; nothing else decides what runs.

use crate::args::{Command, LogFormat};
use crate::commands::{
    Context, compare, diff_runs, import, init, keys, lineage, maintain, policy, proof, replay, review, search,
    sessions, sql, state, status, tail, verify,
};
use crate::console::Console;
use crate::failure::{Failure, Result};
use crate::plan::Plan;
use crate::real_env::real_env;
use crate::{demo, serve};
use tracing_subscriber::EnvFilter;

/// See the module.
///
/// # Errors
/// Whatever the command fails with.
pub async fn run(plan: Plan, console: &Console) -> Result<()> {
    start_log(&plan, console)?;
    let env = real_env();
    let context = Context { settings: &plan.settings, env: &env, console };
    match (&plan.command, &plan.served) {
        (Command::Serve(_), Some(served)) => serve::run(context, served).await,
        (Command::Serve(_), None) => Err(Failure::new("a plan to serve has no settings for it; please report it")),
        (Command::Init(args), _) => init::run(context, args).await,
        (Command::Import(args), _) => import::run(context, args).await,
        (Command::Demo(_), _) => demo::run(context).await,
        (Command::Sql(args), _) => sql::run(context, args).await,
        (Command::Search(args), _) => search::run(context, args).await,
        (Command::Sessions(args), _) => sessions::list(context, args).await,
        (Command::Session(args), _) => sessions::show(context, args).await,
        (Command::Why(args), _) => lineage::why(context, args).await,
        (Command::Trace(args), _) => lineage::trace(context, args).await,
        (Command::Compare(args), _) => compare::run(context, args).await,
        (Command::Diff(args), _) => diff_runs::run(context, args).await,
        (Command::Review(args), _) => review::run(context, args).await,
        (Command::Drift(args), _) => review::drift(context, args).await,
        (Command::State(args), _) => state::run(context, args).await,
        (Command::Replay(command), _) => replay::run(context, command).await,
        (Command::Verify(args), _) => verify::run(context, args).await,
        (Command::Maintain(args), _) => maintain::run(context, args).await,
        (Command::Policy(command), _) => policy::run(context, command).await,
        (Command::Tail(args), _) => tail::run(context, args).await,
        (Command::Proof(args), _) => proof::run(context, args).await,
        (Command::Status, _) => status::run(context).await,
        (Command::Keys(command), _) => keys::run(context, command).await,
    }
}

/// The program's own log, on stderr.
fn start_log(plan: &Plan, console: &Console) -> Result<()> {
    let filter = EnvFilter::try_new(&plan.log_filter)
        .map_err(|e| Failure::because(format!("log level {:?} is not usable", plan.log_filter), e))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(console.error_colours());
    // A second start is a test's; the first one's log stays.
    let _ = match plan.settings.log_format {
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
        LogFormat::Text => builder.try_init(),
    };
    Ok(())
}
