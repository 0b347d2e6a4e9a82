//! Bounds of the comparison of two runs, each with its unit.
//!
//! Guarantee: no input makes a comparison keep or do more than these say; what is left out is counted in the result.

/// Steps of one run that are aligned after the first divergence. The divergence itself is found at any length.
pub const ALIGNED_STEPS_MAX: usize = 1_000_000;
/// Characters of a step's excerpt.
pub const EXCERPT_CHARS_MAX: usize = 240;
/// Bytes of a content that are read as JSON and searched for volatile parts; of a longer one the bytes count as they are.
pub const NORMALISED_BYTES_MAX: usize = 1 << 20;
/// Opaque ids of one run that are numbered; those after them are not told apart.
pub const IDENTIFIERS_MAX: usize = 262_144;
/// Pairs of steps of one gap that are weighed against each other; in a larger gap only labels are aligned.
pub const GAP_PAIRS_MAX: usize = 65_536;
/// Pairs of steps of one comparison that are weighed against each other.
pub const PAIRS_MAX: usize = 1_048_576;
/// Words of an excerpt that are weighed.
pub const WORDS_WEIGHED_MAX: usize = 48;
/// Steps back in which the same step counts as a repeat of itself.
pub const REPEAT_STEPS_MAX: usize = 32;
/// Copies of a step among those that stand in one run only, up to which it counts as moved: `ok` is said everywhere.
pub const MOVED_COPIES_MAX: usize = 4;
/// Steps in a row, the same in both runs, from which on the runs are together again.
pub const TOGETHER_STEPS_MIN: usize = 3;
/// Changed steps whose difference is told from their excerpts.
pub const CHANGES_EXPLAINED_MAX: usize = 1_000;
/// Labels that a summary names, the most frequent first.
pub const LABELS_SHOWN_MAX: usize = 20;
/// Paths or lines that one difference names.
pub const DIFFERENCES_SHOWN_MAX: usize = 24;
/// Characters of one value or line of a difference.
pub const VALUE_CHARS_MAX: usize = 160;
/// Depth to which JSON is compared, in levels.
pub const DEPTH_MAX: usize = 64;
/// Lines of one text that are compared with those of the other.
pub const LINES_COMPARED_MAX: usize = 20_000;
/// Pairs of runs in one cohort.
pub const COHORT_PAIRS_MAX: usize = 1_000_000;
/// Bars of a histogram.
pub const BINS_MAX: usize = 30;
/// Points of a survival curve.
pub const CURVE_POINTS_MAX: usize = 400;
/// Pairs that are named as examples of a label.
pub const EXAMPLES_MAX: usize = 5;
