//! Shorthand for cells of tables.
//!
//! Guarantee: what is absent or not finite becomes an empty cell.

use super::format::Unit;
use super::table::Cell;

pub(super) fn text(text: &str) -> Cell {
    if text.is_empty() { Cell::Empty } else { Cell::Text(text.to_owned()) }
}

pub(super) fn whole(n: u64) -> Cell {
    Cell::Whole(i64::try_from(n).unwrap_or(i64::MAX))
}

pub(super) fn number(value: Option<f64>, unit: &Unit) -> Cell {
    value.filter(|v| v.is_finite()).map_or(Cell::Empty, |v| Cell::Number(v, unit.clone()))
}

pub(super) fn signed(value: Option<f64>, unit: &Unit) -> Cell {
    value.filter(|v| v.is_finite()).map_or(Cell::Empty, |v| Cell::Signed(v, unit.clone()))
}

pub(super) fn p(value: Option<f64>) -> Cell {
    value.filter(|v| v.is_finite()).map_or(Cell::Empty, Cell::P)
}
