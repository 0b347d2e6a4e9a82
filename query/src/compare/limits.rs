//! Every limit of a comparison of runs, with its unit and its reason.
//!
//! Guarantee: a comparison takes no more runs, arms, measures or segments than these; what is left out is counted.

/// Arms of one comparison: as many as a report draws.
pub const ARMS_MAX: usize = 24;
/// Runs of all arms together: some 300 bytes each with all measures.
pub const RUNS_MAX: usize = 2_000_000;
/// Measures of one comparison.
pub const MEASURES_MAX: usize = 128;
/// Evaluations by name that become measures, the most frequent first.
pub const EVALUATIONS_MAX: usize = 24;
/// Tools that get measures of their own, the most used first.
pub const TOOLS_MAX: usize = 12;
/// Models that a price is looked up for.
pub const MODELS_MAX: usize = 1_000;
/// Segments of one column, the largest first.
pub const SEGMENTS_MAX: usize = 40;
/// Resamples of one interval within a segment: there are many of them.
pub const SEGMENT_RESAMPLES: u32 = 1_999;
/// Events of the table up to which calls are looked at tool by tool, and headers read, without being asked for.
pub const DETAILED_EVENTS_MAX: u64 = 2_000_000;
/// Runs that are named under one figure.
pub const RUNS_NAMED_MAX: usize = 20;
/// Runs without a pair that are listed; the count is always given.
pub const UNPAIRED_LISTED_MAX: usize = 1_000;
/// Longest text of one selection in bytes.
pub const SELECTION_BYTES_MAX: usize = 16_384;
/// Looks of one sequential comparison.
pub const LOOKS_MAX: usize = 366;
/// Largest k of pass^k and pass@k.
pub const PASS_K_MAX: u64 = 16;
/// Observations of a comparison above which only estimate, interval and p are computed for what is not the first measure.
pub const BRIEF_OBSERVATIONS: usize = 200_000;
/// Pairs of runs whose contents are compared in one cohort without being asked for more.
pub const COHORT_PAIRS_DEFAULT: usize = 200;
/// Events of one run that are read for a comparison of two runs.
pub const RUN_EVENTS_MAX: usize = 1_000_000;
