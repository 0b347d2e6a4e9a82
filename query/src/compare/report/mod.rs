//! The report of a comparison: one HTML page that needs nothing else, and the same figures as tables.
//!
//! [`Report`] is plain data; [`html`] draws it, [`Report::tables`] gives every figure as a [`Table`], which renders as JSON,
//! CSV and text. Each figure carries a [`Source`]: the SQL that gives it and the runs behind it.
//!
//! Guarantee: the page loads nothing and runs nothing (it says so to the browser in a content security policy); whatever
//! stands in the input is text in the page, never markup, and cannot turn the text around it; every plot has a title, a
//! description and its figures as a table. What is not a finite number is shown as absent. The same input gives the
//! same bytes. Nothing fails but writing CSV.

mod cells;
mod charts;
mod curves;
mod distribution;
mod escape;
mod forest;
mod format;
mod input;
pub mod limits;
mod page;
mod parts;
mod sections;
mod style;
mod svg;
mod table;
mod tables;
#[cfg(test)]
mod tests;
mod time;

pub use distribution::{Ecdf, Histogram};
pub use format::Unit;
pub use input::{
    Arm, Better, ChangePoint, Command, Curve, CurveKind, Distribution, DriftPoint, DriftSeries, Effect, Estimate,
    Matrix, MatrixCell, Measure, PartitionHead, Provenance, RankRow, Report, Segment, Source, Unpaired, VersionLine,
};
pub use page::html;
pub use table::{Cell, Column, Table};
