//! Text that no person wrote and that compresses like what agents write.
//!
//! Three sources, mixed by probabilities that were fitted to [`crate::measured`]: fresh sentences of invented words with
//! falling frequencies, spans repeated within a record, and spans repeated from what the session said before (files that
//! are read again, results that are quoted). A test holds both zstd ratios to the measured ones. ASCII only.

use crate::rng::Rng;
use std::sync::Arc;

/// Invented words.
const VOCABULARY: usize = 12_000;
/// What a session remembers, in bytes; half is forgotten when it is full.
const MEMORY_BYTES_MAX: usize = 48 * 1_024;
/// Probability that the next piece repeats this record. Fitted to `RATIO_ALONE`.
const REPEAT_RECORD: f64 = 0.44;
/// Probability that the next piece repeats the session. Fitted to `RATIO_JOINED`.
const REPEAT_SESSION: f64 = 0.21;
/// Length in bytes of a span repeated within the record.
const RECORD_SPAN: (usize, usize) = (12, 40);
/// Length in bytes of a span repeated from the session.
const SESSION_SPAN: (usize, usize) = (30, 240);

const ONSETS: [&str; 20] =
    ["b", "br", "c", "d", "f", "g", "gr", "k", "l", "m", "n", "p", "pl", "r", "s", "st", "t", "tr", "v", "w"];
const VOWELS: [&str; 8] = ["a", "e", "i", "o", "u", "ai", "ea", "ou"];
const CODAS: [&str; 10] = ["", "", "n", "r", "s", "t", "l", "nd", "m", "ck"];

/// The vocabulary, the most frequent word first. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Words(Arc<Vec<String>>);

/// What a session has said, for repetition.
#[derive(Debug, Clone, Default)]
pub struct Memory(Vec<u8>);

impl Words {
    /// The words of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed, "words");
        let words = (0..VOCABULARY).map(|rank| {
            let syllables = 1 + rng.below(if rank < 300 { 2 } else { 4 });
            let mut word = String::new();
            for _ in 0..syllables {
                word.push_str(ONSETS[rng.below(ONSETS.len())]);
                word.push_str(VOWELS[rng.below(VOWELS.len())]);
                word.push_str(CODAS[rng.below(CODAS.len())]);
            }
            word
        });
        Self(Arc::new(words.collect()))
    }

    /// A word; low ranks are frequent (density falls as the rank to the power -2/3).
    pub fn word(&self, rng: &mut Rng) -> &str {
        let u = rng.unit();
        let rank = (u * u * u * self.0.len() as f64) as usize;
        &self.0[rank.min(self.0.len() - 1)]
    }

    /// Text of exactly `bytes` bytes, which the session remembers.
    pub fn text(&self, rng: &mut Rng, memory: &mut Memory, bytes: usize) -> String {
        let mut out: Vec<u8> = Vec::with_capacity(bytes + 512);
        while out.len() < bytes {
            let dice = rng.unit();
            if dice < REPEAT_RECORD && out.len() > 64 {
                let from = rng.below(out.len() - 40);
                let span = rng.range(RECORD_SPAN.0, RECORD_SPAN.1);
                out.extend_from_within(from..from + span);
            } else if dice < REPEAT_RECORD + REPEAT_SESSION && memory.0.len() > 1_024 {
                let span = rng.range(SESSION_SPAN.0, SESSION_SPAN.1);
                let from = rng.below(memory.0.len() - span);
                out.extend_from_slice(&memory.0[from..from + span]);
            } else {
                self.sentence(rng, &mut out);
            }
        }
        out.truncate(bytes);
        memory.keep(&out);
        // Only ASCII was written.
        String::from_utf8(out).unwrap_or_default()
    }

    fn sentence(&self, rng: &mut Rng, out: &mut Vec<u8>) {
        for n in 0..rng.range(3, 11) {
            if n > 0 {
                out.push(b' ');
            }
            out.extend_from_slice(self.word(rng).as_bytes());
            if rng.chance(0.06) {
                out.extend_from_slice(format!(" {}", rng.below(100_000)).as_bytes());
            }
        }
        out.extend_from_slice(if rng.chance(0.3) { b".\n" } else { b". " });
    }
}

impl Memory {
    fn keep(&mut self, text: &[u8]) {
        if self.0.len() + text.len() > MEMORY_BYTES_MAX {
            let half = self.0.len() / 2;
            self.0.drain(..half);
        }
        self.0.extend_from_slice(text);
    }
}
