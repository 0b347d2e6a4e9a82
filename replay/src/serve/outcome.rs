//! Whether a replayed run did what the recorded one did.
//!
//! Guarantee: compares acts, that is tool calls with their arguments, and the words of answers that call nothing;
//! ids, words around calls, and white space at the ends do not count. A run that was stopped, refused or failed on
//! the way is not judged.

use super::answer::Answer;
use super::matching::MatchKind;
use super::plan::{How, Served, Surface};
use super::recording::Recording;

/// Something that an agent did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// A call of a tool.
    Call {
        /// The tool.
        name: String,
        /// Arguments in canonical JSON.
        arguments: String,
    },
    /// An answer in words alone.
    Said(String),
}

/// What came out of a counterfactual run, or of a control run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The run did not reach the input: it is not even exposed to it.
    NotExposed,
    /// The model read the input, and did the same without it.
    Exposed,
    /// Without the input the agent did something else.
    Influenced {
        /// The first act that differs, from 0.
        act: usize,
        /// What was done in the record.
        recorded: Option<Act>,
        /// What was done now.
        replayed: Option<Act>,
    },
    /// The run broke off before it ended.
    Broken {
        /// The exchange at which it did.
        sequence: u64,
        /// How it was answered.
        how: How,
    },
}

/// The acts of answers in order.
pub fn acts<'a>(answers: impl Iterator<Item = &'a Answer>) -> Vec<Act> {
    answers.flat_map(of_answer).collect()
}

fn of_answer(answer: &Answer) -> Vec<Act> {
    let calls = answer.calls();
    if calls.is_empty() {
        return vec![Act::Said(answer.said().trim().to_owned())];
    }
    calls.into_iter().map(|(name, arguments)| Act::Call { name, arguments }).collect()
}

/// Judges a finished run against its recording.
#[must_use]
pub fn judge(recording: &Recording, served: &[Served]) -> Outcome {
    let mut order: Vec<&Served> = served.iter().filter(|one| matches!(one.surface, Surface::Model(_))).collect();
    order.sort_by_key(|one| one.sequence);
    let broken = |one: &&&Served| matches!(one.how, How::Stopped | How::Refused(_) | How::Failed | How::Stub);
    if let Some(one) = order.iter().find(broken) {
        return Outcome::Broken { sequence: one.sequence, how: one.how };
    }
    let answers: Vec<Answer> = order.iter().filter_map(|one| one.answer()).collect();
    let recorded = acts(recording.exchanges.iter().map(|exchange| &exchange.answer));
    let replayed = acts(answers.iter());
    let length = recorded.len().max(replayed.len());
    if let Some(act) = (0..length).find(|at| recorded.get(*at) != replayed.get(*at)) {
        return Outcome::Influenced { act, recorded: recorded.get(act).cloned(), replayed: replayed.get(act).cloned() };
    }
    let exposed = order.iter().any(|one| one.matched == MatchKind::Changed || one.sent.is_some());
    if exposed { Outcome::Exposed } else { Outcome::NotExposed }
}
