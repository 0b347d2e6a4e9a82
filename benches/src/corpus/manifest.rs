//! What a corpus holds and what the answers must be, kept beside it in `corpus.json`.

use super::CorpusPlan;
use crate::error::{Doing, Result};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Name of the file within the folder of the bed.
const FILE: &str = "corpus.json";

/// A decision and how much explains it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Decision {
    /// Event id of the decision.
    pub id: String,
    /// Business object that it is about.
    pub subject: String,
    /// Its session.
    pub session: String,
    /// Events that explain it, itself included.
    pub nodes: u64,
}

/// A poisoned write and how much it reached.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Hub {
    /// Event id of the write.
    pub id: String,
    /// Its memory key.
    pub key: String,
    /// Events downstream, itself included.
    pub nodes: u64,
    /// Sessions that they stand in.
    pub sessions: u64,
}

/// The one long session.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Long {
    /// Its name.
    pub session: String,
    /// Its events.
    pub events: u64,
}

/// How often a word stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WordKind {
    /// In 10 contents.
    Rare,
    /// In 1,000 contents.
    Medium,
    /// In one of 20 contents.
    Common,
    /// Three frequent words in a row, in 10 contents.
    Phrase,
}

impl WordKind {
    /// For people.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Rare => "rare word",
            Self::Medium => "medium word",
            Self::Common => "common word",
            Self::Phrase => "phrase",
        }
    }
}

/// A planted word or phrase.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Word {
    /// As it stands in contents.
    pub text: String,
    /// How often.
    pub kind: WordKind,
    /// In how many contents.
    pub documents: u64,
}

impl Word {
    pub(super) fn new(text: String, kind: WordKind, documents: u64) -> Self {
        Self { text, kind, documents }
    }
}

/// What one world adds.
#[derive(Debug, Default)]
pub(super) struct Notes {
    pub(super) ids: Vec<String>,
    pub(super) decisions: Vec<Decision>,
    pub(super) decisions_made: u64,
    pub(super) sessions: u64,
    pub(super) hub: Option<Hub>,
    pub(super) long: Option<Long>,
    pub(super) words: Vec<Word>,
}

/// See the module.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Manifest {
    /// What was asked for.
    pub plan: CorpusPlan,
    /// Events made.
    pub events: u64,
    /// Sessions begun.
    pub sessions: u64,
    /// Decisions made; a sample of them follows.
    pub decisions_made: u64,
    /// Decisions.
    pub decisions: Vec<Decision>,
    /// Poisoned writes.
    pub hubs: Vec<Hub>,
    /// The long session.
    pub long: Long,
    /// Planted words.
    pub words: Vec<Word>,
    /// Ids of events, evenly drawn.
    pub ids: Vec<String>,
}

impl Manifest {
    pub(super) fn of(plan: CorpusPlan, events: u64, worlds: Vec<Notes>) -> Self {
        let mut all = Self {
            plan,
            events,
            sessions: 0,
            decisions_made: 0,
            decisions: Vec::new(),
            hubs: Vec::new(),
            long: Long::default(),
            words: Vec::new(),
            ids: Vec::new(),
        };
        for world in worlds {
            all.sessions += world.sessions;
            all.decisions_made += world.decisions_made;
            all.decisions.extend(world.decisions);
            all.hubs.extend(world.hub);
            all.ids.extend(world.ids);
            all.long = world.long.unwrap_or(all.long);
            for (at, word) in world.words.into_iter().enumerate() {
                match all.words.get_mut(at) {
                    Some(known) => known.documents += word.documents,
                    None => all.words.push(word),
                }
            }
        }
        all
    }

    /// The planted words of a kind.
    #[must_use]
    pub fn words_of(&self, kind: WordKind) -> Vec<&Word> {
        self.words.iter().filter(|word| word.kind == kind && word.documents > 0).collect()
    }

    /// Writes it into the folder of a bed.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn save(&self, dir: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self).doing("writing corpus.json")?;
        std::fs::write(dir.join(FILE), text + "\n").doing("writing corpus.json")
    }

    /// Reads it from the folder of a bed.
    ///
    /// # Errors
    /// When there is none.
    pub fn load(dir: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(dir.join(FILE)).doing("opening a corpus (make one with `lineage gen`)")?;
        serde_json::from_str(&text).doing("reading corpus.json")
    }
}
