//! Whatever the bytes are: nothing panics, nothing is lost, and every draft fits the format.

use super::{assert_whole, content, from_memory, is_reject, records, text};
use proptest::prelude::*;
use schemas::draft::Draft;
use serde_json::{Value, json};

#[test]
fn a_torn_file_is_one_reject_with_its_bytes() {
    let whole = json!({"trajectory": [{"action": "ls"}], "history": []}).to_string();
    let torn = &whole.as_bytes()[..whole.len() - 3];
    let drafts = from_memory("run/i.traj", torn);
    assert_eq!(drafts.len(), 1);
    assert!(is_reject(&drafts[0]));
    assert_eq!(content(&drafts[0], "record"), Some(torn));
    assert_eq!(drafts[0].session.as_deref(), Some("run/i"));
}

#[test]
fn odd_steps_and_messages_are_rejects_and_the_rest_stays() {
    let bytes = json!({"trajectory": ["odd", {"action": "ls", "observation": "x"}], "history": [7, {"role": "user"}]});
    let drafts = from_memory("run/i.traj", bytes.to_string().as_bytes());
    let rejects: Vec<&Draft> = drafts.iter().filter(|d| is_reject(d)).collect();
    let reasons: Vec<_> = rejects.iter().filter_map(|d| text(d, "hansard.reject.reason")).collect();
    assert_eq!(reasons, ["message.json", "step.json"]);
    assert_eq!(drafts.iter().filter(|d| d.kind == "tool.call").count(), 1);
}

#[test]
fn a_bad_line_is_a_reject_and_the_lines_around_it_are_runs() {
    let line = json!({"instance_id": "i", "history": ["odd", {"id": 1, "observation": "null"}]}).to_string();
    let drafts = from_memory("run/output.jsonl", format!("{line}\n{{\"instance_id\": 1\n\n[]\n{line}\n").as_bytes());
    let reasons: Vec<_> = drafts.iter().filter_map(|d| text(d, "hansard.reject.reason")).collect();
    assert_eq!(reasons, ["event.json", "line.json", "line.json", "event.json"]);
    assert_eq!(drafts.iter().filter(|d| d.kind == "session.start").count(), 2);
}

#[test]
fn what_is_none_of_the_format_is_left() {
    for (path, bytes) in [
        ("x/expected.json", r#"{"run": {"resolved": 6}}"#),
        ("x/list.json", "[1, 2]"),
        ("x/preds.jsonl", r#"{"instance_id": "i", "model_patch": ""}"#),
        ("x/README.md", "words"),
    ] {
        assert!(from_memory(path, bytes.as_bytes()).is_empty(), "{path}");
    }
}

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
            proptest::collection::btree_map(name(), inner, 0..6).prop_map(|members| json!(members)),
        ]
    })
}

fn name() -> impl Strategy<Value = String> {
    let names = "role content action response observation thought tool_calls tool_call_ids function name arguments id \
                 info exit_status submission model_stats instance_cost tokens_sent resolved unresolved_ids report \
                 instance_id history trajectory metadata llm_config model eval_output_dir test_result git_patch error \
                 metrics response_latencies token_usages response_id latency timestamp source cause extras \
                 tool_call_metadata model_response function_name tool_call_id created usage prompt_tokens choices message";
    prop::sample::select(names.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
}

fn messages() -> impl Strategy<Value = Value> {
    let role = prop::sample::select(vec!["assistant", "user", "tool", "system", "x"]);
    let words = prop::sample::select(vec!["a", "b", "ls", "exit_cost", ""]);
    let message = (role, words.clone(), words).prop_map(|(role, content, action)| {
        json!({"role": role, "content": content, "response": content, "action": action, "observation": content,
               "tool_calls": [{"id": content, "function": {"name": action, "arguments": content}}], "tool_call_ids": [action]})
    });
    proptest::collection::vec(prop_oneof![4 => message, 1 => value()], 0..6).prop_map(Value::from)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn any_trajectory_is_kept(trajectory in messages(), history in messages(), info in value()) {
        let whole = json!({"trajectory": trajectory, "history": history, "info": info}).to_string();
        let drafts = from_memory("run/i.traj", whole.as_bytes());
        assert_whole(&drafts.iter().collect::<Vec<_>>(), 0);
        let odd = drafts.iter().filter(|d| is_reject(d)).count();
        if odd == 0 {
            prop_assert_eq!(records::rebuilt(&drafts), Some(whole.into_bytes()));
        } else {
            let kept = drafts.iter().filter(|d| content(d, "record").is_some()).count();
            let beside = drafts.iter().flat_map(|d| &d.contents).filter(|c| c.name.starts_with("history-")).count();
            prop_assert_eq!(kept + beside, trajectory.as_array().map_or(0, Vec::len) + history.as_array().map_or(0, Vec::len));
        }
    }

    #[test]
    fn any_line_is_kept(entries in proptest::collection::vec(value(), 0..5), rest in value(), metrics in value()) {
        let line = json!({"instance_id": "i", "history": entries, "metadata": rest, "test_result": rest, "metrics": metrics});
        let drafts = from_memory("run/output.jsonl", line.to_string().as_bytes());
        let kept = drafts.iter().filter(|d| content(d, "record").is_some()).count();
        prop_assert_eq!(kept, entries.len());
        let missing = drafts.iter().flat_map(|d| &d.causes).filter(|c| drafts.iter().all(|d| d.id != c.id)).count();
        assert_whole(&drafts.iter().collect::<Vec<_>>(), missing);
    }

    #[test]
    fn any_bytes_are_kept_or_left(bytes in proptest::collection::vec(any::<u8>(), 0..200), name in "[a-z]{0,3}\\.(traj|json|jsonl|yaml)") {
        let drafts = from_memory(&format!("run/{name}"), &bytes);
        assert_whole(&drafts.iter().collect::<Vec<_>>(), 0);
    }
}
