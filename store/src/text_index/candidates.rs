//! Finds altered copies of a passage: contents that share enough of its fingerprints, the most first. The caller
//! ranks them exactly with `best_window`; what shares too few fingerprints is not proposed.

use std::time::Duration;

use tantivy::Term;
use tantivy::query::{BooleanQuery, ConstScoreQuery, Query, TermQuery};
use tantivy::schema::IndexRecordOption;

use super::fingerprint;
use super::limits::{PASSAGE_BYTES, PASSAGE_FINGERPRINTS};
use super::normal::normal_text;
use super::schema;
use super::search::{TextAnswer, TextScope, TextSearcher, Wanted};
use crate::error::{Result, StoreError};

/// A search for copies of a passage.
#[derive(Clone, Debug)]
pub struct CopySearch {
    /// The passage.
    pub passage: String,
    /// Least share of the fingerprints that a full copy keeps, from 0 to 1. With 0.2, copies with a typing error in
    /// every fifth word are found.
    pub least_share: f32,
    /// Candidates wanted, at most `TOP_K`.
    pub k: usize,
    /// What may be seen.
    pub scope: TextScope,
    /// When the search ends with what it has.
    pub time_limit: Duration,
}

impl TextSearcher {
    /// Proposes contents that may hold an altered copy; the score is the number of shared fingerprints.
    pub async fn copies(&self, search: &CopySearch) -> Result<TextAnswer> {
        let normal = normal_text(&search.passage);
        if normal.is_empty() || normal.len() > PASSAGE_BYTES {
            let found = format!("{} bytes found, 1 to {PASSAGE_BYTES} expected", normal.len());
            return Err(StoreError::invalid("passage to look for", found));
        }
        let (query, least) = query(&normal, search.least_share);
        let query: Box<dyn Query> = Box::new(BooleanQuery::union_with_minimum_required_clauses(query, least));
        let wanted = Wanted { query, k: search.k, count: false };
        self.run(wanted, Vec::new(), &search.scope, search.time_limit).await
    }
}

/// One clause per fingerprint, and how many must hold.
fn query(normal: &str, least_share: f32) -> (Vec<Box<dyn Query>>, usize) {
    let (_, fields) = schema::schema();
    let prints = thinned(fingerprint::kept(normal));
    let least = (prints.len() as f32 * least_share.clamp(0.0, 1.0)).ceil().max(1.0) as usize;
    let clause = |print: &u32| -> Box<dyn Query> {
        let term = Term::from_field_u64(fields.prints, u64::from(*print));
        Box::new(ConstScoreQuery::new(Box::new(TermQuery::new(term, IndexRecordOption::Basic)), 1.0))
    };
    (prints.iter().map(clause).collect(), least)
}

fn thinned(prints: Vec<u32>) -> Vec<u32> {
    let step = prints.len().div_ceil(PASSAGE_FINGERPRINTS).max(1);
    prints.into_iter().step_by(step).collect()
}
