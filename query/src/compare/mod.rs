//! A/B comparison of agent versions from the record alone.
//!
//! [`Question`] says what is asked, [`crate::Engine::compare`] answers with a [`Compared`]: a report for people
//! ([`report`]) and every statistic behind it ([`stats`]). `plan` makes a question ready, `runs` is the SQL of runs and their
//! measures, `table` holds them, `pairing` puts arms together, `compare` computes, `words` puts it into the report's form.
//!
//! Guarantee: a difference is always the arm minus the first arm; what could not be paired, priced or measured is listed;
//! every figure carries its SQL and the runs behind it, every report the version, size and roots of the trees that it
//! stands on. Fails as [`crate::QueryError`] says.

mod ask;
#[expect(clippy::module_inception, reason = "the comparison itself is one part of comparing")]
mod compare;
pub mod diff;
mod drift;
mod figure_sql;
pub mod limits;
mod looks;
mod measures;
pub mod output;
mod pairing;
mod plan;
pub mod prices;
mod profile;
mod question;
pub mod report;
mod review;
pub mod rollout;
mod run_steps;
mod runs;
mod segments;
mod select;
mod shown;
pub mod stats;
mod table;
mod threads;
mod trials;
mod words;

pub use ask::Compared;
pub use compare::{ArmValue, Detail};
pub use question::Question;
pub use review::{Happened, Period, Reviewed};
pub use run_steps::{CohortCompared, RunsCompared};
pub use select::Selection;
