//! Upwards: from an act to the texts that its values and its order came from.
//!
//! Guarantee: the origin is the first root in time whose text holds an order; roots without one are sources of data;
//! no root with an order means no origin, which is an answer. Values travel only along links: first introducer in the
//! session, version of a key, message, call and result. At most [`UP_DEPTH_MAX`] steps and [`UP_PAIRS_MAX`] pairs.

use super::atoms::{Atom, weight};
use super::climb::{Climb, Root};
use super::edge::{How, Span, score};
use super::feats::Feats;
use super::limits::{Bound, EVIDENCE_MAX};
use super::links::{Links, Looked};
use super::orders::Window;
use super::store::{At, Store};
use super::want::Want;
use serde::{Deserialize, Serialize};

/// Strength from which an order counts as likely. Measured on half of AgentDojo and 44 coding sessions without a known
/// attack: 6,071 of 6,270 true links reach it, and 36 of 758 false ones.
pub const LIKELY_STRENGTH_MIN: u32 = 5;

/// What holds a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// A link of the record: a call's result, a version of a key, a message.
    Structural,
    /// A value or text that stands in both.
    Content,
    /// An order that the act follows.
    Inferred,
}

/// One event of a path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The event.
    pub event: String,
    /// What leads to it from the step before.
    pub basis: Basis,
    /// In words: the value, the key, the call.
    pub via: String,
}

/// An order at a root.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// Where it stands in the text.
    pub span: Span,
    /// How strong it is.
    pub strength: u32,
    /// What makes it one.
    pub features: Vec<String>,
}

/// Where a value came into the record, without an order: from outside, or by an act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceOf {
    /// The event.
    pub event: String,
    /// The values, at most [`EVIDENCE_MAX`].
    pub values: Vec<String>,
    /// From the act to the event, by the first value.
    pub path: Vec<Step>,
}

/// The text whose order the act follows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// The event.
    pub event: String,
    /// From the act to the event.
    pub path: Vec<Step>,
    /// Between 0 and 1.
    pub score: f64,
    /// Whether the order is as strong as orders to an agent are ([`LIKELY_STRENGTH_MIN`]). Weaker ones are possible:
    /// program code and manuals, read by a coding agent, hold many.
    pub likely: bool,
    /// How the last act of the path hangs on the order; none where a value of the order travelled.
    pub how: Option<How>,
    /// The order.
    pub order: Order,
    /// What act and order share.
    pub evidence: Vec<String>,
}

/// The answer upwards.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Up {
    /// The event that was asked about; absent if the record does not hold it.
    pub event: Option<String>,
    /// The first text in time whose order it follows.
    pub origin: Option<Origin>,
    /// Where its data came from.
    pub sources: Vec<SourceOf>,
    /// Acts that brought a value first, so that nothing before them shows where they had it from: other than the words
    /// of trusted people and what was computed from recorded calls, an agent's own knowledge or invention.
    #[serde(default)]
    pub made: Vec<SourceOf>,
    /// Bounds that were hit.
    pub bounds: Vec<Bound>,
}

/// Traces an event upwards; with `text`, only the values and words of that text.
///
/// # Errors
/// If a look-up fails.
pub fn up<L: Links>(links: &L, event: &str, text: Option<&str>) -> Looked<Up> {
    let mut store = Store::new(links);
    let Some(at) = store.find(event)? else {
        return Ok(Up {
            event: None,
            origin: None,
            sources: Vec::new(),
            made: Vec::new(),
            bounds: store.into_bounds(),
        });
    };
    let mut climb = Climb::new(store);
    let want = text.map_or(Want::All, |text| Want::given(Feats::of(text)));
    climb.start(event, at, &want)?;
    let (roots, made, store) = climb.finish();
    Ok(answer(event, roots, made, store))
}

fn answer<L: Links>(event: &str, roots: Vec<Root>, made: Vec<Root>, store: Store<'_, L>) -> Up {
    let (mut with, without): (Vec<Root>, Vec<Root>) = roots.into_iter().partition(|root| root.order.is_some());
    let moment = |at: At| (store.view(at.view).units[at.unit].order, at);
    with.sort_by_key(|root| moment(root.at));
    let first = with.first().map(|root| root.at);
    let best =
        with.into_iter().filter(|root| Some(root.at) == first).reduce(|a, b| if b.score > a.score { b } else { a });
    let origin = best.and_then(|root| {
        let order = root.order?;
        Some(Origin {
            event: root.event,
            path: root.path,
            score: root.score,
            likely: order.strength >= LIKELY_STRENGTH_MIN,
            how: root.how,
            order,
            evidence: root.values,
        })
    });
    let (sources, made) = (by_event(without), by_event(made));
    Up { event: Some(event.to_owned()), origin, sources, made, bounds: store.into_bounds() }
}

/// Roots without an order, each event once with its values.
fn by_event(roots: Vec<Root>) -> Vec<SourceOf> {
    let mut found: Vec<SourceOf> = Vec::new();
    for root in roots {
        match found.iter_mut().find(|source| source.event == root.event) {
            Some(source) => {
                let new: Vec<String> = root.values.into_iter().filter(|v| !source.values.contains(v)).collect();
                source.values.extend(new);
                source.values.truncate(EVIDENCE_MAX);
            }
            None => found.push(SourceOf { event: root.event, values: root.values, path: root.path }),
        }
    }
    found
}

/// The order of a window.
pub(super) fn order_of(window: &Window) -> Order {
    Order {
        span: Span { offset: window.span.0, len: window.span.1 },
        strength: window.strength,
        features: window.features.iter().map(|f| (*f).to_owned()).collect(),
    }
}

/// The score of a value that stands in an order.
pub(super) fn value_score(window: &Window, mark: Option<&Atom>) -> f64 {
    score(f64::from(window.strength) * weight(mark).max(1.0))
}
