//! Everything durable behind the log: verification, segments, chain, trees, the one commit point, recovery, proofs.
//!
//! Guarantee: what one Delta commit publishes becomes visible together or not at all, exactly once. See
//! ARCHITECTURE.md for the life of an event.

pub mod clean;
pub mod commit;
mod committer;
pub mod compactor;
pub mod durable;
mod encode;
pub mod error;
pub mod files;
mod gather;
pub mod head;
mod ids;
pub mod index;
mod judge;
pub mod keys;
pub mod layout;
pub mod location;
pub mod maintain;
mod options;
mod parts;
pub mod pick;
mod policing;
pub mod policy;
mod prepare;
pub mod proof;
mod recover;
pub mod root_log;
mod row;
pub mod scan;
pub mod segment;
pub mod snapshot;
mod stream;
pub mod table;
pub mod tail;
pub mod tail_wire;
pub mod text_index;
pub mod trees;
pub mod verify;
