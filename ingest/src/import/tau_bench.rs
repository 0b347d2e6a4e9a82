//! tau-bench: a file is a JSON array of runs `{task_id, trial, reward, info, traj}`.
//!
//! Guarantee: session is `<file>/<task>/<trial>`, agent version the file's name without extension, task
//! `<domain>/<task_id>`, so that runs of several files pair on the same task. Runs are handed out one by one while the
//! array is read; what stands after damage is a reject. Each run is kept: its messages as records, the rest as content
//! `run` of `session.start` (see [`super::rebuild`] with `traj`); what stands between runs is kept beside it.

use super::chat::Chat;
use super::ids::{Occurrences, session_name};
use super::json::{Fields, cut, for_each_element, object, offset_in, slice};
use super::reject::{Reject, source_of};
use super::source::{DOCUMENT_BYTES_MAX, Document, SourceFile};
use super::{Importer, Out, Stop, Taken};
use bytes::Bytes;
use schemas::draft::{Draft, DraftContent};
use schemas::kind;
use serde_json::value::RawValue;
use std::collections::HashMap;

/// Name of the format, of its ids and of the agent.
pub(super) const FORMAT: &str = "tau-bench";

/// The importer of `tau-bench`.
#[derive(Debug, Default)]
pub(super) struct TauBench;

impl Importer for TauBench {
    fn file(&mut self, file: &mut SourceFile<'_>, out: &mut Out<'_>) -> Result<Taken, Stop> {
        if !file.file_name().ends_with(".json") {
            return Ok(Taken::Skipped("not an array of runs (*.json)"));
        }
        let (document, damage) = match file.document() {
            Document::Whole(bytes) => (Bytes::from(bytes), None),
            Document::Damaged(bytes, error) => (Bytes::from(bytes), Some(error.to_string())),
            Document::TooLarge => {
                let detail = format!("an array of more than {DOCUMENT_BYTES_MAX} bytes; nothing of it was kept");
                let mut runs = Runs::new(file, Bytes::new());
                runs.reject("document.too_large", detail, Bytes::new(), out)?;
                return Ok(Taken::Read);
            }
        };
        if !document.trim_ascii_start().starts_with(b"[") {
            return Ok(Taken::Skipped("not a JSON array"));
        }
        Runs::new(file, document).read(damage, out)?;
        Ok(Taken::Read)
    }
}

/// The runs of one file.
struct Runs<'n> {
    name: &'n str,
    version: String,
    document: Bytes,
    /// End of the last run that was read.
    at: usize,
    index: usize,
    /// How often a task and trial came.
    trials: HashMap<String, u64>,
    seen: Occurrences,
}

impl<'n> Runs<'n> {
    fn new(file: &'n SourceFile<'_>, document: Bytes) -> Self {
        Self {
            name: &file.name,
            version: file.stem().to_owned(),
            document,
            at: 0,
            index: 0,
            trials: HashMap::new(),
            seen: Occurrences::default(),
        }
    }

    fn reject(&mut self, reason: &'static str, detail: String, bytes: Bytes, out: &mut Out<'_>) -> Result<(), Stop> {
        let session = session_name(&self.version);
        let reject = Reject { format: FORMAT, session: &session, name: self.name, line: None, reason, detail, bytes };
        reject.put(&mut self.seen, out)
    }

    fn read(&mut self, damage: Option<String>, out: &mut Out<'_>) -> Result<(), Stop> {
        out.count_bytes(self.document.len());
        let document = self.document.clone();
        let mut stopped = Ok(());
        let parsed = for_each_element(&document, &mut |raw| {
            if stopped.is_ok() {
                stopped = self.run(raw, out);
            }
        });
        stopped?;
        let Err(error) = parsed else { return Ok(()) };
        let rest = document.slice(self.at..);
        let reason = if damage.is_some() { "source.damaged" } else { "document.json" };
        let detail = format!("after run {}: {}", self.index, damage.unwrap_or_else(|| error.to_string()));
        self.reject(reason, detail, rest, out)
    }

