//! The rows of one file against the chain links in its footer.
//!
//! Guarantee: every row lies in the leaf and offset ranges of one link of its file, rows of one commit say the same
//! `committed_at`. A row without a leaf is given to its commit by its log offset, or by `committed_at` where the offset is older than the commit
//! (content parts that nobody claimed).

use super::chain::name;
use super::delta::LiveFile;
use super::part::{BareRow, FilePart, FooterLink, OutsideRow};
use super::report::Kind;
use crate::files::Outside;
use schemas::chain::Link;
use std::collections::HashMap;

/// Rows of a commit that are no events, by the digest of its link.
pub(super) type OutsideRows = HashMap<[u8; 32], Vec<Outside>>;

/// Checks all rows of a file; its links are sorted.
pub(super) fn check(live: &LiveFile, part: &mut FilePart) {
    if part.links.is_empty() {
        return;
    }
    check_leaf_rows(part);
    assign_stamps(part);
    check_stamps(live, part);
    let lost = part.bare.iter().filter(|b| link_of(&part.links, b).is_none());
    let lost: Vec<(usize, u64)> = lost.map(|b| (b.row, b.offset)).collect();
    for (row, offset) in lost {
        part.findings.problem(
            Kind::Chain,
            format!("{} row {row}", part.path),
            format!("log offset {offset} belongs to no link of the footer"),
        );
    }
}

fn check_leaf_rows(part: &mut FilePart) {
    let (links, path, findings) = (&mut part.links, &part.path, &mut part.findings);
    let mut at = 0;
    for row in &part.rows {
        let inside = |l: &FooterLink| (l.link.leaf_from..l.link.leaf_to).contains(&row.leaf);
        if !links.get(at).is_some_and(inside) {
            let Some(found) = links.iter().position(inside) else {
                findings.problem(
                    Kind::Chain,
                    format!("{path} row {}", row.row),
                    format!("leaf {} is in no link of the footer", row.leaf),
                );
                continue;
            };
            at = found;
        }
        let FooterLink { link, stamp, .. } = &mut links[at];
        if !(link.offset_from..link.offset_to).contains(&row.offset) {
            let detail = format!("log_offset {} is outside of {}", row.offset, name(link));
            findings.problem(Kind::Row, format!("{path} row {}", row.row), detail);
        }
        let stamp = *stamp.get_or_insert(row.stamp);
        if stamp != row.stamp {
            let detail = format!("committed_at is {} us, another row of the same commit says {stamp} us", row.stamp);
            findings.problem(Kind::Row, format!("{path} row {}", row.row), detail);
        }
    }
}

/// Learns from the rows whose offset says their commit when it was; the others are told by that.
fn assign_stamps(part: &mut FilePart) {
    let single = part.links.len() == 1;
    for bare in &part.bare {
        if let Some(link) = part.links.iter_mut().find(|l| single || covers(&l.link, bare)) {
            link.stamp.get_or_insert(bare.stamp);
        }
    }
    let known = |stamp: i64, links: &[FooterLink]| links.iter().any(|l| l.stamp == Some(stamp));
    let mut rest: Vec<i64> = part.bare.iter().map(|b| b.stamp).filter(|s| !known(*s, &part.links)).collect();
    rest.sort_unstable();
    rest.dedup();
    let open = part.links.iter_mut().filter(|l| l.stamp.is_none());
    open.zip(rest).for_each(|(link, stamp)| link.stamp = Some(stamp));
}

fn covers(link: &Link, row: &BareRow) -> bool {
    row.word.as_deref() != Some("orphan_part") && (link.offset_from..link.offset_to).contains(&row.offset)
}

/// The link whose commit wrote a row without a leaf.
pub(super) fn link_of<'a>(links: &'a [FooterLink], row: &BareRow) -> Option<&'a FooterLink> {
    links.iter().find(|l| l.stamp == Some(row.stamp))
}

fn check_stamps(live: &LiveFile, part: &mut FilePart) {
    let Some(ms) = live.committed_ms else { return };
    let wrong = part.links.iter().filter_map(|l| l.stamp).find(|s| s.div_euclid(1_000) != ms);
    if let Some(stamp) = wrong {
        part.findings.problem(
            Kind::Row,
            part.path.as_str(),
            format!("committed_at is {stamp} us, its commit says {ms} ms"),
        );
    }
}

/// What is wrong when the digest in a link is not that of its rows.
pub(super) const ROWS_DIFFER: &str = "its committed_at or its rows that are no events (rejects, duplicates, findings) are not those that the link's digest covers";

/// The link whose commit wrote a row that is no event: by its leaf, else by its commit's time.
pub(super) fn link_of_outside<'a>(links: &'a [FooterLink], row: &OutsideRow) -> Option<&'a FooterLink> {
    match row.outside.0.2 {
        Some(leaf) => links.iter().find(|l| (l.link.leaf_from..l.link.leaf_to).contains(&leaf)),
        None => links.iter().find(|l| l.stamp == Some(row.stamp)),
    }
}
