//! OpenClaw: every figure of the data set's `expected.json`, identity, installations side by side.

use crate::import_openclaw_support::{FORMS, Form, SET, count, forms, records};
use crate::import_support::{
    all, assert_sealable, expected, ids, is_reject, line_of, number, rebuilt_lines, shared, text,
};
use ingest::import::Imported;
use schemas::draft::Draft;
use schemas::kind;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet, HashSet};

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
