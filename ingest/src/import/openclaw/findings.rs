//! Where the record contradicts what was said, or breaks off: events of kind `incident`.
//!
//! Attributes: `hansard.finding.kind`, `hansard.finding.detail` and `hansard.finding.basis` (`record`: follows from the
//! records alone; `text`: from words of the answer, so a person should look). Kinds: `claim_contradicts_record` (the final
//! answer speaks of a refused act, or names what only the failed call named, as if it were done), `failure_not_mentioned`,
//! `call_without_result`, `result_without_call`, `run_aborted`, `run_broken_off`, `status_contradicts_transcript`.
//!
//! Guarantee: causes (`derived_from`) are the records concerned; the id depends on the session and those records only.
//! A finding says how things stood in the copy that was imported: a later copy may hold the missing result. Words are
//! looked for in English. Cannot fail but by the caller's stop.

use super::super::ids::bounded;
use super::super::json::{Fields, SHORT_TEXT_BYTES_MAX};
use super::super::reject::source_of;
use super::super::{Out, Stop};
use super::FORMAT;
use super::calls::Call;
use super::transcript::{Record, Transcript};
use schemas::draft::{Draft, DraftCause};
use schemas::kind;

/// Bytes of a request that are kept to know what it named itself.
const ASKED_BYTES_MAX: usize = 65_536;
/// Shortest name that tells one thing from another, in bytes.
const NAME_BYTES_MIN: usize = 5;
/// Words by which an answer owns up to a failure.
const ADMISSIONS: [&str; 27] = [
    "denied",
    "refus",
    "reject",
    "not carried out",
    "fail",
    "error",
    "unable",
    "could not",
    "couldn't",
    "cannot",
    "can't",
    "did not",
    "didn't",
    "was not",
    "wasn't",
    "were not",
    "not allowed",
    "not permitted",
    "not possible",
    "blocked",
    "not found",
    "no session",
    "unknown",
    "invalid",
    "without success",
    "timed out",
    "not available",
];

/// A finding before it is an event.
#[derive(Debug, Clone)]
pub(super) struct Finding {
    kind: &'static str,
    basis: &'static str,
    detail: String,
    /// Native id of what it is about.
    about: String,
    causes: Vec<String>,
}

/// A call that went wrong in this turn.
#[derive(Debug, Clone)]
struct Failed {
    result: String,
    call: String,
    tool: String,
    arguments: String,
    denied: bool,
}

/// A turn of a session, from a request to its answer, and how the transcript stands.
#[derive(Debug, Default)]
pub(super) struct Turn {
    pub(super) damaged: Option<u64>,
    /// The last record: its event and time.
    pub(super) last: Option<(String, Option<String>)>,
    asked: Option<String>,
    failed: Vec<Failed>,
    stopped: Option<String>,
    ready: Vec<Finding>,
}

impl Turn {
    pub(super) fn take(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.ready)
    }

    pub(super) fn asked_before(&self) -> bool {
        self.asked.is_some()
    }

    pub(super) fn asked(&mut self, text: &str) {
        let cut = (0..=text.len().min(ASKED_BYTES_MAX)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        self.asked = Some(text[..cut].to_owned());
        self.failed.clear();
        self.stopped = None;
    }

    /// A tool answered.
    pub(super) fn result(&mut self, record: &Record<'_>, call: &Call, failed: bool, denied: bool) {
        self.stopped = None;
        self.failed.retain(|earlier| earlier.tool != call.tool || failed);
        if failed {
            let arguments = call.arguments.as_deref().map(String::from_utf8_lossy).unwrap_or_default().into_owned();
            let (result, event, tool) = (record.event.clone(), call.event.clone(), call.tool.clone());
            self.failed.push(Failed { result, call: event, tool, arguments, denied });
        }
    }

    /// A tool answered that nobody called.
    pub(super) fn orphan(&mut self, record: &Record<'_>, call: Option<String>) {
        self.stopped = None;
        self.ready.push(Finding {
            kind: "result_without_call",
            basis: "record",
            detail: format!(
                "the result of call {} stands in the transcript, the call does not",
                call.unwrap_or_default()
            ),
            about: record.native_id.clone(),
            causes: vec![record.event.clone()],
        });
    }

    /// A record that is not in the model's context: an error that ended the run is one.
    pub(super) fn custom(&mut self, record: &Record<'_>) {
        if record.fields.text("customType").is_none_or(|custom| !custom.ends_with("prompt-error")) {
            return;
        }
        let error = record.fields.object("data").and_then(|data| data.short("error").map(String::from));
        self.stopped = None;
        self.ready.push(Finding {
            kind: "run_aborted",
            basis: "record",
            detail: format!("the run ended without an answer: {}", error.unwrap_or_default()),
            about: record.native_id.clone(),
            causes: vec![record.event.clone()],
        });
    }

    /// A model answered; a final answer is held against the calls of its turn that failed.
    pub(super) fn answer(&mut self, record: &Record<'_>, message: &Fields<'_>, said: &str, last: bool) {
        let ended = message.text("stopReason").as_deref() == Some("stop");
        self.stopped = ended.then(|| record.event.clone());
        if !ended || !last || said.is_empty() {
            return;
        }
        let lower = said.to_ascii_lowercase();
        let admits = ADMISSIONS.iter().any(|words| lower.contains(words));
        for failed in std::mem::take(&mut self.failed) {
            if admits {
                continue;
            }
            let claims = failed.denied || self.claims(&failed, said);
            let how = if failed.denied { "was refused" } else { "failed" };
            let detail = if claims {
                format!("the final answer speaks as if the call of {} had been carried out, but it {how}", failed.tool)
            } else {
                format!("the final answer does not mention that the call of {} {how}", failed.tool)
            };
            self.ready.push(Finding {
                kind: if claims { "claim_contradicts_record" } else { "failure_not_mentioned" },
                basis: "text",
                detail,
                about: format!("{}:{}", record.native_id, failed.call),
                causes: vec![record.event.clone(), failed.result, failed.call],
            });
        }
    }

    /// Whether the answer names something that only the failed call named, not the request.
    fn claims(&self, failed: &Failed, said: &str) -> bool {
        let asked = self.asked.as_deref().unwrap_or_default();
        let names = said.split(|c: char| !c.is_alphanumeric() && c != '-' && c != '_');
        names
            .filter(|name| name.len() >= NAME_BYTES_MIN && name.contains(|c: char| c.is_ascii_digit()))
            .any(|name| failed.arguments.contains(name) && !asked.contains(name))
    }
}

