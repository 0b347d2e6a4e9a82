//! The commands, one file each: arguments and settings in, an answer on stdout.
//!
//! Guarantee: a command that writes makes the record first when there is none, and says so and where; a command that
//! reads never does.

pub mod compare;
pub mod diff_runs;
pub mod import;
pub mod indexing;
pub mod init;
pub mod keys;
pub mod lineage;
pub mod maintain;
pub mod policy;
pub mod proof;
pub mod registry;
pub mod replay;
pub mod review;
pub mod search;
pub mod sessions;
pub mod settle;
pub mod sql;
pub mod state;
pub mod status;
pub mod tail;
pub mod verify;

use crate::console::Console;
use crate::settings::Settings;
use ingest::env::Env;

/// What every command needs.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Settings in force.
    pub settings: &'a Settings,
    /// Clock and randomness.
    pub env: &'a Env,
    /// Where words go.
    pub console: &'a Console,
}
