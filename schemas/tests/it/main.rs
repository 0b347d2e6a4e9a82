//! The integration tests of `schemas`, one binary.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod tlog;
mod tlog_checkpoint;
mod tlog_go;
mod tlog_limits;
mod tlog_note;
mod tlog_proof_file;
mod tlog_tile;
