//! A bounded memory of recent keys: two generations, of which the older is dropped whole when the younger is full.
//!
//! Guarantee: at most `capacity` entries, constant time, and an entry that was used within the last `capacity / 2`
//! insertions is still there. It is only a memory: forgetting costs space or time elsewhere, never correctness.

use std::collections::HashMap;
use std::hash::Hash;

/// See the module.
#[derive(Debug)]
pub(crate) struct Seen<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    capacity: usize,
}

impl<K: Hash + Eq + Clone, V: Clone> Seen<K, V> {
    /// A memory of at most `capacity` entries.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), capacity }
    }

    /// Looks a key up without refreshing it.
    pub(crate) fn peek(&self, key: &K) -> Option<&V> {
        self.young.get(key).or_else(|| self.old.get(key))
    }

    /// Remembers a key, or refreshes it.
    pub(crate) fn put(&mut self, key: K, value: V) {
        if self.young.len() >= (self.capacity / 2).max(1) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::Seen;

    #[test]
    fn the_old_go_and_the_used_stay() {
        let mut seen = Seen::new(4);
        for key in 0..100 {
            seen.put(key, key);
            seen.put(0, 0);
            assert!(seen.young.len() + seen.old.len() <= 4);
            assert_eq!(seen.peek(&0), Some(&0));
            assert_eq!(seen.peek(&key), Some(&key));
        }
        assert_eq!(seen.peek(&1), None);
    }
}
