//! OpenClaw: every figure of the data set's `expected.json`, links between sessions, findings, identity.

use crate::import_support::{
    all, assert_sealable, content, expected, ids, is_reject, line_of, number, rebuilt_lines, shared, text,
};
use ingest::import::Imported;
use schemas::draft::Draft;
use schemas::kind;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

const SET: &str = "openclaw-sessions";
const FORMS: [&str; 2] = ["jsonl-2026.7.1-2", "sqlite-2026.9.6"];

/// The drafts of one form of the data, with what is expected of it.
struct Form {
    name: &'static str,
    drafts: Vec<Imported>,
    expected: Value,
}

fn forms() -> Vec<Form> {
    let Some(folder) = shared(SET) else { return Vec::new() };
    let mut expected = expected(&folder);
    let form = |name: &'static str| Form {
        name,
        drafts: all("openclaw", &[folder.join(name)]),
        expected: expected[name].take(),
    };
    FORMS.into_iter().map(form).collect()
}

impl Form {
    /// Drafts by transcript, under the names of expected.json.
    fn files(&self) -> BTreeMap<String, Vec<&Draft>> {
        let mut files: BTreeMap<String, Vec<&Draft>> = BTreeMap::new();
        for draft in self.drafts.iter().map(|i| &i.draft) {
            let Some((file, _)) = draft.origin.as_deref().and_then(|o| o.rsplit_once(':')) else { continue };
            let file = format!("{}/{}", self.name, file.trim_start_matches("agents.tar.gz/"));
            files.entry(file).or_default().push(draft);
        }
        files
    }

    fn by_id(&self) -> HashMap<&str, &Draft> {
        self.drafts.iter().map(|i| (i.draft.id.as_str(), &i.draft)).collect()
    }

    /// The record that expected.json names.
    fn record(&self, place: &Value) -> &Draft {
        let session = session_of(place["file"].as_str().expect("a file"));
        let record = place["record"].as_str().expect("a record");
        let own = |d: &&Draft| d.session.as_deref() == Some(&session) && d.native_id.as_deref() == Some(record);
        self.drafts.iter().map(|i| &i.draft).find(own).expect("the record is imported")
    }

    fn call(&self, id: &str) -> &Draft {
        let own = |d: &&Draft| d.kind == kind::TOOL_CALL && text(d, "gen_ai.tool.call.id") == Some(id);
        self.drafts.iter().map(|i| &i.draft).find(own).expect("the call is imported")
    }

    fn list(&self, name: &str) -> Vec<Value> {
        self.expected[name].as_array().cloned().unwrap_or_default()
    }

    /// Everything that an event came from.
    fn causes_of(&self, id: &str) -> HashSet<String> {
        let by_id = self.by_id();
        let (mut found, mut open) = (HashSet::new(), vec![id.to_owned()]);
        while let Some(next) = open.pop() {
            for cause in by_id.get(next.as_str()).map(|d| d.causes.as_slice()).unwrap_or_default() {
                if found.insert(cause.id.clone()) {
                    open.push(cause.id.clone());
                }
            }
        }
        found
    }
}

/// The session of a transcript's name in expected.json.
fn session_of(file: &str) -> String {
    let name = file.rsplit(['/', '#']).next().expect("a name");
    name.split(".jsonl").next().expect("a name").to_owned()
}

fn records<'d>(drafts: &[&'d Draft]) -> Vec<(&'d Draft, Value)> {
    let parsed = |d: &&'d Draft| Some((*d, serde_json::from_slice(content(d, "record")?).ok()?));
    drafts.iter().filter(|d| !is_reject(d)).filter_map(parsed).collect()
}

fn count<'v>(values: impl Iterator<Item = Option<&'v Value>>) -> Value {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    values.flatten().for_each(|v| *counts.entry(v.as_str().unwrap_or("?").to_owned()).or_default() += 1);
    json!(counts)
}

/// Usage as expected.json counts it: cached tokens apart from input.
fn usage(drafts: &[&Draft]) -> Value {
    let sum = |name: &str| drafts.iter().map(|d| number(d, name)).sum::<i64>();
    let (read, write) = (sum("gen_ai.usage.cache_read.input_tokens"), sum("gen_ai.usage.cache_creation.input_tokens"));
    let (input, output) = (sum("gen_ai.usage.input_tokens"), sum("gen_ai.usage.output_tokens"));
    json!({"input": input - read - write, "output": output, "cacheRead": read, "cacheWrite": write,
           "totalTokens": input + output})
}

