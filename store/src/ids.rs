//! Which (source, id) the partition's table holds already.
//!
//! Guarantee: exact for all ids that were inserted, up to collisions of 128-bit keyed digests. Memory: about 40 bytes
//! per event of the partition.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// What is known of an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// Not seen before.
    New,
    /// Seen from the same source.
    Same,
    /// Seen from another source.
    Conflict,
}

/// Keys are digests: any 8 bytes of them are a good hash.
#[derive(Debug, Default)]
pub(crate) struct DigestHasher(u64);

impl Hasher for DigestHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|b| self.0 = self.0.rotate_left(8) ^ u64::from(*b));
    }
    fn write_u128(&mut self, n: u128) {
        self.0 = n as u64;
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Ids(HashMap<u128, u64, BuildHasherDefault<DigestHasher>>);

impl Ids {
    /// Looks an id up and remembers it under its first source.
    pub(crate) fn insert(&mut self, tenant: &str, source: &str, id: &str) -> Known {
        let speaker = key(&[source]) as u64;
        match self.remember(key(&[tenant, id]), speaker) {
            // A further source of a known id is remembered under id and source, so that its own repeats are known.
            Known::Conflict if self.remember(key(&[tenant, id, source]), speaker) == Known::Same => Known::Same,
            known => known,
        }
    }

    fn remember(&mut self, key: u128, speaker: u64) -> Known {
        match self.0.entry(key) {
            std::collections::hash_map::Entry::Vacant(slot) => {
                slot.insert(speaker);
                Known::New
            }
            std::collections::hash_map::Entry::Occupied(slot) if *slot.get() == speaker => Known::Same,
            std::collections::hash_map::Entry::Occupied(_) => Known::Conflict,
        }
    }
}

fn key(fields: &[&str]) -> u128 {
    let mut hasher = blake3::Hasher::new();
    for field in fields {
        hasher.update(&(field.len() as u64).to_le_bytes()).update(field.as_bytes());
    }
    let mut bytes = [0u8; 16];
    bytes.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    u128::from_le_bytes(bytes)
}
