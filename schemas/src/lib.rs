//! The format of Hansard: events, contents, batches, streams, keys, columns and limits, and the mathematics of
//! transparency logs.
//!
//! Guarantee: nothing here does IO, reads a clock or draws randomness. Whoever links only this crate can check every
//! signature, root and commitment of a record. `docs/format.md` specifies the same byte by byte.

pub mod chain;
pub mod check;
pub mod columns;
pub mod digest;
pub mod draft;
pub mod header;
pub mod id;
pub mod kind;
mod lenient;
pub mod limits;
pub mod partition;
pub mod record;
pub mod registry;
pub mod tlog;
