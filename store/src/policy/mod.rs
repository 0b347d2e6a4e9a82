//! The policy engine: what the record shows about the boundaries of agents, and where they were crossed.
//!
//! Guarantee: pure. An [`Evaluator`] is a fold of events in the order given: the same policy and events give the same
//! breaches, on any machine, and a fold that was stored and taken up again gives the same as one that never stopped.
//! Nothing here does IO or reads a clock; times are those of the events. State is bounded ([`Limits`]); what had to be
//! forgotten is counted ([`Evaluator::forgotten`]), and a verdict that would have needed it is `unknown`.
//!
//! It judges what was recorded: an act that nobody recorded, and an attribute that nobody set, cannot be judged. Which
//! attributes the checks read: [`attributes`] and docs/policy.md.

pub mod attributes;
mod bounded;
mod breach;
mod checks;
mod evaluator;
mod event;
mod flips;
mod glob;
pub mod limits;
mod load;
mod rules;
mod state;
mod terms;
mod untrusted;

pub use breach::{Breach, Severity, check};
pub use checks::breaker_state::{BreakerState, Position};
pub use evaluator::{Evaluator, Forgotten};
pub use event::{PolicyCause, PolicyEvent};
pub use flips::{Flip, diff};
pub use glob::glob_matches;
pub use limits::Limits;
pub use load::PolicyError;
pub use rules::*;
pub use untrusted::{Distrust, Sighting, Untrusted, UntrustedMessages};
