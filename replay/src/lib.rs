//! The past, computed again from the record: the state at a point ([`state`]), fed from the store ([`source`]), and
//! the recorded world of a run served back to a new agent ([`serve`]), and what several replays together say ([`verdict`]).
//!
//! Guarantee: nothing here changes a record; what is written (snapshots of the state) is derived and can be made again.

mod error;
pub mod serve;
pub mod source;
pub mod state;
pub mod verdict;

pub use error::ReplayError;
