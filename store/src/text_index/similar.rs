//! Exact likeness of two texts by their trigrams, for ranking what the index proposes. Pure; never fails.

use std::collections::HashMap;
use std::ops::Range;

use super::normal;

/// Window lengths that are tried, in quarters of the passage's length: copies lose or gain words.
const WINDOW_QUARTERS: [usize; 3] = [4, 5, 6];

/// How alike two texts are. Both figures run from 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Similarity {
    /// Shared trigrams among all trigrams of both.
    pub jaccard: f64,
    /// Shared trigrams among those of the first text.
    pub containment: f64,
}

/// The stretch of a text that is most like a passage.
#[derive(Clone, Debug, PartialEq)]
pub struct BestWindow {
    /// Bytes of the text.
    pub bytes: Range<usize>,
    /// Likeness of passage and stretch; repeated trigrams count as often as both have them.
    pub similarity: Similarity,
}

/// Compares two texts by the sets of trigrams of their normal forms. Texts below three characters are one gram.
pub fn trigram_similarity(first: &str, second: &str) -> Similarity {
    let (left, right) = (distinct(first), distinct(second));
    let (mut a, mut b, mut shared) = (0, 0, 0_usize);
    while a < left.len() && b < right.len() {
        match left[a].cmp(&right[b]) {
            std::cmp::Ordering::Less => a += 1,
            std::cmp::Ordering::Greater => b += 1,
            std::cmp::Ordering::Equal => {
                shared += 1;
                a += 1;
                b += 1;
            }
        }
    }
    similarity(shared, left.len(), right.len())
}

/// Finds the stretch of `text` that is most like `passage`; nothing when they share no trigram.
/// Takes time in proportion to the length of `text`.
pub fn best_window(passage: &str, text: &str) -> Option<BestWindow> {
    let wanted = Grams::of(passage);
    let there = Grams::of(text);
    if wanted.hashes.is_empty() || there.hashes.is_empty() {
        return None;
    }
    let mut best: Option<(usize, usize, Similarity)> = None;
    for quarters in WINDOW_QUARTERS {
        let length = (wanted.hashes.len() * quarters / 4).clamp(1, there.hashes.len());
        let (from, shared) = best_of_length(&wanted, &there, length);
        let found = similarity(shared, wanted.hashes.len(), length);
        if shared > 0 && best.is_none_or(|(_, _, known)| found.jaccard > known.jaccard) {
            best = Some((from, length, found));
        }
    }
    best.map(|(from, length, similarity)| BestWindow { bytes: there.bytes(from, length, text), similarity })
}

fn similarity(shared: usize, first: usize, second: usize) -> Similarity {
    if first == 0 && second == 0 {
        return Similarity { jaccard: 1.0, containment: 1.0 };
    }
    let union = (first + second - shared).max(1);
    Similarity { jaccard: shared as f64 / union as f64, containment: shared as f64 / first.max(1) as f64 }
}

fn distinct(text: &str) -> Vec<u64> {
    let mut grams = Grams::of(text).hashes;
    grams.sort_unstable();
    grams.dedup();
    grams
}

/// Trigrams of a normal form in order, and where in the text each begins.
struct Grams {
    hashes: Vec<u64>,
    places: Vec<usize>,
}

impl Grams {
    fn of(text: &str) -> Self {
        let (mut chars, mut places) = (Vec::new(), Vec::new());
        normal::walk(text, &mut |char, at| {
            chars.push(u64::from(u32::from(char)));
            places.push(at);
        });
        let hashes = match chars.len() {
            0 => Vec::new(),
            1 | 2 => vec![chars.iter().fold(1 << 63, |gram, char| (gram << 21) | char | (1 << 63))],
            _ => chars.windows(3).map(|three| (three[0] << 42) | (three[1] << 21) | three[2]).collect(),
        };
        Self { hashes, places }
    }

    /// Bytes of the text from gram `from` on, `length` grams long.
    fn bytes(&self, from: usize, length: usize, text: &str) -> Range<usize> {
        let start = self.places.get(from).copied().unwrap_or(0);
        let last = (from + length + 1).min(self.places.len()) - 1;
        let end = self.places.get(last).copied().unwrap_or(text.len());
        let after = text[end..].chars().next().map_or(text.len(), |char| end + char.len_utf8());
        start..after
    }
}

/// Start and shared grams of the best window of `length` grams.
fn best_of_length(wanted: &Grams, there: &Grams, length: usize) -> (usize, usize) {
    let mut left: HashMap<u64, i64> = HashMap::new();
    for gram in &wanted.hashes {
        *left.entry(*gram).or_default() += 1;
    }
    let (mut shared, mut best) = (0_usize, (0, 0));
    for (at, gram) in there.hashes.iter().enumerate() {
        if let Some(count) = left.get_mut(gram) {
            shared += usize::from(*count > 0);
            *count -= 1;
        }
        if at >= length
            && let Some(count) = left.get_mut(&there.hashes[at - length])
        {
            *count += 1;
            shared -= usize::from(*count > 0);
        }
        if shared > best.1 {
            best = ((at + 1).saturating_sub(length), shared);
        }
    }
    best
}
