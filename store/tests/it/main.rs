//! The store from outside, against real files.

mod cleaning;
mod compaction;
mod support;
mod verify_clean;
mod verify_proof;
mod verify_support;
mod verify_table;
mod verify_trees;