impl Transcript<'_> {
    /// The end of the transcript, as far as this copy goes.
    pub(super) fn finish(&mut self, out: &mut Out<'_>) -> Result<(), Stop> {
        let stored = self.index.stored(&self.session).cloned().unwrap_or_default();
        let status = stored.status.as_deref().unwrap_or("unknown");
        let last = self.turn.last.as_ref().map(|(event, _)| event.clone());
        let store = Some(stored.event.clone()).filter(|event| !event.is_empty());
        let mut open: Vec<Call> = self.calls.values().filter(|call| !call.answered).cloned().collect();
        open.sort_by(|a, b| (a.millis, &a.event).cmp(&(b.millis, &b.event)));
        for call in &open {
            let detail = format!("the call of {} has no result; the store says the session is {status}", call.tool);
            let causes = std::iter::once(call.event.clone()).chain(last.clone()).chain(store.clone()).collect();
            let (kind, basis, about) = ("call_without_result", "record", call.event.clone());
            self.finding(Finding { kind, basis, detail, about, causes }, out)?;
        }
        let lock = self.index.locked(&self.session).map(ToOwned::to_owned);
        let broken = !open.is_empty() || self.turn.damaged.is_some() || lock.is_some();
        if status == "running" && broken {
            let damage = self.turn.damaged.map_or_else(String::new, |line| format!(", record {line} is damaged"));
            let locked = if lock.is_some() { ", a lock was left" } else { "" };
            let detail = format!("the store says running, but the transcript breaks off{damage}{locked}");
            let causes = last.iter().cloned().chain(lock).chain(store.clone()).collect();
            let (kind, basis, about) = ("run_broken_off", "record", last.clone().unwrap_or_default());
            self.finding(Finding { kind, basis, detail, about, causes }, out)?;
        }
        let ended_well = self.turn.stopped.clone();
        let contradicts = match status {
            "failed" | "killed" | "timeout" => ended_well.is_some(),
            "done" => !open.is_empty(),
            _ => false,
        };
        if !contradicts {
            return Ok(());
        }
        let transcript = if ended_well.is_some() { "ends with stop" } else { "holds a call without result" };
        let detail = format!("the store says {status}, the transcript {transcript}");
        let causes = ended_well.or(last).into_iter().chain(store).collect();
        let (kind, basis, about) = ("status_contradicts_transcript", "record", status.to_owned());
        self.finding(Finding { kind, basis, detail, about, causes }, out)
    }

    pub(super) fn finding(&mut self, finding: Finding, out: &mut Out<'_>) -> Result<(), Stop> {
        let native_id = format!("finding:{}:{}", finding.kind, finding.about);
        let mut draft = Draft {
            id: self.seen.next(FORMAT, &self.session, &native_id),
            source: source_of(FORMAT),
            kind: kind::INCIDENT.to_owned(),
            time: self.turn.last.as_ref().and_then(|(_, time)| time.clone()),
            session: Some(self.session.clone()),
            agent: Some(self.agent.clone().unwrap_or_else(|| FORMAT.to_owned())),
            native_id: Some(native_id),
            ..Draft::default()
        };
        if let Some(key) = self.key() {
            draft.attributes.insert("openclaw.session.key".into(), key.into());
        }
        let detail = bounded(&finding.detail, SHORT_TEXT_BYTES_MAX);
        for (name, value) in [("kind", finding.kind), ("basis", finding.basis), ("detail", &detail)] {
            draft.attributes.insert(format!("hansard.finding.{name}"), value.into());
        }
        let mut causes: Vec<DraftCause> =
            finding.causes.into_iter().map(|id| DraftCause::new(id, "derived_from")).collect();
        causes.dedup();
        draft.causes = causes;
        out.put(self.partition(), draft)
    }
}