/// Usage over every record, whatever it repeats.
fn usage_of_all(records: &[(&Draft, Value)]) -> Value {
    let sum = |name: &str| records.iter().filter_map(|(_, r)| r["message"]["usage"][name].as_i64()).sum::<i64>();
    json!({"input": sum("input"), "output": sum("output"), "cacheRead": sum("cacheRead"),
           "cacheWrite": sum("cacheWrite"), "totalTokens": sum("totalTokens")})
}

fn tools(calls: &[&Draft]) -> Value {
    let name = |d: &&Draft| match (text(d, "openclaw.tool.wrapper"), text(d, "gen_ai.tool.name")) {
        (Some(wrapper), Some(tool)) => Some(json!(format!("{wrapper}>{tool}"))),
        (_, tool) => tool.map(Value::from),
    };
    let names: Vec<Value> = calls.iter().filter_map(name).collect();
    count(names.iter().map(Some))
}

fn found(drafts: &[&Draft]) -> Value {
    let records = records(drafts);
    let own: Vec<&Draft> = records.iter().map(|(d, _)| *d).collect();
    let rejects: Vec<&&Draft> = drafts.iter().filter(|d| is_reject(d)).collect();
    let of_kind = |k: &str| drafts.iter().copied().filter(|d| d.kind == k).collect::<Vec<&Draft>>();
    let (calls, results) = (of_kind(kind::TOOL_CALL), of_kind(kind::TOOL_RESULT));
    let ids = |d: &[&Draft]| -> BTreeSet<String> {
        d.iter().filter_map(|d| text(d, "gen_ai.tool.call.id").map(ToOwned::to_owned)).collect()
    };
    let (asked, answered) = (ids(&calls), ids(&results));
    let known: HashSet<&str> = own.iter().map(|d| d.id.as_str()).collect();
    let call_ids: HashSet<&str> = calls.iter().map(|d| d.id.as_str()).collect();
    let linked = results.iter().filter(|d| d.causes.iter().any(|c| call_ids.contains(c.id.as_str())));
    let parents: Vec<&&Draft> = own.iter().filter(|d| text(d, "openclaw.parent_id").is_some()).collect();
    let messages = || records.iter().map(|(_, r)| &r["message"]);
    let with_answer = own.iter().filter(|d| text(d, "gen_ai.response.id").is_some());
    json!({
        "lines": own.len() + rejects.len(),
        "unparsable_lines": rejects.iter().map(|d| number(d, "hansard.reject.line") - 1).collect::<Vec<_>>(),
        "types": count(records.iter().map(|(_, r)| r.get("type"))),
        "roles": count(messages().map(|m| m.get("role"))),
        "tool_calls": calls.len(),
        "tool_results": results.len(),
        "matched": linked.count(),
        "calls_without_result": asked.difference(&answered).collect::<Vec<_>>(),
        "results_without_call": answered.difference(&asked).collect::<Vec<_>>(),
        "error_results": results.iter().filter(|d| text(d, "error.type").is_some()).count(),
        "nested_tool_records": of_kind("openclaw.nested_tool").len(),
        "tools": tools(&calls),
        "parent_links": parents.len(),
        "dangling_parent_links": parents.iter().filter(|d| !known.contains(d.causes[0].id.as_str())).count(),
        "model_answers": with_answer.count(),
        "mirror_messages": own.iter().filter(|d| d.attributes.contains_key("openclaw.mirror")).count(),
        "usage_sum": usage_of_all(&records),
        "usage_sum_model_answers": usage(drafts),
        "stop_reasons": count(messages().filter(|m| m["role"] == "assistant").map(|m| m.get("stopReason"))),
    })
}

fn assert_figures(place: &str, want: &Map<String, Value>, found: &Value) {
    for (name, value) in found.as_object().expect("an object") {
        assert_eq!(value, &want[name], "{place}: {name}");
    }
}

