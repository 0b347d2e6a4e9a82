//! Entry point: reads arguments and environment, runs the plan, turns its end into an exit code.
//!
//! Guarantee: exit codes are those of [`hansard::failure`]; with `--json` stdout gets exactly one JSON document, also
//! when the command fails.

use clap::Parser;
use hansard::args::Args;
use hansard::console::Console;
use hansard::failure::Result;
use hansard::plan::Plan;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return misuse(&error),
    };
    let console = Console::new(args.global.json);
    let done = Plan::resolve(args, &|name| std::env::var(name).ok()).and_then(|plan| start(plan, &console));
    console.finish(done)
}

fn start(plan: Plan, console: &Console) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(hansard::run::run(plan, console));
    // Blocking tasks that still wait for something (a consumer of Kafka) must not hold the exit up.
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    done
}

/// clap prints what it has to say; help and version are no errors.
fn misuse(error: &clap::Error) -> ExitCode {
    // A closed stdout or stderr leaves nothing to tell anyone.
    let _ = error.print();
    ExitCode::from(if error.use_stderr() { 2 } else { 0 })
}
