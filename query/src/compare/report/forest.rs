//! Plots of estimates with their intervals, one row each.
//!
//! Guarantee: at most [`PLOT_ROWS_MAX`] rows are drawn; an interval that goes beyond the plot ends in an arrow, and one
//! far wider than the others does not make theirs unreadable.

use super::charts::{Axis, WIDTH, nothing};
use super::limits::PLOT_ROWS_MAX;
use super::svg::{Anchor, Scale, Svg};

const ROW: f64 = 26.0;
const TOP: f64 = 8.0;
const BOTTOM: f64 = 44.0;
const LEFT: f64 = 216.0;
const RIGHT: f64 = 150.0;

/// How an estimate is judged.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Better,
    Worse,
    Differs,
    NotShown,
}

impl Verdict {
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::Differs => "differs",
            Self::NotShown => "none",
        }
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Better => "▲ better",
            Self::Worse => "▼ worse",
            Self::Differs => "◆ differs",
            Self::NotShown => "no difference shown",
        }
    }
}

/// A row.
pub(super) struct Row {
    pub(super) name: String,
    pub(super) value: f64,
    pub(super) low: f64,
    pub(super) high: f64,
    /// What stands at the right.
    pub(super) words: String,
    pub(super) verdict: Verdict,
}

/// A plot of rows; `zero` draws the line of no difference.
pub(super) struct Forest<'a> {
    pub(super) rows: Vec<Row>,
    pub(super) axis: Axis,
    pub(super) label: &'a str,
    pub(super) zero: bool,
}

impl Forest<'_> {
    pub(super) fn draw(&self, id: &str, title: &str, description: &str) -> String {
        let rows = &self.rows[..self.rows.len().min(PLOT_ROWS_MAX)];
        let Some((low, high)) = self.range(rows) else { return nothing(id, title) };
        let height = TOP + ROW * rows.len() as f64 + BOTTOM;
        let scale = Scale::new(low, high, LEFT, WIDTH - RIGHT);
        let mut svg = Svg::new(WIDTH, height);
        let bottom = height - BOTTOM;
        let ticks = scale.ticks(5);
        let distance = ticks.get(1).zip(ticks.first()).map_or(1.0, |(b, a)| b - a);
        for tick in ticks {
            svg.line("grid", (scale.at(tick), TOP), (scale.at(tick), bottom));
            svg.text("tick", (scale.at(tick), bottom + 16.0), Anchor::Middle, &self.axis.tick(tick, distance));
        }
        if self.zero && !scale.beyond(0.0) {
            svg.line("zero", (scale.at(0.0), TOP), (scale.at(0.0), bottom));
        }
        for (i, row) in rows.iter().enumerate() {
            draw_row(&mut svg, &scale, row, TOP + ROW * (i as f64 + 0.5));
        }
        svg.text("label", ((LEFT + WIDTH - RIGHT) / 2.0, height - 8.0), Anchor::Middle, self.label);
        svg.finish(id, title, description)
    }

    /// All estimates, and the ends of intervals up to four times the middle half-width beyond them.
    fn range(&self, rows: &[Row]) -> Option<(f64, f64)> {
        let finite = || rows.iter().filter(|row| row.value.is_finite());
        let mut widths: Vec<f64> = finite().map(|r| (r.high - r.low) / 2.0).filter(|w| w.is_finite()).collect();
        widths.sort_unstable_by(f64::total_cmp);
        let most = widths.get(widths.len() / 2).map_or(f64::INFINITY, |middle| middle * 4.0);
        let ends = finite().flat_map(|r| {
            let low = if r.low.is_finite() { r.low.max(r.value - most) } else { r.value };
            let high = if r.high.is_finite() { r.high.min(r.value + most) } else { r.value };
            [low, high, r.value]
        });
        let zero = self.zero.then_some(0.0);
        let (low, high) = super::svg::extent(ends.chain(zero))?;
        let air = (high - low) * 0.04;
        Some((low - air, high + air))
    }
}

fn draw_row(svg: &mut Svg, scale: &Scale, row: &Row, y: f64) {
    let class = row.verdict.class();
    svg.text("name", (LEFT - 12.0, y + 4.0), Anchor::End, &row.name);
    svg.text("value", (WIDTH - RIGHT + 12.0, y + 4.0), Anchor::Start, &row.words);
    if !row.value.is_finite() {
        return;
    }
    if row.low.is_finite() && row.high.is_finite() {
        let (from, to) = (scale.within(row.low), scale.within(row.high));
        svg.line(&format!("whisker {class}"), (from, y), (to, y));
        end(svg, class, scale.beyond(row.low), from, y, -1.0);
        end(svg, class, scale.beyond(row.high), to, y, 1.0);
    }
    let words = format!("{}: {}", row.name, row.words);
    svg.circle(&format!("estimate {class}"), (scale.within(row.value), y), 4.5, &words);
}

/// The end of an interval: a bar, or an arrow when it goes on.
fn end(svg: &mut Svg, class: &str, beyond: bool, x: f64, y: f64, way: f64) {
    if beyond {
        svg.polygon(&format!("arrow {class}"), &[(x + 6.0 * way, y), (x - way, y - 4.0), (x - way, y + 4.0)]);
    } else {
        svg.line(&format!("whisker {class}"), (x, y - 4.0), (x, y + 4.0));
    }
}
