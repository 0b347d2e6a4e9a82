//! Control edges of one session, as its events arrive.
//!
//! Guarantee: an act's order is the oldest untrusted text before it that holds an order the act does; what comes later
//! in the session cannot change that edge. [`SessionFlow::edges`] adds the second pass (see [`super::second`]), which
//! only ever adds edges to acts that have none. Memory is bounded by [`super::limits`]; what was left out is named by
//! [`SessionFlow::bounds`]. Deterministic; cannot fail.

use super::edge::{ControlEdge, How, Span, score};
use super::event::{FlowEvent, FlowKind};
use super::limits::{
    ACTS_OF_SESSION_MAX, Bound, Bounds, EVIDENCE_MAX, RESULT_BYTES_KEPT, TRUSTED_BYTES_MAX,
    WEAK_WINDOWS_OF_SESSION_MAX, WINDOWS_OF_SESSION_MAX, WINDOWS_OF_TEXT_MAX,
};
use super::matching::{Act, Match, Trusted, accepts, compare};
use super::orders::{Window, orders};
use super::plain::{PlainData, UpTo};
use super::second;
use super::text::{norm, token_line, tokens};
use std::collections::HashMap;

/// An untrusted text of the session.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) event: String,
    pub(super) windows: Vec<Window>,
    /// Whether the call that brought it carried something of the trusted words.
    named: bool,
}

/// An act of the session.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) event: String,
    pub(super) act: Act,
    /// How many sources stood before it.
    pub(super) sources: usize,
    pub(super) origin: Option<Origin>,
    /// Its result: when it came, as a number of observed events, and its line of tokens.
    pub(super) result: Option<(usize, String)>,
    /// When it was observed.
    pub(super) at: usize,
    /// A model's text whose answer also holds calls: the calls are the acts.
    pub(super) has_calls: bool,
}

/// The order that an act follows.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    pub(super) source: usize,
    pub(super) window: usize,
    pub(super) product: f64,
    pub(super) found: Match,
}

/// What is known of one session.
#[derive(Debug, Default)]
pub struct SessionFlow {
    pub(super) trusted: Trusted,
    pub(super) sources: Vec<Source>,
    pub(super) done: Vec<Done>,
    by_event: HashMap<String, usize>,
    plain: PlainData,
    observed: usize,
    windows: usize,
    weak_windows: usize,
    bounds: Bounds,
}

impl SessionFlow {
    /// A session without events.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in the next event. Gives the edge of the act, if it has one by itself.
    ///
    /// A model's text counts as an act only as long as no call of the same answer follows.
    pub fn observe(&mut self, event: &FlowEvent) -> Option<ControlEdge> {
        self.observed += 1;
        match event.kind {
            _ if event.is_trusted() => self.trust(event),
            _ if event.is_untrusted_input() => self.receive(event, true),
            FlowKind::ToolCall => return self.call(event),
            FlowKind::ModelCall => return self.say(event),
            _ => {}
        }
        None
    }

    /// Takes in an input that is known to be no root of orders, e.g. a version of a key that the record holds.
    pub fn observe_recorded(&mut self, event: &FlowEvent) {
        self.observed += 1;
        self.receive(event, false);
    }

    /// All edges as far as the session is known, in the order of the acts, the second pass included.
    pub fn edges(&self) -> Vec<ControlEdge> {
        second::origins(self).into_iter().map(|(n, origin, how)| self.edge(n, &origin, how)).collect()
    }

    /// What was left out.
    pub fn bounds(&self) -> &[Bound] {
        self.bounds.list()
    }

    fn trust(&mut self, event: &FlowEvent) {
        self.trusted.add(&event.text());
        if self.trusted.full {
            self.bounds.hit("trusted_bytes_max", TRUSTED_BYTES_MAX, "bytes", &event.id);
        }
    }

    fn receive(&mut self, event: &FlowEvent, is_root: bool) {
        let text = event.text();
        let acts = event.causes.iter().rev().filter_map(|(id, _)| self.by_event.get(id)).copied();
        let mut calls = acts.filter(|n| self.done.get(*n).is_some_and(|done| done.act.tool.is_some()));
        let call = calls.next().and_then(|n| self.done.get_mut(n));
        let mut named = false;
        if let Some(done) = call {
            named = done.act.is_named_by(&self.trusted);
            if done.result.is_none() {
                done.result = Some((self.observed, line(&text)));
            }
        }
        if !is_root {
            return;
        }
        let mut found = orders(&text);
        if found.windows_left_out > 0 {
            self.bounds.hit("windows_of_text_max", WINDOWS_OF_TEXT_MAX, "windows", &event.id);
        }
        let place = self.sources.len();
        self.plain.keep(found.plain_atoms, found.plain_stems, place, &event.id, &mut self.bounds);
        self.keep_windows(&mut found.windows, &event.id);
        if !found.windows.is_empty() {
            self.sources.push(Source { event: event.id.clone(), windows: found.windows, named });
        }
    }

