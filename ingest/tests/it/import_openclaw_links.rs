//! OpenClaw: what joins sessions, what followed from what, and what the record contradicts.

use crate::import_openclaw_support::{Form, count, forms, records, session_of};
use crate::import_support::{content, text};
use schemas::draft::Draft;
use schemas::kind;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Child sessions come from the spawn call, and what they answered reaches the parent.
#[test]
fn sub_agents_are_linked_both_ways() {
    for form in forms() {
        for spawn in form.list("subagents") {
            let call = form.call(spawn["tool_call"].as_str().expect("a call"));
            let child = session_of(spawn["child_file"].as_str().expect("a file"));
            let own = || form.drafts.iter().map(|i| &i.draft).filter(|d| d.session.as_deref() == Some(&child));
            let start = own().find(|d| d.kind == kind::SESSION_START).expect("a first record");
            assert!(has(start, &call.id, "delegated_by"), "{}: {child} is delegated by its spawn", form.name);
            let task = own().find(|d| d.kind == kind::MESSAGE).expect("a task");
            assert!(has(task, &call.id, "delegated_by"), "{}: {child}'s task is delegated by its spawn", form.name);
            let answer = own().rfind(|d| d.kind == kind::MODEL_CALL).expect("an answer");
            let parent = call.session.clone();
            let heard: Vec<&Draft> = form
                .drafts
                .iter()
                .map(|i| &i.draft)
                .filter(|d| d.session == parent)
                .filter(|d| has(d, &answer.id, "derived_from") && content(d, "record").is_some())
                .collect();
            assert_eq!(heard.len(), 1, "{}: one record of the parent has the report of {child}", form.name);
            assert!(heard[0].kind == kind::MODEL_CALL || heard[0].kind == kind::MESSAGE);
        }
    }
}

fn has(draft: &Draft, cause: &str, relation: &str) -> bool {
    draft.causes.iter().any(|c| c.id == cause && c.relation == relation)
}

#[test]
fn messages_between_sessions_answer_the_call_that_sent_them() {
    for form in forms() {
        for sent in form.list("inter_session").iter().filter(|sent| !sent["to"].is_null()) {
            let call = form.call(sent["tool_call"].as_str().expect("a call"));
            assert!(has(form.record(&sent["to"]), &call.id, "responds_to"), "{}: {sent}", form.name);
        }
    }
}

/// What one session wrote is what another read, by the path and by a cause.
#[test]
fn a_read_points_at_the_write_of_another_session() {
    for form in forms() {
        let by_id = form.by_id();
        let act = |result: &Draft, act: &str| -> Draft {
            let own = result.causes.iter().filter_map(|c| by_id.get(c.id.as_str()));
            let found = own.copied().find(|d| text(d, "hansard.act") == Some(act)).expect("an act");
            found.clone()
        };
        for linked in form.list("linked_by_file") {
            let write = act(form.record(&linked["write_result"]), "write");
            let read = act(form.record(&linked["read_result"]), "read");
            assert_eq!(text(&write, "hansard.file.path"), linked["path"].as_str());
            assert_eq!(text(&read, "hansard.file.path"), linked["path"].as_str());
            assert!(has(&read, &write.id, "read"), "{}: {}", form.name, linked["path"]);
            assert!(content(&write, "written").is_some_and(|bytes| !bytes.is_empty()));
        }
    }
}

/// Every record that followed from the poisoned one is reached from it by causes, also those that never name the value.
#[test]
fn what_followed_from_poison_is_reached() {
    for form in forms() {
        for poison in form.list("poison") {
            let origin = form.record(&poison["origin"]);
            let write = form.call(poison["write_tool_call"].as_str().expect("a call"));
            assert!(form.causes_of(&write.id).contains(&origin.id), "{}: the write used the origin", form.name);
            let missed: Vec<&Value> = poison["influenced"]
                .as_array()
                .expect("a list")
                .iter()
                .filter(|place| form.record(place).id != origin.id)
                .filter(|place| !form.causes_of(&form.record(place).id).contains(&origin.id))
                .collect();
            assert!(missed.is_empty(), "{} {}: not reached: {missed:?}", form.name, poison["name"]);
            let written: Vec<&Draft> = form
                .drafts
                .iter()
                .map(|i| &i.draft)
                .filter(|d| d.kind == kind::MEMORY_WRITE)
                .filter(|d| text(d, "hansard.memory.key") == poison["memory_file"].as_str())
                .collect();
            assert!(written.iter().any(|d| has(d, &write.id, "responds_to")), "{}: {}", form.name, poison["name"]);
        }
    }
}

