//! What is asked: the kinds of questions, their bars, and the targets that a corpus has for each.
//!
//! Guarantee: targets are drawn by seed, so that ours and the peers' questions are the same ones.

use crate::corpus::{Manifest, WordKind};
use crate::rng::Rng;
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// Events of a page of a session when none are asked for.
const PAGE_EVENTS: u64 = 200;

/// A kind of question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum Kind {
    /// An event by its id.
    Event,
    /// Why a decision, by its event id.
    Why,
    /// Why a decision, by its subject.
    WhySubject,
    /// Everything downstream of a poisoned write.
    BlastRadius,
    /// Full text, a word in 10 contents.
    Rare,
    /// Full text, a word in 1,000 contents.
    Medium,
    /// Full text, a word in one of 20 contents.
    Common,
    /// Full text, three frequent words in a row.
    Phrase,
    /// First page of the long session.
    FirstPage,
    /// A page from the middle of the long session.
    MiddlePage,
}

impl Kind {
    /// Every kind, in the order of the report.
    pub const ALL: [Self; 10] = [
        Self::Event,
        Self::Why,
        Self::WhySubject,
        Self::BlastRadius,
        Self::Rare,
        Self::Medium,
        Self::Common,
        Self::Phrase,
        Self::FirstPage,
        Self::MiddlePage,
    ];

    /// For people.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Event => "event by id",
            Self::Why => "why of a decision (about 100 events)",
            Self::WhySubject => "why of a subject (about 100 events)",
            Self::BlastRadius => "blast radius of a write (10,000 events)",
            Self::Rare => "full text: word in 10 contents",
            Self::Medium => "full text: word in 1,000 contents",
            Self::Common => "full text: word in 1 of 20 contents",
            Self::Phrase => "full text: phrase in 10 contents",
            Self::FirstPage => "first page of the long session",
            Self::MiddlePage => "page in the middle of the long session",
        }
    }

    /// The name in commands and JSON.
    #[must_use]
    pub fn word(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// Most milliseconds, warm, at the median; `None` where no bar was set.
    #[must_use]
    pub fn bar(self) -> Option<f64> {
        match self {
            Self::Event => Some(5.0),
            Self::Why | Self::WhySubject => Some(30.0),
            Self::BlastRadius => Some(500.0),
            Self::Rare | Self::Medium | Self::Common | Self::Phrase => Some(200.0),
            Self::FirstPage => Some(50.0),
            Self::MiddlePage => None,
        }
    }

    /// Most growth of the warm median for ten times the data; `None` where no bar was set.
    #[must_use]
    pub fn growth_bar(self) -> Option<f64> {
        matches!(self, Self::Event | Self::Why).then_some(1.5)
    }
}

/// One question.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Target {
    /// Its kind.
    pub kind: Kind,
    /// What it is about: id, subject, words or session.
    pub what: String,
    /// How large the answer must be.
    pub size: u64,
}

/// The `number`-th page in the middle lies behind this share of the session.
#[must_use]
pub fn middle(number: usize) -> f64 {
    0.1 + 0.8 * (number as f64 * 0.618_034).fract()
}

/// At most `count` questions of a kind, in an order drawn by seed.
#[must_use]
pub fn targets(manifest: &Manifest, kind: Kind, count: usize) -> Vec<Target> {
    let target = |what: &str, size: u64| Target { kind, what: what.to_owned(), size };
    let words = |of: WordKind| manifest.words_of(of).into_iter().map(|w| target(&w.text, w.documents)).collect();
    let page = || target(&manifest.long.session, PAGE_EVENTS.min(manifest.long.events));
    let mut all: Vec<Target> = match kind {
        Kind::Event => manifest.ids.iter().map(|id| target(id, 1)).collect(),
        Kind::Why => manifest.decisions.iter().map(|d| target(&d.id, d.nodes)).collect(),
        Kind::WhySubject => manifest.decisions.iter().map(|d| target(&d.subject, d.nodes)).collect(),
        Kind::BlastRadius => manifest.hubs.iter().map(|hub| target(&hub.id, hub.nodes)).collect(),
        Kind::Rare => words(WordKind::Rare),
        Kind::Medium => words(WordKind::Medium),
        Kind::Common => words(WordKind::Common),
        Kind::Phrase => words(WordKind::Phrase),
        Kind::FirstPage | Kind::MiddlePage => vec![page()],
    };
    let mut rng = Rng::new(manifest.plan.seed, &format!("targets {}", kind.word()));
    for place in (1..all.len()).rev() {
        all.swap(place, rng.below(place + 1));
    }
    if all.is_empty() {
        return all;
    }
    // Where there are fewer targets than questions, they are asked again.
    (0..count).map(|n| all[n % all.len()].clone()).collect()
}
