//! Events by (tenant, source, id): each stands once, a duplicate is one of something, references find their content.
//!
//! Guarantee: exact up to collisions of 128-bit digests. The rule holds within a partition, as the compactor applies it.

use super::collected::PartitionRows;
use super::report::{Findings, Kind};
use rayon::prelude::*;

/// Sorts the ids of a partition and compares them.
pub(super) fn check_ids(rows: &mut PartitionRows, findings: &mut Findings) {
    rows.ids.par_sort_unstable();
    let partition = rows.number;
    for pair in rows.ids.windows(2).filter(|p| (p[0].0, p[0].1) == (p[1].0, p[1].1)) {
        let detail = format!("leaf {} holds an event of the same tenant, source and id", pair[0].2);
        findings.problem(Kind::Identity, format!("partition {partition} leaf {}", pair[1].2), detail);
    }
    for duplicate in &rows.duplicates {
        let first = rows.ids.partition_point(|id| (id.0, id.1) < (duplicate.0, duplicate.1));
        let original = rows.ids.get(first).filter(|id| (id.0, id.1) == (duplicate.0, duplicate.1));
        match original {
            None => {
                let detail = "it is kept as a duplicate, but nothing else has its tenant, source and id";
                findings.problem(Kind::Identity, format!("partition {partition} leaf {}", duplicate.2), detail);
            }
            Some(original) if original.2 > duplicate.2 => {
                let detail = format!("it is kept as a duplicate of leaf {}, which came later", original.2);
                findings.problem(Kind::Identity, format!("partition {partition} leaf {}", duplicate.2), detail);
            }
            Some(_) => {}
        }
    }
}

/// Contents without salt and bytes that nothing in their stream opens; returns their number.
pub(super) fn check_absent(rows: &mut PartitionRows, findings: &mut Findings) -> u64 {
    if rows.absent.is_empty() {
        return 0;
    }
    rows.opened.par_sort_unstable();
    let mut count = 0;
    for absent in rows.absent.iter().filter(|a| rows.opened.binary_search(&a.key).is_err()) {
        count += 1;
        let place = format!("partition {} leaf {} content {}", rows.number, absent.leaf, absent.name);
        findings.warning(
            Kind::ContentAbsent,
            place,
            "neither salt nor bytes are in the store: erased, or never sent in this stream",
        );
    }
    count
}
