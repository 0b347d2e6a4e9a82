//! What the wrong price of the demo touched: the one list that the demo prints and tests compare with.
//!
//! Guarantee: `hansard trace ROOT --down` lists exactly `influenced` and `corrections`; nothing of `untouched` is among
//! them, although its session reads the same memory and its value was written by the same agent.

use super::scene::Story;
use serde::Serialize;

/// The web page with the wrong price.
const ROOT: &str = "price.bad.page";

/// Everything that rests on it.
const INFLUENCED: &[&str] = &[
    "price.bad.model",
    "price.bad.write",
    "quote.read",
    "quote.model",
    "quote.sent",
    "order.read",
    "order.model",
    "order.verdict",
    "order.call",
    "order.placed",
    "report.model",
    "report.sent",
];

/// What set it right.
const CORRECTIONS: &[&str] = &["correction"];

/// What reads the same memory or comes from the same agent, and does not rest on it.
const UNTOUCHED: &[&str] = &[
    "price.good.page",
    "price.good.write",
    "control.agent",
    "control.read",
    "control.model",
    "control.sent",
    "quote.agent",
    "order.agent",
];

/// An act by its label and id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Named {
    /// Its name within the story.
    pub label: &'static str,
    /// Its event id.
    pub id: String,
}

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Planted {
    /// Where the wrong price came in.
    pub root: Named,
    /// Everything that rests on it.
    pub influenced: Vec<Named>,
    /// What set it right; a link of relation `corrects` leads there.
    pub corrections: Vec<Named>,
    /// Neighbours that do not rest on it.
    pub untouched: Vec<Named>,
}

/// The list for `story`; `None` when one of the acts is not in it.
#[must_use]
pub fn planted(story: &Story) -> Option<Planted> {
    let named = |label: &'static str| Some(Named { label, id: story.id(label)?.to_owned() });
    let all = |labels: &[&'static str]| labels.iter().map(|label| named(label)).collect::<Option<Vec<_>>>();
    Some(Planted {
        root: named(ROOT)?,
        influenced: all(INFLUENCED)?,
        corrections: all(CORRECTIONS)?,
        untouched: all(UNTOUCHED)?,
    })
}

#[cfg(test)]
mod tests {
    use crate::demo::story;
    use std::collections::HashSet;

    /// The list against the story's own causes, by a walk that shares nothing with the query engine.
    #[test]
    fn the_list_is_what_the_story_says() {
        let story = story();
        let planted = super::planted(&story).expect("every label is in the story");
        let mut reached: HashSet<&str> = HashSet::from([planted.root.id.as_str()]);
        for act in story.acts() {
            if act.draft.causes.iter().any(|cause| reached.contains(cause.id.as_str())) {
                reached.insert(&act.draft.id);
            }
        }
        reached.remove(planted.root.id.as_str());
        let listed: HashSet<&str> =
            planted.influenced.iter().chain(&planted.corrections).map(|n| n.id.as_str()).collect();
        assert_eq!(reached, listed);
        assert!(planted.untouched.iter().all(|n| !reached.contains(n.id.as_str())));
    }
}
