//! Everything durable behind the log: verification, segments, chain, trees, the one commit point, recovery, proofs.
//!
//! Guarantee: what one Delta commit publishes becomes visible together or not at all, exactly once. See
//! ARCHITECTURE.md for the life of an event.

pub mod durable;
pub mod error;
pub mod head;
pub mod layout;
pub mod location;
pub mod snapshot;
