//! One transcript: records in order, whether they come as lines of a file or as rows of a database.
//!
//! Guarantee: every record that is not empty gives one event whose content `record` is its bytes, or one reject; acts
//! inside it (tool calls, files and memory read and written) are children of their own, `<id>#<n>` and `<id>#a<n>`. Ids
//! come from the session and the record's `id` (or its bytes, where it has none). First cause: the parent record, or
//! the session's first record where there is no parent. A model call used the tool results since the model call before.
//! What reaches into other sessions is in [`super::links`]. Cannot fail but by the caller's stop.

use super::super::ids::{Occurrences, digest, session_name, time};
use super::super::json::Fields;
use super::super::lines::Line;
use super::super::reject::{Reject, origin, source_of};
use super::super::{Out, Stop};
use super::FORMAT;
use super::calls::Call;
use super::findings::Turn;
use super::index::Index;
use super::paths::without_home;
use super::words::{kind_of, record_attributes};
use schemas::draft::{Draft, DraftCause, DraftContent};
use schemas::{id, kind};
use serde_json::Value;
use std::collections::{HashMap, HashSet};

/// Native id of the record type that opens a transcript.
pub(super) const OPENING: &str = "session";

/// Most causes of one event: so many fit a header beside everything else. What is left out is still reached through the
/// parent record.
const CAUSES_MAX: usize = 256;

/// A transcript after the records read so far.
#[derive(Debug)]
pub(super) struct Transcript<'i> {
    /// Name of the file, with the session behind `#` where the file is a database.
    pub(super) name: String,
    pub(super) agent: Option<String>,
    pub(super) index: &'i mut Index,
    pub(super) session: String,
    pub(super) cwd: Option<String>,
    pub(super) seen: Occurrences,
    pub(super) calls: HashMap<String, Call>,
    /// Tool results that no model call has used yet.
    pub(super) results: Vec<String>,
    /// Digests of the assistant's texts, to know a mirror.
    pub(super) texts: HashMap<String, String>,
    /// The last answer of a model since the last user's message.
    pub(super) answered: Option<String>,
    /// Whether the session waits: its turn ended.
    pub(super) waiting: bool,
    pub(super) wakes: usize,
    /// Keys of sub-agents whose report came already.
    pub(super) reported: HashSet<String>,
    pub(super) turn: Turn,
    head: Option<String>,
}

/// A record that was parsed, with what all its events share.
#[derive(Debug)]
pub(super) struct Record<'a> {
    pub(super) line: &'a Line,
    pub(super) fields: Fields<'a>,
    /// `message`, or the record itself where it has none.
    pub(super) message: Option<Fields<'a>>,
    pub(super) native_id: String,
    pub(super) event: String,
    /// Milliseconds since 1970; 0 where the record has no time.
    pub(super) millis: i64,
    pub(super) kind: String,
}

impl<'i> Transcript<'i> {
    pub(super) fn new(name: String, session: &str, agent: Option<String>, index: &'i mut Index) -> Self {
        Self {
            name,
            agent,
            index,
            session: session_name(session),
            cwd: None,
            seen: Occurrences::default(),
            calls: HashMap::new(),
            results: Vec::new(),
            texts: HashMap::new(),
            answered: None,
            waiting: false,
            wakes: 0,
            reported: HashSet::new(),
            turn: Turn::default(),
            head: None,
        }
    }

    /// Turns a record into drafts.
    pub(super) fn line(&mut self, line: &Line, out: &mut Out<'_>) -> Result<(), Stop> {
        out.count_bytes(line.bytes.len() + usize::from(line.newline));
        if let Some(damage) = &line.damage {
            return self.reject(line, "source.damaged", damage.clone(), out);
        }
        if let Some(part) = line.part {
            return self.reject(line, "line.too_long", format!("part {part} of a line that is too long"), out);
        }
        if line.bytes.is_empty() {
            return Ok(());
        }
        match Fields::parse(&line.bytes) {
            Ok(fields) => self.record(line, fields, out),
            Err(error) => self.reject(line, "line.json", format!("expected one JSON object: {error}"), out),
        }
    }

    pub(super) fn reject(
        &mut self,
        line: &Line,
        reason: &'static str,
        detail: String,
        out: &mut Out<'_>,
    ) -> Result<(), Stop> {
        self.turn.damaged = Some(line.number);
        let (session, name) = (self.session.clone(), self.name.clone());
        let bytes = line.bytes.clone();
        let line = Some(line.number);
        let reject = Reject { format: FORMAT, session: &session, name: &name, line, reason, detail, bytes };
        reject.put(&mut self.seen, out)
    }

