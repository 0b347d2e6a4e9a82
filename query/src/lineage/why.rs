//! `why`: the chain that explains a decision or any other event.
//!
//! Guarantee: starts from every decision and approval about the subject, or from the event given, and from the
//! approvals and verdicts that refer to it; then follows causes upward. What is missing or was not followed is listed.
//! A subject without a decision is explained by its own events, and the answer says so.

use crate::context::Engine;
use crate::error::{QueryError, Result};
use crate::limits::SUBJECT_EVENTS_MAX;
use crate::lineage::describe;
use crate::lineage::role::Role;
use crate::lineage::trace::{Direction, Trace};
use crate::lineage::walk::Bounds;
use crate::rows::rows;
use datafusion::logical_expr::{col, lit};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use store::index::LOOKUP_PLACES_MAX;
use utoipa::ToSchema;

/// Newest events of a subject that are looked at before all of them are.
const SUBJECT_LOOKED_FIRST: usize = 2_000;

fn decides(kind: &str) -> bool {
    kind == "decision" || kind.starts_with("approval.")
}

/// Events of one role within a reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Because {
    /// The role.
    pub role: Role,
    /// Event ids, nearest first.
    pub events: Vec<String>,
}

/// See the module.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Why {
    /// The question as it was put.
    pub question: String,
    /// The subject, when the question was about one.
    pub subject: Option<String>,
    /// What the chain consists of, by role.
    pub because: Vec<Because>,
    /// On whose behalf the agents of the chain acted.
    pub principals: Vec<String>,
    /// Who answers for them.
    pub sponsors: Vec<String>,
    /// What a reader must know about this answer.
    pub notes: Vec<String>,
    /// The chain itself.
    #[serde(flatten)]
    pub trace: Trace,
}

impl Engine {
    /// Explains `question`: a subject (`loan/4711`) or an event (see [`Engine::resolve`]). A subject wins where both
    /// would fit.
    ///
    /// # Errors
    /// `NotFound` when neither exists.
    pub async fn why(&self, question: &str, bounds: Bounds) -> Result<Why> {
        if self.has_subject(question).await? {
            return self.why_subject(question, bounds).await;
        }
        match self.why_event(question, bounds).await {
            Err(QueryError::NotFound { .. }) => Err(QueryError::not_found(
                format!("subject or event {question:?}"),
                "see `hansard sql \"SELECT DISTINCT subject FROM events\"` and `hansard sessions` for what there is",
            )),
            other => other,
        }
    }

    /// Explains an event.
    ///
    /// # Errors
    /// As [`Engine::resolve`].
    pub async fn why_event(&self, reference: &str, bounds: Bounds) -> Result<Why> {
        let id = self.resolve(reference).await?;
        self.explain(reference, None, vec![id.into()], Vec::new(), bounds).await
    }

    /// Explains what was decided about a subject.
    ///
    /// # Errors
    /// `NotFound` when no event is about it.
    pub async fn why_subject(&self, subject: &str, bounds: Bounds) -> Result<Why> {
        let mut notes = Vec::new();
        let mut found = self.subject_events(subject, true).await?;
        if found.is_empty() {
            found = self.subject_events(subject, false).await?;
            notes.push(
                "no decision or approval about this subject is recorded; its own events are explained instead"
                    .to_owned(),
            );
        }
        if found.is_empty() {
            return Err(QueryError::not_found(format!("subject {subject:?}"), "no event carries it"));
        }
        if found.len() > SUBJECT_EVENTS_MAX {
            notes.push(format!("more than {SUBJECT_EVENTS_MAX} events are about this subject; the newest {SUBJECT_EVENTS_MAX} are explained"));
            found.truncate(SUBJECT_EVENTS_MAX);
        }
        self.explain(subject, Some(subject.to_owned()), found, notes, bounds).await
    }

    async fn has_subject(&self, subject: &str) -> Result<bool> {
        if let Some(view) = self.index().await? {
            return Ok(!view.subject(subject, 1).await?.is_empty());
        }
        let context = self.context()?;
        let frame = context.table("events").await?.filter(col("subject").eq(lit(subject)))?;
        let answer = self.collect(&context, frame.select_columns(&["id"])?.limit(0, Some(1))?).await?;
        Ok(answer.rows() > 0)
    }

