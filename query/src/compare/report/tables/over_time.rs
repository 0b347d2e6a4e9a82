//! Tables of what changes over time, of where runs part, and of runs without a pair.
//!
//! Guarantee: see the module above.

use crate::compare::report::cells::{number, p, text, whole};
use crate::compare::report::format::Unit;
use crate::compare::report::input::{Report, Unpaired};
use crate::compare::report::table::{Cell, Table};

impl Report {
    pub(in crate::compare::report) fn drift_table(&self) -> Table {
        let columns = [
            ("measure", "Measure"),
            ("version", "Version"),
            ("time", "From"),
            ("value", "Value"),
            ("low", "Low"),
            ("high", "High"),
            ("n", "n"),
        ];
        let mut table = Table::new("drift", "Measures over time", &columns);
        for series in &self.drift {
            for line in &series.lines {
                for point in &line.points {
                    let ends = [Some(point.value), point.interval.map(|i| i.0), point.interval.map(|i| i.1)];
                    let mut row = vec![text(&series.measure), text(&line.version), Cell::TimeUs(point.time_us)];
                    row.extend(ends.map(|value| number(value, &series.unit)));
                    row.push(whole(point.n));
                    table.rows.push(row);
                }
            }
        }
        table
    }

    pub(in crate::compare::report) fn changes_table(&self) -> Table {
        let columns = [
            ("measure", "Measure"),
            ("version", "Version"),
            ("time", "Changed at"),
            ("before", "Before"),
            ("after", "After"),
            ("p", "p"),
        ];
        let mut table = Table::new("changes", "Changes found", &columns);
        for series in &self.drift {
            for change in &series.changes {
                let mut row = vec![text(&series.measure), text(&change.version), Cell::TimeUs(change.time_us)];
                row.extend([change.before, change.after].map(|level| number(Some(level), &series.unit)));
                row.push(p(change.p));
                table.rows.push(row);
            }
        }
        table
    }

    pub(in crate::compare::report) fn rollout_table(&self) -> Table {
        let columns = [
            ("from", "From"),
            ("version", "Version"),
            ("runs", "Runs"),
            ("share", "Share"),
            ("values", "Values"),
            ("mean", "Mean"),
            ("standard_error", "Standard error"),
        ];
        let mut table = Table::new("rollout", "Versions over time", &columns);
        let Some(rollout) = &self.rollout else { return table };
        for bucket in &rollout.buckets {
            for share in &bucket.shares {
                table.rows.push(vec![
                    Cell::TimeUs(bucket.start_us),
                    text(rollout.versions.get(share.version).map_or("", String::as_str)),
                    whole(share.runs),
                    number(Some(share.share), &Unit::Share),
                    whole(share.values),
                    number(share.mean, &Unit::Number),
                    number(share.standard_error, &Unit::Number),
                ]);
            }
        }
        table
    }

    pub(in crate::compare::report) fn divergence_table(&self) -> Table {
        let columns = [("from", "From step"), ("to", "To step"), ("pairs", "Pairs")];
        let mut table = Table::new("divergence", "At which step pairs of runs part", &columns);
        let bins = self.divergence.iter().flat_map(|cohort| &cohort.histogram);
        table.rows =
            bins.map(|bin| vec![whole(bin.from as u64), whole(bin.to as u64), whole(bin.pairs as u64)]).collect();
        table
    }

    pub(in crate::compare::report) fn labels_table(&self) -> Table {
        let columns = [
            ("label", "Step"),
            ("part", "Parts in"),
            ("pairs", "Pairs"),
            ("share", "Share"),
            ("median_step", "Middle step"),
            ("example", "For example"),
        ];
        let mut table = Table::new("divergence_labels", "What pairs of runs part over", &columns);
        let Some(cohort) = &self.divergence else { return table };
        for label in &cohort.labels {
            let share = label.pairs as f64 / cohort.pairs.max(1) as f64;
            table.rows.push(vec![
                text(&label.label),
                text(label.part.words()),
                whole(label.pairs as u64),
                number(Some(share), &Unit::Share),
                whole(label.median_step as u64),
                label.examples.first().map_or(Cell::Empty, |(_, a, b)| text(&format!("hansard diff {a} {b}"))),
            ]);
        }
        table
    }

    pub(in crate::compare::report) fn unpaired_table(&self) -> Table {
        let columns = [("run", "Run"), ("arm", "Arm"), ("task", "Task"), ("reason", "Why it has no pair")];
        let mut table = Table::new("unpaired", "Runs without a pair", &columns);
        let row = |u: &Unpaired| vec![text(&u.run), text(&u.arm), text(&u.task), text(&u.reason)];
        table.rows = self.unpaired.iter().map(row).collect();
        table
    }
}
