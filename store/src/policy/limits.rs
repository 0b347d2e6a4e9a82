//! How much an evaluator remembers.
//!
//! Guarantee: no table of an evaluator holds more entries than its limit, and no set within an entry more than
//! [`SET_ENTRIES_MAX`]. What is written longest ago gives way first; how much gave way is counted.

use serde::{Deserialize, Serialize};

/// Largest policy file in bytes.
pub const POLICY_FILE_BYTES_MAX: usize = 262_144;
/// Events whose place in a chain is remembered: at about 500 bytes each, 32 MB.
pub const EVENTS_MAX: usize = 65_536;
/// (agent, cycle) pairs whose messages are counted.
pub const CYCLES_MAX: usize = 16_384;
/// Ordered pairs of agents with a breaker.
pub const BREAKERS_MAX: usize = 16_384;
/// Credentials.
pub const CREDENTIALS_MAX: usize = 32_768;
/// Agents.
pub const AGENTS_MAX: usize = 16_384;
/// Kills in force; apart from agents, so that only kills can push a kill out.
pub const KILLS_MAX: usize = 16_384;
/// Partitions of shared memory.
pub const PARTITIONS_MAX: usize = 16_384;
/// Principals whose rights are known.
pub const PRINCIPALS_MAX: usize = 16_384;
/// Registered keys.
pub const KEYS_MAX: usize = 16_384;
/// Verdicts `unknown` that are not repeated.
pub const UNKNOWNS_MAX: usize = 4_096;
/// Entries of one set or list: agents downstream of a message, grants of a partition, users of a credential, ...
pub const SET_ENTRIES_MAX: usize = 1_024;
/// Longest chain of agents that is followed; a policy's `max` stays below it.
pub const CHAIN_AGENTS_MAX: usize = 64;
/// Most interactions that a breaker looks back on.
pub const BREAKER_WINDOW_MAX: u64 = 1_000;
/// Statements about the rights of one principal that are kept, one for each who states them.
pub const RIGHTS_STATEMENTS_MAX: usize = 8;
/// Findings about one kill; an agent that goes on for ever is not told for ever.
pub const FINDINGS_PER_KILL_MAX: u64 = 100;
/// Names that a finding's text lists before it counts the rest.
pub const NAMES_SHOWN_MAX: usize = 8;
/// Events that a finding links to.
pub const RELATED_MAX: usize = 32;

/// Entries that each table of an evaluator may hold. At least one each: 0 is taken as 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// See [`EVENTS_MAX`].
    pub events: usize,
    /// See [`CYCLES_MAX`].
    pub cycles: usize,
    /// See [`BREAKERS_MAX`].
    pub breakers: usize,
    /// See [`CREDENTIALS_MAX`].
    pub credentials: usize,
    /// See [`AGENTS_MAX`].
    pub agents: usize,
    /// See [`KILLS_MAX`].
    pub kills: usize,
    /// See [`PARTITIONS_MAX`].
    pub partitions: usize,
    /// See [`PRINCIPALS_MAX`].
    pub principals: usize,
    /// See [`KEYS_MAX`].
    pub keys: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            events: EVENTS_MAX,
            cycles: CYCLES_MAX,
            breakers: BREAKERS_MAX,
            credentials: CREDENTIALS_MAX,
            agents: AGENTS_MAX,
            kills: KILLS_MAX,
            partitions: PARTITIONS_MAX,
            principals: PRINCIPALS_MAX,
            keys: KEYS_MAX,
        }
    }
}
