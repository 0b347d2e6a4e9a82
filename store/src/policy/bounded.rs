//! A map that forgets what was written longest ago once it is full.
//!
//! Guarantee: never more than its limit; what gave way is counted. Order of age survives serialisation, so a map that
//! was stored and read again forgets the same entries as one that was not.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::sync::Arc;

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Bounded<V> {
    max: usize,
    forgotten: u64,
    next_age: u64,
    by_key: BTreeMap<Arc<str>, (u64, V)>,
    by_age: BTreeMap<u64, Arc<str>>,
}

#[derive(Serialize)]
struct Written<'a, V> {
    max: usize,
    forgotten: u64,
    oldest_first: Vec<(&'a str, &'a V)>,
}

#[derive(Deserialize)]
struct Read<V> {
    max: usize,
    forgotten: u64,
    oldest_first: Vec<(String, V)>,
}

impl<V> Bounded<V> {
    pub(super) fn new(max: usize) -> Self {
        Self { max: max.max(1), forgotten: 0, next_age: 0, by_key: BTreeMap::new(), by_age: BTreeMap::new() }
    }

    /// How many entries gave way so far.
    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    pub(super) fn get(&self, key: &str) -> Option<&V> {
        self.by_key.get(key).map(|(_, value)| value)
    }

    /// For changes that do not make the entry younger.
    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut V> {
        self.by_key.get_mut(key).map(|(_, value)| value)
    }

    /// Values in the order of their keys.
    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.by_key.values().map(|(_, value)| value)
    }

    /// Writes an entry, which becomes the youngest.
    pub(super) fn insert(&mut self, key: &str, value: V) {
        self.remove(key);
        let (age, key) = (self.next_age, Arc::<str>::from(key));
        self.next_age += 1;
        self.by_age.insert(age, Arc::clone(&key));
        self.by_key.insert(key, (age, value));
        while self.by_key.len() > self.max {
            let Some((_, oldest)) = self.by_age.pop_first() else { break };
            self.by_key.remove(&oldest);
            self.forgotten += 1;
        }
    }

    /// Changes an entry, which becomes the youngest; one that is not there begins as its default.
    pub(super) fn change<T>(&mut self, key: &str, change: impl FnOnce(&mut V) -> T) -> T
    where
        V: Default,
    {
        let mut value = self.remove(key).unwrap_or_default();
        let answer = change(&mut value);
        self.insert(key, value);
        answer
    }

    pub(super) fn remove(&mut self, key: &str) -> Option<V> {
        let (age, value) = self.by_key.remove(key)?;
        self.by_age.remove(&age);
        Some(value)
    }
}

impl<V: Serialize> Serialize for Bounded<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let entry = |key: &'_ Arc<str>| self.by_key.get_key_value(key).map(|(key, (_, value))| (key.as_ref(), value));
        let oldest_first = self.by_age.values().filter_map(entry).collect();
        Written { max: self.max, forgotten: self.forgotten, oldest_first }.serialize(serializer)
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Bounded<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = Read::<V>::deserialize(deserializer)?;
        let mut map = Self::new(read.max);
        read.oldest_first.into_iter().for_each(|(key, value)| map.insert(&key, value));
        map.forgotten = read.forgotten;
        Ok(map)
    }
}

#[cfg(test)]
mod tests {
    use super::Bounded;

    #[test]
    fn the_oldest_gives_way_and_is_counted_also_after_storing() {
        let mut map = Bounded::<u32>::new(2);
        map.insert("a", 1);
        map.insert("b", 2);
        map.change("a", |value| *value += 10);
        let stored = serde_json::to_string(&map).unwrap();
        let mut again: Bounded<u32> = serde_json::from_str(&stored).unwrap();
        for map in [&mut map, &mut again] {
            map.insert("c", 3);
            assert_eq!((map.get("a"), map.get("b"), map.get("c")), (Some(&11), None, Some(&3)));
            assert_eq!(map.forgotten(), 1);
        }
    }
}
