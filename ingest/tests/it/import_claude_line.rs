//! Claude Code lines of our own making: children, causes, usage, subagents; and Gemini CLI sessions among them.

use crate::import_support::{all, archives, content, each_entry, from_memory, number, shared, text};
use schemas::kind;
use serde_json::{Value, json};
use std::path::Path;

const SET: &str = "claude-code-sessions";

fn line(members: Value) -> String {
    members.to_string()
}

#[test]
fn several_results_in_a_line_are_told_apart() {
    let call = |id: &str| json!({"type": "tool_use", "id": id, "name": "Read", "input": {"path": id}});
    let result =
        |id: &str, bad: bool| json!({"type": "tool_result", "tool_use_id": id, "content": "x", "is_error": bad});
    let file = [
        line(json!({"type": "summary", "summary": "s", "leafUuid": "elsewhere"})),
        line(json!({"type": "assistant", "uuid": "a", "parentUuid": "gone", "sessionId": "s", "version": "2.1",
                    "cwd": "/home/person/work", "message": {"id": "m", "model": "x", "content": [call("t1"), call("t2")],
                    "usage": {"input_tokens": 1, "output_tokens": 2, "cache_read_input_tokens": 10}}})),
        line(json!({"type": "user", "uuid": "u", "parentUuid": "a", "sessionId": "s",
                    "message": {"role": "user", "content": [result("t1", false), result("t2", true)]}})),
        line(json!({"type": "assistant", "uuid": "b", "parentUuid": "u", "sessionId": "s",
                    "message": {"id": "m", "usage": {"input_tokens": 1, "output_tokens": 7, "cache_read_input_tokens": 10}}})),
    ]
    .join("\n");
    let drafts = from_memory("claude-code", "x/s.jsonl", file.as_bytes());
    let native: Vec<&str> = drafts.iter().filter_map(|i| i.draft.native_id.as_deref()).collect();
    assert_eq!(&native[1..], ["a", "a#0", "a#1", "u", "u#r1", "b"]);
    assert!(drafts.iter().all(|i| i.session_key == "claude-code/s" && i.draft.session.as_deref() == Some("s")));
    let by_native = |n: &str| &drafts.iter().find(|i| i.draft.native_id.as_deref() == Some(n)).expect(n).draft;
    let causes = |n: &str| -> Vec<(String, String)> {
        by_native(n).causes.iter().map(|c| (c.id.clone(), c.relation.clone())).collect()
    };
    let to = |n: &str, relation: &str| (by_native(n).id.clone(), relation.to_owned());
    let gone = schemas::id::imported("claude-code", "s", "gone", 0);
    assert_eq!(causes("a"), [(gone, "responds_to".to_owned())]);
    assert_eq!(causes("a#1"), [to("a", "responds_to")]);
    assert_eq!(causes("u"), [to("a", "responds_to"), to("a#0", "responds_to")]);
    assert_eq!(causes("u#r1"), [to("u", "derived_from"), to("a#1", "responds_to")]);
    assert_eq!(causes("b"), [to("u", "responds_to"), to("u", "used")]);
    assert_eq!(text(by_native("u#r1"), "error.type"), Some("tool_error"));
    assert_eq!(content(by_native("a#0"), "arguments"), Some(&br#"{"path":"t1"}"#[..]));
    assert_eq!(number(by_native("a"), "gen_ai.usage.input_tokens"), 11);
    assert_eq!(number(by_native("b"), "gen_ai.usage.output_tokens"), 5);
    assert!(!by_native("b").attributes.contains_key("gen_ai.usage.input_tokens"));
    assert_eq!(text(by_native("a"), "process.working_directory"), Some("~/work"));
}

#[test]
fn a_subagent_is_delegated_by_the_call_that_made_it() {
    let parent = [
        line(json!({"type": "assistant", "uuid": "a", "sessionId": "s",
                    "message": {"id": "m", "content": [{"type": "tool_use", "id": "t", "name": "Task", "input": {}}]}})),
        line(json!({"type": "user", "uuid": "u", "parentUuid": "a", "sessionId": "s", "toolUseResult": {"agentId": "7f"},
                    "message": {"content": [{"type": "tool_result", "tool_use_id": "t", "content": "done"}]}})),
    ]
    .join("\n");
    let child = line(json!({"type": "user", "uuid": "c", "parentUuid": null, "sessionId": "s", "isSidechain": true,
                            "agentId": "7f", "message": {"content": "look"}}));
    let parent = from_memory("claude-code", "p/s.jsonl", parent.as_bytes());
    let child = from_memory("claude-code", "p/s/subagents/agent-7f.jsonl", child.as_bytes());
    let invoked = parent.iter().find(|i| i.draft.kind == kind::AGENT_INVOKED).expect("the subagent's event");
    assert_eq!(child[0].session_key, "claude-code/s");
    assert_eq!(child[0].draft.causes[0].id, invoked.draft.id);
    assert_eq!(child[0].draft.causes[0].relation, "delegated_by");
    let call = parent.iter().find(|i| i.draft.kind == kind::TOOL_CALL).expect("the call");
    assert_eq!(invoked.draft.causes[0].id, call.draft.id);
}

#[test]
fn a_gemini_session_can_be_rebuilt() {
    let Some(folder) = shared(SET) else { return };
    for archive in archives(&folder).iter().filter(|p| p.to_string_lossy().contains("gemini-")) {
        let drafts = all("claude-code", std::slice::from_ref(archive));
        let mut transcript = Vec::new();
        each_entry(archive, &mut |name, bytes| {
            if Path::new(name).ends_with("full.jsonl") {
                transcript = bytes;
            }
        });
        let run = drafts.iter().find_map(|i| content(&i.draft, "run")).expect("a session.start");
        let records: Vec<&[u8]> = drafts
            .iter()
            .filter(|i| i.session_key.starts_with("gemini-cli/") && i.draft.kind != kind::EVALUATION)
            .filter_map(|i| content(&i.draft, "record"))
            .collect();
        assert!(ingest::import::rebuild(run, "messages", &records) == Some(transcript), "rebuilt byte for byte");
    }
}