    fn record(&mut self, line: &Line, fields: Fields<'_>, out: &mut Out<'_>) -> Result<(), Stop> {
        let message = fields.object("message");
        let native_id = fields.short("id").map_or_else(|| format!("line:{}", digest(&line.bytes)), Into::into);
        let event = self.seen.next(FORMAT, &self.session, &native_id);
        let millis = fields.short("timestamp").and_then(|t| t.parse::<jiff::Timestamp>().ok());
        let kind = kind_of(&fields, message.as_ref());
        let millis = millis.map_or(0, |t| t.as_millisecond());
        let record = Record { line, fields, message, native_id, event, millis, kind };
        let mut draft = self.base(&record, record.event.clone(), record.native_id.clone(), &record.kind);
        draft.contents = vec![DraftContent::new("record", "application/json", line.bytes.clone())];
        draft.causes = self.parent(&record);
        record_attributes(&record, &mut draft.attributes);
        if let Some(run) = draft.attributes.get("openclaw.run_id").and_then(Value::as_str) {
            self.index.ran(run, &self.session);
        }
        let mut before = Vec::new();
        let mut children = Vec::new();
        match (record.kind.as_str(), record.fields.text("type").as_deref()) {
            (kind::SESSION_START, _) => self.start(&record, &mut draft),
            (kind::MODEL_CALL, _) => children = self.assistant(&record, &mut draft),
            (kind::TOOL_RESULT, _) => before = self.result(&record, &mut draft),
            (kind::MESSAGE, _) => self.user(&record, &mut draft),
            ("openclaw.nested_tool", _) => before = self.nested(&record, &mut draft),
            (_, Some("custom_message")) => self.waiting = true,
            _ => self.turn.custom(&record),
        }
        self.turn.last = Some((record.event.clone(), draft.time.clone()));
        dedupe(&mut draft);
        let key = self.partition();
        before.into_iter().try_for_each(|child| out.put(key.clone(), child))?;
        out.put(key.clone(), draft)?;
        children.into_iter().try_for_each(|child| out.put(key.clone(), child))?;
        self.turn.take().into_iter().try_for_each(|finding| self.finding(finding, out))
    }

    pub(super) fn partition(&self) -> String {
        format!("{FORMAT}/{}", self.session)
    }

    /// The session's key, where store, trajectory or ledger told it.
    pub(super) fn key(&self) -> Option<String> {
        self.index.key(&self.session).map(ToOwned::to_owned)
    }

    /// An event of a record.
    pub(super) fn base(&self, record: &Record<'_>, id: String, native_id: String, kind: &str) -> Draft {
        let mut draft = Draft {
            id,
            source: source_of(FORMAT),
            kind: kind.to_owned(),
            time: record.fields.short("timestamp").and_then(|t| time(&t)),
            session: Some(self.session.clone()),
            agent: Some(self.agent.clone().unwrap_or_else(|| FORMAT.to_owned())),
            origin: Some(origin(&self.name, Some(record.line.number))),
            native_id: Some(native_id),
            ..Draft::default()
        };
        if let Some(key) = self.key() {
            draft.attributes.insert("openclaw.session.key".into(), key.into());
        }
        draft
    }

    /// The record's parent, which may stand in another copy of the file or be missing.
    fn parent(&self, record: &Record<'_>) -> Vec<DraftCause> {
        let of = |native: &str| id::imported(FORMAT, &self.session, native, 0);
        let parent = match record.fields.short("parentId") {
            Some(parent) => Some(of(&parent)),
            None => self.head.clone().filter(|_| record.fields.text("type").as_deref() != Some(OPENING)),
        };
        let mut causes: Vec<DraftCause> =
            parent.filter(|id| *id != record.event).map(|id| DraftCause::new(id, "responds_to")).into_iter().collect();
        for name in ["firstKeptEntryId", "targetId"] {
            let other = record.fields.short(name).map(|native| of(&native)).filter(|id| self.seen.has(id));
            causes.extend(other.filter(|id| *id != record.event).map(|id| DraftCause::new(id, "derived_from")));
        }
        causes
    }

    fn start(&mut self, record: &Record<'_>, draft: &mut Draft) {
        self.head.get_or_insert_with(|| record.event.clone());
        if let Some(cwd) = record.fields.short("cwd") {
            draft.attributes.insert("process.working_directory".into(), without_home(&cwd).into());
            self.cwd = Some(cwd.into_owned());
        }
        if let Some(version) = record.fields.integer("version") {
            draft.attributes.insert("openclaw.transcript.version".into(), version.into());
        }
        self.spawned_by(record, draft);
    }
}

fn dedupe(draft: &mut Draft) {
    let mut seen = HashSet::new();
    let own = draft.id.clone();
    draft.causes.retain(|cause| cause.id != own && seen.insert((cause.id.clone(), cause.relation.clone())));
    draft.causes.truncate(CAUSES_MAX);
}
