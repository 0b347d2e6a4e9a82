//! OpenHands outputs: the three runs of the set, line by line, and what a line can hold besides.

use super::{all, assert_whole, content, from_memory, integer, is_reject, named, shared, text};
use crate::import::rebuild;
use schemas::draft::Draft;
use schemas::kind;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::Read;

fn lines() -> Option<Vec<Value>> {
    let folder = shared()?;
    let file = std::fs::File::open(folder.join("openhands/multi_swe_bench_output.jsonl.gz")).expect("file opens");
    let mut whole = String::new();
    flate2::read::MultiGzDecoder::new(file).read_to_string(&mut whole).expect("file is readable");
    Some(whole.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect())
}

#[test]
fn every_run_of_the_set() {
    let Some(lines) = lines() else { return };
    let imported = all(&[shared().expect("the set").join("openhands")]);
    let drafts: Vec<&Draft> = imported.iter().map(|i| &i.draft).collect();
    assert_whole(&drafts, 0);
    assert!(!drafts.iter().any(|d| is_reject(d)));
    let sessions: BTreeSet<_> = drafts.iter().map(|d| d.session.clone()).collect();
    assert_eq!(sessions.len(), lines.len());
    for line in &lines {
        let task = line["instance_id"].as_str();
        let own: Vec<&Draft> = drafts.iter().copied().filter(|d| d.task.as_deref() == task).collect();
        let sum = |attribute: &str| own.iter().map(|d| integer(d, attribute)).sum::<i64>();
        let total = &line["metrics"]["accumulated_token_usage"];
        assert_eq!(json!(sum("gen_ai.usage.input_tokens")), total["prompt_tokens"]);
        assert_eq!(json!(sum("gen_ai.usage.output_tokens")), total["completion_tokens"]);
        let history = line["history"].as_array().expect("a history");
        let of_kind = |kind: &str| own.iter().filter(|d| d.kind == kind).count();
        let with_call = |member: &str| {
            history.iter().filter(|e| e.get(member).is_some() && e.get("tool_call_metadata").is_some()).count()
        };
        assert_eq!(of_kind(kind::TOOL_CALL), with_call("action"));
        assert_eq!(of_kind(kind::TOOL_RESULT), with_call("observation"));
        let responses = line["metrics"]["response_latencies"].as_array().expect("a list").len();
        assert_eq!(of_kind(kind::MODEL_CALL), responses, "the one that was refused too");
        let failed = history.iter().filter(|e| e["success"] == json!(false) || e["observation"] == "error").count();
        assert_eq!(own.iter().filter(|d| text(d, "error.type") == Some("tool_error")).count(), failed);
        let run_failed = own.iter().any(|d| d.kind == kind::SESSION_END && d.attributes.contains_key("error.type"));
        assert_eq!(run_failed, line["error"].is_string());
        let times: Vec<&str> = own.iter().filter_map(|d| d.time.as_deref()).collect();
        assert_eq!(times.len(), own.len() - named(own.iter().copied(), "submitted").len());
        assert!(times.iter().all(|time| time.ends_with("+08:00")) && times.is_sorted());
        assert!(own.iter().all(|d| d.variant.as_deref() == Some("CodeActAgent")));
    }
    assert_eq!(named(drafts.iter().copied(), "submitted").len(), lines.len());
    assert!(named(drafts.iter().copied(), "resolved").is_empty(), "the set does not say, so nothing is said");
}

#[test]
fn a_line_stands_again_and_the_same_instance_is_numbered() {
    let Some(lines) = lines() else { return };
    let line = lines[0].to_string();
    let drafts = from_memory("anywhere/output.jsonl", format!("{line}\n{line}\n").as_bytes());
    let sessions: BTreeSet<_> = drafts.iter().filter_map(|d| d.session.as_deref()).collect();
    let run = "openrouter-llama-4-maverick_maxiter_50_N_v0.35.0-no-hint-run_1";
    let first = format!("{run}/ponylang__ponyc-4595");
    assert_eq!(sessions.into_iter().collect::<Vec<_>>(), [first.as_str(), &format!("{first}~2")]);
    assert!(drafts.iter().all(|d| d.task.as_deref() == Some("ponylang__ponyc-4595")));
    let own: Vec<&Draft> = drafts.iter().filter(|d| d.session.as_deref() == Some(&first)).collect();
    let records: Vec<&[u8]> = own.iter().filter_map(|d| content(d, "record")).collect();
    let start = own.iter().find(|d| d.kind == kind::SESSION_START).expect("a start");
    assert_eq!(rebuild(content(start, "run").expect("the run"), "history", &records).as_deref(), Some(line.as_bytes()));
}

#[test]
fn several_calls_of_one_response_are_one_model_call() {
    let action = |id: i64, call: &str| {
        json!({"id": id, "source": "agent", "action": "run", "tool_call_metadata": {"function_name": "bash", "tool_call_id": call,
            "model_response": {"id": "r1", "model": "m", "usage": {"prompt_tokens": 5, "completion_tokens": 3,
                "prompt_tokens_details": {"cached_tokens": 2}}, "choices": [{"message": {"tool_calls": [
                {"id": "a", "function": {"name": "bash", "arguments": "{\"x\":1}"}},
                {"id": "b", "function": {"name": "bash", "arguments": "{\"x\":2}"}}]}}]}}})
    };
    let seen = |id: i64, cause: i64, call: &str| {
        json!({"id": id, "cause": cause, "observation": "run", "success": cause == 1,
               "tool_call_metadata": {"function_name": "bash", "tool_call_id": call}})
    };
    let line = json!({"instance_id": "i", "test_result": {"git_patch": "", "report": {"resolved": true}},
        "metrics": {"response_latencies": [{"response_id": "r0", "latency": 1.5}]},
        "history": [{"id": 0, "source": "agent", "action": "message"}, action(1, "a"), action(2, "b"), seen(3, 1, "a"), seen(4, 2, "b")]});
    let drafts = from_memory("run/output.jsonl", format!("{line}").as_bytes());
    assert_whole(&drafts.iter().collect::<Vec<_>>(), 0);
    let kinds: Vec<&str> = drafts.iter().map(|d| d.kind.as_str()).collect();
    let expected = "session.start model.call message model.call tool.call tool.call tool.result tool.result \
                    session.end evaluation evaluation";
    assert_eq!(kinds, expected.split_whitespace().collect::<Vec<_>>());
    assert_eq!(content(&drafts[5], "arguments"), Some(b"{\"x\":2}".as_slice()));
    assert_eq!(integer(&drafts[3], "gen_ai.usage.cache_read.input_tokens"), 2);
    assert_eq!(text(&drafts[7], "error.type"), Some("tool_error"));
    assert_eq!(drafts[10].attributes["gen_ai.evaluation.score.label"], "resolved");
    assert!(drafts.iter().all(|d| d.time.is_none()));
}