    async fn subject_events(&self, subject: &str, decisions: bool) -> Result<Vec<Arc<str>>> {
        if let Some(view) = self.index().await? {
            let newest = view.subject(subject, SUBJECT_LOOKED_FIRST).await?;
            let decided = |found: &[store::index::Found]| found.iter().filter(|f| decides(&f.node.kind)).count();
            let whole = newest.len() < SUBJECT_LOOKED_FIRST || !decisions || decided(&newest) > SUBJECT_EVENTS_MAX;
            let found = if whole { newest } else { view.subject(subject, LOOKUP_PLACES_MAX).await? };
            let kept = found.iter().filter(|f| !decisions || decides(&f.node.kind)).map(|f| f.node.id.as_str().into());
            return Ok(kept.take(SUBJECT_EVENTS_MAX + 1).collect());
        }
        let context = self.context()?;
        let mut filter = col("subject").eq(lit(subject));
        if decisions {
            filter = filter.and(col("kind").eq(lit("decision")).or(col("kind").like(lit("approval.%"))));
        }
        let order = vec![
            col("time").sort(false, false),
            col("committed_at").sort(false, false),
            col("leaf").sort(false, false),
        ];
        let frame = context.table("events").await?.filter(filter)?.sort(order)?;
        let frame = frame.select_columns(&["id"])?.limit(0, Some(SUBJECT_EVENTS_MAX + 1))?;
        let answer = self.collect(&context, frame).await?;
        Ok(rows(&answer.batches).filter_map(|row| row.str("id").map(Into::into)).collect())
    }

    async fn explain(
        &self,
        question: &str,
        subject: Option<String>,
        mut starts: Vec<Arc<str>>,
        notes: Vec<String>,
        bounds: Bounds,
    ) -> Result<Why> {
        let judging = self.judging(&starts).await?;
        starts.extend(judging);
        let trace = self.trace_from(&starts, Direction::Up, bounds).await?;
        let mut roles: BTreeMap<Role, Vec<String>> = BTreeMap::new();
        let starts: BTreeSet<&str> = trace.starts.iter().map(String::as_str).collect();
        let nodes = || trace.nodes.iter().filter_map(|visited| visited.node.as_ref());
        let own: BTreeSet<Option<String>> =
            nodes().filter(|n| starts.contains(n.id.as_str())).map(|n| n.session.clone()).collect();
        let (mut principals, mut sponsors) = (BTreeSet::new(), BTreeSet::new());
        for node in trace.nodes.iter().filter_map(|visited| visited.node.as_ref()) {
            roles.entry(node.role).or_default().push(node.id.clone());
            // People of other sessions answer for what was read there, not for this decision.
            if own.contains(&node.session) {
                principals.extend(node.principal.clone());
                sponsors.extend(node.sponsor.clone());
            }
        }
        Ok(Why {
            question: question.to_owned(),
            subject,
            because: roles.into_iter().map(|(role, events)| Because { role, events }).collect(),
            principals: principals.into_iter().collect(),
            sponsors: sponsors.into_iter().collect(),
            notes,
            trace,
        })
    }

    /// Approvals and verdicts that refer to one of `starts`: they come after it, but belong to its reason.
    async fn judging(&self, starts: &[Arc<str>]) -> Result<Vec<Arc<str>>> {
        let index = self.edges().await?;
        let effects: BTreeSet<Arc<str>> =
            index.effects(self, starts).await?.into_iter().map(|edge| edge.from).collect();
        let effects: Vec<Arc<str>> =
            effects.into_iter().filter(|id| !starts.contains(id)).take(SUBJECT_EVENTS_MAX).collect();
        if effects.is_empty() {
            return Ok(effects);
        }
        let nodes = describe::describe(self, &effects, false).await?;
        let judges =
            |id: &Arc<str>| nodes.get(id).is_some_and(|n| matches!(n.role, Role::Approval | Role::PolicyVerdict));
        Ok(effects.into_iter().filter(judges).collect())
    }
}