#[test]
fn the_audit_ledger_points_at_the_calls_that_it_hashes() {
    for form in forms() {
        let by_id = form.by_id();
        let rows: Vec<(&Draft, Value)> = records(
            &form
                .drafts
                .iter()
                .map(|i| &i.draft)
                .filter(|d| text(d, "openclaw.table") == Some("audit_events"))
                .collect::<Vec<_>>(),
        );
        let want = &form.expected["audit_ledger"];
        assert_eq!(json!(rows.len()), want["events"], "{}: events", form.name);
        assert_eq!(count(rows.iter().map(|(_, r)| r.get("action"))), want["actions"], "{}: actions", form.name);
        let mut hashes: BTreeMap<&str, Option<&str>> = BTreeMap::new();
        for (draft, row) in &rows {
            let kind = draft.causes.first().and_then(|c| by_id.get(c.id.as_str())).map(|d| d.kind.as_str());
            if let Some(hash) = row["tool_call_id"].as_str() {
                hashes.insert(hash, kind);
            }
        }
        let of = |kind: Option<&str>| json!(hashes.values().filter(|k| **k == kind).count());
        assert_eq!(of(Some(kind::TOOL_CALL)), want["hashes_found_among_transcript_tool_calls"], "{}", form.name);
        assert_eq!(of(Some("openclaw.nested_tool")), want["hashes_found_among_nested_tool_calls"], "{}", form.name);
        assert_eq!(of(None), want["hashes_in_neither"], "{}", form.name);
    }
}

/// What the record contradicts: the refused act that an answer calls done, runs that broke off, wrong states.
#[test]
fn contradictions_become_incidents() {
    for form in forms() {
        let incidents: Vec<&Draft> =
            form.drafts.iter().map(|i| &i.draft).filter(|d| d.kind == kind::INCIDENT).collect();
        let mut kinds: BTreeMap<(String, String), usize> = BTreeMap::new();
        for incident in &incidents {
            assert!(!incident.causes.is_empty(), "an incident names its records");
            let known = form.by_id();
            assert!(incident.causes.iter().all(|c| known.contains_key(c.id.as_str())), "{:?}", incident.native_id);
            let key = text(incident, "openclaw.session.key").unwrap_or_default();
            let finding = text(incident, "hansard.finding.kind").expect("a kind").to_owned();
            *kinds.entry((finding, key.to_owned())).or_default() += 1;
        }
        println!("openclaw {}: incidents {kinds:?}", form.name);
        let sessions = |finding: &str| -> BTreeSet<String> {
            let own = incidents.iter().filter(|d| text(d, "hansard.finding.kind") == Some(finding));
            own.filter_map(|d| d.session.clone()).collect()
        };
        let of_files = |name: &str| -> BTreeSet<String> {
            let files = form.expected["files"].as_object().expect("files").iter();
            files
                .filter(|(_, f)| f[name].as_array().is_some_and(|l| !l.is_empty()))
                .map(|(file, _)| session_of(file))
                .collect()
        };
        assert_eq!(sessions("call_without_result"), of_files("calls_without_result"), "{}", form.name);
        assert_eq!(sessions("result_without_call"), of_files("results_without_call"), "{}", form.name);
        let crash = sessions_of_kind(&form, "crash");
        assert_eq!(sessions("run_broken_off"), crash, "{}", form.name);
        let guarded = sessions_of_kind(&form, "exec-policy");
        if form.name.starts_with("jsonl") {
            assert_eq!(sessions("run_aborted"), guarded, "{}", form.name);
            let broken = sessions_of_kind(&form, "triage-broken-stream");
            assert_eq!(sessions("status_contradicts_transcript"), broken, "{}", form.name);
        } else {
            let claims = sessions("claim_contradicts_record");
            assert_eq!(claims.intersection(&guarded).count(), 1, "{}: one of the two owns up", form.name);
        }
    }
}

fn sessions_of_kind(form: &Form, kind: &str) -> BTreeSet<String> {
    let own = form.list("sessions").into_iter().filter(|session| session["kind"] == kind);
    own.flat_map(|s| s["files"].as_array().cloned().unwrap_or_default())
        .filter_map(|f| f.as_str().map(session_of))
        .collect()
}
