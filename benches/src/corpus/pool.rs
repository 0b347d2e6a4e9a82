//! Text for millions of events, cut from a pool that is written once.
//!
//! Guarantee: cutting costs a copy; every text begins with three numbers that no other text of the corpus begins with; it
//! holds none of the letters of planted words. A session cuts near its own place in the pool, which moves on as it speaks,
//! so that neighbours repeat each other as much as in `words.rs` and a long session never ends up repeating itself.

use crate::rng::Rng;
use crate::words::{Memory, Words};
use std::fmt::Write as _;
use std::sync::Arc;

/// Bytes of the pool.
const POOL_BYTES: usize = 8 * 1_048_576;
/// Records that one session of the pool consists of, and their mean size in bytes.
const RECORDS: (usize, usize) = (120, 500);
/// How far from its place a session cuts, in bytes.
const NEAR_BYTES: usize = 12 * 1_024;
/// Numbers of a text's beginning stay below this, as those within it do, so that full text meets no word only once.
const NUMBERS: u64 = 100_000;

/// See the module. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Pool {
    text: Arc<String>,
    words: Words,
}

/// A session's place in the pool.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Nook(usize);

impl Pool {
    pub(super) fn new(seed: u64) -> Self {
        let (words, mut rng) = (Words::new(seed), Rng::new(seed, "pool"));
        let mut text = String::with_capacity(POOL_BYTES);
        while text.len() < POOL_BYTES {
            let mut memory = Memory::default();
            for _ in 0..RECORDS.0 {
                let bytes = rng.range(60, 2 * RECORDS.1 - 60);
                text.push_str(&words.text(&mut rng, &mut memory, bytes));
                text.push('\n');
            }
        }
        Self { text: Arc::new(text), words }
    }

    /// A new place.
    pub(super) fn nook(&self, rng: &mut Rng) -> Nook {
        Nook(rng.below(POOL_BYTES))
    }

    /// Text of about `bytes` bytes: the `seq`-th of its world.
    pub(super) fn text(&self, rng: &mut Rng, nook: &mut Nook, world: usize, seq: u64, bytes: usize) -> String {
        let mut out = String::with_capacity(bytes + 64);
        // Writing to a string cannot fail.
        let _ = write!(out, "{world} {} {} ", seq / NUMBERS, seq % NUMBERS);
        let wanted = bytes.saturating_sub(out.len());
        let from = (nook.0 + rng.below(NEAR_BYTES)) % (POOL_BYTES - NEAR_BYTES);
        nook.0 = (nook.0 + wanted / 2) % POOL_BYTES;
        let text = &self.text[from..];
        let start = text.find(' ').map_or(0, |at| at + 1);
        let end = (start + wanted).min(text.len());
        let end = text[..end].rfind(' ').filter(|at| *at > start).unwrap_or(start);
        out.push_str(&text[start..end]);
        out
    }

    /// `count` phrases of three words each that stand in the pool, but never in this order.
    pub(super) fn phrases(&self, rng: &mut Rng, count: usize) -> Vec<String> {
        // As full text sees it: words, whatever stands between them.
        let words: Vec<&str> =
            self.text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty()).collect();
        let told = words.join(" ");
        let mut phrases = Vec::with_capacity(count);
        while phrases.len() < count {
            let words: Vec<&str> = (0..3).map(|_| self.words.word(rng)).filter(|w| w.len() > 3).collect();
            let phrase = words.join(" ");
            if words.len() == 3 && !told.contains(&phrase) && words.iter().all(|w| told.contains(w)) {
                phrases.push(phrase);
            }
        }
        phrases
    }
}
