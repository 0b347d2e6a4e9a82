//! Benchmarks of the spine: realistic events by seed, each figure beside the limit that the machine sets in the same run.
//!
//! Guarantee: a figure is printed only when its work was done whole (every event committed, none rejected); what could
//! not be measured is printed as missing, with the reason. `benches/README.md` says how to run each.

pub mod all;
pub mod asks;
pub mod bed;
pub mod child;
pub mod compaction;
pub mod corpus;
pub mod coverage;
pub mod error;
pub mod generator;
pub mod idle;
pub mod kafka;
pub mod lane;
pub mod limits;
pub mod lineage;
pub mod machine;
pub mod measured;
pub mod ndjson;
pub mod profile;
pub mod report;
pub mod rng;
pub mod size;
pub mod stages;
pub mod tessera;
pub mod verification;
pub mod words;
