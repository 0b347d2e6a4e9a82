//! The store from outside, against real files.

mod cleaning;
mod compaction;
mod durable;
mod policing;
mod policy_breaker;
mod policy_chains;
mod policy_events;
mod policy_file;
mod policy_fold;
mod policy_identity;
mod policy_stories;
mod policy_support;
mod support;
mod verify_checkpoint;
mod verify_clean;
mod verify_proof;
mod verify_support;
mod verify_table;
mod verify_trees;