    fn run(&mut self, raw: &RawValue, out: &mut Out<'_>) -> Result<(), Stop> {
        let begin = offset_in(&self.document, raw.get()).unwrap_or(self.at);
        let before = self.document.slice(self.at.min(begin)..begin);
        self.at = begin + raw.get().len();
        let index = self.index;
        self.index += 1;
        let record = slice(&self.document, raw.get());
        let Some(fields) = object(raw) else {
            return self.reject("run.json", format!("run {index}: expected a JSON object"), record, out);
        };
        let traj = fields.elements("traj").unwrap_or_default();
        let session = self.session(index, &fields);
        let mut chat = Chat {
            format: FORMAT,
            session: &session,
            name: self.name,
            place: format!("{index}/traj"),
            base: self.base(&session, index, &fields, &traj),
            document: &self.document,
            seen: Occurrences::default(),
        };
        let mut start = chat.event("run".to_owned(), kind::SESSION_START, Some(index.to_string()));
        start.contents.push(DraftContent::new("run", "application/json", cut(&record, &traj)));
        if !before.is_empty() {
            start.contents.push(DraftContent::new("before", "text/plain; charset=utf-8", before));
        }
        if let Some(trial) = fields.integer("trial") {
            start.attributes.insert("tau_bench.trial".into(), trial.into());
        }
        out.put(chat.key(), start)?;
        let last = chat.messages(&traj, out)?;
        let Some(reward) = fields.number("reward") else {
            return Ok(());
        };
        let label = if (reward - 1.0).abs() < 1e-6 { "pass" } else { "fail" };
        let evaluation = chat.evaluation("reward", reward, label, last.as_deref());
        out.put(chat.key(), evaluation)
    }

    /// `<file>/<task>/<trial>`; a pair that comes twice in a file is numbered.
    fn session(&mut self, index: usize, fields: &Fields<'_>) -> String {
        let part = |name: &str| word(fields, name);
        let own = match (part("task_id"), part("trial")) {
            (Some(task), Some(trial)) => format!("{task}/{trial}"),
            (Some(task), None) => format!("{task}/none"),
            _ => format!("run-{index}"),
        };
        let count = self.trials.entry(own.clone()).or_insert(0);
        *count += 1;
        match *count {
            1 => session_name(&format!("{}/{own}", self.version)),
            n => session_name(&format!("{}/{own}~{n}", self.version)),
        }
    }

    fn base(&self, session: &str, index: usize, fields: &Fields<'_>, traj: &[&RawValue]) -> Draft {
        let task = word(fields, "task_id").unwrap_or_else(|| format!("run-{index}"));
        Draft {
            source: source_of(FORMAT),
            session: Some(session.to_owned()),
            agent: Some(FORMAT.to_owned()),
            agent_version: Some(self.version.clone()),
            variant: None,
            task: Some(format!("{}/{task}", self.domain(traj))),
            ..Draft::default()
        }
    }

    /// The domain: from the heading of the policy in the system prompt (`# Retail agent policy`), which does not
    /// depend on where the file lies; else from the file's name; else the file's name itself.
    fn domain(&self, traj: &[&RawValue]) -> String {
        let heading = traj.first().and_then(|raw| object(raw)?.text("content").map(|text| heading_of(&text)));
        let named = ["airline", "retail", "telecom"].iter().find(|word| self.version.contains(**word));
        heading.flatten().or_else(|| named.map(ToString::to_string)).unwrap_or_else(|| self.version.clone())
    }
}

fn word(fields: &Fields<'_>, name: &str) -> Option<String> {
    fields.integer(name).map(|n| n.to_string()).or_else(|| fields.short(name).map(Into::into))
}

/// The domain that a policy's heading names.
pub(super) fn heading_of(prompt: &str) -> Option<String> {
    let heading = prompt.lines().next()?.strip_prefix('#')?.trim().to_ascii_lowercase();
    let domain = heading.strip_suffix("agent policy")?.trim();
    (!domain.is_empty() && domain.len() <= 64).then(|| domain.replace(' ', "-"))
}
