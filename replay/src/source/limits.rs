//! Bounds of reading a store, each with its unit.

/// Segments that are read at the same time.
pub(crate) const FILES_IN_FLIGHT: usize = 3;
/// Events that are collected for one question, such as those of a run and of what happened meanwhile.
pub const COLLECTED_EVENTS_MAX: u64 = 1_000_000;
/// Bytes of contents that one run may have to be served again.
pub const RUN_CONTENT_BYTES_MAX: u64 = 1 << 30;
