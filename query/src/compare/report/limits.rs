//! Bounds of a report, each with its unit.
//!
//! Guarantee: a page grows with none of its inputs beyond these; what is left out is counted in the page. Tables keep all.

/// Characters of one cell or label.
pub const CELL_CHARS_MAX: usize = 400;
/// Characters of a label in a plot.
pub const LABEL_CHARS_MAX: usize = 34;
/// Characters of a statement of SQL.
pub const SQL_CHARS_MAX: usize = 20_000;
/// Rows of one table on the page.
pub const ROWS_MAX: usize = 500;
/// Rows of one plot with a row for each measure, segment or arm.
pub const PLOT_ROWS_MAX: usize = 60;
/// Points of one line.
pub const LINE_POINTS_MAX: usize = 800;
/// Lines of one plot.
pub const LINES_MAX: usize = 12;
/// Arms.
pub const ARMS_MAX: usize = 24;
/// Runs that are named under one figure.
pub const RUNS_NAMED_MAX: usize = 20;
/// Bars of a histogram.
pub const BARS_MAX: usize = 60;
/// Steps of an empirical distribution function.
pub const ECDF_POINTS_MAX: usize = 400;
