//! Links between sessions: who spawned this one, who sent this message, what a sub-agent reported.
//!
//! Guarantee: a cause is stated only where the record itself (a key, a message's text, a run's order) leads to it, and
//! it always came before its effect. A sub-agent's first record and its task are `delegated_by` the spawn call. A
//! message of another session `responds_to` the call that sent it. What a sub-agent answered is the cause
//! (`derived_from`) of the record that brings its report, or, where no record does, of the model call with which the
//! parent goes on unasked: the reports come in the order in which the sub-agents ended, and the last such call has all
//! that are left. `hansard.sender` says whose words a user's record holds. Cannot fail: what is not found is left out.

use super::super::json::Fields;
use super::calls::said;
use super::transcript::{Record, Transcript};
use super::words::copy;
use schemas::draft::{Draft, DraftCause};

/// The tool that sends a message to another session.
const SEND: &str = "sessions_send";
/// The tool in whose name sub-agents report.
const SETTLE: &str = "subagent_settle";

/// Who speaks in a user's record: `person`, `session`, `subagent`, `schedule` or `system`.
fn sender(provenance: &Fields<'_>, text: &str) -> &'static str {
    let tool = provenance.text("sourceTool");
    match (tool.as_deref(), provenance.text("kind").as_deref()) {
        (Some(tool), _) if tool.starts_with("subagent") => "subagent",
        (Some("cron"), _) => "schedule",
        (_, Some("inter_session")) => "session",
        (_, Some("internal_system")) => "system",
        _ if text.starts_with("[Subagent Context]") => "session",
        _ if text.starts_with("[cron:") => "schedule",
        _ => "person",
    }
}

impl Transcript<'_> {
    /// Causes of the first record: the call that spawned the session.
    pub(super) fn spawned_by(&mut self, record: &Record<'_>, draft: &mut Draft) {
        let Some(key) = self.key() else { return };
        let earlier = |time: i64| record.millis == 0 || time <= record.millis;
        let spawn = self.index.spawn_of(&key).filter(|spawn| earlier(spawn.time));
        draft.causes.extend(spawn.map(|spawn| DraftCause::new(spawn.call.clone(), "delegated_by")));
    }

    /// A user's record: words of a person, of another session, or of a sub-agent.
    pub(super) fn user(&mut self, record: &Record<'_>, draft: &mut Draft) {
        self.waiting = false;
        let Some(message) = &record.message else { return };
        let text = said(message);
        let first = !self.turn.asked_before();
        self.turn.asked(&text);
        self.answered = None;
        let provenance = message.object("provenance").unwrap_or_default();
        for (name, attribute) in [
            ("kind", "openclaw.provenance.kind"),
            ("sourceTool", "openclaw.provenance.source_tool"),
            ("sourceSessionKey", "openclaw.provenance.source_session_key"),
        ] {
            copy(&provenance, name, attribute, &mut draft.attributes);
        }
        if message.boolean("display") == Some(false) {
            draft.attributes.insert("openclaw.hidden".into(), true.into());
        }
        let source = provenance.short("sourceSessionKey").map(String::from);
        draft.attributes.insert("hansard.sender".into(), sender(&provenance, &text).into());
        match (provenance.text("sourceTool").as_deref(), source) {
            (Some(SETTLE), source) => self.settled(record, source, draft),
            (tool, Some(from)) if tool == Some(SEND) || provenance.text("kind").as_deref() == Some("inter_session") => {
                let own = self.key();
                let sender = self.index.sender(&from, own.as_deref(), &text, record.millis);
                draft.causes.extend(sender.map(|call| DraftCause::new(call, "responds_to")));
                if sender.is_none() {
                    let answer = self.index.answer(&from, record.millis).map(|(_, event)| event.to_owned());
                    self.report(answer.map(|event| (from, event)).into_iter().collect(), draft);
                }
            }
            _ if first => self.spawned_by(record, draft),
            _ => {}
        }
    }

    /// A message that holds the reports of every sub-agent that ended, and names one.
    fn settled(&mut self, record: &Record<'_>, named: Option<String>, draft: &mut Draft) {
        let mut ended = self.unreported(record.millis);
        if let Some(named) = named.filter(|named| !ended.iter().any(|(key, _)| key == named)) {
            let answer = self.index.answer(&named, record.millis).map(|(_, event)| event.to_owned());
            ended.extend(answer.map(|event| (named, event)));
        }
        self.report(ended, draft);
    }

    /// A model call that nobody asked for, in a session that spawned sub-agents.
    pub(super) fn woken(&mut self, record: &Record<'_>, draft: &mut Draft) {
        if !self.waiting {
            return;
        }
        let mut ended = self.unreported(record.millis);
        if ended.is_empty() {
            return;
        }
        self.wakes += 1;
        let wakes = self.index.woke(&self.session, &record.event);
        if self.wakes < wakes {
            ended.truncate(1);
        }
        draft.attributes.insert("hansard.link".into(), "order".into());
        self.report(ended, draft);
    }

    fn unreported(&self, time: i64) -> Vec<(String, String)> {
        let mut ended = self.index.finished_children(&self.session, time);
        ended.retain(|(key, _)| !self.reported.contains(key));
        ended
    }

    fn report(&mut self, ended: Vec<(String, String)>, draft: &mut Draft) {
        for (key, answer) in ended {
            draft.causes.push(DraftCause::new(answer, "derived_from"));
            self.reported.insert(key);
        }
    }
}