    /// Leaves out windows past the session's bounds, the weak ones first.
    fn keep_windows(&mut self, windows: &mut Vec<Window>, at: &str) {
        let before = windows.len();
        windows.retain(|window| {
            let room = self.windows < WINDOWS_OF_SESSION_MAX
                && (window.is_strong() || self.weak_windows < WEAK_WINDOWS_OF_SESSION_MAX);
            self.windows += usize::from(room);
            self.weak_windows += usize::from(room && !window.is_strong());
            room
        });
        if windows.len() < before {
            self.bounds.hit("windows_of_session_max", WINDOWS_OF_SESSION_MAX, "windows", at);
        }
    }

    fn call(&mut self, event: &FlowEvent) -> Option<ControlEdge> {
        let answer = event.causes.iter().find_map(|(id, _)| self.by_event.get(id)).copied();
        if let Some(said) = answer.and_then(|n| self.done.get_mut(n)).filter(|done| done.act.tool.is_none()) {
            said.has_calls = true;
        }
        let arguments = event.arguments.clone().unwrap_or_default();
        self.act(event, Act::call(event.tool_name(), &arguments))
    }

    fn say(&mut self, event: &FlowEvent) -> Option<ControlEdge> {
        self.act(event, Act::of_text(&event.text()))
    }

    fn act(&mut self, event: &FlowEvent, act: Act) -> Option<ControlEdge> {
        if self.done.len() >= ACTS_OF_SESSION_MAX {
            self.bounds.hit("acts_of_session_max", ACTS_OF_SESSION_MAX, "acts", &event.id);
            return None;
        }
        let sources = self.sources.len();
        let origin = self.origin(&act, sources, |_, _, _| false);
        self.by_event.insert(event.id.clone(), self.done.len());
        let id = event.id.clone();
        self.done.push(Done { event: id, act, sources, origin, result: None, at: self.observed, has_calls: false });
        let place = self.done.len() - 1;
        let origin = self.done.get(place)?.origin.clone()?;
        Some(self.edge(place, &origin, How::Instructs))
    }

    /// The oldest source whose order the act does; `also` accepts what is not enough by itself.
    pub(super) fn origin(
        &self,
        act: &Act,
        sources: usize,
        also: impl Fn(usize, usize, &Match) -> bool,
    ) -> Option<Origin> {
        for (n, source) in self.sources.iter().enumerate().take(sources) {
            let plain = UpTo(&self.plain, n);
            let mut best: Option<Origin> = None;
            for (w, window) in source.windows.iter().enumerate() {
                let found = compare(act, window, &self.trusted, &plain);
                if !accepts(act, window, &found, source.named || self.trusted.delegates) && !also(n, w, &found) {
                    continue;
                }
                let product = f64::from(window.strength) * found.m;
                if best.as_ref().is_none_or(|b| product > b.product) {
                    best = Some(Origin { source: n, window: w, product, found });
                }
            }
            if best.is_some() {
                return best;
            }
        }
        None
    }

    fn edge(&self, place: usize, origin: &Origin, how: How) -> ControlEdge {
        let source = &self.sources[origin.source];
        let window = &source.windows[origin.window];
        ControlEdge {
            act: self.done[place].event.clone(),
            source: source.event.clone(),
            how,
            score: score(origin.product),
            strength: window.strength,
            features: window.features.iter().map(|f| (*f).to_owned()).collect(),
            m: origin.found.m,
            evidence: origin.found.evidence.iter().take(EVIDENCE_MAX).cloned().collect(),
            span: Span { offset: window.span.0, len: window.span.1 },
        }
    }
}

/// The beginning of a result as tokens with a space before and after each.
fn line(text: &str) -> String {
    let text = norm(text);
    let end = (0..=RESULT_BYTES_KEPT.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!(" {} ", token_line(&tokens(&text[..end])))
}
