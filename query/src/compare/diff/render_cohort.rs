//! A cohort as lines for a terminal.
//!
//! Guarantee: nothing of the record reaches the terminal but printable text on one line.

use super::cohort::Cohort;
use super::lines::{Line, Mark};
use crate::compare::shown::shown;

/// A cohort as lines.
#[must_use]
pub fn cohort_lines(cohort: &Cohort, width: usize) -> Vec<Line> {
    let share = |pairs: usize| 100.0 * pairs as f64 / cohort.pairs.max(1) as f64;
    let parted = cohort.pairs - cohort.same;
    let text =
        format!("{} pairs of runs: {parted} part ({:.1} %), {} are the same", cohort.pairs, share(parted), cohort.same);
    let mut lines = vec![Line::of(Mark::Strong, text)];
    if let Some(step) = cohort.median_step {
        lines.push(Line::of(Mark::Plain, format!("half of them have parted by step {step}")));
    }
    if cohort.left_out > 0 {
        lines.push(Line::of(Mark::Faint, format!("{} pairs are left out, beyond the bound", cohort.left_out)));
    }
    let most = cohort.histogram.iter().map(|bin| bin.pairs).max().unwrap_or(0).max(1);
    for bin in &cohort.histogram {
        let bar = "#".repeat((bin.pairs * width.saturating_sub(30)).div_ceil(most));
        let steps = if bin.from == bin.to { format!("{}", bin.from) } else { format!("{}-{}", bin.from, bin.to) };
        lines.push(Line::of(Mark::Faint, format!("{steps:>13} {:>7}  ", bin.pairs)).and(Mark::Changed, bar));
    }
    for label in &cohort.labels {
        let text = format!("{:>7} ({:>5.1} %)  ", label.pairs, share(label.pairs));
        let what = format!("{}: {}, middle step {}", label.label, label.part.words(), label.median_step);
        lines.push(Line::of(Mark::Plain, text).and(Mark::Plain, shown(&what, width)));
    }
    if cohort.labels_more > 0 {
        lines.push(Line::of(Mark::Faint, format!("{} rarer labels besides", cohort.labels_more)));
    }
    lines
}