#[test]
fn every_figure_of_expected_json() {
    for form in forms() {
        form.drafts.iter().for_each(|i| assert_sealable(&i.draft));
        let files = form.files();
        let mut totals: BTreeMap<&str, i64> = BTreeMap::new();
        for (file, want) in form.expected["files"].as_object().expect("files") {
            let drafts = files.get(file).unwrap_or_else(|| panic!("{file} is imported"));
            let want = want.as_object().expect("an object");
            let figures = found(drafts);
            assert_figures(file, want, &figures);
            let mut bytes = rebuilt_lines(drafts.iter().copied());
            if want["last_line_has_no_newline"] == json!(false) {
                bytes.push(b'\n');
            }
            assert_eq!(json!(hex::encode(Sha256::digest(&bytes))), want["sha256"], "{file}: sha256");
            for name in
                ["lines", "tool_calls", "tool_results", "matched", "parent_links", "error_results", "model_answers"]
            {
                *totals.entry(name).or_default() += figures[name].as_i64().expect("a count");
            }
            for (name, figure) in [("usage_model_answers_input", "input"), ("usage_model_answers_output", "output")] {
                *totals.entry(name).or_default() +=
                    figures["usage_sum_model_answers"][figure].as_i64().expect("a count");
            }
        }
        for (name, total) in &totals {
            assert_eq!(json!(total), form.expected["totals"][name], "{}: {name}", form.name);
        }
        println!("openclaw {}: {} transcripts, {totals:?}", form.name, form.expected["transcripts"]);
    }
}

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

#[test]
fn importing_again_or_a_part_gives_the_same_ids() {
    let Some(folder) = shared(SET) else { return };
    for name in FORMS {
        let whole = all("openclaw", &[folder.join(name)]);
        assert_eq!(ids(&whole), ids(&all("openclaw", &[folder.join(name)])), "{name}");
        let set: HashSet<String> = ids(&whole).into_iter().collect();
        assert_eq!(set.len(), whole.len(), "{name}: an id came twice");
        let part = if name.starts_with("jsonl") { "agents/ops" } else { "agents.tar.gz" };
        let records = |drafts: &[Imported]| -> HashSet<String> {
            let own = drafts.iter().filter(|i| i.draft.kind != kind::INCIDENT);
            own.map(|i| i.draft.id.clone()).collect()
        };
        let part = records(&all("openclaw", &[folder.join(name).join(part)]));
        assert!(part.is_subset(&set) && !part.is_empty(), "{name}: a part has no ids of its own");
    }
}

/// The records of an older release, whose telemetry lies beside them.
#[test]
fn an_older_release_reads_alike() {
    let Some(folder) = shared(SET) else { return };
    let want = &expected(&folder)["otlp-2026.3.31"];
    let drafts = all("openclaw", &[folder.join("otlp-2026.3.31")]);
    let form = Form { name: "", drafts, expected: Value::Null };
    let files = form.files();
    let mut total = 0;
    for (file, want) in want["transcript_files"].as_object().expect("files") {
        let file = file.replace('/', "/sessions/");
        let drafts = files.get(&format!("/agents/{file}")).unwrap_or_else(|| panic!("{file} is imported"));
        let records = records(drafts);
        assert_eq!(count(records.iter().map(|(_, r)| r.get("type"))), want["types"], "{file}");
        total += records.len();
    }
    assert_eq!(json!(total), want["records"]);
}

/// Both forms at once: keys and paths that are the same in two installations do not join them.
#[test]
fn installations_are_kept_apart() {
    let Some(folder) = shared(SET) else { return };
    let both = all("openclaw", &FORMS.map(|name| folder.join(name)));
    let apart: Vec<Imported> = FORMS.iter().flat_map(|name| all("openclaw", &[folder.join(name)])).collect();
    let plain = |drafts: &[Imported]| -> BTreeMap<String, Vec<String>> {
        let causes = |d: &Draft| d.causes.iter().map(|c| format!("{} {}", c.relation, c.id)).collect();
        drafts.iter().map(|i| (i.draft.id.clone(), causes(&i.draft))).collect()
    };
    assert_eq!(plain(&both), plain(&apart));
    let lines = both.iter().filter(|i| line_of(&i.draft).is_some()).count();
    assert!(lines > 0);
}
