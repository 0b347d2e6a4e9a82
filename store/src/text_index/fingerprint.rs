//! Fingerprints of a text: what its altered copies share with it. Pure; never fails.
//!
//! Every character of the normal form starts a gram of `GRAM_BYTES` (eight letters of Latin, three of Han). Grams are
//! hashed and winnowed: of every `WINNOW_GRAMS` neighbours the least is kept, so any unaltered stretch of
//! `WINNOW_GRAMS + GRAM_BYTES` characters shares at least one fingerprint with its copy, wherever it stands.

use super::limits::{FINGERPRINT_BITS, GRAM_BYTES, WINNOW_GRAMS};

const MIX_A: u64 = 0x9e37_79b9_7f4a_7c15;
const MIX_B: u64 = 0xd6e8_feb8_6659_fd93;
const MIX_C: u64 = 0xa076_1d64_78bd_642f;

/// Distinct fingerprints kept of a text in normal form, ascending.
pub(super) fn kept(normal: &str) -> Vec<u32> {
    let mut prints = Vec::with_capacity(normal.len() / 8 + 1);
    let mut window = Window::default();
    grams(normal, &mut |hash| {
        if let Some(least) = window.push(hash) {
            prints.push(bucket(least));
        }
    });
    if let Some(least) = window.short() {
        prints.push(bucket(least));
    }
    sorted(prints)
}

fn sorted(mut prints: Vec<u32>) -> Vec<u32> {
    prints.sort_unstable();
    prints.dedup();
    prints
}

fn bucket(hash: u64) -> u32 {
    (hash.wrapping_mul(MIX_C) >> (64 - FINGERPRINT_BITS)) as u32
}

fn grams(normal: &str, give: &mut dyn FnMut(u64)) {
    let bytes = normal.as_bytes();
    if bytes.len() < GRAM_BYTES {
        if !bytes.is_empty() {
            give(hash(bytes));
        }
        return;
    }
    for from in 0..=bytes.len() - GRAM_BYTES {
        if !normal.is_char_boundary(from) {
            continue;
        }
        let mut to = from + GRAM_BYTES;
        while !normal.is_char_boundary(to) {
            to += 1;
        }
        give(hash(&bytes[from..to]));
    }
}

/// Hash of at most eleven bytes.
#[inline]
fn hash(bytes: &[u8]) -> u64 {
    let mut first = [0_u8; 8];
    let mut rest = [0_u8; 8];
    let split = bytes.len().min(8);
    first[..split].copy_from_slice(&bytes[..split]);
    rest[..bytes.len() - split].copy_from_slice(&bytes[split..]);
    let mixed = (u64::from_le_bytes(first) ^ u64::from_le_bytes(rest).wrapping_mul(MIX_A)).wrapping_mul(MIX_B);
    (mixed ^ (mixed >> 32)).wrapping_mul(MIX_A)
}

/// The last `WINNOW_GRAMS` hashes.
#[derive(Default)]
struct Window {
    ring: [u64; WINNOW_GRAMS],
    seen: usize,
    /// Number of the least gram that was given last.
    given: Option<usize>,
    least: usize,
}

impl Window {
    /// Takes the next hash; gives the least of the window when it is another one than before.
    #[inline]
    fn push(&mut self, hash: u64) -> Option<u64> {
        let number = self.seen;
        self.ring[number % WINNOW_GRAMS] = hash;
        self.seen += 1;
        if number == 0 || hash <= self.ring[self.least % WINNOW_GRAMS] {
            self.least = number;
        } else if number - self.least >= WINNOW_GRAMS {
            self.least = self.find_least();
        }
        if self.seen < WINNOW_GRAMS || self.given == Some(self.least) {
            return None;
        }
        self.given = Some(self.least);
        Some(self.ring[self.least % WINNOW_GRAMS])
    }

    fn find_least(&self) -> usize {
        let from = self.seen.saturating_sub(WINNOW_GRAMS);
        (from..self.seen).rev().min_by_key(|number| self.ring[number % WINNOW_GRAMS]).unwrap_or(from)
    }

    /// The least of a text that never filled a window.
    fn short(&self) -> Option<u64> {
        (self.seen > 0 && self.seen < WINNOW_GRAMS).then(|| self.ring[self.least % WINNOW_GRAMS])
    }
}
