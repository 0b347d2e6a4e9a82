//! The rows of one file against the chain links in its footer.
//!
//! Guarantee: every row lies in the leaf and offset ranges of one link of its file, rows of one commit say the same
//! `committed_at`, and the rows that no tree covers (rejects of whole records, findings) are those of the link's digest.
//! Such a row is given to its commit by its log offset, or by `committed_at` where the offset is older than the commit
//! (content parts that nobody claimed).

use super::chain::name;
use super::delta::LiveFile;
use super::part::{BareRow, FilePart, FooterLink};
use super::report::Kind;
use crate::files::rows_digest;
use crate::row::Row;
use schemas::chain::Link;
use schemas::columns::RowClass;
use std::collections::HashMap;

/// Findings of a commit, by the digest of its link.
pub(super) type FindingRows = HashMap<[u8; 32], Vec<BareRow>>;

/// Checks all rows of a file; its links are sorted.
pub(super) fn check(live: &LiveFile, finding_rows: &FindingRows, part: &mut FilePart) {
    if part.links.is_empty() {
        return;
    }
    check_leaf_rows(part);
    assign_stamps(part);
    check_stamps(live, part);
    if part.class == RowClass::Reject {
        check_rejects(finding_rows, part);
    }
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

fn check_rejects(finding_rows: &FindingRows, part: &mut FilePart) {
    let mut rows: HashMap<[u8; 32], Vec<&BareRow>> = HashMap::new();
    for bare in &part.bare {
        if let Some(link) = link_of(&part.links, bare) {
            rows.entry(link.digest).or_default().push(bare);
        }
    }
    for link in &part.links {
        let Some(rejects) = rows.remove(&link.digest) else { continue };
        let findings = finding_rows.get(&link.digest).into_iter().flatten();
        part.rows_checked.push(link.digest);
        if digest_of(rejects.into_iter().chain(findings)) != link.link.rows {
            part.findings.problem(Kind::Chain, format!("{}, {}", part.path, name(&link.link)), ROWS_DIFFER);
        }
    }
}

/// What is wrong when the digest in a link is not that of its rows.
pub(super) const ROWS_DIFFER: &str =
    "its rows without a leaf (rejects of whole records, findings) are not those that the link's digest covers";

/// The digest of rows without a leaf, by the writer's own function: docs/format.md section 5.2.
pub(super) fn digest_of<'a>(rows: impl Iterator<Item = &'a BareRow>) -> [u8; 32] {
    let mut rows: Vec<&BareRow> = rows.collect();
    rows.sort_by_key(|r| (r.offset, r.class));
    let rows: Vec<Row> = rows.into_iter().map(row_of).collect();
    rows_digest(&rows)
}

fn row_of(bare: &BareRow) -> Row {
    Row {
        reason: bare.word.clone(),
        detail: bare.detail.clone(),
        about_stream: bare.stream.clone(),
        about_event: bare.event_id.clone(),
        bytes: bare.bytes.clone(),
        ..Row::bare(bare.class, bare.offset)
    }
}
