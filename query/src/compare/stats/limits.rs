//! Every limit and switching point of the statistics, with its unit and its reason.
//!
//! Guarantee: a method changes only at one of these numbers, so a result can say which one it was.

/// Pairs (or observations of both arms) up to which intervals are resampled; above it they are cluster-robust.
pub const RESAMPLED_OBSERVATIONS_MAX: usize = 10_000;
/// Resamples of one interval when nothing else is asked for and the sample is small.
pub const RESAMPLES_DEFAULT: u32 = 9_999;
/// Fewest resamples of one interval: below it the ends of a 95 % interval rest on a few draws.
pub const RESAMPLES_MIN: u32 = 1_999;
/// Most resamples that may be asked for.
pub const RESAMPLES_MAX: u32 = 1_000_000;
/// Draws of one interval in all (resamples times clusters): a fifth of a second.
pub const DRAWS_MAX: u64 = 20_000_000;
/// Nonzero differences up to which the signed rank distribution is exact (scipy's number).
pub const SIGNED_RANK_EXACT_MAX: usize = 50;
/// Values of both arms together up to which the rank sum distribution is exact: a few milliseconds.
pub const RANK_SUM_EXACT_MAX: usize = 60;
/// Clusters up to which all sign flips are counted rather than drawn: 2^16 sums.
pub const SIGN_FLIPS_EXACT_MAX: usize = 16;
/// Clusters below which a cluster-robust interval carries a warning.
pub const CLUSTERS_FEW: usize = 20;
/// Pairs up to which the power of the exact McNemar test is summed over all tables; above it the normal formula.
pub const EXACT_POWER_PAIRS_MAX: u64 = 500;
/// Points of the grid of means that the betting confidence sequence keeps, over the whole range.
pub const BETTING_GRID: usize = 1_000;
/// Observations up to which a confidence sequence is by betting: a second of work.
pub const BETTING_OBSERVATIONS_MAX: usize = 1_000_000;
/// Observations before which the asymptotic confidence sequence says nothing: its variance is not yet known.
pub const ASYMPTOTIC_BURN_IN: usize = 50;
/// Arms of one ranking: the matrix grows with the square.
pub const ARMS_MAX: usize = 64;
/// Points of one series in which changes are sought, as the search may take the square of it.
pub const SERIES_POINTS_MAX: usize = 10_000;
/// Permutations behind the p of one change point.
pub const CHANGE_PERMUTATIONS: u32 = 1_999;
/// Steps of a bisection: more than a double has bits.
pub const BISECTION_STEPS: usize = 100;
