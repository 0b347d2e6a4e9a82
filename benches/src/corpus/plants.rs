//! Words that stand in an exact number of contents, for full text.
//!
//! Guarantee: a planted word is made of letters that the vocabulary lacks; each stands at most once in a content, and in
//! exactly as many contents as [`Plants::words`] says once a world has made nearly all of its events.

use super::WORLDS;
use super::manifest::{Word, WordKind};
use std::collections::VecDeque;

/// Words that stand in few contents, and in how many.
const RARE: (usize, u64) = (64, 10);
/// Words that stand in many contents, and in how many.
const MEDIUM: (usize, u64) = (8, 1_000);
/// Phrases of three words, each of which is frequent, and in how many contents each stands.
pub(super) const PHRASES: (usize, u64) = (32, 10);
/// Below this many events of a world, only a tenth is planted: small corpora have no room.
const EVENTS_FULL: u64 = 100_000;
/// The word that stands in every so-manieth content that has text.
const COMMON: (&str, u64) = ("zhukovex", 20);

/// What one world plants.
#[derive(Debug)]
pub(super) struct Plants {
    words: Vec<Word>,
    /// (event of the world from which on, word), in order.
    due: VecDeque<(u64, usize)>,
    texts: u64,
    common: u64,
}

impl Plants {
    /// The share of world `number`, which makes `events` events.
    pub(super) fn new(number: usize, events: u64, phrases: &[String]) -> Self {
        let scale = if events >= EVENTS_FULL { 1 } else { 10 };
        let mut words = Vec::new();
        for n in 0..RARE.0 {
            words.push(Word::new(format!("quozax{}", letters(n)), WordKind::Rare, RARE.1));
        }
        for n in 0..MEDIUM.0 {
            words.push(Word::new(format!("vexjim{}", letters(n)), WordKind::Medium, MEDIUM.1 / scale));
        }
        words.extend(phrases.iter().map(|text| Word::new(text.clone(), WordKind::Phrase, PHRASES.1)));
        let mut due = Vec::new();
        let span = events as f64 * 0.9;
        for (at, word) in words.iter_mut().enumerate() {
            let all = word.documents;
            // Rare words begin in different worlds, so that no world gets all first shares.
            let place = (number + WORLDS - at % WORLDS) % WORLDS;
            let share = all / WORLDS as u64 + u64::from((place as u64) < all % WORLDS as u64);
            word.documents = share;
            let shift = (at as f64 * 0.618_034).fract();
            due.extend((0..share).map(|n| (((n as f64 + shift) / share as f64 * span) as u64, at)));
        }
        due.sort_unstable();
        Self { words, due: due.into(), texts: 0, common: 0 }
    }

    /// Puts what is due into the `event`-th event's text; tells whether anything was.
    pub(super) fn plant(&mut self, event: u64, text: &mut String) -> bool {
        self.texts += 1;
        let common = self.texts.is_multiple_of(COMMON.1);
        if common {
            self.common += 1;
            text.push_str(" . ");
            text.push_str(COMMON.0);
        }
        let due = self.due.pop_front_if(|(from, _)| *from <= event);
        if let Some((_, at)) = due {
            text.push_str(" . ");
            text.push_str(&self.words[at].text);
            text.push_str(" .");
        }
        common || due.is_some()
    }

    /// What was planted.
    pub(super) fn words(self) -> Vec<Word> {
        let mut words = self.words;
        for (_, at) in self.due {
            // Not reached: a corpus that is too small. What is said stays exact.
            words[at].documents -= 1;
        }
        words.push(Word::new(COMMON.0.to_owned(), WordKind::Common, self.common));
        words
    }
}

/// A number in letters.
fn letters(number: usize) -> String {
    let letter = |n: usize| char::from(b'a' + (n % 26) as u8);
    [letter(number / 26), letter(number)].iter().collect()
}
