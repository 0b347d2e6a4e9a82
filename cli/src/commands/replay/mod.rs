//! `hansard replay`: runs checked, stepped through, and served again from the record.
//!
//! Guarantee: nothing of the replayed run is changed; what a replay does is recorded in a session of its own.

mod batch;
mod check;
mod drafts;
mod live;
mod recorder;
mod run;
mod serve;
mod step;
mod world;

use super::Context;
use crate::args::ReplayCommand;
use crate::failure::Result;

/// Runs the command.
///
/// # Errors
/// When there is no such run, or the record cannot be read.
pub async fn run(context: Context<'_>, command: &ReplayCommand) -> Result<()> {
    match command {
        ReplayCommand::Check(args) => check::run(context, args).await,
        ReplayCommand::Step(args) => step::run(context, args).await,
        ReplayCommand::Serve(args) => serve::run(context, args).await,
        ReplayCommand::Run(args) => run::run(context, args).await,
        ReplayCommand::Batch(args) => batch::run(context, args).await,
    }
}
