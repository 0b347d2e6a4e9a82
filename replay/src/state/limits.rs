//! Every bound of the fold, each with its unit.
//!
//! Guarantee: what a bound cuts is said where it is used; nothing else is cut.

/// The longest text that stands in a key or a cell, bytes; a longer one stands as `blake3:` and the digest of its
/// bytes.
pub const TEXT_BYTES_MAX: usize = 2_048;
/// Facts that are kept of a pair of agents for its breaker: the latest by (time, id).
pub const BREAKER_FACTS_MAX: usize = 64;
/// Recipients of one message that are read, the first by name.
pub const RECIPIENTS_MAX: usize = 64;
/// Causes of an approval's decision that are taken for its request, the first stated.
pub const REQUESTS_MAX: usize = 16;
/// Digests of an agent (prompt, tools, configuration) that are kept, the first by name.
pub const AGENT_DIGESTS_MAX: usize = 16;
/// Tokens that one event can add to a sum: 2^40. Keeps sums of 2^23 million events from wrapping.
pub const TOKENS_PER_EVENT_MAX: i64 = 1 << 40;
/// Cells of one node of the map. Small nodes make snapshots that share more; large ones make look-ups shorter.
pub(super) const NODE_ENTRIES_MAX: usize = 16;
/// The longest key of a snapshot, bytes: its parts are at most five texts, escaped.
pub const KEY_BYTES_MAX: usize = 1 + 5 * (2 * TEXT_BYTES_MAX + 1);
/// The longest value of a snapshot, bytes: a breaker of [`BREAKER_FACTS_MAX`] facts with long ids, doubled.
pub const VALUE_BYTES_MAX: usize = 1 << 20;
/// Cells of one snapshot.
pub const SNAPSHOT_CELLS_MAX: u64 = 1 << 32;
/// Log partitions that a snapshot names.
pub const PARTITIONS_MAX: u64 = 1 << 16;
/// Events of one journal.
pub const JOURNAL_EVENTS_MAX: u64 = 1 << 24;
/// Events from one checkpoint to the next: the most that any point costs beside its checkpoint.
pub const TAIL_EVENTS_MAX: u64 = 10_000;
/// Divergences that one check lists; more are counted.
pub const DIVERGENCES_MAX: usize = 100;
/// Events that one step-through holds: each keeps the cells that it changed.
pub const STEPPER_EVENTS_MAX: usize = 1_000_000;
/// The longest proof file that is read, bytes.
pub const PROOF_FILE_BYTES_MAX: usize = 8 << 20;
