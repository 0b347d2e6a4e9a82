//! Whatever the bytes are: no importer panics, nothing is lost, and every draft fits the format.

use crate::import_support::{assert_sealable, content, from_memory, is_reject, rebuilt_lines, text};
use proptest::prelude::*;
use serde_json::{Value, json};

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z0-9:# \\n\\u{0}é]{0,12}".prop_map(Value::from),
        Just(json!("x".repeat(3_000))),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[a-z]{1,6}", inner, 0..4).prop_map(|m| json!(m)),
        ]
    })
}

fn member() -> impl Strategy<Value = (String, Value)> {
    let names = [
        "type",
        "uuid",
        "parentUuid",
        "sessionId",
        "message",
        "timestamp",
        "version",
        "agentId",
        "toolUseResult",
        "cwd",
        "leafUuid",
        "toolUseID",
        "messages",
        "role",
    ];
    let words = prop_oneof![
        Just("assistant"),
        Just("user"),
        Just("progress"),
        Just("a"),
        Just("b"),
        Just("t1"),
        Just("2026-01-01T00:00:00Z"),
    ];
    let blocks = prop_oneof![
        Just(json!({"type": "tool_use", "id": "t1", "name": "n", "input": {}})),
        Just(json!({"type": "tool_result", "tool_use_id": "t1", "content": [1]})),
        Just(json!({"type": "tool_use", "id": 7})),
        value(),
    ];
    let message = (proptest::collection::vec(blocks, 0..4), value())
        .prop_map(|(content, usage)| json!({"id": "m", "content": content, "usage": usage}));
    let any_value = prop_oneof![words.prop_map(Value::from), message, value()];
    (prop::sample::select(names.to_vec()).prop_map(String::from), any_value)
}

/// A line: JSON of the right shape, perhaps with bytes changed, or anything at all.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let shaped = proptest::collection::vec(member(), 0..8).prop_map(|members| {
        let inner: Vec<String> = members.iter().map(|(name, value)| format!("{}:{value}", json!(name))).collect();
        format!("{{{}}}", inner.join(",")).into_bytes()
    });
    let shaped = shaped.boxed();
    let changed = (shaped.clone(), any::<prop::sample::Index>(), any::<u8>()).prop_map(|(mut bytes, at, byte)| {
        let at = at.index(bytes.len());
        bytes[at] = byte;
        bytes
    });
    let cut = (shaped.clone(), any::<prop::sample::Index>()).prop_map(|(mut bytes, at)| {
        bytes.truncate(at.index(bytes.len()));
        bytes
    });
    prop_oneof![4 => shaped, 2 => changed, 1 => cut, 1 => proptest::collection::vec(any::<u8>(), 0..60)]
}

fn file() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(line(), 0..12).prop_map(|lines| lines.join(&b'\n'))
}

/// Newlines at the end of a file are not part of a record.
fn without_trailing_newlines(mut bytes: Vec<u8>) -> Vec<u8> {
    while bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_byte_of_a_session_is_lost(file in file()) {
        let opens_document = file.split(|b| *b == b'\n').next().is_some_and(|l| l.trim_ascii() == b"{" || l.windows(10).any(|w| w == b"\"messages\""));
        prop_assume!(!opens_document);
        let drafts = from_memory("claude-code", "f/s.jsonl", &file);
        drafts.iter().for_each(|i| assert_sealable(&i.draft));
        let rebuilt = rebuilt_lines(drafts.iter().map(|i| &i.draft));
        prop_assert_eq!(rebuilt, without_trailing_newlines(file.clone()));
        let again = from_memory("claude-code", "elsewhere/s.jsonl", &file);
        prop_assert!(drafts.iter().zip(&again).all(|(a, b)| a.draft.id == b.draft.id && a.session_key == b.session_key));
        let mut ids: Vec<&str> = drafts.iter().map(|i| i.draft.id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        prop_assert_eq!(ids.len(), drafts.len(), "an id came twice in one file");
    }

    #[test]
    fn a_longer_copy_has_every_id_of_a_shorter_one(head in file(), tail in file()) {
        let named = br#"{"type":"user","uuid":"first","sessionId":"s"}"#.to_vec();
        let short = [named.clone(), head.clone()].join(&b'\n');
        let long = [named, head, tail].join(&b'\n');
        let ids = |bytes: &[u8]| -> Vec<String> { from_memory("claude-code", "s.jsonl", bytes).into_iter().map(|i| i.draft.id).collect() };
        let long = ids(&long);
        prop_assert!(ids(&short).iter().all(|id| long.contains(id)));
    }

    #[test]
    fn no_line_of_ours_is_lost(file in file()) {
        let drafts = from_memory("hansard", "f/events.ndjson", &file);
        let lines = file.split(|b| *b == b'\n').filter(|l| !l.is_empty()).count();
        prop_assert_eq!(drafts.len(), lines);
        drafts.iter().for_each(|i| assert_sealable(&i.draft));
    }

    #[test]
    fn documents_never_panic(file in file(), traj in value(), calls in value()) {
        let run = json!({"suite_name": "s", "task_id": calls, "messages": traj, "traj": traj,
                         "utility": calls, "error": calls, "reward": calls, "history": traj, "mistake_step": calls,
                         "mistake_agent": calls, "trajectory_id": calls, "failures": traj}).to_string();
        for bytes in [file.clone(), run.clone().into_bytes(), format!("[{run},{run}").into_bytes(), [b"{\n".to_vec(), file].concat()] {
            for format in ["agentdojo", "tau-bench", "claude-code", "openclaw", "who-and-when", "agentrx", "swe-agent"] {
                let places = ["p/s/u/a/i.json", "p/full.jsonl", "p/metadata.json", "p/content_hash.txt",
                              "agents/a/sessions/s.jsonl", "agents/a/sessions/sessions.json", "state-export/audit_events.ndjson",
                              "agents/a/agent/openclaw-agent.sqlite", "agents/a/sessions/s.trajectory.jsonl", "logs/gateway.log",
                              "run/i.traj", "run.results.json"];
                for name in places {
                    from_memory(format, name, &bytes).iter().for_each(|i| assert_sealable(&i.draft));
                }
            }
        }
    }
}

#[test]
fn a_torn_document_is_kept_whole_as_one_reject() {
    let torn = b"{\n  \"sessionId\": \"s\",\n  \"messages\": [\n    {\"id\": \"1\"";
    let drafts = from_memory("claude-code", "c/full.jsonl", torn);
    assert!(drafts.len() == 1 && is_reject(&drafts[0].draft));
    assert_eq!(content(&drafts[0].draft, "record"), Some(&torn[..]));
    assert_eq!(text(&drafts[0].draft, "hansard.reject.reason"), Some("document.json"));
}
