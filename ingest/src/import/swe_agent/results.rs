//! What the evaluation of a run said: `results.json` with the instances by outcome, and the run's `metadata.yaml`.
//!
//! Guarantee: each instance that stands in any list of outcomes gets one evaluation `resolved` in the session of its
//! trajectory: score 1 where it is among the resolved ones, else 0, and the label says which list it is in. Instances
//! without trajectory count as well: a resolved rate has all of them below the line. An evaluation points at the end of
//! its trajectory (`derived_from`) unless nothing was handed in. The files themselves are one event each, verbatim,
//! with no session, so that they are no run.

use super::super::chat::Chat;
use super::super::ids::{Occurrences, session_name};
use super::super::json::{Fields, SHORT_TEXT_BYTES_MAX, text};
use super::super::source::SourceFile;
use super::super::{Out, Stop, Taken};
use super::FORMAT;
use super::arm::{self, Arm, Place};
use bytes::Bytes;
use schemas::draft::{Draft, DraftContent};
use schemas::id;
use std::collections::BTreeMap;

/// Lists of instances by outcome; of an instance that stands in several, the first counts. The last ones are all that
/// were handed in or evaluated, so what is in no list before them is not resolved.
const OUTCOMES: &[(&str, &str)] = &[
    ("resolved", "resolved"),
    ("resolved_ids", "resolved"),
    ("unresolved", "unresolved"),
    ("unresolved_ids", "unresolved"),
    ("empty_patch_ids", "empty_patch"),
    ("error_ids", "error"),
    ("incomplete_ids", "incomplete"),
    ("no_generation", "incomplete"),
    ("no_logs", "error"),
    ("completed_ids", "unresolved"),
    ("applied", "unresolved"),
    ("generated", "unresolved"),
    ("submitted_ids", "unresolved"),
];

/// What the results say of themselves.
const COUNTS: &[&str] = &[
    "total_instances",
    "submitted_instances",
    "completed_instances",
    "resolved_instances",
    "unresolved_instances",
    "empty_patch_instances",
    "error_instances",
];

/// Native id of the event that ends a trajectory.
pub(super) const END: &str = "end";

/// Whether a document lists instances by outcome.
pub(super) fn is_results(fields: &Fields<'_>) -> bool {
    ["resolved", "resolved_ids"].iter().any(|list| fields.elements(list).is_some())
        || fields.object("report").is_some_and(|report| is_results_of_report(&report))
}

/// Older versions of SWE-agent put the lists under `report`.
fn is_results_of_report(report: &Fields<'_>) -> bool {
    report.elements("resolved").is_some()
}

/// The evaluations and the file.
pub(super) fn read(
    file: &SourceFile<'_>,
    document: &Bytes,
    fields: &Fields<'_>,
    out: &mut Out<'_>,
) -> Result<(), Stop> {
    let run = arm::of_run(file, "results");
    let arm = arm::arm(&run);
    let mut draft = of_run(file, &run, &arm, "results");
    for name in COUNTS {
        let count = fields.integer(name).map(|count| (format!("swe_agent.{name}"), count.into()));
        draft.attributes.extend(count);
    }
    draft.contents.push(DraftContent::new("record", "application/json", document.clone()));
    out.put(format!("{FORMAT}/{}", session_name(&run)), draft)?;
    let report = fields.object("report").filter(is_results_of_report);
    let outcomes = outcomes(report.as_ref().unwrap_or(fields));
    for (instance, outcome) in outcomes {
        evaluation(file, document, Place { run: run.clone(), instance }, &arm, outcome, out)?;
    }
    Ok(())
}

/// The run's own description, as it is.
pub(super) fn metadata(file: &SourceFile<'_>, document: Bytes, out: &mut Out<'_>) -> Result<Taken, Stop> {
    let run = arm::of_run(file, "metadata");
    let mut draft = of_run(file, &run, &arm::arm(&run), "metadata");
    out.count_bytes(document.len());
    draft.contents.push(DraftContent::new("record", "application/yaml", document));
    out.put(format!("{FORMAT}/{}", session_name(&run)), draft)?;
    Ok(Taken::Read)
}

/// An event about a run as a whole.
fn of_run(file: &SourceFile<'_>, run: &str, arm: &Arm, what: &str) -> Draft {
    let session = session_name(run);
    let place = Place { run: run.to_owned(), instance: String::new() };
    let document = Bytes::new();
    let base = Draft { session: None, task: None, ..arm::base(&place, arm) };
    let mut chat = chat(file, &session, base, &document);
    chat.event(what.to_owned(), &format!("{FORMAT}.{what}"), None)
}

fn chat<'a>(file: &'a SourceFile<'_>, session: &'a str, base: Draft, document: &'a Bytes) -> Chat<'a> {
    let (place, seen) = ("results".to_owned(), Occurrences::default());
    Chat { format: FORMAT, session, name: &file.name, place, base, document, seen }
}

fn evaluation(
    file: &SourceFile<'_>,
    document: &Bytes,
    place: Place,
    arm: &Arm,
    outcome: &'static str,
    out: &mut Out<'_>,
) -> Result<(), Stop> {
    let session = session_name(&place.session());
    let mut chat = chat(file, &session, arm::base(&place, arm), document);
    let end = (outcome != "incomplete").then(|| id::imported(FORMAT, &session, END, 0));
    let score = if outcome == "resolved" { 1.0 } else { 0.0 };
    let mut draft = chat.evaluation("resolved", score, outcome, end.as_deref());
    if let Some(model) = &arm.model {
        draft.attributes.insert("gen_ai.request.model".into(), model.as_str().into());
    }
    out.put(chat.key(), draft)
}

/// Each instance with its outcome, by name.
fn outcomes(fields: &Fields<'_>) -> BTreeMap<String, &'static str> {
    let mut found = BTreeMap::new();
    for (list, outcome) in OUTCOMES {
        for instance in fields.elements(list).unwrap_or_default() {
            let instance = text(instance).filter(|name| !name.is_empty() && name.len() <= SHORT_TEXT_BYTES_MAX);
            if let Some(instance) = instance {
                found.entry(instance.into_owned()).or_insert(*outcome);
            }
        }
    }
    found
}
